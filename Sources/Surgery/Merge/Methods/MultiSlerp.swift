// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// The direction of the weighted mean of the models' directions, with the weighted mean of their
/// lengths: linear merging that gives each tensor its norm back.
///
/// mergekit projects to the tangent space at the mean and back; the tangent sum Σ wₖ·(ûₖ − (ûₖ·m)m)
/// is zero whatever the weights, which leaves the formula of the card. For a true barycentre take
/// `karcher`.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: products and the sum in `Double`, rounded once.
public struct MultiSlerp: MergeMethod {
  public static let card = MethodCard(
    id: "multislerp", title: "the mean direction of several models with their mean length",
    formula: """
      ûₖ  = vₖ / (‖vₖ‖ + eps)                     v: the sources; with a base their changes of it
      M   = Σ wₖ·ûₖ                               normalize_weights: wₖ / Σ wₖ
      out = M/‖M‖ · cos(eps) · Σ wₖ·‖vₖ‖ (+ b)
            Σ wₖ·vₖ (+ b)                         where ‖M‖ < eps, of two sources
      """,
    source: "Goddard 2025, goddard.blog/posts/multislerp-wow-what-a-cool-idea; "
      + "mergekit `multislerp`",
    departs: "the tangent sum, zero but for rounding, is left out; tensors that are zero in all "
      + "sources (or equal to the base) stay so, where mergekit fails for three or more; weights "
      + "that sum to zero are an error, not NaN, and so are three or more directions that cancel",
    cost: "two passes, three where directions nearly cancel",
    base: .optional,
    notes: [
      .weight, .init("normalize_weights", "divides the weights by their sum, which must not be 0"),
      .init("eps", range: "from 0", "the length below which a vector has no direction"),
    ],
    laws: [.fixedPoint, .anyOrder, .zeroWeight])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// Whether the weights are divided by their sum.
    public var normalizeWeights = true
    /// Added to each norm.
    public var eps = 1e-8
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case normalizeWeights = "normalize_weights"
      case eps
    }
  }

  private let weights: [Double]
  private let eps: Double

  public init(_ parameters: Parameters) throws(MergeError) {
    try checkFinite(parameters.weights)
    try check("eps", parameters.eps, "a number from 0") { $0 >= 0 }
    let sum = parameters.weights.reduce(0) { $0 + Double($1) }
    if parameters.normalizeWeights, sum == 0 {
      throw .parameter(
        "weight", value: "\(parameters.weights)", expected: "weights whose sum is not zero")
    }
    let divisor = parameters.normalizeWeights ? sum : 1
    weights = parameters.weights.map { Double($0) / divisor }
    eps = parameters.eps
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    if group.sourceCount == 1 {
      // One direction is its own mean, whatever its weight; mergekit too returns the source.
      return group.map(into: &output) { chunk, out in out.assign(chunk.source(0)) }
    }
    let products = try group.pairProducts()
    let norms = weights.indices.map { products.norm($0) }
    let units = zip(weights, norms).map { $1 > 0 ? $0 / ($1 + eps) : 0 }
    var length = products.norm(of: units)
    // The products cannot tell a sum much shorter than its terms from zero.
    if length < 1e-4 { length = try group.norm(of: units) }
    guard length >= eps, length > 0 else {
      let isZero = norms.allSatisfy { $0 == 0 }
      if !isZero, weights.count > 2 {
        throw .operation(
          Diagnosis(
            what: "The directions of the models' `\(group.name)` cancel under these weights, so "
              + "they have no mean (its length is \(length), `eps` is \(eps)).",
            where: group.origins.isEmpty
              ? "the method multislerp" : group.origins.joined(separator: ", "),
            next: "Change the weights, or merge with `linear`."))
      }
      return group.mapSum(of: weights, into: &output)
    }
    let meanNorm = zip(weights, norms).reduce(0) { $0 + $1.0 * $1.1 }
    let scale = meanNorm / length * Elementary.cos(eps)
    group.mapSum(of: units.map { $0 * scale }, into: &output)
  }
}
