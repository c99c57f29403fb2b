// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Fisher merging: the mean of the models, each parameter weighted by how much its model's
/// likelihood of a text depends on it.
///
/// It is the mode of the product of the models' posteriors, each taken for a Gaussian around its
/// weights with the diagonal Fisher information as its precision.
///
/// - Shapes: sources, statistics and output alike; any rank, also empty.
/// - Precision: sums in `Double`, sources in recipe order, rounded once.
/// - Statistics: of kind `fisher` for every source; a tied head shares its embedding's.
public struct Fisher: MergeMethod {
  public static let card = MethodCard(
    id: "fisher", title: "the mean weighted by the Fisher information of each parameter",
    formula: """
      out = Σ wₖ·(Fₖ + ε)·xₖ / Σ wₖ·(Fₖ + ε)      Fₖ: mean over examples of (∂ log p(example) / ∂x)²
                                                 with normalize_fisher: Fₖ / ‖Fₖ‖ over the model
      """,
    source: "Matena and Raffel 2022, arXiv:2111.09832, eq. 5",
    departs: "the text's own tokens are the labels (the empirical Fisher) where the paper draws "
      + "them from the model, which `koine statistics --labels sampled` does; where every wₖ(Fₖ + ε) "
      + "is 0, the weighted mean",
    cost: "one pass over the sources and as many statistics",
    base: .isSource, perSource: [MethodCard.SourceParameter("weight", default: 1)],
    notes: [
      .share, .init("epsilon", range: "0 or more", "ε, added to every Fₖ"),
      .init("normalize_fisher", "divides Fₖ by its norm over all tensors of the model"),
    ],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight], statistics: .fisher)

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; at least 0, not all 0.
    public var weights: [Double] = []
    /// ε, at least 0.
    public var epsilon = 1e-6
    /// Whether each model's information is divided by its norm, so that models that are sure of
    /// themselves do not outvote the others.
    public var normalizeFisher = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case epsilon
      case normalizeFisher = "normalize_fisher"
    }
  }

  private let weights: [Double]
  private let epsilon: Double
  private let normalizes: Bool

  public init(_ parameters: Parameters) throws(MergeError) {
    weights = try checkedShares(ofSources: parameters.weights)
    try check("epsilon", parameters.epsilon, "a number of at least 0") { $0 >= 0 }
    epsilon = parameters.epsilon
    normalizes = parameters.normalizeFisher
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let (weights, epsilon) = (weights, epsilon)
    var scales: [Double] = []
    for position in weights.indices {
      let norm = normalizes ? group.statisticsNorm(ofSource: position) : 1
      scales.append(norm > 0 ? 1 / norm : 1)
    }
    let factors = scales
    let mean = WeightedMean(weights)
    group.map(into: &output) { chunk, out in
      withDoubles(out.count) { sums in
        withDoubles(out.count) { totals in
          for k in weights.indices {
            let (weight, factor) = (weights[k], factors[k])
            let (source, information) = (chunk.source(k), chunk.statistics(k))
            for i in out.indices {
              let share = weight * (factor * Double(information[i]) + epsilon)
              sums[i] += share * Double(source[i])
              totals[i] += share
            }
          }
          for i in out.indices {
            out[i] = totals[i] > 0 ? Float(sums[i] / totals[i]) : mean.value(chunk, i)
          }
        }
      }
    }
  }
}
