// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// SCE: select the entries in which the task vectors differ most, weigh each by its mean square,
/// and erase the minority sign.
///
/// - Shapes: base, sources and output alike; any rank, also empty.
/// - Precision: variances and mean squares in `Double`, the sum in `Float`, rounded once.
public struct SelectCalculateErase: MergeMethod {
  public static let card = MethodCard(
    id: "sce", title: "select what differs most, weigh by size, erase the minority sign",
    formula: """
      S   = the ⌊select_topk · #(v ≠ 0)⌋ entries of largest variance v of δₖ over the sources
      δ̂ₖ  = δₖ in S, else 0                       all entries where select_topk = 1
      ωₖ  = mean(δ̂ₖ²) / Σ mean(δ̂ⱼ²)               equal where that sum is below 1e-6
      A   = the sources whose δ̂ₖ is not 0 and has the sign of Σ δ̂ₖ (0 counts as positive)
      out = b + Σ_A ωₖ·δ̂ₖ / max(Σ_A ωₖ, 1e-6)
      """,
    source: "Wan et al. 2024, arXiv:2408.07990; mergekit `sce`",
    departs: "as mergekit: per tensor, not per matrix row, and one source with select_topk below 1 "
      + "has no variance, so that the base comes out; of equal variances the lowest index is taken",
    cost: "two passes, with select_topk below 1 six or seven",
    base: .required, perSource: [],
    notes: [.init("select_topk", range: "0 to 1", "the share of entries selected")],
    ignored: ["int8_mask"], laws: [.fixedPoint, .anyOrder])

  public struct Parameters: MergeParameters {
    /// The share of entries selected, 0 to 1.
    public var selectTopK = 1.0
    public init() {}

    enum CodingKeys: String, CodingKey {
      case selectTopK = "select_topk"
    }
  }

  /// Mean squares that sum to less are taken as equal; mergekit's constant, which small fine-tuning
  /// changes often fall below.
  private static let smallestSum = 1e-6
  private static let smallestDivisor: Float = 1e-6

  private let share: Double

  public init(_ parameters: Parameters) throws(MergeError) {
    share = try checkedShares("select_topk", [parameters.selectTopK])[0]
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let (n, count) = (group.sourceCount, group.elementCount)
    let selected = try selection(group)
    let sums =
      try group.reduce(
        { chunk in
          Self.withSelected(chunk, selected) { changes in
            (0..<n).map { k in
              Summation.squares(changes[(k * chunk.count)..<((k + 1) * chunk.count)])
            }
          }
        }, combine: { left, right in zip(left, right).map { $0 + $1 } })
      ?? [Double](repeating: 0, count: n)
    let means = sums.map { $0 / Double(max(1, count)) }
    let total = means.reduce(0, +)
    let weights = means.map { Float(total < Self.smallestSum ? 1 / Double(n) : $0 / total) }
    var consensus = SignConsensus(
      checkedWeights: weights, isElectionWeighted: false, normalize: true, lambda: 1)
    consensus.smallestDivisor = Self.smallestDivisor
    group.map(into: &output) { [consensus] chunk, out in
      Self.withSelected(chunk, selected) { changes in
        consensus.combine(base: chunk.base, changes: changes, into: out)
      }
    }
  }

  /// Which entries are selected, as the largest variances.
  private func selection(
    _ group: borrowing TensorGroup
  ) throws(CheckpointError) -> MagnitudeThreshold {
    if group.sourceCount == 0 { return .everything }
    if share >= 1 { return .everything }
    if share <= 0 { return .nothing }
    let nonZero = try group.tally(bins: 1, 0) { chunk, bins in
      withScratch(count: chunk.count) { variances in
        Self.fill(variances, with: chunk)
        for i in variances.indices where variances[i] != 0 { bins[0] += 1 }
      }
    }[0]
    let search = MagnitudeSearch(row: 0, count: Int(Double(nonZero) * share))
    return try group.largest([search]) { chunk, _, out in Self.fill(out, with: chunk) }[0]
  }

  /// The variance over the sources of each element's change.
  private static func fill(_ variances: MutableFloatChunk, with chunk: MergeChunk) {
    let base = chunk.base
    let share = 1 / Double(chunk.sources.count)
    for i in variances.indices {
      // Differences from the first change, so that equal changes have a variance of exactly 0.
      let first = Double(chunk.source(0)[i] - base[i])
      var (sum, squares) = (0.0, 0.0)
      for source in chunk.sources.dropFirst() {
        let difference = Double(source[i] - base[i]) - first
        sum += difference
        squares += difference * difference
      }
      variances[i] = Float(max(0, squares * share - sum * share * (sum * share)))
    }
  }

  /// Lends the changes of all sources, zero where not selected.
  private static func withSelected<R>(
    _ chunk: MergeChunk, _ selected: MagnitudeThreshold, _ body: (FloatChunk) -> R
  ) -> R {
    let (count, n) = (chunk.count, chunk.sources.count)
    return withScratch(count: count * (n + 1)) { memory in
      let variances = memory[(n * count)..<((n + 1) * count)]
      if selected != .everything { fill(variances, with: chunk) }
      for k in 0..<n {
        let row = memory[(k * count)..<((k + 1) * count)]
        chunk.change(k, into: row)
        if selected == .everything { continue }
        for i in row.indices where !selected.keeps(variances[i], at: chunk.start + i) { row[i] = 0 }
      }
      return body(memory.reading[0..<(n * count)])
    }
  }
}
