// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Byte-pair encoding: a word starts as its characters; neighbours are joined, the pair learned
/// earliest first, among equals the leftmost, until no learned pair is left.
///
/// A character that the vocabulary lacks is written as the tokens of its bytes where the model
/// falls back to bytes and has them all; else it becomes the unknown token; without one it is
/// dropped.
///
/// **Source**: Sennrich et al. 2016, arXiv:1508.07909; what the paper leaves open as in Hugging Face
/// tokenizers. **Departs**: nothing.
struct BPEModel: TokenModel {
  static let typeName = "BPE"

  /// What a model does beside merging.
  struct Options: Sendable {
    var unknownToken: String?
    /// Whether neighbouring unknown characters become one unknown token.
    var fusesUnknown = false
    /// Whether unknown characters are written as bytes.
    var fallsBackToBytes = false
    /// Whether a word that is a token is taken whole, whatever the merges would give.
    var ignoresMerges = false
    /// Stands before every character of a word but the first; not `nil` only for writing.
    var continuingPrefix: String?
    /// Stands after the last character of a word.
    var endSuffix: String?
  }

  let options: Options
  /// Learned pairs in order of rank.
  let merges: [(left: Int32, right: Int32)]
  let vocabulary: Vocabulary

  private let unknownID: Int32?
  private let pairs: PairTable
  private let ranks: [Int32]
  private let results: [Int32]
  /// The ids of the scalars below U+0800, or -1.
  private let scalarIDs: [Int32]
  private let byteTokens: ByteTokens
  private let prefix: [UInt8]
  private let suffix: [UInt8]

  var unknownToken: String? { options.unknownToken }

  /// - Parameters:
  ///   - merges: in order of rank; of two equal pairs the later counts.
  ///   - ranks: the rank of each merge where some are equal, ascending; `nil` numbers them.
  /// - Throws: `unknownMergeToken` when a joined pair is no token.
  init(
    vocabulary: Vocabulary, merges: [(left: Int32, right: Int32)], options: Options = Options(),
    ranks givenRanks: [Int32]? = nil, origin: String
  ) throws(TokenizationError) {
    let prefix = Array((options.continuingPrefix ?? "").utf8)
    var pairs = PairTable(minimumCapacity: merges.count)
    var ranks: [Int32] = []
    var results: [Int32] = []
    for (index, merge) in merges.enumerated() {
      let left = vocabulary.tokens[Int(merge.left)]
      let right = vocabulary.tokens[Int(merge.right)]
      let rightBytes = Array(right.utf8)
      guard rightBytes.count >= prefix.count else {
        throw .mergeWithoutPrefix(
          index: index, right: right, prefix: options.continuingPrefix ?? "", origin: origin)
      }
      let joined = Array(left.utf8) + rightBytes.dropFirst(prefix.count)
      guard let result = vocabulary.ownID(of: joined[...]) else {
        throw .unknownMergeToken(
          index: index, left: left, right: right, missing: String(decoding: joined, as: UTF8.self),
          origin: origin)
      }
      let rank = givenRanks?[index] ?? Int32(index)
      let (number, isNew) = pairs.intern(PairTable.key(merge.left, merge.right))
      if isNew {
        ranks.append(rank)
        results.append(result)
      } else {
        ranks[number] = rank
      }
    }
    if let unknownToken = options.unknownToken, vocabulary.id(of: unknownToken) == nil {
      throw .unknownSpecialToken(role: "model.unk_token", token: unknownToken, origin: origin)
    }
    self.vocabulary = vocabulary
    self.options = options
    self.merges = ranks.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }.map {
      PairTable.pair(pairs.keys[$0])
    }
    unknownID = options.unknownToken.flatMap { vocabulary.id(of: $0) }
    byteTokens = ByteTokens(vocabulary)
    self.prefix = prefix
    suffix = Array((options.endSuffix ?? "").utf8)
    self.pairs = pairs
    self.ranks = ranks
    self.results = results
    scalarIDs = (0..<UInt32(0x800)).map { value in
      Unicode.Scalar(value).flatMap { vocabulary.ownID(of: String($0)) } ?? -1
    }
  }

  func encode(_ word: ArraySlice<UInt8>, into ids: inout [Int32], scratch: inout ModelScratch) {
    if options.ignoresMerges, let id = vocabulary.ownID(of: word), !scratch.excluded.contains(id) {
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
    let isPlain = prefix.isEmpty && suffix.isEmpty
    // An unknown token that has not been written yet: it comes before the next known character,
    // and so after bytes in between.
    var unknownIsPending = false
    var position = word.startIndex
    while position < word.endIndex {
      let lead = word[position]
      let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
      let end = position + length
      var character = word[position..<end]
      let id: Int32
      if !isPlain {
        let before = position == word.startIndex ? [] : prefix
        character = (before + character + (end == word.endIndex ? suffix : []))[...]
        id = vocabulary.ownID(of: character) ?? -1
      } else if length == 1 {
        id = scalarIDs[Int(lead)]
      } else if length == 2 {
        id = scalarIDs[Int(lead & 0x1F) << 6 | Int(word[position + 1] & 0x3F)]
      } else {
        id = vocabulary.ownID(of: character) ?? -1
      }
      position = end
      if id >= 0 {
        if unknownIsPending, let unknownID { symbols.append(unknownID) }
        unknownIsPending = false
        symbols.append(id)
      } else if options.fallsBackToBytes, byteTokens.append(character, to: &symbols) {
        continue
      } else if let unknownID {
        if unknownIsPending, !options.fusesUnknown { symbols.append(unknownID) }
        unknownIsPending = true
      }
    }
    if unknownIsPending, let unknownID { symbols.append(unknownID) }
  }

  func byteCount(of id: Int32, isFirst: Bool) -> Int? {
    let token = vocabulary.tokens[Int(id)]
    if token == unknownToken || !prefix.isEmpty || !suffix.isEmpty { return nil }
    return options.fallsBackToBytes && ByteTokens.byte(of: token) != nil ? 1 : token.utf8.count
  }

  /// The number of a pair in `ranks` and `results`, or -1.
  @inline(__always)
  private func merge(_ left: Int32, _ right: Int32) -> Int32 {
    pairs.find(PairTable.key(left, right)).map(Int32.init(truncatingIfNeeded:)) ?? -1
  }

  /// O(n²) in the number of symbols, without allocation.
  func mergeByScanning(_ scratch: inout ModelScratch) {
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
  func mergeByHeap(_ scratch: inout ModelScratch, into ids: inout [Int32]) {
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
