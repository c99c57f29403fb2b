// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Spherical interpolation of two models, or of their changes of a base, with weights instead of a
/// position; whole tensors, rows or columns are the vectors.
///
/// - Shapes: base, sources and output alike; any rank, also empty. Rows run along the last axis,
///   columns along the first; a tensor of one axis is one vector, a scalar a vector of one element.
/// - Precision: products, angles and interpolation in `Double`, rounded once; a change of the base
///   is rounded to `Float` as it is read.
public struct NuSlerp: MergeMethod {
  public static let card = MethodCard(
    id: "nuslerp", title: "along the sphere between two models or their changes, by weight",
    formula: """
      t   = w₂ / (w₁ + w₂), or ½ where |w₁ + w₂| < 1e-6
      θ   = arccos(v₁·v₂ / (‖v₁‖‖v₂‖))            v: the sources; with a base their changes of it
                                                  ‖v‖ below 1e-7 count as 1e-7
      out = (sin((1−t)θ)·v₁ + sin(tθ)·v₂) / sin θ (+ b)
            (1−t)·v₁ + t·v₂ (+ b)                 where 1 − cos²θ ≤ 1e-16
      """,
    source: "Shoemake 1985; mergekit `nuslerp`",
    departs: "sums and interpolation in Double where mergekit has float32",
    cost: "two passes; memory: 40 bytes per row or column where these are the vectors",
    base: .optional, sourceCount: 2...2,
    notes: [
      .weight,
      .init("nuslerp_flatten", "whole tensors are the vectors; false: their rows or columns"),
      .init(
        "nuslerp_row_wise",
        "with `nuslerp_flatten: false`: vectors run along the first axis (mergekit's name for "
          + "it), not along the last"),
    ],
    laws: [.fixedPoint, .anyOrder, .scales], incomplete: .passesSingle)

  public struct Parameters: MergeParameters {
    /// w₁ and w₂; finite, any sign.
    public var weights: [Float] = []
    /// Whether each tensor is one vector.
    public var flatten = true
    /// Whether vectors run along the first axis instead of the last, where not flattened.
    public var rowWise = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case flatten = "nuslerp_flatten"
      case rowWise = "nuslerp_row_wise"
    }
  }

  /// Weights whose sum is smaller do not say where; mergekit's constant.
  private static let smallestSum = 1e-6
  /// A norm below this counts as this.
  private static let smallestNorm = 1e-7
  /// Vectors whose sin²θ is at most this are parallel.
  private static let parallelSine = 1e-16

  private let t: Double
  private let flatten: Bool
  private let rowWise: Bool

  public init(_ parameters: Parameters) throws(MergeError) {
    try checkFinite(parameters.weights)
    let weights = parameters.weights.map(Double.init)
    let sum = weights.reduce(0, +)
    t = weights.count == 2 && sum.magnitude >= Self.smallestSum ? weights[1] / sum : 0.5
    flatten = parameters.flatten
    rowWise = parameters.rowWise
  }

  /// What v₁ and v₂ are multiplied by.
  private func factors(_ dot: Double, _ first: Double, _ second: Double) -> SIMD2<Double> {
    let norms =
      max(first.squareRoot(), Self.smallestNorm)
      * max(second.squareRoot(), Self.smallestNorm)
    let cosine = min(1, max(-1, dot / norms))
    if 1 - cosine * cosine <= Self.parallelSine { return [1 - t, t] }
    let angle = Elementary.acos(cosine)
    let sine = Elementary.sin(angle)
    return [Elementary.sin((1 - t) * angle) / sine, Elementary.sin(t * angle) / sine]
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let (shape, count) = (group.shape, group.elementCount)
    if flatten || count == 0 || shape.rank < 2 {
      let products = try group.pairProducts()
      let factors = factors(products[0, 1], products[0, 0], products[1, 1])
      group.mapSum(of: [factors[0], factors[1]], into: &output)
      return
    }
    if rowWise {
      let sums = try group.reduceColumns(SIMD3<Double>()) { chunk, i, sums in
        let base = chunk.optionalBase?[i] ?? 0
        let (first, second) = (
          Double(chunk.source(0)[i] - base), Double(chunk.source(1)[i] - base)
        )
        sums += [first * second, first * first, second * second]
      }
      let table = sums.map { factors($0[0], $0[1], $0[2]) }
      group.map(into: &output) { chunk, out in
        var column = chunk.start % table.count
        for i in out.indices {
          out[i] = Self.mix(chunk, i, table[column])
          column = column + 1 == table.count ? 0 : column + 1
        }
      }
      return
    }
    let rows = try group.reduceRows({ _, chunk in PairProducts(chunk) }, combine: +)
    let table = rows.map { factors($0[0, 1], $0[0, 0], $0[1, 1]) }
    let length = group.rowLength
    group.map(into: &output) { chunk, out in
      chunk.forEachRow(length: length) { row, part in
        for i in part { out[i] = Self.mix(chunk, i, table[row]) }
      }
    }
  }

  private static func mix(_ chunk: MergeChunk, _ i: Int, _ factors: SIMD2<Double>) -> Float {
    let (first, second) = (chunk.source(0)[i], chunk.source(1)[i])
    guard let base = chunk.optionalBase?[i] else {
      return Float(factors[0] * Double(first) + factors[1] * Double(second))
    }
    return base + Float(factors[0] * Double(first - base) + factors[1] * Double(second - base))
  }
}
