// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Consensus TIES: the change merged by TIES is kept only where it serves enough of the sources, by
/// their TALL masks.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type.
public struct ConsensusTies: MergeMethod {
  public static let card = MethodCard(
    id: "consensus_ties", title: "ties where enough sources agree with it",
    formula: """
      D   = Σ_A wₖ·δ̂ₖ / Σ_A wₖ                    A and δ̂: as in `ties`
      mₖ  = 1 where |δₖ| > lambdaₖ · |D − δₖ|, else 0
      out = b + D where Σ mₖ ≥ k of the first source, else b
      """,
    source: "Wang et al. 2024, arXiv:2405.07813, eq. 5; mergekit 0.0.6 `consensus_ties`",
    departs: "as mergekit: weights in the sum and in the vote",
    cost: "one pass where every density is 0 or 1, else four or five; one more with `rescale`",
    base: .required,
    perSource: [
      .init("weight"), .init("density", default: 1.0), .init("lambda", default: 1.0),
      .init("k", default: 1),
    ],
    wholeNumbers: ["k"],
    notes: [.weight, .density, .maskLambda, .maskCount, .normalizeAgreeing, .rescale],
    ignored: ["int8_mask"], laws: [.fixedPoint, .scales])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// The share of each source's entries that is kept, 0 to 1.
    public var densities: [Double] = []
    /// How much nearer to D than to nothing a source's change must be; from 0.
    public var lambdas: [Float] = []
    /// How many masks an entry needs; the first source's number counts.
    public var counts: [Int] = []
    /// Whether the sum is divided by the weights that agree.
    public var normalize = true
    /// Whether kept entries are enlarged so that Σ|δ| of the tensor stays.
    public var rescale = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case densities = "density"
      case lambdas = "lambda"
      case counts = "k"
      case normalize, rescale
    }
  }

  private let family: TaskVectorMerge
  private let masks: TallMasks

  public init(_ parameters: Parameters) throws(MergeError) {
    family = try TaskVectorMerge(
      .magnitude(densities: try checkedShares("density", parameters.densities)),
      rescaling: rescaling(parameters.rescale, byDensity: false), election: .weighted,
      weights: parameters.weights, normalize: parameters.normalize, lambda: 1)
    masks = try TallMasks(lambdas: parameters.lambdas, counts: parameters.counts)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try masks.merge(group, family, into: &output)
  }
}
