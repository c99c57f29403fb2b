// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds the strings of a corpus that are worth a token: the maximal repeats of its words.
///
/// A maximal repeat is a string that cannot be made longer, to the left or the right, without
/// occurring less often. They are the inner nodes of the suffix tree whose occurrences have
/// different characters before them. Occurrences are counted as often as their words occur.
///
/// **Source**: Kudo 2018, arXiv:1804.10959, section 3.2, takes frequent substrings from an enhanced
/// suffix array. **Departs**: suffixes are compared no further than the longest token, which lets
/// every first character be sorted by itself, on all cores; and substrings that are not
/// left-maximal, whose every occurrence a longer candidate covers, are left out.
struct SeedFinder: Sendable {
  /// A candidate: one place where it stands, its length, and how often it occurs.
  struct Seed: Sendable {
    var position: Int32
    var length: Int32
    var count: Int
    /// The larger, the more of the text the candidate may cover.
    var score: Int { count * Int(length) }
  }

  /// The longest candidate in characters.
  let maximumLength: Int
  private let symbols: [Int32]
  /// Where the word of each place ends.
  private let wordEnds: [Int32]
  /// How often the word of each place occurs.
  private let counts: [Int32]
  private let isWordStart: [Bool]

  /// - Parameter words: symbols from 0, fewer than 65,535 different ones; fewer than 2³¹ in all.
  init(_ words: TrainingWords, maximumLength: Int) {
    self.maximumLength = maximumLength
    symbols = words.symbols
    var wordEnds = [Int32](repeating: 0, count: symbols.count)
    var counts = wordEnds
    var isWordStart = [Bool](repeating: false, count: symbols.count)
    for word in 0..<words.count {
      isWordStart[words.starts[word]] = true
      for position in words.starts[word]..<words.starts[word + 1] {
        wordEnds[position] = Int32(words.starts[word + 1])
        counts[position] = Int32(clamping: words.counts[word])
      }
    }
    self.wordEnds = wordEnds
    self.counts = counts
    self.isWordStart = isWordStart
  }

  /// All candidates of two characters or more that occur at least `minimum` times, in an order that
  /// depends on the words alone.
  func seeds(symbolCount: Int, atLeast minimum: Int) -> [Seed] {
    var starts = [Int](repeating: 0, count: symbolCount + 1)
    for symbol in symbols { starts[Int(symbol) + 1] += 1 }
    for symbol in 0..<symbolCount { starts[symbol + 1] += starts[symbol] }
    var next = starts
    var positions = [Int32](repeating: 0, count: symbols.count)
    for (position, symbol) in symbols.enumerated() {
      positions[next[Int(symbol)]] = Int32(position)
      next[Int(symbol)] += 1
    }
    // The largest first, so that no core waits long for the last one.
    let sizes: [Int] = (0..<symbolCount).map { starts[$0 + 1] - starts[$0] }
    let order: [Int] = (0..<symbolCount).sorted { a, b in
      sizes[a] != sizes[b] ? sizes[a] > sizes[b] : a < b
    }
    let (places, bounds) = (positions, starts)
    return Concurrently.map(symbolCount) { index in
      let symbol = order[index]
      var entries = places[bounds[symbol]..<bounds[symbol + 1]].map { Entry(key: 0, position: $0) }
      sort(&entries, 0..<entries.count, depth: 0)
      return repeats(entries, atLeast: minimum)
    }.flatMap { $0 }
  }

  private struct Entry {
    var key: UInt64
    var position: Int32
  }

  /// Four characters from a place on; characters beyond the word are 0.
  @inline(__always)
  private func key(at position: Int) -> UInt64 {
    var key: UInt64 = 0
    for offset in 0..<4 {
      key <<= 16
      // Within one word, as the caller goes on only where four characters were left before.
      if position + offset < Int(wordEnds[position]) {
        key |= UInt64(UInt32(bitPattern: symbols[position + offset]) + 1)
      }
    }
    return key
  }

  private func sort(_ entries: inout [Entry], _ range: Range<Int>, depth: Int) {
    for index in range {
      let position = Int(entries[index].position)
      let end = Int(wordEnds[position])
      entries[index].key = position + depth < end ? key(at: position + depth) : 0
    }
    entries[range].sort { ($0.key, $0.position) < ($1.key, $1.position) }
    guard depth + 4 < maximumLength else { return }
    var start = range.lowerBound
    while start < range.upperBound {
      var end = start + 1
      while end < range.upperBound, entries[end].key == entries[start].key { end += 1 }
      // A last character of 0: the suffixes are over, hence equal.
      if end - start > 1, entries[start].key & 0xFFFF != 0 {
        sort(&entries, start..<end, depth: depth + 4)
      }
      start = end
    }
  }

  /// What stands before all occurrences of a string: one character, or -1 for a word's beginning,
  /// or -2 for different ones.
  private static let mixed: Int32 = -2

  private struct Node {
    var depth: Int
    var count: Int
    var left: Int32
    var position: Int32

    mutating func absorb(_ other: Node) {
      count += other.count
      if left != other.left { left = SeedFinder.mixed }
    }
  }

  /// The inner nodes and repeated leaves of the tree of sorted suffixes, bottom up.
  private func repeats(_ entries: [Entry], atLeast minimum: Int) -> [Seed] {
    var result: [Seed] = []
    var stack: [Node] = []
    func emit(_ node: Node) {
      guard node.depth > 1, node.count >= minimum, node.left < 0 else { return }
      result.append(
        Seed(position: node.position, length: Int32(node.depth), count: node.count))
    }
    func close(to depth: Int) {
      while let top = stack.last, top.depth > depth {
        stack.removeLast()
        emit(top)
        if let below = stack.last, below.depth >= depth {
          stack[stack.count - 1].absorb(top)
        } else if depth > 0 {
          var parent = top
          parent.depth = depth
          stack.append(parent)
        }
      }
    }
    for (index, entry) in entries.enumerated() {
      let position = Int(entry.position)
      let depth = min(maximumLength, Int(wordEnds[position]) - position)
      let common = index == 0 ? 0 : common(Int(entries[index - 1].position), position)
      close(to: common)
      let leaf = Node(
        depth: depth, count: Int(counts[position]),
        left: isWordStart[position] ? -1 : symbols[position - 1], position: entry.position)
      if let top = stack.last, top.depth == depth {
        stack[stack.count - 1].absorb(leaf)
      } else {
        stack.append(leaf)
      }
    }
    close(to: 0)
    return result
  }

  private func common(_ a: Int, _ b: Int) -> Int {
    let limit = min(maximumLength, Int(wordEnds[a]) - a, Int(wordEnds[b]) - b)
    var length = 0
    while length < limit, symbols[a + length] == symbols[b + length] { length += 1 }
    return length
  }
}
