// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// The weighted mean of the models ("model soup").
///
///     out = Σₖ wₖ·xₖ / Σₖ wₖ          (without `normalize`: the sum alone)
///
/// - Shapes: sources and output alike; any rank, also empty.
/// - Precision: computed in `Double`, rounded once, so that equal sources come out unchanged.
/// - Cost: one pass; reads k tensors, writes one.
public struct Linear: MergeMethod {
  public static let card = MethodCard(
    id: "linear",
    source: "Wortsman et al. 2022, arXiv:2203.05482; mergekit `linear`",
    departs: "mergekit accumulates in float32; weights that sum to zero are an error, not NaN",
    base: .isSource, laws: [.fixedPoint, .anyOrder])

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

  private let factors: [Double]

  public init(_ parameters: Parameters) throws(MergeError) {
    try checkFinite(parameters.weights)
    let sum = parameters.weights.reduce(0) { $0 + Double($1) }
    if parameters.normalize, sum == 0 {
      throw .parameter(
        "weight", value: "\(parameters.weights)", expected: "weights whose sum is not zero")
    }
    let divisor = parameters.normalize ? sum : 1
    factors = parameters.weights.map { Double($0) / divisor }
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let factors = factors
    group.map(into: &output) { chunk, out in
      for i in out.indices {
        var sum = 0.0
        for k in factors.indices { sum += factors[k] * Double(chunk.source(k)[i]) }
        out[i] = Float(sum)
      }
    }
  }
}

/// Weights are finite numbers.
func checkFinite(_ weights: [Float]) throws(MergeError) {
  guard weights.allSatisfy(\.isFinite) else {
    throw .parameter("weight", value: "\(weights)", expected: "finite numbers")
  }
}
