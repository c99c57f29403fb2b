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

  /// All elements of the source at `position`; reads it alone. Memory: 4 bytes for each.
  public func elements(ofSource position: Int) throws(CheckpointError) -> [Float] {
    try reading(base: false, source: position).elements { $1.assign($0.source(0)) }
  }

  /// All elements of the base, which there must be; reads it alone.
  public func elementsOfBase() throws(CheckpointError) -> [Float] {
    try reading(base: true, source: nil).elements { $1.assign($0.base) }
  }

  /// All elements of the change of the base by the source at `position`; where there is no base, of
  /// the source. Reads these two alone.
  public func change(ofSource position: Int) throws(CheckpointError) -> [Float] {
    try reading(base: true, source: position).elements { $0.change(0, into: $1) }
  }

  /// The extents as a matrix of the last axis' columns; `nil` for tensors of other than two axes or
  /// without elements.
  public var matrixShape: (rows: Int, columns: Int)? {
    guard shape.rank == 2, elementCount > 0 else { return nil }
    return (shape[0], shape[1])
  }

  /// The same tensor with some of its readers; a difference stands on the base.
  func reading(base wantsBase: Bool, source position: Int?) -> TensorGroup {
    let isDifference = position.map(differences.contains) ?? false
    let base = wantsBase || isDifference ? base : nil
    let offset = self.base == nil ? 0 : 1
    let rows = (base == nil ? [] : [0]) + (position.map { [offset + $0] } ?? [])
    return TensorGroup(
      name: name, shape: shape, place: place, base: base,
      sources: position.map { [sources[$0]] } ?? [], differences: isDifference ? [0] : [],
      origins: rows.compactMap { $0 < origins.count ? origins[$0] : nil },
      isVocabulary: isVocabulary, chunkLength: chunkLength, threads: threads)
  }

  /// All elements that `body` computes from the chunks.
  func elements(
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
