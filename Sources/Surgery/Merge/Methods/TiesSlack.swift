// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// TIES with a slack variable: a protected source, usually the task model, needs less than the
/// others to win the vote about a sign.
///
/// A continually pre-trained child's changes grow with its tokens while the task model's stay, so
/// in plain TIES the former wins more and more conflicts. Instead of a slack, `protect` gives the
/// share ρ of a source's trimmed magnitude Σ|δ| that must survive the vote; the smallest slack that
/// reaches it is then found for each tensor, which keeps its meaning whatever the other's size; ρ = 1
/// is the limit of ever more slack, in which the source never loses a vote.
///
/// A second kind of slack leaves the election as it is and acts on who survives it: with
/// `survival_slack` q an entry that loses stays where the vote was close, |Σ wₖ·δ̂ₖ| ≤ ξ. Of two
/// sources the loser then was smaller than the winner by at most ξ. ξ is the q-quantile of the
/// source's own |wₖ·δₖ| above 0, before the trim, so that it keeps its meaning from tensor to
/// tensor. Where a loser stays, both signs are in the sum, and a mean over weights would mean
/// nothing: such elements get the plain sum.
///
/// **A reconstruction.** The paper's formula is not public. Slack in the election is the literal
/// reading of "slack" that is monotone (more slack keeps a superset) and has TIES as its zero; slack
/// in survival is the other natural reading. Either has TIES as its zero, to the bit.
/// The authors let weights count in the mean only (mergekit issue 474), mergekit also in the
/// election. The default here is mergekit's, as in our `ties`, so that slack 0 gives `ties` to the
/// bit under the same parameters, whatever the weights; `weighted_election: false` gives the
/// authors' reading, in both methods alike. With equal weights the two readings elect the same
/// signs.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: as `ties`.
public struct TiesSlack: MergeMethod {
  public static let card = MethodCard(
    id: "ties_sv", title: "ties with a slack that protects the task model",
    formula: """
      δ̂ₖ  = as in `ties`
      γ   = +1 where Σ (1 + slackₖ)·wₖ·δ̂ₖ ≥ 0, else −1     weighted_election false: without wₖ
      A   = the sources whose wₖ·δ̂ₖ has the sign γ and is not 0
      out = b + λ · Σ_A wₖ·δ̂ₖ / Σ_A wₖ                     without normalize: the sum alone
      protect ρ: the smallest slack of that source with which Σ|δ̂ₖ| of its entries in A is at
                 least the share ρ of Σ|δ̂ₖ| of all, solved per tensor; 1: its sign always wins
      survival_slack q: ξₖ = the q-quantile of the source's |wₖ·δₖ| above 0; an entry that loses is
                 in A too where |Σ (1 + slackₖ)·wₖ·δ̂ₖ| ≤ ξₖ, and its element gets the sum alone
      """,
    source: "Tao et al. 2024, arXiv:2407.03994 (TIES-SV), on Yadav et al. 2023, arXiv:2306.01708",
    departs: "a reconstruction: the paper's formula is not public; slack in the election, "
      + "per source, given or solved per tensor for a protected share, or slack in survival",
    cost: "as `ties`; with `protect` below 1 five passes more, with `survival_slack` four for each "
      + "source that has it",
    base: .required,
    perSource: [
      .init("weight"), .init("density", default: 1.0), .init("slack", default: 0.0),
      .init("protect", default: .null), .init("survival_slack", default: 0.0),
    ],
    notes: [
      .weight, .density,
      .init("slack", range: "0 to 1e30", "how much louder the source votes"),
      .init("protect", range: "0 to 1, of one source at most", "given instead of a slack"),
      .init(
        "survival_slack", range: "0 (none) to 1", "how close a vote the source may lose and stay"),
      .normalizeAgreeing, .lambda,
      .init("weighted_election", "whether weights count in the vote, not only in the mean"),
    ],
    ignored: ["int8_mask"],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda], isReconstruction: true)

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// The share of each source's entries that is kept, 0 to 1.
    public var densities: [Double] = []
    /// sₖ ≥ 0, one per source; 0 for all is TIES.
    public var slacks: [Float] = []
    /// ρ, 0 to 1, of at most one source, whose slack is then solved for; `nil` for the others.
    public var protect: [Double?] = []
    /// qₖ, 0 to 1, one per source; 0 for all is TIES. Not beside `protect`.
    public var survivalSlacks: [Double] = []
    /// Whether the sum is divided by the weights that agree.
    public var normalize = true
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    /// Whether weights count in the election, as in `ties`.
    public var weightedElection = true
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case densities = "density"
      case slacks = "slack"
      case protect
      case survivalSlacks = "survival_slack"
      case normalize, lambda
      case weightedElection = "weighted_election"
    }
  }

  private let densities: [Double]
  private let consensus: SignConsensus
  private let protected: (position: Int, share: Double)?
  private let survivalSlacks: [Double]

  public init(_ parameters: Parameters) throws(MergeError) {
    densities = try checkedShares("density", parameters.densities)
    var consensus = try SignConsensus(
      weights: parameters.weights, isElectionWeighted: parameters.weightedElection,
      normalize: parameters.normalize, lambda: parameters.lambda)
    for slack in parameters.slacks where !(slack >= 0 && slack <= 1e30) {
      throw .parameter("slack", value: "\(slack)", expected: "a number from 0 to 1e30")
    }
    consensus.voices = parameters.slacks.map { 1 + $0 }
    let shares = parameters.protect.enumerated().compactMap { position, share in
      share.map { (position: position, share: $0) }
    }
    for (_, share) in shares where !(share >= 0 && share <= 1) {
      throw .parameter("protect", value: "\(share)", expected: "a number from 0 to 1")
    }
    if shares.count > 1 {
      throw .parameter(
        "protect", value: "\(shares.count) models with it", expected: "a value for one model only")
    }
    if let (position, share) = shares.first, parameters.slacks[position] != 0 {
      throw .parameter(
        "protect", value: "\(share) beside slack \(parameters.slacks[position])",
        expected: "given instead of a slack")
    }
    survivalSlacks = try checkedShares("survival_slack", parameters.survivalSlacks)
    if let slack = survivalSlacks.first(where: { $0 > 0 }), let (_, share) = shares.first {
      throw .parameter(
        "protect", value: "\(share) beside survival_slack \(slack)",
        expected: "the only slack, since losers that stay would not count in its share")
    }
    protected = shares.first
    self.consensus = consensus
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let (thresholds, consensus) = try election(group)
    group.mapChanges(into: &output) { chunk, out in
      SignConsensus.withTrimmedChanges(chunk, thresholds) { changes in
        consensus.combine(base: chunk.base, changes: changes, into: out)
      }
    }
  }

  /// Which entries take part in the vote on one tensor, and how loud each source is.
  func election(
    _ group: borrowing TensorGroup
  ) throws(CheckpointError) -> ([MagnitudeThreshold], SignConsensus) {
    let thresholds = try group.largestChanges(densities: densities)
    var consensus = consensus
    if let (position, share) = protected, share == 1 {
      consensus.dictator = position
    } else if let (position, share) = protected {
      consensus.voices[position] = try group.smallestVoice(
        of: position, protecting: share, consensus, thresholds)
    }
    if survivalSlacks.contains(where: { $0 > 0 }) {
      consensus.allowances = [Float](repeating: -1, count: survivalSlacks.count)
      for (position, slack) in survivalSlacks.enumerated() where slack > 0 {
        guard let quantile = try group.quantileOfChanges(bySource: position, slack) else {
          continue
        }
        consensus.allowances[position] = consensus.vote(position, quantile).magnitude
      }
    }
    return (thresholds, consensus)
  }
}
