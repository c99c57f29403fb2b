// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// The weighted mean of the models ("model soup").
///
/// - Shapes: sources and output alike; any rank, also empty.
/// - Precision: `Float`, each product added in one rounding, sources in recipe order; bit for bit
///   mergekit's result in float32 on processors with a fused multiply-add. Equal sources come out
///   within two units in the last place, so unchanged in narrower types.
public struct Linear: MergeMethod {
  public static let card = MethodCard(
    id: "linear", title: "the weighted mean",
    formula: """
      out = Σ wₖ·xₖ / Σ wₖ                        without normalize: the sum alone
      """,
    source: "Wortsman et al. 2022, arXiv:2203.05482; mergekit `linear`",
    departs: "weights that sum to zero are an error, not NaN",
    cost: "one pass",
    base: .isSource,
    notes: [.weight, .init("normalize", "divides by Σ wₖ, which must not be 0")],
    laws: [.nearFixedPoint, .anyOrder, .scales, .zeroWeight])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// Whether the sum is divided by the sum of the weights.
    public var normalize = true
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case normalize
    }
  }

  private let weights: [Float]
  private let divisor: Float

  public init(_ parameters: Parameters) throws(MergeError) {
    try checkFinite(parameters.weights)
    weights = parameters.weights
    let sum = weights.reduce(0, +)
    if parameters.normalize, sum == 0 {
      throw .parameter("weight", value: "\(weights)", expected: "weights whose sum is not zero")
    }
    divisor = parameters.normalize ? sum : 1
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let (weights, divisor) = (weights, divisor)
    group.map(into: &output) { chunk, out in
      out.fill(0)
      for (k, weight) in weights.enumerated() {
        let source = chunk.source(k)
        for i in out.indices { out[i] = out[i].addingProduct(source[i], weight) }
      }
      if divisor != 1 { for i in out.indices { out[i] /= divisor } }
    }
  }
}
