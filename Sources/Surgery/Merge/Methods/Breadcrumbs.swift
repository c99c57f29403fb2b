// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Model breadcrumbs: drop the very largest and the small entries of each task vector, and add.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type; mergekit's
///   bits in float32 where no two magnitudes at a cut are equal.
public struct Breadcrumbs: MergeMethod {
  public static let card = MethodCard(
    id: "breadcrumbs", title: "drop the very largest and the small entries, add",
    formula: """
      δ̂ₖ  = ⌊densityₖ·n⌋ entries of δₖ: the largest magnitudes after the ⌊gammaₖ·n⌋ very largest
            (nearer to these where there are too few others); all where densityₖ = 1
      out = b + λ · Σ wₖ·δ̂ₖ                       normalize: the sum divided by Σ wₖ
      """,
    source: "Davari and Belilovsky 2023, arXiv:2312.06795; mergekit `breadcrumbs`",
    departs:
      "as mergekit: at density 1, the default, outliers stay too, so that the plain method is task "
      + "arithmetic; of equal magnitudes at a cut the lowest index counts as the larger",
    cost: "one pass where every density is 1, else four or five; one more with `rescale`",
    base: .required,
    perSource: [.init("weight"), .init("density", default: 1.0), .init("gamma", default: 0.01)],
    notes: [
      .weight, .density,
      .init(
        "gamma", range: "0 to 1", "share of the largest entries dropped, where density is below 1"),
      .normalizeSum, .rescale, .lambda,
    ],
    ignored: ["int8_mask"],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda, .denseIsTaskArithmetic])

  public typealias Parameters = BreadcrumbsParameters

  private let family: TaskVectorMerge

  public init(_ parameters: Parameters) throws(MergeError) {
    family = try parameters.family(.none)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try family.merge(group, into: &output)
  }
}
