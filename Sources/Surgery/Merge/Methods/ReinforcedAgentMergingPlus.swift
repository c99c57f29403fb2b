// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// RAM+, tensor-local: as RAM, and a source's own entries are enlarged the more of its entries it
/// shares with others, whose averaging shrinks them.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: counts in integers, the rest in `Float` in recipe order, rounded once; bit for bit
///   mergekit's result in float32.
public struct ReinforcedAgentMergingPlus: MergeMethod {
  public static let card = MethodCard(
    id: "ramplus_tl", title: "one source's entries enlarged, shared ones averaged",
    formula: """
      A   = the sources with |δₖ| > epsilon, per element
      λₖ  = 1 + r · min(sharedₖ / max(uniqueₖ, epsilon), alpha)      entries of k where |A| > 1, = 1
      out = b + λₖ·δₖ                             where A = {k}
            b + Σ_A δₖ / |A|                      elsewhere
      """,
    source: "arXiv:2601.13572; mergekit `ramplus_tl`",
    departs: "the result has the type of the weights, where mergekit writes float32",
    cost: "two passes",
    base: .required, perSource: [],
    notes: [
      .init("r", range: "finite", "how much own entries are enlarged"),
      .init("alpha", range: "from 0", "the largest ratio of shared to own entries that counts"),
      .init("epsilon", range: "from 0", "changes up to this count as none"),
    ],
    laws: [.fixedPoint, .anyOrder])

  public struct Parameters: MergeParameters {
    /// How much own entries are enlarged.
    public var r: Float = 0.1
    /// The largest ratio of shared to own entries that counts.
    public var alpha: Float = 0.2
    /// Changes up to this count as none.
    public var epsilon: Float = 1e-5
    public init() {}
  }

  private let r: Float
  private let alpha: Float
  private let overlap: ChangeOverlap

  public init(_ parameters: Parameters) throws(MergeError) {
    try check("r", Double(parameters.r), "a finite number") { _ in true }
    try check("alpha", Double(parameters.alpha), "a number from 0") { $0 >= 0 }
    r = parameters.r
    alpha = parameters.alpha
    overlap = try ChangeOverlap(epsilon: parameters.epsilon)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let overlap = overlap
    let n = group.sourceCount
    let counts = try group.tally(bins: 2 * n, 0) { chunk, bins in
      overlap.count(chunk, into: &bins)
    }
    let voices = (0..<n).map { k in
      // A divisor of 0 (no own entries, epsilon 0) leaves nothing to enlarge.
      let own = max(Float(counts[2 * k]), overlap.epsilon)
      return 1 + r * min(own == 0 ? 0 : Float(counts[2 * k + 1]) / own, alpha)
    }
    group.map(into: &output) { chunk, out in overlap.combine(chunk, voices: voices, into: out) }
  }
}
