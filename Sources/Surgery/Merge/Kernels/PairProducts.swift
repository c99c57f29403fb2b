// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// The inner products of all pairs of n vectors, in `Double`: all that methods on the sphere need
/// to know, because every vector they make is a sum of their inputs.
struct PairProducts: Sendable {
  /// n.
  let count: Int
  /// The upper triangle, row by row.
  private var values: [Double]

  private init(count: Int, values: [Double]) {
    self.count = count
    self.values = values
  }

  /// The products of n empty vectors.
  init(count: Int) {
    self.init(count: count, values: [Double](repeating: 0, count: count * (count + 1) / 2))
  }

  /// The products of the sources' changes of the base, or of the sources where there is no base.
  init(_ chunk: MergeChunk) {
    let (n, length) = (chunk.sourceCount, chunk.count)
    count = n
    values = withScratch(count: n * length) { memory in
      for k in 0..<n { chunk.change(k, into: memory[(k * length)..<((k + 1) * length)]) }
      let rows = (0..<n).map { memory.reading[($0 * length)..<(($0 + 1) * length)] }
      return (0..<n).flatMap { i in
        (i..<n).map { j in
          i == j ? Summation.squares(rows[i]) : Summation.dot(rows[i], rows[j])
        }
      }
    }
  }

  static func + (left: PairProducts, right: PairProducts) -> PairProducts {
    PairProducts(count: left.count, values: zip(left.values, right.values).map { $0 + $1 })
  }

  /// vᵢ·vⱼ.
  subscript(i: Int, j: Int) -> Double {
    let (row, column) = (min(i, j), max(i, j))
    return values[row * count - row * (row - 1) / 2 + column - row]
  }

  /// ‖vᵢ‖.
  func norm(_ i: Int) -> Double { self[i, i].squareRoot() }

  /// (Σ aᵢ·vᵢ)·(Σ bᵢ·vᵢ).
  func product(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in 0..<count {
      for j in 0..<count { sum += a[i] * b[j] * self[i, j] }
    }
    return sum
  }

  /// ‖Σ aᵢ·vᵢ‖.
  func norm(of a: [Double]) -> Double { max(0, product(a, a)).squareRoot() }
}

extension TensorGroup {
  /// Of the whole tensor, taken as one vector. Cost: one pass.
  func pairProducts() throws(CheckpointError) -> PairProducts {
    try reduce(.changes, { PairProducts($0) }, combine: +) ?? PairProducts(count: sourceCount)
  }

  /// ‖Σ aᵢ·vᵢ‖, summed element by element: what ``PairProducts/norm(of:)`` gives where the terms do
  /// not cancel. Cost: one pass.
  func norm(of factors: [Double]) throws(CheckpointError) -> Double {
    let squares = try reduce(
      .changes,
      { chunk -> Double in
        withScratch(count: factors.count * chunk.count) { memory -> Double in
          let rows = factors.indices.map { k in
            memory[(k * chunk.count)..<((k + 1) * chunk.count)]
          }
          for k in factors.indices { chunk.change(k, into: rows[k]) }
          return Summation.lanes(count: chunk.count) { i in
            var sum = 0.0
            for k in factors.indices { sum += factors[k] * Double(rows[k][i]) }
            return sum * sum
          }
        }
      }, combine: +)
    return (squares ?? 0).squareRoot()
  }

  /// The result is Σ aᵢ·vᵢ in `Double`, rounded, and added to the base where there is one.
  func mapSum(of factors: [Double], into output: inout TensorSink) {
    mapChanges(into: &output) { chunk, out in
      withScratch(count: factors.count * chunk.count) { memory in
        let rows = factors.indices.map { memory[($0 * chunk.count)..<(($0 + 1) * chunk.count)] }
        for k in factors.indices { chunk.change(k, into: rows[k]) }
        for i in out.indices {
          var sum = 0.0
          for k in factors.indices { sum += factors[k] * Double(rows[k][i]) }
          out[i] = Float(sum)
        }
      }
      if let base = chunk.optionalBase {
        for i in out.indices { out[i] = base[i] + out[i] }
      }
    }
  }
}
