// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Arcee fusion: takes over those of the other model's entries whose importance stands out, and
/// leaves the base elsewhere.
///
/// Where three quarters of the importances are zero, as in a tensor most of whose rows are the
/// base's, the cut is zero too and the other model's tensor is taken whole; mergekit does the same.
///
/// - Shapes: base, source and output alike; any rank, also empty. Rows run along the last axis.
/// - Precision: softmax and divergence in `Double`; an entry is the base's, or the base plus the
///   change in `Float`.
public struct ArceeFusion: MergeMethod {
  public static let card = MethodCard(
    id: "arcee_fusion", title: "takes over the entries that stand out",
    formula: """
      p, q = softmax of the row of x, of b, plus 1e-8
      s    = |x − b| · Σ_row p·ln(p/q)
      cut  = median(s) + 1.5·(q₃(s) − q₁(s))      order statistics ⌊q·(n−1)⌋ of the tensor
      out  = x where s ≥ cut (as b + (x − b)), else b
      """,
    source: "Arcee AI 2024; mergekit `arcee_fusion`",
    departs: "quantiles of all entries, where mergekit samples a million; the divergence, which "
      + "cannot be negative, in Double, where float32 leaves it noise, so that entries at the cut "
      + "may fall on the other side; the result has the type of the weights, not float32",
    cost: "six passes; memory: 60 bytes per row",
    base: .required, sourceCount: 1...1, perSource: [], notes: [],
    laws: [.fixedPoint], incomplete: .passesSingle)

  public struct Parameters: MergeParameters {
    public init() {}
  }

  private static let smallestChance = 1e-8

  public init(_ parameters: Parameters) throws(MergeError) {}

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let count = group.elementCount
    if count == 0 {
      return group.map(into: &output) { chunk, out in out.assign(chunk.base) }
    }
    let divergences = try Self.divergences(group)
    let length = group.rowLength
    let importance: @Sendable (MergeChunk, MutableFloatChunk) -> Void = { chunk, out in
      let (base, source) = (chunk.base, chunk.source(0))
      chunk.forEachRow(length: length) { row, part in
        let divergence = divergences[row]
        for i in part { out[i] = (source[i] - base[i]).magnitude * divergence }
      }
    }
    let ranks = [0.25, 0.5, 0.75].map { Int($0 * Double(count - 1)) }
    let quartiles = try group.orderStatistics(ranks, value: importance)
    let cut = quartiles[1] + 1.5 * (quartiles[2] - quartiles[0])
    group.map(into: &output) { chunk, out in
      let (base, source) = (chunk.base, chunk.source(0))
      importance(chunk, out)
      for i in out.indices {
        out[i] = out[i] >= cut ? base[i] + (source[i] - base[i]) : base[i]
      }
    }
  }

  /// The largest entry of a row and Σ exp(entry − largest): what a softmax divides by.
  private struct Partition: Sendable {
    var largest = -Double.infinity
    var sum = 0.0

    init(_ row: FloatChunk) {
      for i in row.indices { largest = max(largest, Double(row[i])) }
      let largest = largest
      sum = Summation.lanes(count: row.count) { Elementary.exp(Double(row[$0]) - largest) }
    }

    mutating func add(_ other: Partition) {
      let top = max(largest, other.largest)
      sum = sum * Elementary.exp(largest - top) + other.sum * Elementary.exp(other.largest - top)
      largest = top
    }

    func chance(_ value: Float) -> Double {
      Elementary.exp(Double(value) - largest) / sum + smallestChance
    }
  }

  /// Σ p·ln(p/q) of each row.
  private static func divergences(
    _ group: borrowing TensorGroup
  ) throws(CheckpointError) -> [Float] {
    let partitions = try group.reduceRows { _, chunk in
      (source: Partition(chunk.source(0)), base: Partition(chunk.base))
    } combine: { left, right in
      var sum = left
      sum.source.add(right.source)
      sum.base.add(right.base)
      return sum
    }
    let sums = try group.reduceRows(
      { row, chunk -> Double in
        let (base, source) = (chunk.base, chunk.source(0))
        let (p, q) = (partitions[row].source, partitions[row].base)
        return Summation.lanes(count: chunk.count) { i in
          let (first, second) = (p.chance(source[i]), q.chance(base[i]))
          return first * Elementary.log(first / second)
        }
      }, combine: +)
    return sums.map { Float(max(0, $0)) }
  }
}
