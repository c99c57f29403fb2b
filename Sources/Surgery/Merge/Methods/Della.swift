// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// DELLA: drop entries of each task vector at random, small ones rather than large ones, enlarge
/// the rest, elect a sign per element, and average the entries that agree with it.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once to the output type. A mask is a function of
///   (seed, tensor name, position of the source, element index).
public struct Della: MergeMethod {
  public static let card = MethodCard(
    id: "della", title: "drop small entries rather than large, elect a sign, average",
    formula: """
      ρₖ  = rank of |δₖ| in its row, from 0 (smallest) to 1 (largest)
      mₖ  ~ Bernoulli(densityₖ + (2ρₖ − 1)·epsilonₖ) per element
      δ̂ₖ  = mₖ·δₖ · Σ|δₖ| / Σ|mₖ·δₖ|              rescale_by_density: mₖ·δₖ / its chance
      out = b + λ · Σ_A wₖ·δ̂ₖ / Σ_A wₖ            A: as in `ties`; without normalize: the sum alone
      """,
    source: "Deep et al. 2024, arXiv:2406.11617; mergekit `della`",
    departs:
      "rescales as mergekit does since 0.1.0, to the sum of magnitudes; the paper's division by "
      + "the chance is `rescale_by_density`; equal magnitudes share their mean rank; rows are runs "
      + "along the last axis (in mergekit along the second, which for matrices is the same); a row "
      + "of one element is kept with chance density, where mergekit fails; masks are counter-based",
    cost:
      "one pass, with `rescale` and a density below 1 two, each sorting every row; a row longer "
      + "than a chunk of 65,536 elements is held in memory whole",
    base: .required,
    perSource: [.init("weight"), .init("density", default: 1.0), .init("epsilon", default: 0.15)],
    wholeNumbers: ["seed"],
    notes: [
      .weight, .density,
      .init(
        "epsilon", range: "from 0; density ± epsilon strictly between 0 and 1",
        "half the spread of the chances"), .normalizeAgreeing, .rescale, .rescaleByDensity, .lambda,
      .seed,
    ],
    ignored: ["int8_mask"],
    laws: [.fixedPoint, .scales, .zeroLambda])

  public typealias Parameters = DellaParameters<OnByDefault>

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
