// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A text on its way through the pre-tokenizers: its bytes and the words it is cut into.
struct PreTokenizedText {
  /// A word: where it stands in `bytes`, and where its text stood before byte-level mapping.
  struct Word {
    var range: Range<Int>
    var source: Range<Int>
  }

  /// Valid UTF-8.
  var bytes: [UInt8]
  /// In order, without gaps or overlap.
  var words: [Word]
  /// Whether every character of `bytes` stands for one byte of the text.
  private(set) var isByteLevel = false

  /// One word, the whole text; none when it is empty.
  init(_ text: [UInt8]) {
    bytes = text
    words = text.isEmpty ? [] : [Word(range: 0..<text.count, source: 0..<text.count)]
  }

  /// Cuts every word at the pattern's boundaries.
  mutating func split(_ pattern: SplitPattern) {
    var result: [Word] = []
    result.reserveCapacity(words.count + bytes.count / 4)
    for word in words {
      let shift = word.source.lowerBound - word.range.lowerBound
      pattern.forEachWord(in: bytes, word.range) { range in
        result.append(
          Word(range: range, source: range.lowerBound + shift..<range.upperBound + shift))
      }
    }
    words = result
  }

  /// Replaces every byte of every word by its character of ``ByteAlphabet``.
  mutating func mapBytes() {
    let encoded = ByteAlphabet.encoded
    var mapped: [UInt8] = []
    mapped.reserveCapacity(bytes.count + bytes.count / 2)
    for index in words.indices {
      let start = mapped.count
      for byte in bytes[words[index].range] {
        // Most text is letters and digits, which stand for themselves.
        if byte > 0x20, byte < 0x7F {
          mapped.append(byte)
        } else {
          mapped.append(contentsOf: encoded[Int(byte)])
        }
      }
      words[index].range = start..<mapped.count
    }
    bytes = mapped
    isByteLevel = true
  }
}
