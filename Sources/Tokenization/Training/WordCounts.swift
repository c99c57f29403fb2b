// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How a trainer cuts text into words, which no token crosses.
enum TrainingCut: Sendable {
  /// The words of a pre-tokenizer with this pattern.
  case pattern(SplitPattern)
  /// The words of an expression.
  case split(SplitPreTokenizer)
  /// The words of ``PieceCutter``; each text begins with a space.
  case pieces

  func forEachWord(of text: String, _ body: (ArraySlice<UInt8>) -> Void) {
    let normalized = NFCNormalizer().normalize(text)
    switch self {
    case .pattern(let pattern):
      let bytes = Array(normalized.utf8)
      pattern.forEachWord(in: bytes, 0..<bytes.count) { body(bytes[$0]) }
    case .split(let split):
      var words = PreTokenizedText(Array(normalized.utf8))
      split.apply(to: &words)
      for word in words.words { body(words.bytes[word]) }
    case .pieces:
      guard !normalized.isEmpty else { return }
      let bytes = [0x20] + Array(normalized.utf8)
      PieceCutter(bytes).forEachWord { body(bytes[$0]) }
    }
  }
}

/// The words of a corpus, each once, with how often it occurs; in the order in which they first
/// occur, whatever the number of threads.
struct WordCounts: Sendable {
  private let cut: TrainingCut
  private var words: ByteTable
  private var counts: [Int] = []

  init(cut: TrainingCut, minimumCapacity: Int = 1 << 16) {
    self.cut = cut
    words = ByteTable(minimumCapacity: minimumCapacity)
  }

  /// How many different words there are.
  var wordCount: Int { counts.count }
  /// The bytes of all different words together.
  var byteCount: Int { words.byteCount }

  /// Counts the words of a text.
  mutating func add(_ text: String) {
    cut.forEachWord(of: text) { add($0, count: 1) }
  }

  /// Counts the words of texts, on all cores.
  mutating func add(_ texts: [String]) {
    // Slices of about equal bytes; small enough that the last one does not keep the others waiting.
    var slices: [Range<Int>] = []
    var start = 0
    var byteCount = 0
    for index in texts.indices {
      byteCount += texts[index].utf8.count
      if byteCount >= 1 << 19 || index == texts.count - 1 {
        slices.append(start..<index + 1)
        (start, byteCount) = (index + 1, 0)
      }
    }
    let (ranges, cut) = (slices, cut)
    for part in Concurrently.map(
      ranges.count,
      { slice in
        var part = WordCounts(cut: cut, minimumCapacity: 1 << 14)
        for text in texts[ranges[slice]] { part.add(text) }
        return part
      })
    {
      for index in 0..<part.wordCount { add(part.words[index], count: part.counts[index]) }
    }
  }

  private mutating func add(_ word: ArraySlice<UInt8>, count: Int) {
    let (index, isNew) = words.intern(word)
    if isNew { counts.append(count) } else { counts[index] += count }
  }

  /// The bytes and the count of a word.
  subscript(index: Int) -> (bytes: ArraySlice<UInt8>, count: Int) { (words[index], counts[index]) }

  /// The indices of the words in the order of their bytes, which the order of texts does not change.
  func sortedIndices() -> [Int] {
    // Eight bytes at a time settle nearly all comparisons.
    let keys = counts.indices.map { index in
      words[index].prefix(8).reduce(into: (key: UInt64(0), left: 8)) { result, byte in
        result.left -= 1
        result.key |= UInt64(byte) << UInt64(8 * result.left)
      }.key
    }
    return counts.indices.sorted { a, b in
      keys[a] != keys[b] ? keys[a] < keys[b] : words[a].lexicographicallyPrecedes(words[b])
    }
  }
}

extension WordCounts {
  /// The words of texts that come one by one; `texts` may be lazy.
  ///
  /// - Throws: `emptyCorpus` when there is no word.
  init(
    _ texts: some Sequence<String>, cut: TrainingCut,
    progress: ((TokenizerTrainingProgress) -> Void)?
  ) throws(TokenizationError) {
    self.init(cut: cut)
    var batch: [String] = []
    var byteCount = 0
    var textCount = 0
    for text in texts {
      batch.append(text)
      byteCount += text.utf8.count
      textCount += 1
      if byteCount >= 1 << 24 {
        add(batch)
        batch.removeAll(keepingCapacity: true)
        byteCount = 0
      }
      if textCount.isMultiple(of: 1024) {
        progress?(TokenizerTrainingProgress(phase: .counting, done: textCount, total: nil))
      }
    }
    add(batch)
    guard wordCount > 0 else { throw .emptyCorpus(textCount: textCount) }
  }
}
