// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

// A tensor's rows are its runs along the last axis; a tensor of one axis is one row, a scalar a row
// of one element.

extension TensorGroup {
  /// The length of a row; 1 for a scalar.
  var rowLength: Int { shape.extents.last ?? 1 }

  /// Statistics of each row: `block` for each block of ``Summation/blockLength`` elements counted
  /// from the row's start, combined by a fixed tree, so that they depend neither on threads nor on
  /// chunks. Empty for an empty tensor. Cost: one pass; memory: one `R` per row.
  func reduceRows<R: Sendable>(
    _ block: @escaping @Sendable (_ row: Int, _ chunk: MergeChunk) -> R,
    combine: @escaping @Sendable (R, R) -> R
  ) throws(CheckpointError) -> [R] {
    if elementCount == 0 { return [] }
    let length = rowLength
    let rowCount = elementCount / length
    let blocks: @Sendable (Int, MergeChunk) -> [R] = { row, chunk in
      stride(from: 0, to: chunk.count, by: Summation.blockLength).map { first in
        block(row, chunk.extracting(first..<min(chunk.count, first + Summation.blockLength)))
      }
    }
    if length <= chunkLength {
      let rowsPerChunk = chunkLength / length
      let parts = try Parallel.map(
        count: (rowCount + rowsPerChunk - 1) / rowsPerChunk, threads: threads
      ) { (index) throws(CheckpointError) -> [R] in
        let rows = (index * rowsPerChunk)..<min(rowCount, (index + 1) * rowsPerChunk)
        return try withChunk((rows.lowerBound * length)..<(rows.upperBound * length)) { chunk in
          rows.compactMap { row in
            let first = (row - rows.lowerBound) * length
            return Summation.combineInTree(
              blocks(row, chunk.extracting(first..<(first + length))), combine)
          }
        }
      }
      return parts.flatMap { $0 }
    }
    let pieces = chunkRanges(count: length, length: chunkLength)
    let parts = try Parallel.map(count: rowCount * pieces.count, threads: threads) {
      (index) throws(CheckpointError) -> [R] in
      let (row, piece) = (index / pieces.count, pieces[index % pieces.count])
      let start = row * length
      return try withChunk((start + piece.lowerBound)..<(start + piece.upperBound)) { chunk in
        blocks(row, chunk)
      }
    }
    return (0..<rowCount).compactMap { row in
      let own = parts[(row * pieces.count)..<((row + 1) * pieces.count)]
      return Summation.combineInTree(own.flatMap { $0 }, combine)
    }
  }

  /// Statistics of the whole tensor from pieces that are whole rows: as
  /// ``reduce(_:combine:)``, for what can only be computed row by row. Pieces have as many rows as
  /// fit in a block, at least one. Cost: one pass; memory: a row that is longer than a chunk is
  /// read whole.
  func reduceWholeRows<R: Sendable>(
    _ piece: @escaping @Sendable (MergeChunk) -> R, combine: (R, R) -> R
  ) throws(CheckpointError) -> R? {
    if elementCount == 0 { return nil }
    let pieceLength = max(1, Summation.blockLength / rowLength) * rowLength
    let itemLength = max(1, chunkLength / pieceLength) * pieceLength
    let items = stride(from: 0, to: elementCount, by: itemLength).map {
      $0..<min(elementCount, $0 + itemLength)
    }
    let parts = try Parallel.map(count: items.count, threads: threads) {
      (index) throws(CheckpointError) in
      try withChunk(items[index]) { chunk in
        stride(from: 0, to: chunk.count, by: pieceLength).map { first in
          piece(chunk.extracting(first..<min(chunk.count, first + pieceLength)))
        }
      }
    }
    return Summation.combineInTree(parts.flatMap { $0 }, combine)
  }

  /// Statistics of each column, a run along the first axis: `add` takes element `i` of a chunk into
  /// its column's value, down the column. Cost: one pass; memory: one `R` per column.
  func reduceColumns<R: Sendable>(
    _ zero: R, _ add: @escaping @Sendable (_ chunk: MergeChunk, _ i: Int, _ value: inout R) -> Void
  ) throws(CheckpointError) -> [R] {
    if elementCount == 0 { return [] }
    let rowCount = shape.extents.first ?? 1
    let columnCount = elementCount / rowCount
    // Stripes of columns go to threads; a narrow tensor is one stripe, read several rows at a time.
    let width = min(columnCount, 1024)
    let rowsPerRead = width == columnCount ? max(1, chunkLength / columnCount) : 1
    let stripes = stride(from: 0, to: columnCount, by: width).map {
      $0..<min(columnCount, $0 + width)
    }
    let parts = try Parallel.map(count: stripes.count, threads: threads) {
      (index) throws(CheckpointError) -> [R] in
      let stripe = stripes[index]
      var values = [R](repeating: zero, count: stripe.count)
      for row in stride(from: 0, to: rowCount, by: rowsPerRead) {
        let start = row * columnCount + stripe.lowerBound
        let rows = min(rowsPerRead, rowCount - row)
        try withChunk(start..<(start + rows * stripe.count)) { chunk in
          var column = 0
          for i in chunk.indices {
            add(chunk, i, &values[column])
            column = column + 1 == stripe.count ? 0 : column + 1
          }
        }
      }
      return values
    }
    return parts.flatMap { $0 }
  }

  /// As ``map(into:_:)``, for methods whose elements depend on their row: `body` gets whole rows.
  ///
  /// Rows longer than a chunk are computed whole and one at a time.
  func mapWholeRows(
    into output: inout TensorSink,
    _ body: @escaping @Sendable (_ chunk: MergeChunk, _ out: MutableFloatChunk) -> Void
  ) {
    output.content = .elementwise(rowLength: rowLength, body: body)
  }
}

extension MergeChunk {
  /// Calls `body` with the number of each row the chunk touches and its part of the chunk.
  func forEachRow(length: Int, _ body: (_ row: Int, _ part: Range<Int>) -> Void) {
    var i = 0
    while i < count {
      let row = (start + i) / length
      let end = min(count, (row + 1) * length - start)
      body(row, i..<end)
      i = end
    }
  }
}
