// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Consensus task arithmetic: the merged change is kept only where it serves enough of the sources,
/// by their TALL masks.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type.
public struct ConsensusTaskArithmetic: MergeMethod {
  public static let card = MethodCard(
    id: "consensus_ta", title: "task arithmetic where enough sources agree with it",
    formula: """
      D   = Σ wₖ·δₖ                               normalize: divided by Σ wₖ
      mₖ  = 1 where |δₖ| > lambdaₖ · |D − δₖ|, else 0
      out = b + D where Σ mₖ ≥ k of the first source, else b
      """,
    source: "Wang et al. 2024, arXiv:2405.07813, eq. 5; mergekit 0.0.6 `consensus_ta`",
    departs: "as mergekit: one weight per source, where the paper has one factor for the sum",
    cost: "one pass",
    base: .required,
    perSource: [.init("weight"), .init("lambda", default: 1.0), .init("k", default: 1)],
    wholeNumbers: ["k"],
    notes: [.weight, .maskLambda, .maskCount, .normalizeSum],
    ignored: ["int8_mask", "density", "rescale"], laws: [.fixedPoint, .scales])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// How much nearer to D than to nothing a source's change must be; from 0.
    public var lambdas: [Float] = []
    /// How many masks an entry needs; the first source's number counts.
    public var counts: [Int] = []
    /// Whether the sum is divided by the sum of the weights (unless that is below 1e-8).
    public var normalize = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case lambdas = "lambda"
      case counts = "k"
      case normalize
    }
  }

  private let family: TaskVectorMerge
  private let masks: TallMasks

  public init(_ parameters: Parameters) throws(MergeError) {
    family = try TaskVectorMerge(
      .none, election: .none, weights: parameters.weights, normalize: parameters.normalize,
      lambda: 1)
    masks = try TallMasks(lambdas: parameters.lambdas, counts: parameters.counts)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try masks.merge(group, family, into: &output)
  }
}
