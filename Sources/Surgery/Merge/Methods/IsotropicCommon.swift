// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Isotropic merging in the common subspace (Iso-C): the sum of the changes with all its singular
/// values made equal, so that no source's few strong directions rule.
///
/// The sum of many changes is much larger than one of them, and small directions become as large as
/// the mean: `lambda` wants tuning.
///
/// - Shapes: base, sources and output alike. Matrices are decomposed; other tensors, and embeddings
///   and heads unless `vocabulary`, get the mean of the changes.
/// - Precision: the sum in `Float`, decomposition and products in `Double`; directions of at most
///   10⁻⁶ of the largest are rounding, and left out. Rounded once to the output type.
public struct IsotropicCommon: MergeMethod {
  public static let card = MethodCard(
    id: "iso_c", title: "the sum of the changes with equal singular values",
    formula: """
      τₖ  = wₖ·δₖ, for the n sources with wₖ ≠ 0;  Σ τₖ = U·S·Vᵀ, of rank r
      out = b + λ · s̄·U·Vᵀ                        s̄: the mean of the r singular values
            b + λ · Σ τₖ/n                        tensors that are no matrices; embeddings and heads
      """,
    source: "Marczak et al. 2025, arXiv:2502.04959",
    departs:
      "weights, the paper has none; directions without size (σ ≤ 1e-6·σ₁) neither count in the mean "
      + "nor are made up, where the published code gives arbitrary ones the mean's size; embeddings "
      + "and heads are averaged unless `vocabulary` says otherwise",
    cost:
      "one reading of each source, n + 1 of the base; for a matrix of m × s some 3·m·s² + 11·s³ operations: 0.9 processor seconds "
      + "at 1024 × 1024, eight times that for twice the sides; memory up to nine times the tensor in "
      + "F32",
    base: .required, perSource: [.init("weight", default: 1.0)],
    notes: [.weight, .lambda, .vocabulary],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda],
    wholeTensors: (perSource: 0, besides: 9))

  public typealias Parameters = MatrixParameters

  private let family: MatrixMerge

  public init(_ parameters: Parameters) throws(MergeError) { family = try parameters.family() }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try family.merge(group, into: &output, method: Self.card.id) { changes in
      let sum = try changes.sum()
      let factors = try GramFactors(sum, threads: changes.threads)
      let mean = factors.values.reduce(0, +) / Double(max(1, factors.rank))
      return factors.flattened(sum, to: mean, threads: changes.threads)
    }
  }
}
