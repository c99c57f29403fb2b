// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds the most frequent pair of neighbouring symbols and merges it wherever it stands.
///
/// A queue holds pairs with the words they stand in. Its counts go stale as merges change words;
/// a stale pair that comes to the top gets its present count and goes back. The words of a pair
/// that a merge creates are queued after that merge, so no list of words is ever searched.
///
/// Should two merges create the same token from different parts, or one that spells a special
/// token, a pair may be queued twice, with different words; and a pair's count is not lowered by
/// its own merge. Both are so in Hugging Face's trainer, hence also here.
struct PairMerger {
  /// A queued pair; the smallest in this order is merged next.
  private struct Candidate: Comparable {
    var count: Int
    var key: UInt64
    /// Where its words are in `wordLists`.
    var list: Int

    static func < (a: Candidate, b: Candidate) -> Bool {
      if a.count != b.count { return a.count > b.count }
      if a.key != b.key { return a.key < b.key }
      return a.list < b.list
    }
  }

  /// The symbols of all words, one word after the other.
  private var symbols: [Int32] = []
  private var starts: [Int] = []
  private var lengths: [Int32] = []
  private var wordCounts: [Int] = []

  private var pairs = PairTable(minimumCapacity: 1 << 16)
  /// How often each pair of `pairs` stands in the corpus.
  private var pairCounts: [Int] = []
  /// Words in which a pair appeared since the queue was last filled.
  private var pending: [[Int32]] = []
  private var pendingPairs: [Int] = []

  private var queue = MinHeap<Candidate>()
  private var wordLists: [[Int32]] = []
  private var freeLists: [Int] = []
  private var top: Candidate?

  /// How many of the first symbols each token is made of.
  private var tokenLengths: [Int32]
  private let maximumLength: Int32

  /// - Parameters:
  ///   - symbolCount: how many ids there are before the first merge.
  ///   - maximumLength: pairs of more symbols are not counted; `nil` counts all.
  init(_ words: TrainingWords, symbolCount: Int, maximumLength: Int?) {
    symbols = words.symbols
    starts = Array(words.starts.dropLast())
    lengths = starts.indices.map { Int32(words.starts[$0 + 1] - words.starts[$0]) }
    wordCounts = words.counts
    tokenLengths = [Int32](repeating: 1, count: symbolCount)
    self.maximumLength = Int32(clamping: maximumLength ?? .max)
    for word in starts.indices {
      let start = starts[word]
      for position in start..<start + max(0, Int(lengths[word]) - 1) {
        change(symbols[position], symbols[position + 1], by: wordCounts[word], in: word)
      }
    }
    queuePending()
  }

  /// The pair to merge next, or `nil` when none is left that stands `minimum` times or more.
  mutating func best(atLeast minimum: Int) -> (left: Int32, right: Int32)? {
    while var candidate = queue.pop() {
      let count = pairs.find(candidate.key).map { pairCounts[$0] } ?? 0
      guard candidate.count == count else {
        candidate.count = count
        queue.push(candidate)
        continue
      }
      guard count >= max(1, minimum) else { return nil }
      top = candidate
      return PairTable.pair(candidate.key)
    }
    return nil
  }

  /// Merges the pair that `best` found into `result` in all its words.
  mutating func mergeBest(into result: Int32) {
    guard let candidate = top else { return }
    top = nil
    let words = wordLists[candidate.list]
    wordLists[candidate.list] = []
    freeLists.append(candidate.list)
    let (left, right) = PairTable.pair(candidate.key)
    if Int(result) == tokenLengths.count {
      tokenLengths.append(tokenLengths[Int(left)] + tokenLengths[Int(right)])
    }
    for word in words { merge(left, right, into: result, word: Int(word)) }
    queuePending()
  }

  /// One pass over a word, left to right, symbols moved down behind the reading position.
  private mutating func merge(_ left: Int32, _ right: Int32, into result: Int32, word: Int) {
    let start = starts[word]
    let end = start + Int(lengths[word])
    let count = wordCounts[word]
    var read = start
    var write = start
    while read < end {
      guard symbols[read] == left, read + 1 < end, symbols[read + 1] == right else {
        symbols[write] = symbols[read]
        read += 1
        write += 1
        continue
      }
      if write > start {
        change(symbols[write - 1], left, by: -count, in: word)
        change(symbols[write - 1], result, by: count, in: word)
      }
      if read + 2 < end {
        change(right, symbols[read + 2], by: -count, in: word)
        change(result, symbols[read + 2], by: count, in: word)
      }
      symbols[write] = result
      read += 2
      write += 1
    }
    lengths[word] = Int32(write - start)
  }

  private mutating func change(_ left: Int32, _ right: Int32, by count: Int, in word: Int) {
    guard tokenLengths[Int(left)] + tokenLengths[Int(right)] <= maximumLength else { return }
    let (index, isNew) = pairs.intern(PairTable.key(left, right))
    if isNew {
      pairCounts.append(0)
      pending.append([])
    }
    pairCounts[index] += count
    guard count > 0 else { return }
    if pending[index].isEmpty { pendingPairs.append(index) }
    // Words come one after the other, so a repeated word is the last one.
    if pending[index].last != Int32(word) { pending[index].append(Int32(word)) }
  }

  private mutating func queuePending() {
    for index in pendingPairs {
      let words = pending[index]
      pending[index] = []
      guard pairCounts[index] > 0 else { continue }
      let list: Int
      if let free = freeLists.popLast() {
        list = free
        wordLists[free] = words
      } else {
        list = wordLists.count
        wordLists.append(words)
      }
      queue.push(Candidate(count: pairCounts[index], key: pairs.keys[index], list: list))
    }
    pendingPairs.removeAll(keepingCapacity: true)
  }
}
