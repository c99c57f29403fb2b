// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// DARE with TIES' election: drop random entries of each task vector, enlarge the rest, elect a
/// sign per element, and add the entries that agree with it.
///
/// Do not use it on a continually pre-trained child with low density: the paper finds that large
/// changes do not survive dropping.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type. A mask is a function of
///   (seed, tensor name, position of the source, element index).
public struct DareTies: MergeMethod {
  public static let card = MethodCard(
    id: "dare_ties", title: "drop random entries, enlarge the rest, elect a sign, add",
    formula: """
      mₖ  ~ Bernoulli(densityₖ) per element
      δ̂ₖ  = mₖ·δₖ · Σ|δₖ| / Σ|mₖ·δₖ|              rescale_by_density: mₖ·δₖ / densityₖ
      out = b + λ · Σ_A wₖ·δ̂ₖ                     A: as in `ties`; normalize: divided by Σ_A wₖ
      """,
    source:
      "Yu et al. 2024, arXiv:2311.03099, with the election of Yadav et al. 2023; "
      + "mergekit `dare_ties`",
    departs:
      "rescales as mergekit does since 0.1.0, to the sum of magnitudes; the paper's 1/density is "
      + "`rescale_by_density`; masks are counter-based, not mergekit's generator",
    cost: "one pass; with `rescale` and a density below 1 two",
    base: .required,
    perSource: [.init("weight"), .init("density", default: 1.0)],
    wholeNumbers: ["seed"],
    notes: [
      .weight, .density, .normalizeAgreeing, .rescale, .rescaleByDensity, .lambda, .seed,
    ],
    ignored: ["int8_mask"],
    laws: [.fixedPoint, .scales, .zeroLambda])

  public typealias Parameters = DareParameters

  private let family: TaskVectorMerge

  public init(_ parameters: Parameters) throws(MergeError) {
    family = try parameters.family(.weighted)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    try family.merge(group, into: &output)
  }
}
