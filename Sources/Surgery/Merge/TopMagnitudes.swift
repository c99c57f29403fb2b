// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

extension TensorGroup {
  /// For each source, which of its changes of the base are among the `density` share largest by
  /// magnitude: k = max(1, ⌊density·n⌋) of the tensor's n elements, as mergekit counts.
  ///
  /// A density of 1 or more keeps all, one of 0 or less keeps none. Exact; of equal magnitudes
  /// those at the lowest index are kept (mergekit leaves that to an unstable sort).
  /// Cost: three passes over base and sources, a fourth where equal magnitudes straddle the cut,
  /// none when every density is at its limits.
  func largestChanges(densities: [Double]) throws(CheckpointError) -> [MagnitudeThreshold] {
    var thresholds = densities.map { density in
      density >= 1 ? MagnitudeThreshold.everything : .nothing
    }
    let count = elementCount
    let searched = densities.indices.filter { densities[$0] > 0 && densities[$0] < 1 && count > 0 }
    if searched.isEmpty { return thresholds }
    var selections = searched.map { position in
      RadixSelection(keeping: max(1, Int(densities[position] * Double(count))))
    }
    while let firstPass = selections[0].pass {
      // The passes of all sources have the same bins; only their prefixes differ.
      let passes = selections.compactMap(\.pass)
      let binCount = firstPass.noCounts.count
      let counts = try tally(bins: binCount * searched.count, 0) { chunk, bins in
        withScratch(count: chunk.count) { change in
          for (row, position) in searched.enumerated() {
            subtract(chunk.source(position), chunk.base, into: change)
            var counts = passes[row].noCounts
            passes[row].count(change.reading, into: &counts)
            for bin in counts.indices { bins[row * binCount + bin] += counts[bin] }
          }
        }
      }
      for row in selections.indices {
        selections[row].finish(counts: Array(counts[(row * binCount)..<((row + 1) * binCount)]))
      }
    }
    let ends = try tieEnds(searched, selections)
    for (row, position) in searched.enumerated() {
      thresholds[position] = MagnitudeThreshold(
        pattern: selections[row].pattern, tieEnd: ends[row])
    }
    return thresholds
  }

  /// For each selection, the index before which elements at its threshold are kept.
  private func tieEnds(
    _ positions: [Int], _ selections: [RadixSelection]
  ) throws(CheckpointError) -> [Int] {
    var ends = [Int](repeating: .max, count: selections.count)
    if !selections.contains(where: \.needsTieBreak) { return ends }
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let equalCounts = try Parallel.map(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) in
      try withChunk(ranges[index]) { chunk in
        positions.indices.map { row in
          Self.equals(chunk, positions[row], selections[row].pattern).count
        }
      }
    }
    for row in selections.indices where selections[row].needsTieBreak {
      var left = selections[row].remaining
      var index = 0
      while equalCounts[index][row] <= left {
        left -= equalCounts[index][row]
        index += 1
      }
      ends[row] = try withChunk(ranges[index]) { chunk in
        chunk.start + Self.equals(chunk, positions[row], selections[row].pattern)[left]
      }
    }
    return ends
  }

  /// The indices in a chunk whose change has exactly the magnitude of `pattern`.
  private static func equals(_ chunk: MergeChunk, _ position: Int, _ pattern: UInt32) -> [Int] {
    let (base, source) = (chunk.base, chunk.source(position))
    return chunk.indices.filter { (source[$0] - base[$0]).magnitude.bitPattern == pattern }
  }
}

/// out = left − right, element by element.
func subtract(_ left: FloatChunk, _ right: FloatChunk, into out: MutableFloatChunk) {
  for i in out.indices { out[i] = left[i] - right[i] }
}
