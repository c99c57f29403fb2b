// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// From a line to the rows of fastText's input matrix: its words, their character n-grams, and
/// n-grams of words.
///
/// - Source: `dictionary.cc` of fastText 0.9.2: what it counts as a space, that its hash extends
///   bytes by their sign, and that a line ends in the word `</s>`, are part of the format.
struct FastTextFeatures: Sendable {
  /// How features are made.
  struct Settings: Equatable, Sendable {
    /// Lengths of character n-grams in characters; `longest` 0: none.
    var shortest: Int
    var longest: Int
    /// n-grams of up to so many words.
    var wordCount: Int
    /// Rows that all n-grams share by their hash.
    var bucketCount: Int
  }

  let settings: Settings
  /// The rows of words.
  let words: [[UInt8]: Int]
  let labels: Set<[UInt8]>
  /// The rows that n-grams have left in a pruned model, by their former bucket.
  let pruned: [Int: Int]?

  static let endOfLine = Array("</s>".utf8)
  static let labelStart = Array("__label__".utf8)

  /// 32 bits of FNV-1a, with bytes extended by their sign.
  static func hash(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var hash: UInt32 = 2_166_136_261
    for byte in bytes {
      hash = (hash ^ UInt32(bitPattern: Int32(Int8(bitPattern: byte)))) &* 16_777_619
    }
    return hash
  }

  /// The words of a line, `</s>` at its end included; a line feed counts as a space.
  static func words(of line: some StringProtocol) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var word: [UInt8] = []
    for byte in line.utf8 {
      // NUL, tab, line feed, vertical tab, form feed, carriage return, space.
      if byte == 0 || (9...13).contains(byte) || byte == 32 {
        if !word.isEmpty { words.append(word) }
        word = []
      } else {
        word.append(byte)
      }
    }
    if !word.isEmpty { words.append(word) }
    words.append(endOfLine)
    return words
  }

  /// The rows of a line; a row may be there more than once.
  func rows(of line: some StringProtocol) -> [Int] {
    var rows: [Int] = []
    var hashes: [UInt32] = []
    for word in Self.words(of: line) {
      if labels.contains(word) { continue }
      if let row = words[word] {
        rows.append(row)
        if settings.longest > 0, word != Self.endOfLine { appendCharacters(of: word, to: &rows) }
      } else if word.starts(with: Self.labelStart) {
        continue  // a label that the model does not know
      } else if word != Self.endOfLine {
        appendCharacters(of: word, to: &rows)
      }
      hashes.append(Self.hash(word))
      // What follows the end of a line belongs to another.
      if word == Self.endOfLine { break }
    }
    appendWords(hashes, to: &rows)
    return rows
  }

  private func append(bucket: Int, to rows: inout [Int]) {
    if let pruned {
      if let row = pruned[bucket] { rows.append(words.count + row) }
    } else {
      rows.append(words.count + bucket)
    }
  }

  private func appendCharacters(of word: [UInt8], to rows: inout [Int]) {
    guard settings.longest > 0, settings.bucketCount > 0 else { return }
    let word = [UInt8(ascii: "<")] + word + [UInt8(ascii: ">")]
    func isContinuation(_ index: Int) -> Bool { word[index] & 0xC0 == 0x80 }
    for start in word.indices where !isContinuation(start) {
      var end = start
      var length = 1
      while end < word.count, length <= settings.longest {
        end += 1
        while end < word.count, isContinuation(end) { end += 1 }
        let isBorder = length == 1 && (start == 0 || end == word.count)
        if length >= settings.shortest, !isBorder {
          let bucket = Self.hash(word[start..<end]) % UInt32(settings.bucketCount)
          append(bucket: Int(bucket), to: &rows)
        }
        length += 1
      }
    }
  }

  private func appendWords(_ hashes: [UInt32], to rows: inout [Int]) {
    guard settings.wordCount > 1, settings.bucketCount > 0 else { return }
    // The format keeps hashes as signed numbers and widens them.
    let wide = hashes.map { UInt64(bitPattern: Int64(Int32(bitPattern: $0))) }
    for start in wide.indices {
      var hash = wide[start]
      for next in wide[(start + 1)...].prefix(settings.wordCount - 1) {
        hash = hash &* 116_049_371 &+ next
        append(bucket: Int(hash % UInt64(settings.bucketCount)), to: &rows)
      }
    }
  }
}
