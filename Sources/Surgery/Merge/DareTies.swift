// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// DARE with TIES' election: drop random entries of each task vector, enlarge the rest, elect a
/// sign per element, and add the entries that agree with it.
///
///     mₖ  ~ Bernoulli(densityₖ) per element
///     δₖ  = mₖ·(xₖ − base) / densityₖ
///     out = base + λ · Σ_A wₖ·δₖ              A as in `ties`; with `normalize` divided by Σ_A wₖ
///
/// Do not use it on a continually pre-trained child with low density: the paper finds that large
/// changes do not survive dropping.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once. A mask is a function of (seed, tensor name,
///   position of the source, element index).
/// - Cost: one pass; reads k + 1 tensors, writes one.
public struct DareTies: MergeMethod {
  public static let card = MethodCard(
    id: "dare_ties",
    source: "Yu et al. 2024, arXiv:2311.03099, with the election of Yadav et al. 2023; "
      + "mergekit `dare_ties`",
    departs: "masks are counter-based, not mergekit's generator; kept entries are divided by the "
      + "density as in the paper, where mergekit since 0.1.0 restores the L1 norm",
    base: .required, perSource: [.init("weight"), .init("density", default: 1.0)],
    ignored: ["int8_mask"], laws: [.fixedPoint])

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign.
    public var weights: [Float] = []
    /// The share of each source's entries that is kept, 0 to 1.
    public var densities: [Double] = []
    /// Whether the sum is divided by the weights that agree.
    public var normalize = false
    /// Whether kept entries are divided by the density.
    public var rescale = true
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    /// Chooses the masks.
    public var seed: UInt64 = 0
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case densities = "density"
      case normalize, rescale, lambda, seed
    }
  }

  private let densities: [Double]
  private let rescale: Bool
  private let seed: UInt64
  private let consensus: SignConsensus

  public init(_ parameters: Parameters) throws(MergeError) {
    densities = try checkedDensities(parameters.densities)
    rescale = parameters.rescale
    seed = parameters.seed
    consensus = try SignConsensus(
      weights: parameters.weights, isElectionWeighted: true, normalize: parameters.normalize,
      lambda: parameters.lambda)
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let (densities, consensus) = (densities, consensus)
    let factors = densities.map { density in
      rescale && density > 0 && density < 1 ? Float(1 / density) : 1
    }
    let name = group.name
    let streams = densities.indices.map { position in
      CounterRandom(seed: seed, stream: "dare/\(name)/\(position)")
    }
    group.map(into: &output) { chunk, out in
      withScratch(count: chunk.count * densities.count) { changes in
        for (k, density) in densities.enumerated() {
          let row = changes[(k * chunk.count)..<((k + 1) * chunk.count)]
          let (base, source) = (chunk.base, chunk.source(k))
          if density >= 1 {
            subtract(source, base, into: row)
            continue
          }
          streams[k].fillUniform(row, startingAt: chunk.start)
          let (limit, factor) = (Float(density), factors[k])
          for i in row.indices { row[i] = row[i] < limit ? (source[i] - base[i]) * factor : 0 }
        }
        consensus.combine(base: chunk.base, changes: changes.reading, into: out)
      }
    }
  }
}
