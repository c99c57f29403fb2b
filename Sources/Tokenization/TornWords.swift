// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds the frequent words that a vocabulary tears apart.
///
/// A word here is a run of letters and marks, so that punctuation does not count against it. Memory:
/// the distinct words of the texts.
public struct TornWords: Sendable {
  /// A word in pieces.
  public struct Word: Equatable, Sendable {
    /// The word.
    public var text: String
    /// How often it occurs.
    public var count: Int
    /// Its tokens for people, as ``TokenizerProfile/spelling(of:)`` writes them.
    public var pieces: [String]
    /// How many tokens could be saved if the word were one.
    public var excessTokenCount: Int { count * (pieces.count - 1) }
  }

  private var words = ByteTable(minimumCapacity: 1 << 12)
  private var counts: [Int] = []

  /// Counts nothing yet.
  public init() {}

  /// Counts the words of more texts, on all cores.
  public mutating func add(_ texts: [String]) {
    let runs = Concurrently.runs(of: texts.count, parts: max(1, texts.count / 256))
    let parts = Concurrently.map(texts.isEmpty ? 0 : runs.count) { run in
      var part = TornWords()
      for text in texts[runs[run]] { part.add(text) }
      return part
    }
    for part in parts {
      for index in part.counts.indices { add(part.words[index], part.counts[index]) }
    }
  }

  private mutating func add(_ text: String) {
    let bytes = Array(text.utf8)
    let classes = UnicodeClasses.table
    var start = 0
    var position = 0
    while position < bytes.count {
      let (value, length) = decodeScalar(bytes, at: position)
      let isJoiner = position > start && (value == 0x200C || value == 0x200D)
      if !isJoiner, classes[value].isDisjoint(with: [.letter, .mark]) {
        if position > start { add(bytes[start..<position], 1) }
        start = position + length
      }
      position += length
    }
    if position > start { add(bytes[start..<position], 1) }
  }

  private mutating func add(_ word: ArraySlice<UInt8>, _ count: Int) {
    let (index, isNew) = words.intern(word)
    if isNew { counts.append(count) } else { counts[index] += count }
  }

  /// The words that cost most tokens beyond one each; of equals those first in code point order.
  ///
  /// A word is encoded as it stands after a space, or at the beginning of a text if that takes fewer
  /// tokens.
  public func worst(_ limit: Int, _ profile: TokenizerProfile) -> [Word] {
    // What is rarer than the last of the list can still cost more, so all words are encoded.
    let runs = Concurrently.runs(of: counts.count, parts: max(1, counts.count / 1024))
    let excesses = Concurrently.map(counts.isEmpty ? 0 : runs.count) { run in
      runs[run].map { counts[$0] * (ids(of: $0, profile.tokenizer).count - 1) }
    }.flatMap { $0 }
    let order = excesses.indices.filter { excesses[$0] > 0 }.sorted { a, b in
      excesses[a] != excesses[b]
        ? excesses[a] > excesses[b] : words[a].lexicographicallyPrecedes(words[b])
    }
    return order.prefix(limit).map { index in
      Word(
        text: String(decoding: words[index], as: UTF8.self), count: counts[index],
        pieces: ids(of: index, profile.tokenizer).map(profile.spelling))
    }
  }

  private func ids(of word: Int, _ tokenizer: Tokenizer) -> [Int32] {
    let text = String(decoding: words[word], as: UTF8.self)
    let within = tokenizer.encode(" " + text)
    let first = tokenizer.encode(text)
    return first.count < within.count ? first : within
  }
}
