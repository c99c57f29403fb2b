// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A vote on the sign of each element, and the sum of the changes that have it.
///
///     pₖ = wₖ·δₖ;   ballotₖ = pₖ, or δₖ where weights do not vote
///     γ  = the sign of Σₖ fₖ·ballotₖ, 0 counting as +
///     A  = { k : ballotₖ ≠ 0 and has the sign γ }
///     D  = Σ_A pₖ, divided by Σ_A wₖ where that is wanted
///     out = D, or base + λ·D
///
/// Sums run over the sources in order, in `Float`, starting at zero; each operation is rounded once.
package struct ConsensusSum: Sendable {
  private let weights: [Float]
  private let voices: [Float]
  /// What a change is multiplied with for its ballot: the weight, or 1, which alters no bit.
  private let ballotWeights: [Float]
  private let normalize: Bool
  private let smallestDivisor: Float
  private let lambda: Float

  /// - Parameters:
  ///   - normalize: whether the sum is divided by the weights in it.
  ///   - smallestDivisor: a divisor below this counts as this; 0: one of exactly 0 counts as 1.
  ///   - lambda: λ, where there is a base.
  package init(
    weights: [Float], voices: [Float], isElectionWeighted: Bool, normalize: Bool,
    smallestDivisor: Float = 0, lambda: Float = 1
  ) {
    precondition(weights.count == voices.count, "a weight and a voice for each source")
    self.weights = weights
    self.voices = voices
    ballotWeights = isElectionWeighted ? weights : weights.map { _ in 1 }
    self.normalize = normalize
    self.smallestDivisor = smallestDivisor
    self.lambda = lambda
  }

  /// Combines one row of `out.count` changes per source, without a base to D itself.
  package func combine(_ changes: FloatChunk, base: FloatChunk?, into out: MutableFloatChunk) {
    let count = out.count
    precondition(
      changes.count == count * weights.count && base?.count ?? count == count,
      "a row for each source")
    if weights.count == 2, ballotWeights == weights {
      combinePair(changes, base, into: out)
    } else {
      combineRows(changes, base, into: out)
    }
    combinePlain(changes, base: base, (count & ~7)..<count, into: out)
  }

  private func combineRows(
    _ changes: FloatChunk, _ base: FloatChunk?, into out: MutableFloatChunk
  ) {
    let (count, sourceCount) = (out.count, weights.count)
    // One list, lent once: weight, ballot's weight and voice of each source.
    let factors = weights.indices.flatMap { [weights[$0], ballotWeights[$0], voices[$0]] }
    factors.withChunk { factors in
      var i = 0
      while i < count & ~7 {
        var sum = SIMD8<Float>()
        for k in 0..<sourceCount {
          let ballot = factors[3 &* k &+ 1] * changes.vector(at: k &* count &+ i)
          sum += factors[3 &* k &+ 2] * ballot
        }
        let elected = Self.electedSign(sum)
        var (total, agreeing) = (SIMD8<Float>(), SIMD8<Float>())
        for k in 0..<sourceCount {
          let change = changes.vector(at: k &* count &+ i)
          let weight = SIMD8(repeating: factors[3 &* k])
          let loses = Self.loses(factors[3 &* k &+ 1] * change, elected)
          total += (weight * change).replacing(with: 0, where: loses)
          agreeing += weight.replacing(with: 0, where: loses)
        }
        out.setVector(finished(total, agreeing, base, i), at: i)
        i &+= 8
      }
    }
  }

  /// Two sources whose weights vote: what is multiplied is the ballot too, and stays in registers. A 0
  /// to begin with would alter neither the vote nor the sum, for what agrees is not 0.
  private func combinePair(
    _ changes: FloatChunk, _ base: FloatChunk?, into out: MutableFloatChunk
  ) {
    let count = out.count
    let (left, right) = (SIMD8(repeating: weights[0]), SIMD8(repeating: weights[1]))
    let voices = (SIMD8(repeating: voices[0]), SIMD8(repeating: voices[1]))
    var i = 0
    while i < count & ~7 {
      let (first, second) = (
        left * changes.vector(at: i), right * changes.vector(at: count &+ i)
      )
      let elected = Self.electedSign(voices.0 * first + voices.1 * second)
      let (firstLoses, secondLoses) = (Self.loses(first, elected), Self.loses(second, elected))
      let total =
        first.replacing(with: 0, where: firstLoses) + second.replacing(with: 0, where: secondLoses)
      let agreeing =
        left.replacing(with: 0, where: firstLoses) + right.replacing(with: 0, where: secondLoses)
      out.setVector(finished(total, agreeing, base, i), at: i)
      i &+= 8
    }
  }

  /// The sign bit where the sum of the votes elects −, else none.
  @inline(__always) private static func electedSign(_ sum: SIMD8<Float>) -> SIMD8<UInt32> {
    SIMD8(repeating: 0x8000_0000).replacing(with: 0, where: sum .>= 0)
  }

  /// Where a ballot is 0 or has not the elected sign. A NaN makes the sum one, which elects −, and is
  /// then not lost, as in the plain form.
  @inline(__always) private static func loses(
    _ ballot: SIMD8<Float>, _ elected: SIMD8<UInt32>
  ) -> SIMDMask<SIMD8<Int32>> {
    // Safety: vectors of the same size; every pattern of bits is a float, and an integer.
    let bits = unsafe unsafeBitCast(ballot, to: SIMD8<UInt32>.self) ^ elected
    return unsafe unsafeBitCast(bits, to: SIMD8<Float>.self) .<= 0
  }

  @inline(__always) private func finished(
    _ total: SIMD8<Float>, _ agreeing: SIMD8<Float>, _ base: FloatChunk?, _ i: Int
  ) -> SIMD8<Float> {
    var result = total
    // Two divisions rather than a choice of divisor, which would cost more than they do.
    if normalize, smallestDivisor > 0 {
      result /= agreeing.replacing(with: smallestDivisor, where: agreeing .<= smallestDivisor)
    } else if normalize {
      result /= agreeing.replacing(with: 1, where: agreeing .== 0)
    }
    return if let base { base.vector(at: i) + result * lambda } else { result }
  }

  /// The elements at `range`, one at a time.
  func combinePlain(
    _ changes: FloatChunk, base: FloatChunk?, _ range: Range<Int>, into out: MutableFloatChunk
  ) {
    let count = out.count
    for i in range {
      var sum: Float = 0
      for k in weights.indices {
        let change = changes[k * count + i]
        sum += voices[k] * (ballotWeights[k] * change)
      }
      var (total, agreeing) = (Float(0), Float(0))
      for k in weights.indices {
        let change = changes[k * count + i]
        let ballot = ballotWeights[k] * change
        let agrees = ballot != 0 && (ballot > 0) == (sum >= 0)
        total += agrees ? weights[k] * change : 0
        agreeing += agrees ? weights[k] : 0
      }
      if normalize {
        total /= smallestDivisor > 0 ? max(agreeing, smallestDivisor) : agreeing == 0 ? 1 : agreeing
      }
      out[i] = if let base { base[i] + total * lambda } else { total }
    }
  }
}
