// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The words of a corpus, each once, with how often it occurs.
struct WordCounts {
  private let pattern: SplitPattern
  private let normalizer = NFCNormalizer()
  private var words = ByteTable(minimumCapacity: 1 << 16)
  private var counts: [Int] = []

  init(pattern: SplitPattern) { self.pattern = pattern }

  /// How many different words there are.
  var wordCount: Int { counts.count }
  /// The bytes of all different words together.
  var byteCount: Int { words.byteCount }

  /// Counts the words of a text.
  mutating func add(_ text: String) {
    let bytes = Array(normalizer.normalize(text).utf8)
    pattern.forEachWord(in: bytes, 0..<bytes.count) { range in
      let (index, isNew) = words.intern(bytes[range])
      if isNew { counts.append(1) } else { counts[index] += 1 }
    }
  }

  /// The bytes and the count of a word.
  subscript(index: Int) -> (bytes: ArraySlice<UInt8>, count: Int) { (words[index], counts[index]) }
}
