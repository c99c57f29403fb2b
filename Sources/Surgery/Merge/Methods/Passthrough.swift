// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// One model's tensor as it is, or times a number: what layers are stacked with.
///
/// - Shapes: source and output alike; any rank, also empty.
/// - Precision: `Float`, rounded once.
public struct Passthrough: MergeMethod {
  public static let card = MethodCard(
    id: "passthrough", title: "one model's tensor, perhaps scaled",
    formula: """
      out = x                                     with scale: scale·x
      """,
    source: "mergekit `passthrough`",
    departs: "nothing",
    cost: "one pass",
    base: .isSource, sourceCount: 1...1, perSource: [.init("scale", default: .null)],
    notes: [.init("scale", range: "finite", "the factor; none leaves the tensor as it is")],
    laws: [.fixedPoint, .scales])

  public struct Parameters: MergeParameters {
    /// The factor; `nil` for none.
    public var scales: [Float?] = []
    public init() {}

    enum CodingKeys: String, CodingKey {
      case scales = "scale"
    }
  }

  private let scale: Float?

  public init(_ parameters: Parameters) throws(MergeError) {
    scale = parameters.scales.first ?? nil
    try check("scale", Double(scale ?? 1), "a finite number") { _ in true }
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let scale = scale
    group.map(into: &output) { chunk, out in
      let source = chunk.source(0)
      out.assign(source)
      if let scale { for i in out.indices { out[i] *= scale } }
    }
  }
}
