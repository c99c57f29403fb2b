// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Model stock: between the base and the mean of its children, the nearer to the base the less the
/// children's changes agree.
///
/// With changes that are nearly orthogonal, as those of different languages, it returns nearly the
/// base; it is made for children of one task that differ by seed or data order.
///
/// - Shapes: base, sources and output alike; any rank, also empty. With `filter_wise` the vectors
///   are the rows along the last axis; a tensor of one axis is one vector.
/// - Precision: products and the interpolation in `Double`, rounded once.
public struct ModelStock: MergeMethod {
  public static let card = MethodCard(
    id: "model_stock", title: "between base and mean, by how much the changes agree",
    formula: """
      c   = mean over pairs of clamp(δᵢ·δⱼ / max(‖δᵢ‖‖δⱼ‖, 1e-6), −1, 1)
      t   = K·c / (1 + (K−1)·c), or 0 where |1 + (K−1)·c| < 1e-6        K: number of sources
      out = t · Σ xₖ/K + (1−t) · b
      """,
    source: "Jang et al. 2024, arXiv:2403.19522, eq. 7; mergekit `model_stock`",
    departs: "interpolates in Double where mergekit has float32",
    cost: "two passes; memory with filter_wise: 24 + 4K(K+1) bytes per row",
    base: .required, sourceCount: 2...1000, perSource: [],
    notes: [.init("filter_wise", "one t for each row instead of each tensor")],
    laws: [.fixedPoint, .anyOrder], incomplete: .passesBaseBelow(minimum: 3))

  public struct Parameters: MergeParameters {
    /// Whether each row has its own t.
    public var filterWise = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case filterWise = "filter_wise"
    }
  }

  private static let smallestProduct = 1e-6
  private static let smallestDivisor = 1e-6

  private let filterWise: Bool

  public init(_ parameters: Parameters) throws(MergeError) {
    filterWise = parameters.filterWise
  }

  /// t.
  private static func position(_ products: PairProducts) -> Double {
    let n = products.count
    if n < 2 { return 0 }
    var sum = 0.0
    for i in 0..<n {
      for j in (i + 1)..<n {
        let norms = max(products.norm(i) * products.norm(j), smallestProduct)
        sum += min(1, max(-1, products[i, j] / norms))
      }
    }
    let cosine = sum / Double(n * (n - 1) / 2)
    let divisor = 1 + Double(n - 1) * cosine
    return divisor.magnitude < smallestDivisor ? 0 : Double(n) * cosine / divisor
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let table: [Double]
    let length: Int
    if filterWise, group.shape.rank > 1 {
      table = try group.reduceRows({ _, chunk in PairProducts(chunk) }, combine: +)
        .map(Self.position)
      length = group.rowLength
    } else {
      table = [Self.position(try group.pairProducts())]
      length = max(1, group.elementCount)
    }
    group.map(into: &output) { chunk, out in
      let base = chunk.base
      chunk.forEachRow(length: length) { row, part in
        let t = table[row]
        let share = t / Double(chunk.sources.count)
        for i in part {
          var sum = 0.0
          for source in chunk.sources { sum += Double(source[i]) }
          out[i] = t == 0 ? base[i] : Float(share * sum + (1 - t) * Double(base[i]))
        }
      }
    }
  }
}
