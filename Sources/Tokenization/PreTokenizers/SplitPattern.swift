// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The regular expressions that real byte-level tokenizers split text with, matched by hand.
///
/// A pattern is recognised by its exact text, so that what tokenizer.json says is what happens;
/// any other text is an error. All of them match every scalar somewhere, so nothing of the text
/// falls between two words.
///
/// ``marksAsLetters`` is what our trainer uses. Letter classes without `\p{M}` tear the words of
/// Indic and other scripts apart at every vowel sign; this pattern keeps them whole. It is the
/// pattern of Qwen3.5, so Hugging Face `tokenizers` runs it from tokenizer.json and llama.cpp
/// knows it (`qwen35`). Differences from GPT-2 beside the marks: one digit a word, contractions in
/// any case, one punctuation or space before a word belongs to it, line ends close a word.
public enum SplitPattern: String, CaseIterable, Sendable {
  /// GPT-2, GPT-NeoX, Whisper.
  case gpt2 =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
  /// Llama 3, cl100k's relative: numbers in groups of up to three.
  case numberTriples =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// GPT-3.5 and 4: as ``numberTriples``, but white space that ends the text is one word.
  case cl100k =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// Qwen2 to Qwen3: single digits.
  case singleDigits =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// Qwen3.5: single digits, and marks belong to words.
  case marksAsLetters =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// GPT-4o: a word is capitals and then small letters, marks belong to both, and a contraction to
  /// the word before it; numbers in groups of up to three.
  case o200k =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The name in commands and recipes: a model that has the pattern.
  public var name: String {
    switch self {
    case .gpt2: "gpt2"
    case .numberTriples: "llama3"
    case .cl100k: "cl100k"
    case .singleDigits: "qwen2"
    case .marksAsLetters: "qwen3.5"
    case .o200k: "o200k"
    }
  }

  /// The pattern of this name; `nil` for none.
  public init?(name: String) {
    guard let pattern = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = pattern
  }

  /// Cuts `bytes[range]`, valid UTF-8, into words; `body` gets each word's byte range in order.
  ///
  /// - Cost: one pass, except that a run of white space is looked at twice.
  func forEachWord(in bytes: [UInt8], _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
    let matcher = SplitMatcher(self, bytes: bytes, end: range.upperBound)
    var start = range.lowerBound
    while start < range.upperBound {
      let end =
        switch self {
        case .gpt2: matcher.gpt2Word(at: start)
        case .o200k: matcher.casedWord(at: start)
        default: matcher.modernWord(at: start)
        }
      body(start..<end)
      start = end
    }
  }
}

/// Finds the words of one text; see ``SplitPattern``.
struct SplitMatcher {
  private let bytes: [UInt8]
  private let end: Int
  private let classes = UnicodeClasses.table
  private let wordClass: ScalarClass
  let digitsPerWord: Int
  private let endsInSpace: Bool

  init(_ pattern: SplitPattern, bytes: [UInt8], end: Int) {
    self.bytes = bytes
    self.end = end
    wordClass = pattern == .marksAsLetters ? [.letter, .mark] : .letter
    digitsPerWord = [.numberTriples, .cl100k, .o200k].contains(pattern) ? 3 : 1
    endsInSpace = pattern == .cl100k
  }

  struct Scalar {
    var value: UInt32
    var end: Int
    var kind: ScalarClass
    var isLineEnd: Bool { value == 0x0A || value == 0x0D }
  }

  /// The scalar at a position, or `nil` at the end.
  @inline(__always)
  func scalar(at position: Int) -> Scalar? {
    guard position < end else { return nil }
    let (value, length) = decodeScalar(bytes, at: position)
    return Scalar(value: value, end: position + length, kind: classes[value])
  }

  /// The end of the longest run of scalars of the given kind.
  @inline(__always)
  func run(
    from start: Int, limit: Int = .max, while matches: (Scalar) -> Bool
  ) -> Int {
    var position = start
    var taken = 0
    while taken < limit, let next = scalar(at: position), matches(next) {
      position = next.end
      taken += 1
    }
    return position
  }

  func gpt2Word(at start: Int) -> Int {
    guard let first = scalar(at: start) else { return end }
    if let contraction = contraction(at: start, first: first, anyCase: false) { return contraction }
    // ` ?` belongs to what follows when that is no white space.
    var head = first
    if first.value == 0x20, let next = scalar(at: first.end), !next.kind.contains(.space) {
      head = next
    }
    if head.kind.contains(.letter) { return run(from: head.end) { $0.kind.contains(.letter) } }
    if head.kind.contains(.number) { return run(from: head.end) { $0.kind.contains(.number) } }
    if !head.kind.contains(.space) {
      return run(from: head.end) { $0.kind.isDisjoint(with: [.letter, .number, .space]) }
    }
    return whiteSpace(at: start)
  }

  func modernWord(at start: Int) -> Int {
    guard let first = scalar(at: start) else { return end }
    if let contraction = contraction(at: start, first: first, anyCase: true) { return contraction }
    if !first.kind.isDisjoint(with: wordClass) {
      return run(from: first.end) { !$0.kind.isDisjoint(with: wordClass) }
    }
    let next = scalar(at: first.end)
    if !first.isLineEnd, !first.kind.contains(.number), let next,
      !next.kind.isDisjoint(with: wordClass)
    {
      return run(from: next.end) { !$0.kind.isDisjoint(with: wordClass) }
    }
    if first.kind.contains(.number) {
      return run(from: start, limit: digitsPerWord) { $0.kind.contains(.number) }
    }
    let wordOrNumberOrSpace = wordClass.union([.number, .space])
    var head = first
    if first.value == 0x20, let next { head = next }
    if head.kind.isDisjoint(with: wordOrNumberOrSpace) {
      let symbols = run(from: head.end) { $0.kind.isDisjoint(with: wordOrNumberOrSpace) }
      return run(from: symbols) { $0.isLineEnd }
    }
    if endsInSpace, run(from: start, while: { $0.kind.contains(.space) }) == end { return end }
    return lineEnds(at: start) ?? whiteSpace(at: start)
  }

  /// `'s`, `'t`, `'m`, `'d`, `'re`, `'ve`, `'ll`; in any case also with the long s (U+017F), which
  /// folds to s.
  func contraction(at start: Int, first: Scalar, anyCase: Bool) -> Int? {
    guard first.value == 0x27, let second = scalar(at: first.end) else { return nil }
    let letter = folded(second.value, anyCase)
    switch letter {
    case UInt32(UInt8(ascii: "s")), UInt32(UInt8(ascii: "t")), UInt32(UInt8(ascii: "m")),
      UInt32(UInt8(ascii: "d")):
      return second.end
    case UInt32(UInt8(ascii: "r")), UInt32(UInt8(ascii: "v")), UInt32(UInt8(ascii: "l")):
      guard let third = scalar(at: second.end) else { return nil }
      let wanted = letter == UInt32(UInt8(ascii: "l")) ? UInt8(ascii: "l") : UInt8(ascii: "e")
      return folded(third.value, anyCase) == UInt32(wanted) ? third.end : nil
    default: return nil
    }
  }

  private func folded(_ value: UInt32, _ anyCase: Bool) -> UInt32 {
    guard anyCase else { return value }
    if value == 0x17F { return UInt32(UInt8(ascii: "s")) }
    return (0x41...0x5A).contains(value) ? value + 0x20 : value
  }

  /// `\s*[\r\n]+`: through the last line end of the run of white space.
  func lineEnds(at start: Int) -> Int? {
    var position = start
    var last: Int?
    while let next = scalar(at: position), next.kind.contains(.space) {
      position = next.end
      if next.isLineEnd { last = position }
    }
    return last
  }

  /// `\s+(?!\S)|\s+`: a run before a word leaves its last scalar to that word.
  func whiteSpace(at start: Int) -> Int {
    var position = start
    var beforeLast = start
    while let next = scalar(at: position), next.kind.contains(.space) {
      beforeLast = position
      position = next.end
    }
    return position == end || beforeLast == start ? position : beforeLast
  }
}
