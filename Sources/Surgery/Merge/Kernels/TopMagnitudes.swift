// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// A search for the largest of a tensor's values, the values being computed as they are needed.
struct MagnitudeSearch: Sendable {
  /// Which values are searched; handed to the closure that computes them.
  let row: Int
  /// How many of them are kept.
  let count: Int
}

extension TensorGroup {
  /// For each source, which of its changes of the base are among the `density` share largest by
  /// magnitude: k = max(1, ⌊density·n⌋) of the tensor's n elements, as mergekit counts.
  ///
  /// A density of 1 or more keeps all, one of 0 or less keeps none. Exact; of equal magnitudes
  /// those at the lowest index are kept (mergekit leaves that to an unstable sort).
  /// Cost: that of ``largest(_:values:)``.
  func largestChanges(densities: [Double]) throws(CheckpointError) -> [MagnitudeThreshold] {
    let count = elementCount
    let searches = densities.enumerated().map { row, density in
      let kept = density >= 1 ? count : density > 0 ? max(1, Int(density * Double(count))) : 0
      return MagnitudeSearch(row: row, count: kept)
    }
    return try largest(searches) { chunk, row, out in chunk.change(row, into: out) }
  }

  /// For each search, which elements are the `count` largest by magnitude; of equal ones those at
  /// the lowest index.
  ///
  /// - Parameter values: fills its last argument with a chunk's values of a search's `row`.
  /// - Cost: three passes over base and sources, a fourth where equal magnitudes straddle a cut,
  ///   none when every search keeps all or nothing.
  func largest(
    _ searches: [MagnitudeSearch],
    values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [MagnitudeThreshold] {
    var thresholds = searches.map { search in
      search.count >= elementCount ? MagnitudeThreshold.everything : .nothing
    }
    let open = searches.indices.filter {
      searches[$0].count > 0 && searches[$0].count < elementCount
    }
    if open.isEmpty { return thresholds }
    let selections = try select(open.map { searches[$0] }, values: values)
    let ends = try tieEnds(open.map { searches[$0].row }, selections, values: values)
    for (number, position) in open.enumerated() {
      thresholds[position] = MagnitudeThreshold(
        pattern: selections[number].pattern, tieEnd: ends[number])
    }
    return thresholds
  }

  /// The magnitudes at these ranks of one kind of value: rank 0 is the smallest of the tensor,
  /// which is not empty. Cost: three passes.
  func orderStatistics(
    _ ranks: [Int], value: @escaping @Sendable (MergeChunk, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [Float] {
    let searches = ranks.map { MagnitudeSearch(row: 0, count: elementCount - $0) }
    let selections = try select(searches) { chunk, _, out in value(chunk, out) }
    return selections.map { Float(bitPattern: $0.pattern) }
  }

  /// Runs the counting passes of searches that keep from 1 to all elements.
  private func select(
    _ searches: [MagnitudeSearch],
    values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [RadixSelection] {
    var selections = searches.map { RadixSelection(keeping: $0.count) }
    while let firstPass = selections[0].pass {
      // The passes of all searches have the same bins; only their prefixes differ.
      let passes = selections.compactMap(\.pass)
      let binCount = firstPass.noCounts.count
      let counts = try tally(bins: binCount * searches.count, 0) { chunk, bins in
        withScratch(count: chunk.count) { memory in
          for (number, search) in searches.enumerated() {
            values(chunk, search.row, memory)
            var counts = passes[number].noCounts
            passes[number].count(memory.reading, into: &counts)
            for bin in counts.indices { bins[number * binCount + bin] += counts[bin] }
          }
        }
      }
      for number in selections.indices {
        selections[number].finish(
          counts: Array(counts[(number * binCount)..<((number + 1) * binCount)]))
      }
    }
    return selections
  }

  /// For each selection, the index before which elements at its threshold are kept.
  private func tieEnds(
    _ rows: [Int], _ selections: [RadixSelection],
    values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [Int] {
    var ends = [Int](repeating: .max, count: selections.count)
    if !selections.contains(where: \.needsTieBreak) { return ends }
    /// The indices in a chunk whose value has exactly the threshold's magnitude.
    let equals: @Sendable (MergeChunk, Int) -> [Int] = { chunk, number in
      withScratch(count: chunk.count) { memory in
        values(chunk, rows[number], memory)
        let pattern = selections[number].pattern
        return memory.indices.filter { memory[$0].magnitude.bitPattern == pattern }
      }
    }
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let equalCounts = try Parallel.map(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) in
      try withChunk(ranges[index]) { chunk in
        selections.indices.map { selections[$0].needsTieBreak ? equals(chunk, $0).count : 0 }
      }
    }
    for number in selections.indices where selections[number].needsTieBreak {
      var left = selections[number].remaining
      var index = 0
      while equalCounts[index][number] <= left {
        left -= equalCounts[index][number]
        index += 1
      }
      ends[number] = try withChunk(ranges[index]) { chunk in
        chunk.start + equals(chunk, number)[left]
      }
    }
    return ends
  }
}
