// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// RAM: entries that one source has changed are taken whole, entries that several have are
/// averaged.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: `Float` in recipe order, rounded once; bit for bit mergekit's result in float32.
public struct ReinforcedAgentMerging: MergeMethod {
  public static let card = MethodCard(
    id: "ram", title: "one source's entries whole, shared ones averaged",
    formula: """
      A   = the sources with |δₖ| > epsilon, per element
      out = b + Σ_A δₖ / |A|
      """,
    source: "arXiv:2601.13572; mergekit `ram`",
    departs: "nothing",
    cost: "one pass",
    base: .required, perSource: [],
    notes: [.init("epsilon", range: "from 0", "changes up to this count as none")],
    laws: [.fixedPoint, .anyOrder])

  public struct Parameters: MergeParameters {
    /// Changes up to this count as none.
    public var epsilon: Float = 1e-5
    public init() {}
  }

  private let overlap: ChangeOverlap

  public init(_ parameters: Parameters) throws(MergeError) {
    overlap = try ChangeOverlap(epsilon: parameters.epsilon)
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let (overlap, voices) = (overlap, [Float](repeating: 1, count: group.sourceCount))
    group.map(into: &output) { chunk, out in overlap.combine(chunk, voices: voices, into: out) }
  }
}
