// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The pieces of a Unigram vocabulary and their probabilities, while they are being found.
struct UnigramFit {
  private let words: TrainingWords
  private var pieces: PieceSet
  private var lattices: [PieceLattice]
  /// The logarithm of the corpus's probability before the last step, in nats.
  private(set) var logLikelihood = -Double.infinity

  /// Parts of the corpus whose sums are added in order, so that no number of threads changes them.
  private static let parts = 16

  /// How many pieces there are at present.
  var pieceCount: Int { pieces.count }

  /// The length of each piece in characters.
  var lengths: [UInt8] { pieces.lengths }

  /// How often each piece is expected in the whole corpus; words longer than `plainLimit` are
  /// summed as logarithms.
  func expectation(plainLimit: Int) -> PieceLattice.Expectation {
    var sum = PieceLattice.Expectation(
      counts: [Double](repeating: 0, count: pieces.count), logLikelihood: 0)
    for lattice in lattices {
      let part = lattice.expectation(pieces, plainLimit: plainLimit)
      sum.logLikelihood += part.logLikelihood
      for piece in sum.counts.indices { sum.counts[piece] += part.counts[piece] }
    }
    return sum
  }

  /// Starts from the best candidates, each as probable as it is frequent and long.
  init(
    _ words: TrainingWords, characterCount: Int, seedCount: Int, minimumFrequency: Int,
    maximumLength: Int
  ) {
    self.words = words
    var characterCounts = [Int](repeating: 0, count: characterCount)
    var characterPositions = [Int32](repeating: 0, count: characterCount)
    for word in 0..<words.count {
      for position in words.starts[word]..<words.starts[word + 1] {
        characterCounts[Int(words.symbols[position])] += words.counts[word]
        characterPositions[Int(words.symbols[position])] = Int32(position)
      }
    }
    let seeds = Self.best(
      seedCount,
      of: SeedFinder(words, maximumLength: maximumLength)
        .seeds(symbolCount: characterCount, atLeast: max(2, minimumFrequency)))
    pieces = PieceSet(characterCount: characterCount)
    pieces.positions = characterPositions + seeds.map(\.position)
    pieces.lengths =
      [UInt8](repeating: 1, count: characterCount) + seeds.map { UInt8($0.length) }
    let weights = characterCounts.map { Double(max(1, $0)) } + seeds.map { Double($0.score) }
    let total = log(weights.reduce(0, +))
    pieces.scores = weights.map { log($0) - total }
    let trie = PieceTrie(pieces, symbols: words.symbols)
    let ranges = Self.ranges(words)
    lattices = Concurrently.map(ranges.count) { part in
      PieceLattice(words, wordRange: ranges[part], trie: trie)
    }
  }

  private static func best(_ count: Int, of seeds: [SeedFinder.Seed]) -> [SeedFinder.Seed] {
    guard seeds.count > count else { return seeds }
    var order = seeds.indices.map { (score: seeds[$0].score, index: $0) }
    order.sort { $0.score != $1.score ? $0.score > $1.score : $0.index < $1.index }
    return order.prefix(count).map { seeds[$0.index] }
  }

  /// Runs of words with about equally many characters.
  private static func ranges(_ words: TrainingWords) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var start = 0
    for part in 1...parts {
      let goal = words.symbols.count * part / parts
      var end = start
      while end < words.count, words.starts[end] < goal { end += 1 }
      if part == parts { end = words.count }
      if end > start { result.append(start..<end) }
      start = end
    }
    return result
  }

  /// One round of expectation maximisation. Pieces expected less than half a time are dropped.
  mutating func maximize() {
    let parts = Self.expectations(lattices, pieces)
    logLikelihood = parts.reduce(0) { $0 + $1.logLikelihood }
    var counts = [Double](repeating: 0, count: pieces.count)
    for part in parts {
      for piece in counts.indices { counts[piece] += part.counts[piece] }
    }
    var kept: [Int32] = []
    var total = 0.0
    for piece in counts.indices {
      let isCharacter = piece < pieces.characterCount
      guard isCharacter || counts[piece] >= 0.5 else { continue }
      counts[piece] = max(counts[piece], 0.5)
      total += counts[piece]
      kept.append(Int32(piece))
    }
    let digammaOfTotal = Self.digamma(total)
    for piece in kept {
      pieces.scores[Int(piece)] = Self.digamma(counts[Int(piece)]) - digammaOfTotal
    }
    keep(kept)
  }

  /// Drops pieces until `count` are left, those first without which the corpus is hardly less
  /// probable.
  mutating func prune(to count: Int) {
    let losses = Self.losses(lattices, pieces)
    var order = losses.indices.map { (loss: losses[$0], piece: Int32(pieces.characterCount + $0)) }
    order.sort { $0.loss != $1.loss ? $0.loss > $1.loss : $0.piece < $1.piece }
    let room = max(0, count - pieces.characterCount)
    let kept = order.prefix(room).lazy.filter { $0.loss > -.infinity }.map(\.piece).sorted()
    keep((0..<Int32(pieces.characterCount)) + kept)
  }

  // Static, so that no loop holds a second reference to what the next step changes in place.
  private static func expectations(
    _ lattices: [PieceLattice], _ pieces: PieceSet
  ) -> [PieceLattice.Expectation] {
    Concurrently.map(lattices.count) { lattices[$0].expectation(pieces) }
  }

  /// The loss of every piece that is no character.
  private static func losses(_ lattices: [PieceLattice], _ pieces: PieceSet) -> [Double] {
    var frequencies = [Int](repeating: 0, count: pieces.count)
    for part in Concurrently.map(lattices.count, { lattices[$0].bestCounts(pieces) }) {
      for piece in frequencies.indices { frequencies[piece] += part[piece] }
    }
    let uses = frequencies
    let total = Double(uses.reduce(0, +))
    let runs = Concurrently.runs(of: pieces.count - pieces.characterCount, parts: 64)
    return Concurrently.map(runs.count) { run in
      var path = BestPath()
      return runs[run].map { offset in
        let piece = pieces.characterCount + offset
        let place = Int(pieces.positions[piece])
        let part = lattices.partitioningIndex { $0.places.upperBound > place }
        lattices[part].alternative(to: piece, pieces, &path)
        return loss(of: piece, pieces, uses, total, path)
      }
    }.flatMap { $0 }
  }

  /// By how much the corpus's log probability falls when a piece is replaced by the best way to cut
  /// it; -∞ for a piece that is better cut, or never used.
  private static func loss(
    of piece: Int, _ pieces: PieceSet, _ uses: [Int], _ total: Double, _ path: BestPath
  ) -> Double {
    guard uses[piece] > 0, path.score < pieces.scores[piece] else { return -.infinity }
    let frequency = Double(uses[piece])
    var parts = 0.0
    path.forEachPiece { _ in parts += 1 }
    let newTotal = log(total + frequency * (parts - 1))
    var alternative = 0.0
    path.forEachPiece { alternative += log(Double(uses[Int($0)]) + frequency) - newTotal }
    return frequency * (log(frequency) - log(total) - alternative)
  }

  private mutating func keep(_ kept: [Int32]) {
    guard kept.count < pieces.count else { return }
    var numbers = [Int32](repeating: -1, count: pieces.count)
    for (number, piece) in kept.enumerated() { numbers[Int(piece)] = Int32(number) }
    pieces = pieces.selecting(kept)
    for part in lattices.indices { lattices[part].renumber(numbers) }
  }

  /// All characters and the most probable pieces, `count` in all, the most probable first.
  func finish(count: Int, _ alphabet: CharacterAlphabet) -> [(text: String, score: Double)] {
    func before(_ a: Int, _ b: Int) -> Bool {
      pieces.scores[a] != pieces.scores[b] ? pieces.scores[a] > pieces.scores[b] : a < b
    }
    let others = (pieces.characterCount..<max(pieces.characterCount, pieces.count))
      .sorted(by: before).prefix(max(0, count - pieces.characterCount))
    return (Array(0..<pieces.characterCount) + others).sorted(by: before).map { piece in
      let start = Int(pieces.positions[piece])
      var text = String.UnicodeScalarView()
      for symbol in words.symbols[start..<start + Int(pieces.lengths[piece])] {
        text.append(alphabet.scalars[Int(symbol)])
      }
      return (String(text), pieces.scores[piece])
    }
  }

  /// The derivative of the logarithm of the gamma function, for x > 0.
  ///
  /// **Source**: the asymptotic series (Abramowitz and Stegun 6.3.18) above 6, reached by the
  /// recurrence ψ(x) = ψ(x + 1) − 1/x; the error is below 1e-12.
  static func digamma(_ value: Double) -> Double {
    var x = value
    var result = 0.0
    while x < 10 {
      result -= 1 / x
      x += 1
    }
    let square = 1 / (x * x)
    // B₂ₙ/2n, the last first.
    var series = 0.0
    for coefficient in [1.0 / 132, 1.0 / 240, 1.0 / 252, 1.0 / 120, 1.0 / 12] {
      series = square * (coefficient - series)
    }
    return result + log(x) - 0.5 / x - series
  }
}

extension Array {
  /// The first index whose element satisfies a predicate that all later elements satisfy too.
  fileprivate func partitioningIndex(_ isAfter: (Element) -> Bool) -> Int {
    var low = 0
    var high = count - 1
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
