// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Synchronization
import Tensors

/// Where a method puts what it has to say about a tensor.
public struct TensorSink {
  /// How the elements come about.
  enum Content {
    /// As `body` computes them from a chunk, which is of whole rows of `rowLength`; 1 where any run
    /// will do.
    case elementwise(rowLength: Int, body: @Sendable (MergeChunk, MutableFloatChunk) -> Void)
    /// As `body` computes them from a chunk of changes; any run will do.
    case ofChanges(body: @Sendable (MergeChunk, MutableFloatChunk) -> Void)
    /// All of them, computed already.
    case values([Float])
  }

  var content: Content?
  /// What the user should know of this tensor.
  private(set) var notes: [String] = []

  /// Says something of this tensor that only computing it has shown; see ``MergeLog``.
  public mutating func note(_ text: String) { notes.append(text) }

  /// The elements as a reader rounds them to `type`; `nil` when the method has not said how they
  /// come about.
  func reader(of group: TensorGroup, as type: ElementType) -> (any TensorReader)? {
    switch content {
    case .elementwise(let rowLength, let body):
      MergedReader(group: group, body: body, rowLength: rowLength, elementType: type)
    case .ofChanges(let body):
      MergedReader(group: group, reading: .changes, body: body, rowLength: 1, elementType: type)
    case .values(let values): ValuesReader(values: values, elementType: type)
    case nil: nil
    }
  }
}

/// Gives the elements of a tensor that was computed whole.
private struct ValuesReader: TensorReader {
  let values: [Float]
  let elementType: ElementType

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    values.withChunk { output.assign($0[start..<(start + output.count)]) }
    Conversion.round(output, to: elementType)
  }
}

/// Gives the elements of a merged tensor, computing them as they are asked for.
struct MergedReader: TensorReader {
  private let group: TensorGroup
  private let reading: MergeChunk.Reading
  private let body: @Sendable (MergeChunk, MutableFloatChunk) -> Void
  private let rowLength: Int
  private let elementType: ElementType
  private let lastRow = LastRow()

  init(
    group: TensorGroup, reading: MergeChunk.Reading = .elements,
    body: @escaping @Sendable (MergeChunk, MutableFloatChunk) -> Void, rowLength: Int,
    elementType: ElementType
  ) {
    self.group = group
    self.reading = reading
    self.body = body
    self.rowLength = max(1, rowLength)
    self.elementType = elementType
  }

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    if output.count == 0 { return }
    if rowLength == 1 {
      for piece in group.pieces(of: start..<(start + output.count)) {
        try group.withChunk(piece, reading) { chunk in
          body(chunk, output[(piece.lowerBound - start)..<(piece.upperBound - start)])
        }
      }
    } else if rowLength <= group.chunkLength {
      try readRows(from: start, into: output)
    } else {
      try readLongRows(from: start, into: output)
    }
    Conversion.round(output, to: elementType)
  }

  func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError) {
    // Rounding to the type written is the encoding's, but for types that have one NaN only: there
    // the sign of an overflow is lost in rounding first.
    let isDirect = rowLength == 1 && type == elementType && type.byteCount > 1
    let range = start..<(start + count)
    for piece in isDirect ? group.pieces(of: range) : [range] where !piece.isEmpty {
      try withWorkspace(count: piece.count) { (floats) throws(CheckpointError) in
        if isDirect {
          try group.withChunk(piece, reading) { chunk in body(chunk, floats) }
        } else {
          try read(from: piece.lowerBound, into: floats)
        }
        Conversion.encode(
          floats.reading, as: type, into: &output, at: piece.lowerBound - start)
      }
    }
  }

  /// Computes the rows that the run touches, at most two of them in vain.
  private func readRows(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    let first = start / rowLength * rowLength
    let rowEnd = (start + output.count + rowLength - 1) / rowLength * rowLength
    let last = min(group.elementCount, rowEnd)
    try withWorkspace(count: last - first) { (whole) throws(CheckpointError) in
      try group.withChunk(first..<last) { chunk in body(chunk, whole) }
      output.assign(whole.reading[(start - first)..<(start - first + output.count)])
    }
  }

  /// Rows longer than a chunk are computed whole, once, and kept until the next is asked for.
  private func readLongRows(
    from start: Int, into output: MutableFloatChunk
  ) throws(CheckpointError) {
    var done = 0
    while done < output.count {
      let row = (start + done) / rowLength
      let range = (row * rowLength)..<min(group.elementCount, (row + 1) * rowLength)
      let end = min(output.count, range.upperBound - start)
      let part = (start + done - range.lowerBound)..<(start + end - range.lowerBound)
      let target = output[done..<end]
      try lastRow.withValues(of: row) { () throws(CheckpointError) in
        var values = [Float](repeating: 0, count: range.count)
        try values.withMutableChunk { (whole) throws(CheckpointError) in
          try group.withChunk(range) { chunk in body(chunk, whole) }
        }
        return values
      } _: { values in
        target.assign(values[part])
      }
      done = end
    }
  }

  /// The row computed last. Threads that want the same row wait for the one that computes it.
  private final class LastRow: Sendable {
    private let store = Mutex<(row: Int, values: [Float])?>(nil)

    func withValues(
      of row: Int, compute: () throws(CheckpointError) -> [Float], _ body: (FloatChunk) -> Void
    ) throws(CheckpointError) {
      try store.withLock { (kept) throws(CheckpointError) in
        if kept?.row != row {
          kept = nil  // The old row's memory goes before the new one's comes.
          kept = (row, try compute())
        }
        kept?.values.withChunk(body)
      }
    }
  }
}
