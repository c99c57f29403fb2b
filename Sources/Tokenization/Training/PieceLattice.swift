// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The pieces of a vocabulary in training: a place where each stands, and its log probability.
///
/// The first pieces are the characters of the alphabet, in its order.
struct PieceSet: Sendable {
  var positions: [Int32] = []
  var lengths: [UInt8] = []
  var scores: [Double] = []
  let characterCount: Int

  var count: Int { lengths.count }

  /// The pieces whose numbers are `kept`, in that order.
  func selecting(_ kept: [Int32]) -> PieceSet {
    var result = PieceSet(characterCount: characterCount)
    result.positions = kept.map { positions[Int($0)] }
    result.lengths = kept.map { lengths[Int($0)] }
    result.scores = kept.map { scores[Int($0)] }
    return result
  }
}

/// A stretch of the corpus with all pieces that stand in it: for every place those that start there.
///
/// As dropping pieces only thins this list out, no piece is searched for a second time.
struct PieceLattice: Sendable {
  private let words: TrainingWords
  /// Which words of the corpus.
  private let wordRange: Range<Int>
  /// Which places of the corpus.
  let places: Range<Int>
  /// Where the pieces of each place start in `edges`, and the end of the last.
  private var edgeStarts: [Int32]
  /// Numbers of pieces.
  private var edges: [Int32]

  init(_ words: TrainingWords, wordRange: Range<Int>, trie: PieceTrie) {
    self.words = words
    self.wordRange = wordRange
    places = words.starts[wordRange.lowerBound]..<words.starts[wordRange.upperBound]
    edgeStarts = [0]
    edgeStarts.reserveCapacity(places.count + 1)
    edges = []
    for word in wordRange {
      let end = words.starts[word + 1]
      for position in words.starts[word]..<end {
        trie.forEachPrefix(of: words.symbols, position..<end) { edges.append($0) }
        edgeStarts.append(Int32(edges.count))
      }
    }
  }

  /// Drops all pieces but those that `numbers` gives a new number.
  mutating func renumber(_ numbers: [Int32]) {
    var written = 0
    var read = 0
    for place in 1..<edgeStarts.count {
      let end = Int(edgeStarts[place])
      while read < end {
        let number = numbers[Int(edges[read])]
        if number >= 0 {
          edges[written] = number
          written += 1
        }
        read += 1
      }
      edgeStarts[place] = Int32(written)
    }
    edges.removeLast(edges.count - written)
  }

  @inline(__always)
  private func edgeRange(at place: Int) -> Range<Int> {
    let index = place - places.lowerBound
    return Int(edgeStarts[index])..<Int(edgeStarts[index + 1])
  }

  /// What one pass of expectation comes to.
  struct Expectation: Sendable {
    /// How often each piece is expected in the stretch.
    var counts: [Double]
    /// The logarithm of the probability of the stretch.
    var logLikelihood: Double
  }

  /// The longest word whose probability is summed as it is: 24 characters of probability e⁻²⁷ each
  /// are well above the smallest normal `Double`, e⁻⁷⁰⁸.
  static let longestPlainWord = 24

  /// How often each piece is expected, over all ways to cut the words (the E step).
  ///
  /// - Parameter plainLimit: words that are longer are summed as logarithms.
  func expectation(_ pieces: PieceSet, plainLimit: Int = Self.longestPlainWord) -> Expectation {
    var result = Expectation(
      counts: [Double](repeating: 0, count: pieces.count), logLikelihood: 0)
    let probabilities = pieces.scores.map { exp($0) }
    var forward = [Double](repeating: 0, count: plainLimit + 1)
    var backward = forward
    for word in wordRange {
      let start = words.starts[word]
      let length = words.starts[word + 1] - start
      guard length <= plainLimit else {
        expectLogarithms(word, pieces, &result)
        continue
      }
      for index in 0...length {
        forward[index] = 0
        backward[index] = 0
      }
      forward[0] = 1
      for index in 0..<length where forward[index] > 0 {
        for edge in edgeRange(at: start + index) {
          let piece = Int(edges[edge])
          forward[index + Int(pieces.lengths[piece])] += forward[index] * probabilities[piece]
        }
      }
      let factor = Double(words.counts[word]) / forward[length]
      result.logLikelihood += Double(words.counts[word]) * log(forward[length])
      backward[length] = factor
      for index in (0..<length).reversed() {
        var sum = 0.0
        for edge in edgeRange(at: start + index) {
          let piece = Int(edges[edge])
          let weight = probabilities[piece] * backward[index + Int(pieces.lengths[piece])]
          sum += weight
          result.counts[piece] += forward[index] * weight
        }
        backward[index] = sum
      }
    }
    return result
  }

  /// The same for one word of any length: the plain form, and slower.
  private func expectLogarithms(_ word: Int, _ pieces: PieceSet, _ result: inout Expectation) {
    let start = words.starts[word]
    let length = words.starts[word + 1] - start
    var forward = [Double](repeating: -.infinity, count: length + 1)
    var backward = forward
    forward[0] = 0
    backward[length] = 0
    for index in 0..<length {
      for edge in edgeRange(at: start + index) {
        let piece = Int(edges[edge])
        let end = index + Int(pieces.lengths[piece])
        forward[end] = Self.logSum(forward[end], forward[index] + pieces.scores[piece])
      }
    }
    let count = Double(words.counts[word])
    result.logLikelihood += count * forward[length]
    for index in (0..<length).reversed() {
      for edge in edgeRange(at: start + index) {
        let piece = Int(edges[edge])
        let weight = pieces.scores[piece] + backward[index + Int(pieces.lengths[piece])]
        backward[index] = Self.logSum(backward[index], weight)
        result.counts[piece] += count * exp(forward[index] + weight - forward[length])
      }
    }
  }

  private static func logSum(_ a: Double, _ b: Double) -> Double {
    if a == -.infinity { return b }
    if b == -.infinity { return a }
    return max(a, b) + log1p(exp(-abs(a - b)))
  }

  /// How often each piece stands in the best way to cut each word.
  func bestCounts(_ pieces: PieceSet) -> [Int] {
    var result = [Int](repeating: 0, count: pieces.count)
    var path = BestPath()
    for word in wordRange {
      let range = words.starts[word]..<words.starts[word + 1]
      find(&path, range, pieces, without: -1)
      path.forEachPiece { result[Int($0)] += words.counts[word] }
    }
    return result
  }

  /// The best way to cut a piece into others.
  func alternative(to piece: Int, _ pieces: PieceSet, _ path: inout BestPath) {
    let start = Int(pieces.positions[piece])
    let range = start..<start + Int(pieces.lengths[piece])
    find(&path, range, pieces, without: Int32(piece))
  }

  /// Viterbi's algorithm; of equally good ways the one whose last pieces are longer.
  private func find(
    _ path: inout BestPath, _ range: Range<Int>, _ pieces: PieceSet, without excluded: Int32
  ) {
    path.reset(length: range.count)
    for index in 0..<range.count where path.scores[index] > -.infinity {
      for edge in edgeRange(at: range.lowerBound + index) {
        let piece = edges[edge]
        let end = index + Int(pieces.lengths[Int(piece)])
        guard end <= range.count, piece != excluded else { continue }
        let score = path.scores[index] + pieces.scores[Int(piece)]
        if score > path.scores[end] {
          path.scores[end] = score
          path.pieces[end] = piece
          path.before[end] = Int32(index)
        }
      }
    }
  }
}

/// The best way to cut a stretch of text, and memory for the next.
struct BestPath: Sendable {
  fileprivate var scores: [Double] = []
  fileprivate var pieces: [Int32] = []
  fileprivate var before: [Int32] = []
  private var length = 0

  fileprivate mutating func reset(length: Int) {
    self.length = length
    while scores.count <= length {
      scores.append(0)
      pieces.append(-1)
      before.append(-1)
    }
    for index in 0...length { scores[index] = -.infinity }
    scores[0] = 0
  }

  /// The log probability, or -∞ when there is no way.
  var score: Double { scores[length] }

  /// The pieces from the last to the first.
  func forEachPiece(_ body: (Int32) -> Void) {
    guard score > -.infinity else { return }
    var end = length
    while end > 0 {
      body(pieces[end])
      end = Int(before[end])
    }
  }
}

/// Pieces by their characters.
struct PieceTrie: Sendable {
  /// The children of each node that is no leaf.
  private var children: PairTable
  /// The piece that ends at each node, or -1; nodes below `characterCount` are single characters.
  private var pieces: [Int32]

  /// - Parameter pieces: the first `characterCount` are the characters themselves.
  init(_ pieces: PieceSet, symbols: [Int32]) {
    let characterCount = pieces.characterCount
    children = PairTable(minimumCapacity: pieces.count * 3)
    self.pieces = (0..<characterCount).map { Int32($0) }
    for piece in characterCount..<max(characterCount, pieces.count) {
      let start = Int(pieces.positions[piece])
      var node = symbols[start]
      for position in start + 1..<start + Int(pieces.lengths[piece]) {
        let (index, isNew) = children.intern(PairTable.key(node, symbols[position]))
        if isNew { self.pieces.append(-1) }
        node = Int32(characterCount + index)
      }
      self.pieces[Int(node)] = Int32(piece)
    }
  }

  /// Calls `body` for each piece that `symbols[range]` begins with, the shortest first.
  @inline(__always)
  func forEachPrefix(of symbols: [Int32], _ range: Range<Int>, _ body: (Int32) -> Void) {
    var node = symbols[range.lowerBound]
    let characterCount = pieces.count - children.count
    body(pieces[Int(node)])
    for position in range.dropFirst() {
      guard let index = children.find(PairTable.key(node, symbols[position])) else { return }
      node = Int32(characterCount + index)
      if pieces[Int(node)] >= 0 { body(pieces[Int(node)]) }
    }
  }
}
