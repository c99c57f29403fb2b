// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which part of a word a letter or mark can stand in, for patterns that tell capitals apart.
private struct CaseClass: OptionSet, Hashable, Sendable {
  let rawValue: UInt8
  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
  static let head = CaseClass(rawValue: 1)
  /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
  static let tail = CaseClass(rawValue: 2)

  static let table = ScalarTable<CaseClass> { value in
    guard let scalar = Unicode.Scalar(value) else { return [] }
    let kind = UnicodeClasses.table[value]
    if kind.contains(.mark) { return [.head, .tail] }
    guard kind.contains(.letter) else { return [] }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .titlecaseLetter: return .head
    case .lowercaseLetter: return .tail
    default: return [.head, .tail]
    }
  }
}

extension SplitMatcher {
  /// The end of a word of ``SplitPattern/o200k``.
  func casedWord(at start: Int) -> Int {
    guard let first = scalar(at: start) else { return start }
    if let end = letters(at: start, first) { return suffixed(end) }
    if first.kind.contains(.number) {
      return run(from: start, limit: digitsPerWord) { $0.kind.contains(.number) }
    }
    var head = first
    if first.value == 0x20, let next = scalar(at: first.end) { head = next }
    if head.kind.isDisjoint(with: [.letter, .number, .space]) {
      let symbols = run(from: head.end) { $0.kind.isDisjoint(with: [.letter, .number, .space]) }
      return run(from: symbols) { $0.isLineEnd || $0.value == 0x2F }
    }
    return lineEnds(at: start) ?? whiteSpace(at: start)
  }

  /// Capitals and small letters, with one character of another kind before them if there is one;
  /// first the ways that end in a small letter, then those that need none.
  private func letters(at start: Int, _ first: Scalar) -> Int? {
    let mayLead = !first.isLineEnd && first.kind.isDisjoint(with: [.letter, .number])
    if mayLead, let end = endingSmall(from: first.end) { return end }
    if let end = endingSmall(from: start) { return end }
    if mayLead, let end = beginningCapital(from: first.end) { return end }
    return beginningCapital(from: start)
  }

  /// `[head]*[tail]+`: where capitals end the run, back to the last letter before them that may end
  /// it.
  private func endingSmall(from start: Int) -> Int? {
    var position = start
    var lastTail: Int?
    while let next = scalar(at: position), CaseClass.table[next.value].contains(.head) {
      position = next.end
      if CaseClass.table[next.value].contains(.tail) { lastTail = position }
    }
    if let next = scalar(at: position), CaseClass.table[next.value].contains(.tail) {
      return run(from: next.end) { CaseClass.table[$0.value].contains(.tail) }
    }
    return lastTail
  }

  /// `[head]+[tail]*`
  private func beginningCapital(from start: Int) -> Int? {
    let capitals = run(from: start) { CaseClass.table[$0.value].contains(.head) }
    guard capitals > start else { return nil }
    return run(from: capitals) { CaseClass.table[$0.value].contains(.tail) }
  }

  /// With a contraction that follows.
  private func suffixed(_ end: Int) -> Int {
    guard let next = scalar(at: end) else { return end }
    return contraction(at: end, first: next, anyCase: true) ?? end
  }
}
