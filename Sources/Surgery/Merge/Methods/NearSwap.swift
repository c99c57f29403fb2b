// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Takes the other model's entries where they are near the base's, and moves by `t` towards them
/// where they are not.
///
/// - Shapes: base, source and output alike; any rank, also empty.
/// - Precision: `Float`, each operation rounded once; bit for bit mergekit's result in float32.
public struct NearSwap: MergeMethod {
  public static let card = MethodCard(
    id: "nearswap", title: "entries near the base's are swapped, others moved by a step",
    formula: """
      s   = clamp(t / max(|b − x|, 1e-6), 0, 1)
      out = s·x + (1−s)·b
      """,
    source: "alchemonaut 2024, hf.co/alchemonaut/QuartetAnemoi-70B-t0.0001; mergekit `nearswap`",
    departs: "nothing",
    cost: "one pass",
    base: .required, sourceCount: 1...1, perSource: [], requiredShared: ["t"],
    notes: [.init("t", range: "from 0", "the largest change of an entry that is not swapped")],
    laws: [.fixedPoint], incomplete: .passesBase)

  public struct Parameters: MergeParameters {
    /// The largest change of an entry; from 0.
    public var t: Float = 0
    public init() {}
  }

  private static let smallestDifference: Float = 1e-6

  private let t: Float

  public init(_ parameters: Parameters) throws(MergeError) {
    try check("t", Double(parameters.t), "a number from 0") { $0 >= 0 }
    t = parameters.t
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let t = t
    group.map(into: &output) { chunk, out in
      let (base, source) = (chunk.base, chunk.source(0))
      for i in out.indices {
        let difference = max((base[i] - source[i]).magnitude, Self.smallestDifference)
        // A reciprocal and a product, as mergekit's quotient is computed, not one division.
        let share = min(1, 1 / difference * t)
        out[i] = share * source[i] + (1 - share) * base[i]
      }
    }
  }
}
