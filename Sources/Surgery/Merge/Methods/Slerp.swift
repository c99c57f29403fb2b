// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Spherical interpolation from the base to one other model, each tensor taken as one vector.
///
/// A norm of at most 1e-8 counts as 1; where |cos θ| > 0.9995 sin θ has too few digits to divide
/// by.
///
/// - Shapes: base, source and output alike; any rank, also empty.
/// - Precision: dot product and norms by a fixed summation tree in `Double`, rounded once.
public struct Slerp: MergeMethod {
  public static let card = MethodCard(
    id: "slerp", title: "along the sphere from the base to one other model",
    formula: """
      θ   = arccos(b·x / (‖b‖‖x‖))                each tensor one vector; a norm ≤ 1e-8 counts as 1
      out = sin((1−t)θ)/sin θ · b + sin(tθ)/sin θ · x
            (1−t)·b + t·x                         where |cos θ| > 0.9995
      """,
    source: "Shoemake 1985; mergekit `slerp`",
    departs:
      "sums and interpolation in Double where mergekit has float32; outside 0 to 1 it goes on, "
      + "as mergekit does, beyond the two models",
    cost: "two passes",
    base: .required, sourceCount: 1...1, perSource: [], requiredShared: ["t"],
    notes: [
      .init(
        "t", range: "finite", "where on the way: 0 is the base, 1 the other; beyond, it goes on")
    ],
    laws: [.fixedPoint, .scales], incomplete: .passesSingle)

  public struct Parameters: MergeParameters {
    /// Where on the way from the base (0) to the source (1), or beyond either; finite.
    public var t: Double = 0
    public init() {}
  }

  /// Above this cosine the angle is too small to divide by its sine.
  private static let parallelCosine = 0.9995
  /// A norm at or below this counts as 1.
  private static let zeroNorm = 1e-8

  private let t: Double

  public init(_ parameters: Parameters) throws(MergeError) {
    guard parameters.t.isFinite else {
      throw .parameter("t", value: "\(parameters.t)", expected: "a finite number")
    }
    t = parameters.t
  }

  private struct Products {
    var dot = 0.0
    var base = 0.0
    var source = 0.0
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let products =
      try group.reduce { chunk in
        Products(
          dot: Summation.dot(chunk.base, chunk.source(0)),
          base: Summation.squares(chunk.base), source: Summation.squares(chunk.source(0)))
      } combine: { left, right in
        Products(
          dot: left.dot + right.dot, base: left.base + right.base,
          source: left.source + right.source)
      } ?? Products()
    func norm(_ squares: Double) -> Double {
      let norm = squares.squareRoot()
      return norm <= Self.zeroNorm ? 1 : norm
    }
    let cosine = min(1, max(-1, products.dot / (norm(products.base) * norm(products.source))))
    var (first, second) = (1 - t, t)
    if cosine.magnitude <= Self.parallelCosine {
      let angle = Elementary.acos(cosine)
      first = Elementary.sin((1 - t) * angle) / Elementary.sin(angle)
      second = Elementary.sin(t * angle) / Elementary.sin(angle)
    }
    let (baseFactor, sourceFactor) = (first, second)
    group.map(into: &output) { chunk, out in
      let (base, source) = (chunk.base, chunk.source(0))
      for i in out.indices {
        out[i] = Float(baseFactor * Double(base[i]) + sourceFactor * Double(source[i]))
      }
    }
  }
}
