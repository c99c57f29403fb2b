// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Task arithmetic: the base plus a weighted sum of task vectors.
///
///     out = base + λ · Σₖ wₖ · (xₖ − base)          (`normalize`: the sum divided by Σₖ wₖ)
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: computed in `Float` in recipe order, rounded once to the output type; bit for bit
///   mergekit's result in float32.
/// - Cost: one pass; reads k + 1 tensors, writes one.
public struct TaskArithmetic: MergeMethod {
  public static let card = MethodCard(
    id: "task_arithmetic",
    source: "Ilharco et al. 2023, arXiv:2212.04089, eq. 1; mergekit `task_arithmetic`",
    departs: "one weight per source; the paper shares one λ",
    base: .required, ignored: ["int8_mask"], laws: [.fixedPoint, .anyOrder])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// λ; 1 leaves the weights as they are.
    public var lambda: Float = 1
    /// Whether the sum is divided by the sum of the weights (unless that is below 1e-8).
    public var normalize = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case lambda, normalize
    }
  }

  private let weights: [Float]
  private let lambda: Float
  private let divisor: Float

  public init(_ parameters: Parameters) throws(MergeError) {
    try checkFinite(parameters.weights)
    guard parameters.lambda.isFinite else {
      throw .parameter("lambda", value: "\(parameters.lambda)", expected: "a finite number")
    }
    weights = parameters.weights
    lambda = parameters.lambda
    let sum = weights.reduce(0, +)
    divisor = parameters.normalize && sum.magnitude >= 1e-8 ? sum : 1
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let (weights, lambda, divisor) = (weights, lambda, divisor)
    group.map(into: &output) { chunk, out in
      let base = chunk.base
      out.fill(0)
      for (k, weight) in weights.enumerated() {
        let source = chunk.source(k)
        for i in out.indices { out[i] += weight * (source[i] - base[i]) }
      }
      for i in out.indices { out[i] = base[i] + out[i] / divisor * lambda }
    }
  }
}
