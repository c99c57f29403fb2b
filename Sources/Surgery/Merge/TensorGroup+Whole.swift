// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

// What methods need that see a tensor whole, such as those that decompose matrices.

extension TensorGroup {
  /// A result that is computed already: all elements in row-major order.
  ///
  /// The method's card must then say what memory that takes; see ``MethodCard/wholeTensors``.
  public func fill(_ output: inout TensorSink, with values: [Float]) {
    precondition(
      values.count == elementCount, "\(values.count) values for \(elementCount) elements")
    output.content = .values(values)
  }

  /// All elements of the source at `position`; memory: 4 bytes for each.
  public func elements(ofSource position: Int) throws(CheckpointError) -> [Float] {
    try elements { chunk, out in out.assign(chunk.source(position)) }
  }

  /// All elements of the base, which there must be.
  public func elementsOfBase() throws(CheckpointError) -> [Float] {
    try elements { chunk, out in out.assign(chunk.base) }
  }

  /// All elements of the change of the base by the source at `position`; where there is no base, of
  /// the source.
  public func change(ofSource position: Int) throws(CheckpointError) -> [Float] {
    try elements { chunk, out in chunk.change(position, into: out) }
  }

  /// The extents as a matrix of the last axis' columns; `nil` for tensors of fewer than two axes or
  /// without elements.
  public var matrixShape: (rows: Int, columns: Int)? {
    guard shape.rank == 2, elementCount > 0 else { return nil }
    return (shape[0], shape[1])
  }

  private func elements(
    _ body: @escaping @Sendable (MergeChunk, MutableFloatChunk) -> Void
  ) throws(CheckpointError) -> [Float] {
    var values = [Float](repeating: 0, count: elementCount)
    try values.withMutableChunk { (output) throws(CheckpointError) in
      let ranges = chunkRanges(count: elementCount, length: chunkLength)
      try Parallel.forEach(count: ranges.count, threads: threads) {
        (index) throws(CheckpointError) in
        let part = output[ranges[index]]
        try withChunk(ranges[index]) { chunk in body(chunk, part) }
      }
    }
    return values
  }
}
