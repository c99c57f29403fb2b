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
  /// Cost: that of ``largest(_:_:values:)``.
  func largestChanges(densities: [Double]) throws(CheckpointError) -> [MagnitudeThreshold] {
    let count = elementCount
    let searches = densities.enumerated().map { row, density in
      let kept = density >= 1 ? count : density > 0 ? max(1, Int(density * Double(count))) : 0
      return MagnitudeSearch(row: row, count: kept)
    }
    return try largestChanges(searches)
  }

  /// As ``largest(_:_:values:)``, of the sources' changes of the base; a search's row is a source.
  func largestChanges(
    _ searches: [MagnitudeSearch]
  ) throws(CheckpointError) -> [MagnitudeThreshold] {
    try largest(searches, .changes) { chunk, row, out in chunk.change(row, into: out) }
  }

  /// For each search, which elements are the `count` largest by magnitude; of equal ones those at
  /// the lowest index.
  ///
  /// - Parameter values: fills its last argument with a chunk's values of a search's `row`.
  /// - Cost: usually one pass over base and sources, four at most, and one more where equal
  ///   magnitudes straddle a cut; none when every search keeps all or nothing.
  func largest(
    _ searches: [MagnitudeSearch], _ reading: MergeChunk.Reading = .elements,
    values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [MagnitudeThreshold] {
    var thresholds = searches.map { search in
      search.count >= elementCount ? MagnitudeThreshold.everything : .nothing
    }
    let open = searches.indices.filter {
      searches[$0].count > 0 && searches[$0].count < elementCount
    }
    if open.isEmpty { return thresholds }
    if elementCount <= chunkLength {
      try withChunk(0..<elementCount, reading) { chunk in
        withWorkspace(count: chunk.count) { memory in
          for position in open {
            values(chunk, searches[position].row, memory)
            thresholds[position] = RadixSelection.threshold(
              keeping: searches[position].count, of: memory.reading)
          }
        }
      }
      return thresholds
    }
    let found = try select(open.map { searches[$0] }, reading, values: values)
    for (number, position) in open.enumerated() {
      let end =
        found[number].selection.needsTieBreak
        ? try tieEnd(found[number], row: searches[position].row, reading, values: values) : .max
      thresholds[position] = MagnitudeThreshold(
        pattern: found[number].selection.pattern, tieEnd: end)
    }
    return thresholds
  }

  /// The magnitudes at these ranks of one kind of value: rank 0 is the smallest of the tensor,
  /// which is not empty. Cost: one to four passes.
  func orderStatistics(
    _ ranks: [Int], _ reading: MergeChunk.Reading = .elements,
    value: @escaping @Sendable (MergeChunk, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [Float] {
    let searches = ranks.map { MagnitudeSearch(row: 0, count: elementCount - $0) }
    let found = try select(searches, reading) { chunk, _, out in value(chunk, out) }
    return found.map { Float(bitPattern: $0.selection.pattern) }
  }

  /// A finished search.
  private struct Found {
    var selection: BandSelection
    /// How often the pattern occurs in each chunk, where the last pass happened to count that.
    var chunkCounts: [Int]?
  }

  /// Runs the counting passes of searches that keep from 1 to all elements.
  private func select(
    _ searches: [MagnitudeSearch], _ reading: MergeChunk.Reading,
    values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [Found] {
    var found = try withSamples(of: searches.map(\.row), reading, values: values) { samples in
      Parallel.map(count: searches.count, threads: threads) { number in
        Found(
          selection: BandSelection(
            keeping: searches[number].count, of: elementCount, sample: samples[number]))
      }
    }
    while true {
      let open = found.indices.filter { found[$0].selection.pass != nil }
      if open.isEmpty { return found }
      let passes = open.compactMap { found[$0].selection.pass }
      let (counts, chunkCounts) = try count(
        passes, rows: open.map { searches[$0].row }, reading, values)
      for (number, position) in open.enumerated() {
        found[position].selection.finish(counts[number])
        let selection = found[position].selection
        // Only of the pass that ends the search: until then there is no pattern.
        if selection.pass == nil, selection.pattern == passes[number].guess {
          found[position].chunkCounts = chunkCounts.map { $0[number] }
        }
      }
    }
  }

  /// Runs one pass for each row: the counts of all elements, and for each chunk how many equal the
  /// passes' guesses.
  private func count(
    _ passes: [BandSelection.Pass], rows: [Int], _ reading: MergeChunk.Reading,
    _ values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> (counts: [BandSelection.Counts], chunkCounts: [[Int]]) {
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let workers = max(1, min(ranges.count, 4 * (threads ?? Parallel.processorCount)))
    let shares = try Parallel.map(count: workers, threads: threads) {
      (worker) throws(CheckpointError) in
      var counts = passes.map { _ in BandSelection.Counts() }
      var equals: [[Int]] = []
      for index in stride(from: worker, to: ranges.count, by: workers) {
        let before = counts.map(\.equal)
        for piece in pieces(of: ranges[index]) {
          try withChunk(piece, reading) { chunk in
            withWorkspace(count: chunk.count) { memory in
              for (number, pass) in passes.enumerated() {
                values(chunk, rows[number], memory)
                pass.count(memory.reading, into: &counts[number])
              }
            }
          }
        }
        equals.append(zip(counts, before).map { $0.equal - $1 })
      }
      return (counts: counts, equals: equals)
    }
    var total = shares[0].counts
    for share in shares.dropFirst() {
      for number in total.indices { total[number].add(share.counts[number]) }
    }
    let chunkCounts = ranges.indices.map { shares[$0 % workers].equals[$0 / workers] }
    return (total, chunkCounts)
  }

  /// Lends some of the values of each row: short runs, spread evenly.
  private func withSamples<R>(
    of rows: [Int], _ reading: MergeChunk.Reading,
    values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void,
    _ body: ([FloatChunk]) -> R
  ) throws(CheckpointError) -> R {
    let runLength = 64
    let runCount = min(256, elementCount / (32 * runLength))
    let length = runCount * runLength
    return try withWorkspace(count: rows.count * length) { (memory) throws(CheckpointError) in
      // What is read is mostly touched for the first time, and waits for it.
      let runsPerItem = 16
      try Parallel.forEach(count: (runCount + runsPerItem - 1) / runsPerItem, threads: threads) {
        (item) throws(CheckpointError) in
        for run in (item * runsPerItem)..<min(runCount, (item + 1) * runsPerItem) {
          let start = run * (elementCount / runCount)
          try withChunk(start..<(start + runLength), reading) { chunk in
            for (number, row) in rows.enumerated() {
              let first = number * length + run * runLength
              values(chunk, row, memory[first..<(first + runLength)])
            }
          }
        }
      }
      return body(
        rows.indices.map { memory.reading[($0 * length)..<(($0 + 1) * length)] })
    }
  }

  /// The index before which elements at the threshold are kept; of a search among changes the row is a
  /// source, and no other is read.
  private func tieEnd(
    _ found: Found, row: Int, _ reading: MergeChunk.Reading,
    values: @escaping @Sendable (MergeChunk, _ row: Int, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> Int {
    let pattern = found.selection.pattern
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let (group, row) =
      reading == .changes ? (self.reading(base: hasBase, source: row), 0) : (self, row)
    var counts = found.chunkCounts ?? []
    if counts.isEmpty {
      counts = try Parallel.map(count: ranges.count, threads: threads) {
        (index) throws(CheckpointError) in
        var count = 0
        for piece in pieces(of: ranges[index]) {
          count += try group.withChunk(piece, reading) { chunk in
            withWorkspace(count: chunk.count) { memory in
              values(chunk, row, memory)
              return Elementwise.count(memory.reading, equalTo: pattern)
            }
          }
        }
        return count
      }
    }
    var left = found.selection.remaining
    var index = 0
    while counts[index] <= left {
      left -= counts[index]
      index += 1
    }
    return try group.withChunk(ranges[index], reading) { chunk in
      withWorkspace(count: chunk.count) { memory in
        values(chunk, row, memory)
        let equals = memory.indices.filter { memory[$0].magnitude.bitPattern == pattern }
        return chunk.start + equals[left]
      }
    }
  }
}
