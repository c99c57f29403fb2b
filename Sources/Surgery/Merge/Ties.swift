// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// TIES: trim each task vector to its largest entries, elect a sign per element, and average the
/// entries that agree with it.
///
///     δₖ  = top(xₖ − base, densityₖ)     largest ⌊density·n⌋ magnitudes of the tensor, at least one
///     out = base + λ · Σ_A wₖ·δₖ / Σ_A wₖ     A: the sources whose weighted entry has the sign of
///                                             Σₖ wₖ·δₖ (0 counts as positive)
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once; mergekit's bits in float32 where no two
///   magnitudes at the cut are equal. Equal ones: the lowest index stays.
/// - Cost: one pass at density 1, else four or five; reads k + 1 tensors each, writes one.
public struct Ties: MergeMethod {
  public static let card = MethodCard(
    id: "ties",
    source: "Yadav et al. 2023, arXiv:2306.01708, algorithm 1; mergekit `ties`",
    departs: "as mergekit: trims per tensor, not over the whole model, and weights vote; "
      + "`weighted_election: false` keeps weights out of the vote",
    base: .required, perSource: [.init("weight"), .init("density", default: 1.0)],
    ignored: ["int8_mask"], laws: [.fixedPoint, .anyOrder])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// The share of each source's entries that is kept, 0 to 1.
    public var densities: [Double] = []
    /// Whether the sum is divided by the weights that agree.
    public var normalize = true
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    /// Whether weights count in the election (mergekit) or only in the mean (Tao et al.'s reading
    /// of TIES, mergekit issue 474).
    public var weightedElection = true
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case densities = "density"
      case normalize, lambda
      case weightedElection = "weighted_election"
    }
  }

  private let densities: [Double]
  private let consensus: SignConsensus

  public init(_ parameters: Parameters) throws(MergeError) {
    densities = try checkedDensities(parameters.densities)
    consensus = try SignConsensus(
      weights: parameters.weights, isElectionWeighted: parameters.weightedElection,
      normalize: parameters.normalize, lambda: parameters.lambda)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let thresholds = try group.largestChanges(densities: densities)
    let consensus = consensus
    group.map(into: &output) { chunk, out in
      SignConsensus.withTrimmedChanges(chunk, thresholds) { changes in
        consensus.combine(base: chunk.base, changes: changes, into: out)
      }
    }
  }
}

/// Densities are shares.
func checkedDensities(_ densities: [Double]) throws(MergeError) -> [Double] {
  for density in densities where !(density >= 0 && density <= 1) {
    throw .parameter("density", value: "\(density)", expected: "a number from 0 to 1")
  }
  return densities
}
