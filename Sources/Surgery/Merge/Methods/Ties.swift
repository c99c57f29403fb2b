// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// TIES: trim each task vector to its largest entries, elect a sign per element, and average the
/// entries that agree with it.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type; mergekit's
///   bits in float32 where no two magnitudes at the cut are equal. Equal ones: the lowest index
///   stays.
public struct Ties: MergeMethod {
  public static let card = MethodCard(
    id: "ties", title: "trim, elect a sign, average those that agree",
    formula: """
      δ̂ₖ  = the max(1, ⌊densityₖ·n⌋) largest magnitudes of δₖ in the tensor; else 0
      γ   = +1 where Σ wₖ·δ̂ₖ ≥ 0, else −1         weighted_election false: Σ δ̂ₖ
      A   = the sources whose wₖ·δ̂ₖ has the sign γ and is not 0
      out = b + λ · Σ_A wₖ·δ̂ₖ / Σ_A wₖ            without normalize: the sum alone
      """,
    source: "Yadav et al. 2023, arXiv:2306.01708, algorithm 1; mergekit `ties`",
    departs: "as mergekit: trims per tensor, not over the whole model, and weights vote; of equal "
      + "magnitudes at the cut the lowest index stays, where mergekit leaves that to a sort",
    cost: "one pass where every density is 0 or 1, else four or five; one more with `rescale`",
    base: .required,
    perSource: [.init("weight"), .init("density", default: 1.0)],
    notes: [
      .weight, .density, .normalizeAgreeing, .rescale, .lambda,
      .init("weighted_election", "whether weights count in the vote, not only in the mean"),
    ],
    ignored: ["int8_mask"],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// The share of each source's entries that is kept, 0 to 1.
    public var densities: [Double] = []
    /// Whether the sum is divided by the weights in it.
    public var normalize = true
    /// Whether kept entries are enlarged so that Σ|δ| of the tensor stays.
    public var rescale = false
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    /// Whether weights count in the election (mergekit) or only in the mean (Tao et al.'s reading
    /// of TIES, mergekit issue 474).
    public var weightedElection = true
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case densities = "density"
      case weightedElection = "weighted_election"
      case normalize, rescale, lambda
    }
  }

  private let family: TaskVectorMerge

  public init(_ parameters: Parameters) throws(MergeError) {
    let densities = try checkedShares("density", parameters.densities)
    family = try TaskVectorMerge(
      .magnitude(densities: densities),
      rescaling: rescaling(parameters.rescale, byDensity: false),
      election: parameters.weightedElection ? .weighted : .unweighted, weights: parameters.weights,
      normalize: parameters.normalize, lambda: parameters.lambda)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try family.merge(group, into: &output)
  }
}
