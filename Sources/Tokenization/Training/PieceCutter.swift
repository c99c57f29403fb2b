// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Cuts text for trainers of the SentencePiece kind: a token is part of one word with the space
/// before it, of one digit, of one run of symbols, or of one run of white space.
///
///     ` ?[\p{L}\p{M}\u200C\u200D]+| ?\p{N}| ?[^\s\p{L}\p{M}\p{N}\u200C\u200D]+|\s+(?!\S)|\s+`
///
/// SentencePiece cuts where the script changes; here letters of two scripts in one word stay
/// together, and the joiners of Persian and Indic words belong to them. Only training cuts so: an
/// encoder sees whole texts, and as no token crosses a cut, none of its merges does.
struct PieceCutter {
  private let bytes: [UInt8]
  private let classes = UnicodeClasses.table

  private enum Kind { case letter, number, space, symbol }

  /// - Parameter bytes: valid UTF-8.
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Calls `body` with the range of each word, in order.
  func forEachWord(_ body: (Range<Int>) -> Void) {
    var start = 0
    while start < bytes.count {
      let end = wordEnd(from: start)
      body(start..<end)
      start = end
    }
  }

  private func wordEnd(from start: Int) -> Int {
    var (kind, position) = scalar(at: start)
    if bytes[start] == 0x20, position < bytes.count {
      let next = scalar(at: position)
      if next.kind != .space { (kind, position) = next }
    }
    switch kind {
    case .number: return position
    case .letter, .symbol:
      while position < bytes.count {
        let next = scalar(at: position)
        guard next.kind == kind else { break }
        position = next.end
      }
      return position
    case .space:
      // The last white space of a run before a word goes with that word.
      var beforeLast = start
      while position < bytes.count {
        let next = scalar(at: position)
        guard next.kind == .space else { break }
        beforeLast = position
        position = next.end
      }
      return position == bytes.count || beforeLast == start ? position : beforeLast
    }
  }

  @inline(__always)
  private func scalar(at position: Int) -> (kind: Kind, end: Int) {
    let (value, length) = decodeScalar(bytes, at: position)
    if value == 0x200C || value == 0x200D { return (.letter, position + length) }
    let kind = classes[value]
    if !kind.isDisjoint(with: [.letter, .mark]) { return (.letter, position + length) }
    if kind.contains(.number) { return (.number, position + length) }
    return (kind.contains(.space) ? .space : .symbol, position + length)
  }
}
