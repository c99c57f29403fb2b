// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A vote on the sign of each element, and the sum of the changes that have it.
///
///     pₖ = wₖ·δₖ;   ballotₖ = pₖ, or δₖ where weights do not vote
///     γ  = the sign of Σₖ fₖ·ballotₖ, 0 counting as +
///     A  = { k : ballotₖ ≠ 0 and has the sign γ }
///     out = Σ_A pₖ;   divisor = Σ_A wₖ
///
/// Sums run over the sources in order, in `Float`, starting at zero.
package struct ConsensusSum: Sendable {
  private let weights: [Float]
  private let voices: [Float]
  /// What a change is multiplied with for its ballot: the weight, or 1, which alters no bit.
  private let ballotWeights: [Float]

  package init(weights: [Float], voices: [Float], isElectionWeighted: Bool) {
    precondition(weights.count == voices.count, "a weight and a voice for each source")
    self.weights = weights
    self.voices = voices
    ballotWeights = isElectionWeighted ? weights : weights.map { _ in 1 }
  }

  /// Sums one row of `out.count` changes per source.
  package func sum(
    _ changes: FloatChunk, into out: MutableFloatChunk, divisor: MutableFloatChunk
  ) {
    let count = out.count
    precondition(
      changes.count == count * weights.count && divisor.count == count, "a row for each source")
    if weights.count == 2, voices == [1, 1], ballotWeights == weights {
      return sumPair(changes, into: out, divisor: divisor)
    }
    let sourceCount = weights.count
    let whole = count & ~7
    // One list, lent once: weight, ballot's weight and voice of each source.
    let factors = weights.indices.flatMap { [weights[$0], ballotWeights[$0], voices[$0]] }
    factors.withChunk { factors in
      var i = 0
      while i < whole {
        var sum = SIMD8<Float>()
        for k in 0..<sourceCount {
          let ballot = factors[3 &* k &+ 1] * changes.vector(at: k &* count &+ i)
          sum += factors[3 &* k &+ 2] * ballot
        }
        let isPositive = sum .>= 0
        var (total, agreeing) = (SIMD8<Float>(), SIMD8<Float>())
        for k in 0..<sourceCount {
          let change = changes.vector(at: k &* count &+ i)
          let weight = SIMD8(repeating: factors[3 &* k])
          let ballot = factors[3 &* k &+ 1] * change
          let disagrees = (ballot .== 0) .| ((ballot .> 0) .^ isPositive)
          total += (weight * change).replacing(with: 0, where: disagrees)
          agreeing += weight.replacing(with: 0, where: disagrees)
        }
        out.setVector(total, at: i)
        divisor.setVector(agreeing, at: i)
        i &+= 8
      }
    }
    sumPlain(changes, whole..<count, into: out, divisor: divisor)
  }

  /// Two sources whose weights vote, with voices of 1: what is multiplied is the ballot too, and stays
  /// in registers. A 0 to begin with would alter neither the vote nor the sum, for what agrees is not 0.
  private func sumPair(
    _ changes: FloatChunk, into out: MutableFloatChunk, divisor: MutableFloatChunk
  ) {
    let count = out.count
    let (left, right) = (SIMD8(repeating: weights[0]), SIMD8(repeating: weights[1]))
    let whole = count & ~7
    var i = 0
    while i < whole {
      let (first, second) = (
        left * changes.vector(at: i), right * changes.vector(at: count &+ i)
      )
      let isPositive = first + second .>= 0
      let firstLoses = (first .== 0) .| ((first .> 0) .^ isPositive)
      let secondLoses = (second .== 0) .| ((second .> 0) .^ isPositive)
      out.setVector(
        first.replacing(with: 0, where: firstLoses) + second.replacing(with: 0, where: secondLoses),
        at: i)
      divisor.setVector(
        left.replacing(with: 0, where: firstLoses) + right.replacing(with: 0, where: secondLoses),
        at: i)
      i &+= 8
    }
    sumPlain(changes, whole..<count, into: out, divisor: divisor)
  }

  /// The elements at `range`, one at a time.
  func sumPlain(
    _ changes: FloatChunk, _ range: Range<Int>, into out: MutableFloatChunk,
    divisor: MutableFloatChunk
  ) {
    let count = out.count
    for i in range {
      var sum: Float = 0
      for k in weights.indices {
        let change = changes[k * count + i]
        sum += voices[k] * (ballotWeights[k] * change)
      }
      (out[i], divisor[i]) = (0, 0)
      for k in weights.indices {
        let change = changes[k * count + i]
        let ballot = ballotWeights[k] * change
        let agrees = ballot != 0 && (ballot > 0) == (sum >= 0)
        out[i] += agrees ? weights[k] * change : 0
        divisor[i] += agrees ? weights[k] : 0
      }
    }
  }
}
