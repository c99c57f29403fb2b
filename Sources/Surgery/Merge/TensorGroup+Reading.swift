// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

// How a chunk is read: the base and the sources of one run of elements.

extension TensorGroup {
  /// Reads one run of base and sources and lends it; NaN and infinity are an error naming the
  /// tensor, the element and the model, because every method would spread them.
  func withChunk<R>(
    _ range: Range<Int>, _ reading: MergeChunk.Reading = .elements,
    _ body: (MergeChunk) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    switch reading {
    case .elements: try withElements(range, body)
    case .changes: try withChanges(range, body)
    }
  }

  private func withElements<R>(
    _ range: Range<Int>, _ body: (MergeChunk) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let length = range.count
    let statistics = self.statistics?.ofElements ?? []
    let rows =
      sources.count + (base == nil ? 0 : 1) + differences.count + statistics.count
    return try withWorkspace(count: length * rows) { (memory) throws(CheckpointError) in
      var chunks: [FloatChunk] = []
      for (row, reader) in ((base.map { [$0] } ?? []) + sources).enumerated() {
        let target = memory[(row * length)..<((row + 1) * length)]
        try read(reader, row: row, from: range.lowerBound, into: target)
        chunks.append(target.reading)
      }
      let first = base == nil ? nil : chunks.removeFirst()
      var own: [FloatChunk?] = []
      if let first, !differences.isEmpty {
        own = sources.indices.map { differences.contains($0) ? chunks[$0] : nil }
        for (number, position) in differences.sorted().enumerated() {
          let row = rows - statistics.count - differences.count + number
          let whole = memory[(row * length)..<((row + 1) * length)]
          let difference = chunks[position]
          for i in whole.indices { whole[i] = first[i] + difference[i] }
          chunks[position] = whole.reading
        }
      }
      var known: [FloatChunk] = []
      for (row, reader) in statistics.enumerated() {
        let start = (rows - statistics.count + row) * length
        let target = memory[start..<(start + length)]
        // The reader checks what it reads; see `ModelStatistics`.
        try reader.read(from: range.lowerBound, into: target)
        known.append(target.reading)
      }
      return try body(
        MergeChunk(
          start: range.lowerBound, count: length, base: first, sources: chunks, differences: own,
          statistics: known))
    }
  }

  /// As `withElements`, but of the sources only those become floats that are not stored as something
  /// that is quickly read.
  private func withChanges<R>(
    _ range: Range<Int>, _ body: (MergeChunk) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let (start, length) = (range.lowerBound, range.count)
    let firstSource = base == nil ? 0 : 1
    let count = length * (firstSource + sources.count)
    return try withWorkspace(count: count) { (memory) throws(CheckpointError) in
      var first: FloatChunk?
      if let base {
        let target = memory[0..<length]
        try read(base, row: 0, from: start, into: target)
        first = target.reading
      }
      var rows: [ChangeRows.Row] = []
      rows.reserveCapacity(sources.count)
      for (position, reader) in sources.enumerated() {
        let isDifference = differences.contains(position)
        if !isDifference, let run = reader.stored(from: start, count: length) {
          rows.append(.stored(run))
          continue
        }
        let row = firstSource + position
        let target = memory[(row * length)..<((row + 1) * length)]
        try read(reader, row: row, from: start, into: target)
        rows.append(isDifference ? .difference(target.reading) : .elements(target.reading))
      }
      let changes = ChangeRows(rows)
      let result = try body(
        MergeChunk(start: start, count: length, base: first, changes: changes))
      if let (position, run) = changes.findFault() {
        let row = firstSource + position
        let target = memory[(row * length)..<((row + 1) * length)]
        _ = run.decode(into: target)
        throw notFinite(target.reading, row: row, from: start)
      }
      return result
    }
  }

  /// Reads a run of the base or of a source as floats, which must be finite.
  private func read(
    _ reader: any TensorReader, row: Int, from start: Int, into target: MutableFloatChunk
  ) throws(CheckpointError) {
    let isFinite: Bool
    if let run = reader.stored(from: start, count: target.count) {
      isFinite = run.decode(into: target)
    } else {
      try reader.read(from: start, into: target)
      isFinite = Elementwise.isFinite(target.reading)
    }
    if !isFinite { throw notFinite(target.reading, row: row, from: start) }
  }

  /// The error for a run that holds NaN or infinity.
  private func notFinite(_ chunk: FloatChunk, row: Int, from start: Int) -> CheckpointError {
    let i = chunk.indices.first { !chunk[$0].isFinite } ?? 0
    return .notFinite(
      tensor: name, index: start + i, value: "\(chunk[i])",
      origin: row < origins.count ? origins[row] : "a model of the merge")
  }
}
