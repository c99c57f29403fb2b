// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// A matrix of the base with a product added, before anything is read.
struct FoldedWeight: Sendable {
  private let name: String
  private let base: TensorSource
  /// As the weight is stored: rows × rank and rank × columns.
  private let left: LowRankFactor
  private let right: LowRankFactor
  private let scale: Float
  private let magnitude: AdapterTensor?
  /// Whether DoRA's lengths are those of rows.
  private let measuresRows: Bool
  private let rows: Int
  private let columns: Int

  /// Checks that the product has the weight's shape, as it is or transposed.
  init(
    _ update: LowRankUpdate, name: String, base: TensorSource, storesInputsFirst: Bool
  ) throws(AdapterError) {
    self.name = name
    self.base = base
    let shape = base.info.shape
    guard shape.rank >= 2 else {
      throw .shape(
        tensor: update.down.tensor.name, expected: "a matrix to change, not `\(name)`",
        found: shape, origin: base.origin)
    }
    rows = shape[0]
    columns = Shape(Array(shape.extents.dropFirst())).elementCount
    let isTransposed = update.isEmbedding || (storesInputsFirst && shape.rank == 2)
    let fitting = isTransposed ? (update.inputs, update.outputs) : (update.outputs, update.inputs)
    guard fitting == (rows, columns) else {
      throw .shape(
        tensor: update.down.tensor.name,
        expected: "\(isTransposed ? rows : columns) inputs, and its partner "
          + "\(isTransposed ? columns : rows) outputs, for `\(name)` of shape \(shape)",
        found: update.down.tensor.shape, origin: update.down.tensor.source.origin)
    }
    left = isTransposed ? update.down.transposed : update.up
    right = isTransposed ? update.up.transposed : update.down
    scale = Float(update.scale)
    magnitude = update.magnitude
    let measuresOutputs = !(update.isEmbedding && update.measuresRows)
    measuresRows = measuresOutputs != isTransposed
    if let magnitude, magnitude.shape.elementCount != (measuresRows ? rows : columns) {
      throw .shape(
        tensor: magnitude.name, expected: "\(measuresRows ? rows : columns) numbers",
        found: magnitude.shape, origin: magnitude.source.origin)
    }
  }

  /// Reads the right factor, and DoRA's lengths, for which the whole matrix is computed once.
  func prepare() throws(CheckpointError) -> any TensorReader {
    var reader = FoldedReader(
      base: try base.prepare(), left: left, leftReader: try left.tensor.source.prepare(),
      right: try right.matrix(), scale: scale, columns: columns,
      elementType: base.info.elementType)
    guard let magnitude, rows > 0, columns > 0 else { return reader }
    let wanted = try TensorSource.floats(
      magnitude.source.prepare(), 0..<magnitude.shape.elementCount, name: magnitude.name,
      origin: magnitude.source.origin)
    let squares = try measuresRows ? reader.rowSquares(rows) : reader.columnSquares(rows)
    var factors: [Float] = []
    for (index, (length, square)) in zip(wanted, squares).enumerated() {
      guard square > 0 else {
        throw .operation(
          Diagnosis(
            what: "\(measuresRows ? "Row" : "Column") \(index) of the tensor `\(name)` with the "
              + "adapter is zero, so DoRA cannot give it a length.",
            where: magnitude.source.origin,
            next: "Check that this is the base the adapter was trained on."))
      }
      factors.append(Float(Double(length) / square.squareRoot()))
    }
    reader.factors = factors
    reader.scalesRows = measuresRows
    return reader
  }
}

/// Gives the elements of a folded matrix, computing them as they are asked for.
private struct FoldedReader: TensorReader {
  let base: any TensorReader
  let left: LowRankFactor
  let leftReader: any TensorReader
  let right: Matrix
  let scale: Float
  let columns: Int
  let elementType: ElementType
  /// DoRA's factors of rows or of columns; empty for LoRA.
  var factors: [Float] = []
  var scalesRows = true

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try sum(from: start, into: output)
    if !factors.isEmpty {
      factors.withChunk { factors in
        for i in output.indices {
          let index = start + i
          output[i] *= factors[scalesRows ? index / columns : index % columns]
        }
      }
    }
    Conversion.round(output, to: elementType)
  }

  /// W + scale · L · R on a run of elements.
  private func sum(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    guard output.count > 0 else { return }
    try base.read(from: start, into: output)
    let first = start / columns
    let last = (start + output.count - 1) / columns
    let rows = try left.rows(first..<(last + 1), leftReader)
    LowRank.add(
      left: rows, firstRow: first, right: right, scale: scale, start: start, to: output)
  }

  /// Σⱼ wᵢⱼ² of every row; a row at a time, so that threads do not matter.
  func rowSquares(_ rows: Int) throws(CheckpointError) -> [Double] {
    let share = max(1, defaultChunkLength / columns)
    let parts = try Parallel.map(count: (rows + share - 1) / share) {
      (block) throws(CheckpointError) in
      let range = (block * share)..<min(rows, (block + 1) * share)
      return try withScratch(count: range.count * columns) { (chunk) throws(CheckpointError) in
        try sum(from: range.lowerBound * columns, into: chunk)
        return range.map { row in
          let start = (row - range.lowerBound) * columns
          return Summation.squares(chunk.reading[start..<(start + columns)])
        }
      }
    }
    return parts.flatMap { $0 }
  }

  /// Σᵢ wᵢⱼ² of every column, by blocks of rows whose number depends on the shape alone.
  func columnSquares(_ rows: Int) throws(CheckpointError) -> [Double] {
    let step = max(1, defaultChunkLength / columns)
    let blocks = min(64, (rows + step - 1) / step)
    let share = (rows + blocks - 1) / blocks
    let parts = try Parallel.map(count: blocks) { (block) throws(CheckpointError) in
      var sums = [Double](repeating: 0, count: columns)
      let end = min(rows, (block + 1) * share)
      for top in stride(from: min(block * share, end), to: end, by: step) {
        let height = min(step, end - top)
        try withScratch(count: height * columns) { (chunk) throws(CheckpointError) in
          try sum(from: top * columns, into: chunk)
          for i in chunk.indices { sums[i % columns] += Double(chunk[i]) * Double(chunk[i]) }
        }
      }
      return sums
    }
    return Summation.combineInTree(parts) { left, right in
      zip(left, right).map { $0 + $1 }
    } ?? []
  }
}

/// Gives a tensor of the adapter in the base's type.
struct ReplacedReader: TensorReader {
  let reader: any TensorReader
  let name: String
  let origin: String
  let isSameType: Bool
  let elementType: ElementType

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try reader.read(from: start, into: output)
    for i in output.indices where !output[i].isFinite {
      throw .notFinite(tensor: name, index: start + i, value: "\(output[i])", origin: origin)
    }
    if !isSameType { Conversion.round(output, to: elementType) }
  }
}

/// bias + scale · change.
struct FoldedBiasReader: TensorReader {
  let base: any TensorReader
  let change: any TensorReader
  let name: String
  let origin: String
  let scale: Float
  let elementType: ElementType

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try base.read(from: start, into: output)
    let values = try TensorSource.floats(
      change, start..<(start + output.count), name: name, origin: origin)
    for i in output.indices { output[i] += scale * values[i] }
    Conversion.round(output, to: elementType)
  }
}
