// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// The second half of the TIES family: per element, elect a sign, then combine the changes that
/// have it.
///
///     pₖ  = wₖ·δₖ                                     δₖ: change of the base, trimmed or masked
///     γ   = +1 where Σₖ fₖ·pₖ ≥ 0, else −1            (weighted election, as in mergekit)
///     γ   = +1 where Σₖ fₖ·δₖ ≥ 0, else −1            (unweighted election)
///     A   = { k : pₖ ≠ 0 and sign(pₖ) = γ }           (unweighted: sign(δₖ))
///     out = base + λ · Σ_A pₖ / Σ_A wₖ                (without `normalize`: the sum alone)
///
/// fₖ is 1 for plain TIES. A factor of exactly 1 changes no bit, which is why slack 0 is TIES.
/// With an allowance ξₖ the entries of that source that lose are in A too where the vote was close,
/// |Σ fₖ·pₖ| ≤ ξₖ; an element with such entries gets the sum alone.
/// Sums run in recipe order in `Float`; a divisor of exactly 0 counts as 1, one below
/// `smallestDivisor` as that.
struct SignConsensus: Sendable {
  let weights: [Float]
  /// fₖ ≥ 1: how much louder a source's vote is.
  var voices: [Float]
  let isElectionWeighted: Bool
  let normalize: Bool
  let lambda: Float
  /// ξₖ in the unit of votes, below 0 for none; empty for none at all.
  var allowances: [Float] = []
  /// The source whose sign wins wherever it has one.
  var dictator: Int?
  /// Below this a divisor counts as this; 0: only a divisor of exactly 0 is replaced, by 1.
  var smallestDivisor: Float = 0

  init(
    weights: [Float], isElectionWeighted: Bool, normalize: Bool, lambda: Float
  ) throws(MergeError) {
    try checkFinite(weights)
    try check("lambda", Double(lambda), "a finite number") { _ in true }
    self.init(
      checkedWeights: weights, isElectionWeighted: isElectionWeighted, normalize: normalize,
      lambda: lambda)
  }

  init(checkedWeights weights: [Float], isElectionWeighted: Bool, normalize: Bool, lambda: Float) {
    self.weights = weights
    voices = weights.map { _ in 1 }
    self.isElectionWeighted = isElectionWeighted
    self.normalize = normalize
    self.lambda = lambda
  }

  /// What a source brings to the election, before its voice.
  func vote(_ position: Int, _ change: Float) -> Float {
    isElectionWeighted ? weights[position] * change : change
  }

  /// Fills `out` with the merged tensor: `changes` holds one row of `out.count` per source.
  func combine(base: FloatChunk, changes: FloatChunk, into out: MutableFloatChunk) {
    guard isPlain else { return kernel.combine(changes, base: base, into: out) }
    mixPlainly(changes, into: out)
    for i in out.indices { out[i] = base[i] + out[i] * lambda }
  }

  /// Fills `out` with the merged change, not yet multiplied by λ.
  func mix(_ changes: FloatChunk, into out: MutableFloatChunk) {
    guard isPlain else { return kernel.combine(changes, base: nil, into: out) }
    mixPlainly(changes, into: out)
  }

  /// Whether the election has what only `mixPlainly` knows.
  private var isPlain: Bool { dictator != nil || !allowances.isEmpty }

  private var kernel: ConsensusSum {
    ConsensusSum(
      weights: weights, voices: voices, isElectionWeighted: isElectionWeighted,
      normalize: normalize, smallestDivisor: smallestDivisor, lambda: lambda)
  }

  /// As `mix`, element by element; in vectors there is no dictator and no allowance.
  func mixPlainly(_ changes: FloatChunk, into out: MutableFloatChunk) {
    let count = out.count
    // Source by source rather than element by element, so that the loops vectorise; each element
    // still sees the sources in recipe order.
    withScratch(count: 2 * count) { memory in
      let (sum, divisor) = (memory[0..<count], memory[count..<(2 * count)])
      out.fill(0)
      for k in weights.indices {
        let (row, voice) = (changes[(k * count)..<((k + 1) * count)], voices[k])
        for i in sum.indices { sum[i] += voice * vote(k, row[i]) }
      }
      if let dictator {
        let row = changes[(dictator * count)..<((dictator + 1) * count)]
        for i in sum.indices {
          let ballot = vote(dictator, row[i])
          if ballot != 0 { sum[i] = ballot }
        }
      }
      if !allowances.isEmpty { return mixWithLosers(changes, sum.reading, divisor, into: out) }
      for k in weights.indices {
        let (row, weight) = (changes[(k * count)..<((k + 1) * count)], weights[k])
        for i in out.indices {
          let ballot = vote(k, row[i])
          let agrees = ballot != 0 && (ballot > 0) == (sum[i] >= 0)
          out[i] += agrees ? weight * row[i] : 0
          divisor[i] += agrees ? weight : 0
        }
      }
      divide(out, by: divisor.reading)
    }
  }

  private func divide(_ out: MutableFloatChunk, by divisor: FloatChunk) {
    if !normalize { return }
    if smallestDivisor > 0 {
      for i in out.indices { out[i] /= max(divisor[i], smallestDivisor) }
    } else {
      for i in out.indices { out[i] /= divisor[i] == 0 ? 1 : divisor[i] }
    }
  }

  /// The second half of `mix` where losers may stay; `divisor` is filled with zeros.
  private func mixWithLosers(
    _ changes: FloatChunk, _ sum: FloatChunk, _ divisor: MutableFloatChunk,
    into out: MutableFloatChunk
  ) {
    let count = out.count
    withScratch(count: count) { losers in
      for k in weights.indices {
        let (row, weight) = (changes[(k * count)..<((k + 1) * count)], weights[k])
        let allowance = allowances[k]
        for i in out.indices {
          let ballot = vote(k, row[i])
          let agrees = ballot != 0 && (ballot > 0) == (sum[i] >= 0)
          let stays = ballot != 0 && !agrees && sum[i].magnitude <= allowance
          out[i] += agrees || stays ? weight * row[i] : 0
          divisor[i] += agrees ? weight : 0
          losers[i] += stays ? 1 : 0
        }
      }
      if !normalize { return }
      for i in out.indices {
        out[i] /= losers[i] > 0 || divisor[i] == 0 ? 1 : divisor[i]
      }
    }
  }

  /// The sum of all votes on element `i`, whose sign is the elected one.
  func balance(at i: Int, _ changes: FloatChunk, count: Int) -> Float {
    if let dictator {
      let ballot = vote(dictator, changes[dictator * count + i])
      if ballot != 0 { return ballot }
    }
    var sum: Float = 0
    for k in weights.indices { sum += voices[k] * vote(k, changes[k * count + i]) }
    return sum
  }

  /// What becomes of an entry in the election.
  enum Fate { case wins, staysThoughLost, drops }

  /// The fate of an entry of the source at `position`.
  func fate(_ change: Float, position: Int, balance: Float) -> Fate {
    let ballot = vote(position, change)
    if ballot == 0 { return .drops }
    if (ballot > 0) == (balance >= 0) { return .wins }
    return !allowances.isEmpty && balance.magnitude <= allowances[position]
      ? .staysThoughLost : .drops
  }

  /// Lends the changes of all sources, with those that `thresholds` drop set to zero.
  static func withTrimmedChanges<R>(
    _ chunk: MergeChunk, _ thresholds: [MagnitudeThreshold], _ body: (FloatChunk) -> R
  ) -> R {
    withWorkspace(count: chunk.count * thresholds.count) { memory in
      for (k, threshold) in thresholds.enumerated() {
        let row = memory[(k * chunk.count)..<((k + 1) * chunk.count)]
        chunk.change(k, into: row)
        threshold.trim(row, startingAt: chunk.start)
      }
      return body(memory.reading)
    }
  }
}

extension MagnitudeThreshold {
  /// Sets to zero what is not kept; `start` is the index in the tensor of the first element.
  func trim(_ values: MutableFloatChunk, startingAt start: Int) {
    if self == .everything { return }
    // Before `tieEnd` what equals the threshold is kept, behind it only what is larger.
    let middle = min(values.count, max(0, tieEnd - start))
    Elementwise.trim(values[0..<middle], below: pattern)
    Elementwise.trim(
      values[middle..<values.count], below: pattern == .max ? pattern : pattern + 1)
  }
}
