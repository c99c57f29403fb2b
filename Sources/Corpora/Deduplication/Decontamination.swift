// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds texts that share a run of words with texts for measuring.
///
/// Words are compared in lower case and without punctuation and symbols. A text for measuring that
/// has fewer words than the run, but at least eight, is looked for whole; shorter ones would be
/// found everywhere and are left out.
///
/// - Source: Brown et al. 2020 (GPT-3), arXiv:2005.14165, appendix C.
/// - Departs: the whole document goes, not 200 characters around the run.
/// - Cost: 8 bytes of memory for each word of the texts for measuring, times two to four; one
///   look-up for each word of a document, and one more for each length below the run's that occurs.
public struct Decontamination: Sendable {
  /// Runs to look for, by their number of words.
  private var runs: [Int: Set<UInt64>] = [:]
  private let wordCount: Int
  /// Texts that were too short to be looked for.
  public private(set) var skippedCount = 0

  private static let fewestWords = 8

  /// - Parameter wordCount: words in a run, at least 1.
  public init(wordCount: Int) { self.wordCount = wordCount }

  /// Looks for a text from now on.
  public mutating func add(_ text: String) {
    let words = wordHashes(text, skippingSymbols: true)
    let length = min(wordCount, words.count)
    guard length >= min(wordCount, Self.fewestWords) else {
      skippedCount += 1
      return
    }
    Self.forEachRun(of: words, length: length) { hash in
      runs[length, default: []].insert(hash)
      return true
    }
  }

  /// The first run of a text that is one of those to look for, as a position in its words.
  public func firstMatch(in text: String) -> Int? {
    guard !runs.isEmpty else { return nil }
    let words = wordHashes(text, skippingSymbols: true)
    var first: Int?
    for (length, hashes) in runs {
      var position = 0
      Self.forEachRun(of: words, length: length) { hash in
        if hashes.contains(hash) {
          first = min(first ?? position, position)
          return false
        }
        position += 1
        return true
      }
    }
    return first
  }

  /// The segments of a text that hold a word of such a run; runs may go over several segments.
  public func matches(in segments: [String]) -> Set<Int> {
    guard !runs.isEmpty else { return [] }
    var words: [UInt64] = []
    var owners: [Int] = []
    for (index, segment) in segments.enumerated() {
      let hashes = wordHashes(segment, skippingSymbols: true)
      words += hashes
      owners += Array(repeating: index, count: hashes.count)
    }
    var found: Set<Int> = []
    for (length, hashes) in runs {
      var position = 0
      Self.forEachRun(of: words, length: length) { hash in
        if hashes.contains(hash) { found.formUnion(owners[position..<position + length]) }
        position += 1
        return true
      }
    }
    return found
  }

  /// Rolls a polynomial over the words, until `body` says that it is enough.
  private static func forEachRun(
    of words: [UInt64], length: Int, _ body: (UInt64) -> Bool
  ) {
    guard length > 0, words.count >= length else { return }
    let base: UInt64 = 0x9FB2_1C65_1E98_DF25
    var highest: UInt64 = 1
    for _ in 1..<max(1, length) { highest = highest &* base }
    var hash: UInt64 = 0
    for (index, word) in words.enumerated() {
      if index >= length { hash = hash &- words[index - length] &* highest }
      hash = hash &* base &+ word
      if index >= length - 1, !body(SeededRandom.mix(hash)) { return }
    }
  }
}
