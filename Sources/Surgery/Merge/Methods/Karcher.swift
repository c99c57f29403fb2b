// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// The Karcher mean of the models' directions, with the mean of their lengths: the point of the
/// sphere whose squared angles to all directions have the smallest sum.
///
/// Every iterate is a sum of the inputs, so the iteration runs on its coefficients and the products
/// of pairs of inputs; tensors are read twice, however many steps it takes.
///
/// - Shapes: sources and output alike; any rank, also empty.
/// - Precision: products, iteration and the sum in `Double`, rounded once.
public struct Karcher: MergeMethod {
  public static let card = MethodCard(
    id: "karcher", title: "the mean direction on the sphere with the mean length",
    formula: """
      ûₖ  = xₖ/‖xₖ‖, for the K sources with ‖xₖ‖ > tol; none: out = 0
      u   = Σ ûₖ / ‖Σ ûₖ‖, or û₁ where ‖Σ ûₖ/K‖ < tol; then at most max_iter times:
      T   = Σ (θₖ/sin θₖ)·(ûₖ − cos θₖ·u) / K   θₖ: angle of ûₖ and u; within tol of 0 or π: skipped
      u   = cos‖T‖·u + sin‖T‖·T/‖T‖               end where ‖T‖ < tol
      out = u · mean of ‖xₖ‖ over all sources
      """,
    source: "Karcher 1977; arXiv:2603.04972; mergekit `karcher`",
    departs: "iterates in Double on inner products, where mergekit works on tensors in the type of "
      + "the weights; sources opposite to u are skipped, where mergekit divides by sin π",
    cost: "two passes",
    base: .isSource, perSource: [], wholeNumbers: ["max_iter"],
    notes: [
      .init("max_iter", range: "whole, 0 to 1,000,000", "the most steps"),
      .init("tol", range: "above 0", "the length and the angle that count as zero"),
    ],
    laws: [.fixedPoint, .anyOrder, .scales])

  public struct Parameters: MergeParameters {
    /// The most steps.
    public var maxIter = 10
    /// Lengths and angles below this count as zero.
    public var tol = 1e-5
    public init() {}

    enum CodingKeys: String, CodingKey {
      case maxIter = "max_iter"
      case tol
    }
  }

  private let maxIter: Int
  private let tol: Double

  public init(_ parameters: Parameters) throws(MergeError) {
    try check("max_iter", Double(parameters.maxIter), "a whole number from 0 to 1,000,000") {
      $0 >= 0 && $0 <= 1_000_000
    }
    try check("tol", parameters.tol, "a number above 0") { $0 > 0 }
    maxIter = parameters.maxIter
    tol = parameters.tol
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let n = group.sourceCount
    if n == 1 { return group.map(into: &output) { chunk, out in out.assign(chunk.source(0)) } }
    let products = try group.pairProducts()
    let norms = (0..<n).map { products.norm($0) }
    let valid = (0..<n).filter { norms[$0] > tol }
    guard let first = valid.first else {
      return group.map(into: &output) { _, out in out.fill(0) }
    }
    // A vector Σ aᵢ·xᵢ is its list of aᵢ.
    func unit(_ k: Int) -> [Double] { (0..<n).map { $0 == k ? 1 / norms[k] : 0 } }
    func sum(_ a: Double, _ x: [Double], _ b: Double, _ y: [Double]) -> [Double] {
      (0..<n).map { a * x[$0] + b * y[$0] }
    }
    let share = 1 / Double(valid.count)
    var mean = [Double](repeating: 0, count: n)
    for k in valid { mean = sum(1, mean, share, unit(k)) }
    let length = products.norm(of: mean)
    mean = length < tol ? unit(first) : mean.map { $0 / length }

    for _ in 0..<maxIter {
      var tangent = [Double](repeating: 0, count: n)
      for k in valid {
        let cosine = min(1, max(-1, products.product(unit(k), mean)))
        let angle = Elementary.acos(cosine)
        // At the opposite pole every direction is as good, and none is taken.
        if angle < tol || angle > .pi - tol { continue }
        let stretch = angle / Elementary.sin(angle)
        tangent = sum(1, tangent, share * stretch, sum(1, unit(k), -cosine, mean))
      }
      let step = products.norm(of: tangent)
      if step < tol { break }
      mean = sum(Elementary.cos(step), mean, Elementary.sin(step) / step, tangent)
      let length = products.norm(of: mean)
      if length > tol { mean = mean.map { $0 / length } }
    }
    let scale = norms.reduce(0, +) / Double(n)
    group.mapSum(of: mean.map { $0 * scale }, into: &output)
  }
}
