// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Task arithmetic: the base plus a weighted sum of task vectors.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type; bit for bit
///   mergekit's result in float32.
public struct TaskArithmetic: MergeMethod {
  public static let card = MethodCard(
    id: "task_arithmetic", title: "the base plus weighted changes",
    formula: """
      out = b + λ · Σ wₖ·δₖ                       normalize: the sum divided by Σ wₖ
      """,
    source: "Ilharco et al. 2023, arXiv:2212.04089, eq. 1; mergekit `task_arithmetic`",
    departs: "one weight per source; the paper shares one λ",
    cost: "one pass",
    base: .required,
    perSource: [.init("weight")],
    notes: [
      .weight, .normalizeSum, .lambda,
    ],
    ignored: ["int8_mask", "density", "rescale"],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda, .denseIsTaskArithmetic])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// Whether the sum is divided by the weights in it.
    public var normalize = false
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case normalize, lambda
    }
  }

  private let family: TaskVectorMerge

  public init(_ parameters: Parameters) throws(MergeError) {
    family = try TaskVectorMerge(
      .none,
      election: .none, weights: parameters.weights,
      normalize: parameters.normalize, lambda: parameters.lambda)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try family.merge(group, into: &output)
  }
}
