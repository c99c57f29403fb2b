// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Task singular vectors (TSV-M): of each source's change the largest singular directions, made
/// orthogonal to those of the others so that they do not interfere.
///
/// - Shapes: base, sources and output alike. Matrices are decomposed; other tensors, embeddings and
///   heads (unless `vocabulary`), and matrices with fewer rows or columns than there are sources get
///   the mean of the changes.
/// - Precision: changes in `Float`, decompositions and sums in `Double`; directions of at most 10⁻⁶
///   of a change's largest are rounding, and left out. Rounded once to the output type.
public struct TaskSingularVectors: MergeMethod {
  public static let card = MethodCard(
    id: "tsv_m", title: "the largest singular directions of each change, made orthogonal",
    formula: """
      τₖ  = wₖ·δₖ, for the n sources with wₖ ≠ 0; a matrix with s the smaller of rows and columns
      τₖ  ≈ Uₖ·Sₖ·Vₖᵀ                             its ⌊s/n⌋ largest singular values
      U   = [U₁ … Uₙ], likewise S and V;  U⊥ = U·(UᵀU)^−½, likewise V⊥     (the nearest orthonormal)
      out = b + λ · U⊥·S·V⊥ᵀ
            b + λ · Σ τₖ/n                        other tensors; embeddings and heads
      """,
    source: "Gargiulo et al. 2025, arXiv:2412.00081",
    departs:
      "weights, the paper has none; directions without size (σ ≤ 1e-6·σ₁) are left out and the root "
      + "is of the pseudo-inverse, where the published code takes what its SVD happens to give; "
      + "embeddings and heads are averaged unless `vocabulary` says otherwise, as are matrices with "
      + "s < n, of which the published code keeps nothing",
    cost:
      "one reading of each source, n + 1 of the base; for a matrix of m × s some (n + 5)·m·s² + (9n + 27)·s³ operations: for three "
      + "sources 4.5 processor seconds at 1024 × 1024, eight times that for twice the sides; memory "
      + "up to eleven times the tensor in F32",
    base: .required, perSource: [.init("weight", default: 1.0)],
    notes: [.weight, .lambda, .vocabulary],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda],
    wholeTensors: (perSource: 0, besides: 11))

  public typealias Parameters = MatrixParameters

  private let family: MatrixMerge

  public init(_ parameters: Parameters) throws(MergeError) { family = try parameters.family() }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try family.merge(group, into: &output, method: Self.card.id, needsSide: true) { changes in
      let share = min(changes.rows, changes.columns) / changes.count
      var all = SingularDirections(rows: changes.rows, columns: changes.columns)
      for k in 0..<changes.count {
        let change = try changes.change(k)
        let factors = try GramFactors(change, threads: changes.threads)
        all.append(factors.directions(of: change, count: share, threads: changes.threads))
      }
      return try all.orthogonalized(values: all.values, threads: changes.threads)
    }
  }
}
