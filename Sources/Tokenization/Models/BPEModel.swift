// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Byte-pair encoding: a word starts as its characters; neighbours are joined, the pair learned
/// earliest first, among equals the leftmost, until no learned pair is left.
///
/// **Source**: Sennrich et al. 2016, arXiv:1508.07909. **Departs**: nothing; a character that
/// the vocabulary lacks becomes the unknown token, or is dropped when there is none, as in Hugging
/// Face tokenizers.
struct BPEModel: Sendable {
  static let typeName = "BPE"

  /// The model's own tokens in the order of their ids.
  let ownTokens: [Int32]
  /// Learned pairs in order of rank.
  let merges: [(left: Int32, right: Int32)]
  let unknownToken: String?
  let unknownID: Int32?
  /// Whether neighbouring unknown characters become one unknown token.
  let fusesUnknown: Bool
  /// Whether a word that is a token is taken whole, whatever the merges would give.
  let ignoresMerges: Bool
  let vocabulary: Vocabulary

  private let pairs: PairTable
  private let ranks: [Int32]
  private let results: [Int32]
  /// The ids of the scalars below U+0800, or -1.
  private let scalarIDs: [Int32]

  /// - Parameters:
  ///   - ownTokens: ids that belong to the model rather than to the added tokens.
  ///   - merges: in order of rank; of two equal pairs the later counts.
  /// - Throws: `unknownMergeToken` when a joined pair is no token.
  init(
    vocabulary: Vocabulary, ownTokens: [Int32], merges: [(left: Int32, right: Int32)],
    unknownToken: String? = nil, fusesUnknown: Bool = false, ignoresMerges: Bool = false,
    origin: String
  ) throws(TokenizationError) {
    var pairs = PairTable(minimumCapacity: merges.count)
    var ranks: [Int32] = []
    var results: [Int32] = []
    for (rank, merge) in merges.enumerated() {
      let left = vocabulary.tokens[Int(merge.left)]
      let right = vocabulary.tokens[Int(merge.right)]
      guard let result = vocabulary.id(of: left + right) else {
        throw .unknownMergeToken(
          index: rank, left: left, right: right, missing: left + right, origin: origin)
      }
      let (index, isNew) = pairs.intern(PairTable.key(merge.left, merge.right))
      if isNew {
        ranks.append(Int32(rank))
        results.append(result)
      } else {
        ranks[index] = Int32(rank)
      }
    }
    if let unknownToken, vocabulary.id(of: unknownToken) == nil {
      throw .unknownSpecialToken(role: "model.unk_token", token: unknownToken, origin: origin)
    }
    self.vocabulary = vocabulary
    self.ownTokens = ownTokens
    self.merges = ranks.indices.sorted { ranks[$0] < ranks[$1] }.map {
      PairTable.pair(pairs.keys[$0])
    }
    self.unknownToken = unknownToken
    unknownID = unknownToken.flatMap { vocabulary.id(of: $0) }
    self.fusesUnknown = fusesUnknown
    self.ignoresMerges = ignoresMerges
    self.pairs = pairs
    self.ranks = ranks
    self.results = results
    scalarIDs = (0..<UInt32(0x800)).map { value in
      Unicode.Scalar(value).flatMap { vocabulary.id(of: String($0)) } ?? -1
    }
  }

  /// Appends the ids of a word, valid UTF-8, to `ids`.
  func encode(_ word: ArraySlice<UInt8>, into ids: inout [Int32], scratch: inout BPEScratch) {
    if ignoresMerges, let id = vocabulary.id(of: word) {
      ids.append(id)
      return
    }
    characters(of: word, into: &scratch.symbols)
    // Scanning beats a heap until the quadratic term shows; ordinary words stay far below this.
    if scratch.symbols.count <= 64 {
      mergeByScanning(&scratch)
      ids.append(contentsOf: scratch.symbols)
    } else {
      mergeByHeap(&scratch, into: &ids)
    }
  }

  private func characters(of word: ArraySlice<UInt8>, into symbols: inout [Int32]) {
    symbols.removeAll(keepingCapacity: true)
    var lastIsUnknown = false
    var position = word.startIndex
    while position < word.endIndex {
      let lead = word[position]
      let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
      let id: Int32
      switch length {
      case 1: id = scalarIDs[Int(lead)]
      case 2: id = scalarIDs[Int(lead & 0x1F) << 6 | Int(word[position + 1] & 0x3F)]
      default: id = vocabulary.id(of: word[position..<position + length]) ?? -1
      }
      position += length
      if id >= 0 {
        symbols.append(id)
        lastIsUnknown = false
      } else if let unknownID {
        if !(fusesUnknown && lastIsUnknown) { symbols.append(unknownID) }
        lastIsUnknown = true
      }
    }
  }

  /// The number of a pair in `ranks` and `results`, or -1.
  @inline(__always)
  private func merge(_ left: Int32, _ right: Int32) -> Int32 {
    pairs.find(PairTable.key(left, right)).map(Int32.init(truncatingIfNeeded:)) ?? -1
  }

  /// O(n²) in the number of symbols, without allocation.
  func mergeByScanning(_ scratch: inout BPEScratch) {
    var count = scratch.symbols.count
    guard count > 1 else { return }
    scratch.found.removeAll(keepingCapacity: true)
    for index in 0..<count - 1 {
      scratch.found.append(merge(scratch.symbols[index], scratch.symbols[index + 1]))
    }
    while true {
      var best = -1
      var bestRank = Int32.max
      for index in 0..<count - 1 where scratch.found[index] >= 0 {
        let rank = ranks[Int(scratch.found[index])]
        if rank < bestRank {
          bestRank = rank
          best = index
        }
      }
      guard best >= 0 else { return }
      scratch.symbols[best] = results[Int(scratch.found[best])]
      scratch.symbols.remove(at: best + 1)
      scratch.found.remove(at: best)
      count -= 1
      if best > 0 {
        scratch.found[best - 1] = merge(scratch.symbols[best - 1], scratch.symbols[best])
      }
      if best < count - 1 {
        scratch.found[best] = merge(scratch.symbols[best], scratch.symbols[best + 1])
      }
    }
  }

  /// O(n log n): candidates ordered by rank, then position, over a linked list of symbols.
  func mergeByHeap(_ scratch: inout BPEScratch, into ids: inout [Int32]) {
    let count = scratch.symbols.count
    guard count > 0 else { return }
    var next = (1...count).map { $0 }
    var previous = (-1..<count - 1).map { $0 }
    var heap = MinHeap<UInt64>()
    heap.reserveCapacity(count)
    func candidate(_ position: Int, _ symbols: [Int32]) -> UInt64? {
      guard position >= 0, next[position] < count else { return nil }
      let found = merge(symbols[position], symbols[next[position]])
      guard found >= 0 else { return nil }
      return UInt64(UInt32(bitPattern: ranks[Int(found)])) << 32 | UInt64(UInt32(position))
    }
    for position in 0..<count - 1 {
      if let entry = candidate(position, scratch.symbols) { heap.push(entry) }
    }
    while let entry = heap.pop() {
      let position = Int(UInt32(truncatingIfNeeded: entry))
      // An entry is stale when its left symbol is gone or the pair there is another by now.
      guard scratch.symbols[position] >= 0, candidate(position, scratch.symbols) == entry
      else { continue }
      let right = next[position]
      let found = merge(scratch.symbols[position], scratch.symbols[right])
      scratch.symbols[position] = results[Int(found)]
      scratch.symbols[right] = -1
      next[position] = next[right]
      if next[right] < count { previous[next[right]] = position }
      if let entry = candidate(previous[position], scratch.symbols) { heap.push(entry) }
      if let entry = candidate(position, scratch.symbols) { heap.push(entry) }
    }
    for symbol in scratch.symbols where symbol >= 0 { ids.append(symbol) }
  }
}

/// Memory that one encoding after the other uses again.
struct BPEScratch: Sendable {
  var symbols: [Int32] = []
  var found: [Int32] = []
}
