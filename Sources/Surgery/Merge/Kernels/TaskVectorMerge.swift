// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// What all methods of the task-arithmetic family share ("generalised task arithmetic" in
/// mergekit): they differ in the sparsifier, in whether signs are elected, and in defaults.
///
///     δₖ  = xₖ − b, made sparse, perhaps rescaled
///     D   = Σₖ wₖ·δₖ                        with an election: over the sources that agree
///     out = b + λ · D / (1 or Σ of the weights of the sources in the sum)
///
/// Computed in `Float`, sources in recipe order, each operation rounded once: without rescaling and
/// random masks that is mergekit's result to the bit in float32.
struct TaskVectorMerge: Sendable {
  /// Whether and how signs are elected.
  enum Election: Sendable { case none, weighted, unweighted }

  let sparsifier: Sparsifier
  let rescaling: Rescaling
  private let consensus: SignConsensus
  private let elects: Bool
  /// Of the plain sum.
  private let divisor: Float

  var weights: [Float] { consensus.weights }

  init(
    _ sparsifier: Sparsifier, rescaling: Rescaling = .none, election: Election,
    weights: [Float], normalize: Bool, lambda: Float
  ) throws(MergeError) {
    self.sparsifier = sparsifier
    self.rescaling = rescaling
    elects = election != .none
    consensus = try SignConsensus(
      weights: weights, isElectionWeighted: election != .unweighted, normalize: normalize,
      lambda: lambda)
    let sum = weights.reduce(0, +)
    divisor = normalize && sum.magnitude >= 1e-8 ? sum : 1
  }

  func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let changes = try SparseChanges(group, sparsifier, rescaling)
    let lambda = consensus.lambda
    let body: @Sendable (MergeChunk, MutableFloatChunk) -> Void = { chunk, out in
      let base = chunk.base
      if elects {
        withRows(changes, chunk) { rows in consensus.combine(base: base, changes: rows, into: out) }
      } else {
        mix(changes, chunk, into: out)
        for i in out.indices { out[i] = base[i] + out[i] * lambda }
      }
    }
    if changes.needsWholeRows {
      group.mapWholeRows(into: &output, body)
    } else {
      group.mapChanges(into: &output, body)
    }
  }

  /// Fills `out` with the merged change D, divided but not yet multiplied by λ.
  func mix(_ changes: SparseChanges, _ chunk: MergeChunk, into out: MutableFloatChunk) {
    if elects {
      return withRows(changes, chunk) { rows in consensus.mix(rows, into: out) }
    }
    withWorkspace(count: chunk.count) { row in
      out.fill(0)
      for (k, weight) in weights.enumerated() {
        changes.fill(row, chunk, k)
        for i in out.indices { out[i] += weight * row[i] }
      }
    }
    if divisor != 1 { for i in out.indices { out[i] /= divisor } }
  }

  /// Lends what each source keeps of its change, row by row.
  private func withRows(
    _ changes: SparseChanges, _ chunk: MergeChunk, _ body: (FloatChunk) -> Void
  ) {
    let count = chunk.count
    withWorkspace(count: count * weights.count) { rows in
      for k in weights.indices { changes.fill(rows[(k * count)..<((k + 1) * count)], chunk, k) }
      body(rows.reading)
    }
  }
}

/// Rescaling as the two flags of the family say it.
func rescaling(_ rescale: Bool, byDensity: Bool) -> Rescaling {
  !rescale ? .none : byDensity ? .chance : .sumOfMagnitudes
}

/// Epsilons of DELLA: from 0, and such that every chance lies strictly between 0 and 1.
func checkedEpsilons(_ epsilons: [Double], densities: [Double]) throws(MergeError) -> [Double] {
  for (epsilon, density) in zip(epsilons, densities) {
    let isThinned = density > 0 && density < 1
    try check(
      "epsilon", epsilon,
      "a number from 0, with density − epsilon above 0 and density + epsilon below 1"
    ) { $0 >= 0 && (!isThinned || (density - $0 > 0 && density + $0 < 1)) }
  }
  return epsilons
}
