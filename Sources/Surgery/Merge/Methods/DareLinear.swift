// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// DARE: drop random entries of each task vector, enlarge the rest, and add.
///
/// Do not use it on a continually pre-trained child with low density: the paper finds that large
/// changes do not survive dropping.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type. A mask is a function of
///   (seed, tensor name, position of the source, element index).
public struct DareLinear: MergeMethod {
  public static let card = MethodCard(
    id: "dare_linear", title: "drop random entries, enlarge the rest, add",
    formula: """
      mₖ  ~ Bernoulli(densityₖ) per element
      δ̂ₖ  = mₖ·δₖ · Σ|δₖ| / Σ|mₖ·δₖ|              rescale_by_density: mₖ·δₖ / densityₖ
      out = b + λ · Σ wₖ·δ̂ₖ                       normalize: the sum divided by Σ wₖ
      """,
    source: "Yu et al. 2024, arXiv:2311.03099; mergekit `dare_linear`",
    departs:
      "rescales as mergekit does since 0.1.0, to the sum of magnitudes; the paper's 1/density is "
      + "`rescale_by_density`; masks are counter-based, not mergekit's generator",
    cost: "one pass; with `rescale` and a density below 1 two",
    base: .required,
    perSource: [.init("weight"), .init("density", default: 1.0)],
    wholeNumbers: ["seed"],
    notes: [
      .weight, .density, .normalizeSum, .rescale, .rescaleByDensity, .lambda, .seed,
    ],
    ignored: ["int8_mask"],
    laws: [.fixedPoint, .scales, .zeroLambda, .denseIsTaskArithmetic])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// The share of each source's entries that is kept, 0 to 1.
    public var densities: [Double] = []
    /// Whether the sum is divided by the weights in it.
    public var normalize = false
    /// Whether kept entries are enlarged so that Σ|δ| of the tensor stays.
    public var rescale = true
    /// Whether `rescale` divides by the chance of being kept instead.
    public var rescaleByDensity = false
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    /// Chooses the masks.
    public var seed: UInt64 = 0
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case densities = "density"
      case rescaleByDensity = "rescale_by_density"
      case normalize, rescale, lambda, seed
    }
  }

  private let family: TaskVectorMerge

  public init(_ parameters: Parameters) throws(MergeError) {
    let densities = try checkedShares("density", parameters.densities)
    family = try TaskVectorMerge(
      .random(densities: densities, seed: parameters.seed),
      rescaling: rescaling(parameters.rescale, byDensity: parameters.rescaleByDensity),
      election: .none, weights: parameters.weights,
      normalize: parameters.normalize, lambda: parameters.lambda)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try family.merge(group, into: &output)
  }
}
