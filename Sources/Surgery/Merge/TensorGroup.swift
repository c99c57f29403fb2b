// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// The same run of elements of all tensors that are merged.
public struct MergeChunk: Sendable {
  /// The index in the tensor of the run's first element.
  public let start: Int
  /// How many elements the run has.
  public let count: Int
  /// The base's elements where the group has a base; see ``MethodCard/BaseRole/optional``.
  public let optionalBase: FloatChunk?
  /// The sources in the order of the recipe.
  public let sources: [FloatChunk]

  init(start: Int, count: Int, base: FloatChunk?, sources: [FloatChunk]) {
    self.start = start
    self.count = count
    optionalBase = base
    self.sources = sources
  }

  /// The base's elements; traps for a method whose card requires no base.
  public var base: FloatChunk {
    guard let optionalBase else { preconditionFailure("this method's card requires no base") }
    return optionalBase
  }

  /// The elements of the source at `position`, from 0.
  public func source(_ position: Int) -> FloatChunk { sources[position] }

  public var indices: Range<Int> { 0..<count }

  /// Fills `out` with the change of the base by the source at `position`; where there is no base,
  /// with the source.
  func change(_ position: Int, into out: MutableFloatChunk) {
    if let optionalBase {
      subtract(sources[position], optionalBase, into: out)
    } else {
      out.assign(sources[position])
    }
  }

  func extracting(_ range: Range<Int>) -> MergeChunk {
    MergeChunk(
      start: start + range.lowerBound, count: range.count, base: optionalBase?[range],
      sources: sources.map { $0[range] })
  }
}

/// One tensor of the result and those it is made from.
public struct TensorGroup: Sendable {
  /// The tensor's name in the result.
  public let name: String
  public let shape: Shape
  let base: (any TensorReader)?
  let sources: [any TensorReader]
  /// Where base and sources come from, in that order, for messages.
  let origins: [String]
  let chunkLength: Int
  let threads: Int?

  init(
    name: String, shape: Shape, base: (any TensorReader)?, sources: [any TensorReader],
    origins: [String] = [], chunkLength: Int = defaultChunkLength, threads: Int? = nil
  ) {
    self.origins = origins
    self.name = name
    self.shape = shape
    self.base = base
    self.sources = sources
    self.chunkLength = chunkLength
    self.threads = threads
  }

  /// The number of sources, the base not counted where the method requires one.
  public var sourceCount: Int { sources.count }
  public var elementCount: Int { shape.elementCount }

  /// Statistics in floating point: `block` for each block of ``Summation/blockLength`` elements,
  /// the results combined by a fixed binary tree, so the value depends neither on threads nor on
  /// chunks. `nil` for an empty tensor. Cost: one pass over base and sources.
  public func reduce<R: Sendable>(
    _ block: @escaping @Sendable (MergeChunk) -> R, combine: (R, R) -> R
  ) throws(CheckpointError) -> R? {
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let parts = try Parallel.map(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) in
      try withChunk(ranges[index]) { chunk in
        stride(from: 0, to: chunk.count, by: Summation.blockLength).map { first in
          block(chunk.extracting(first..<min(chunk.count, first + Summation.blockLength)))
        }
      }
    }
    return Summation.combineInTree(parts.flatMap { $0 }, combine)
  }

  /// Statistics in integers, which may be added in any order: `count` adds a chunk's share to
  /// `zero`-filled bins. Cost: one pass; memory: the bins, four times per thread.
  public func tally<N: FixedWidthInteger & Sendable>(
    bins: Int, _ zero: N, _ count: @escaping @Sendable (MergeChunk, inout [N]) -> Void
  ) throws(CheckpointError) -> [N] {
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let workers = max(1, min(ranges.count, 4 * (threads ?? Parallel.processorCount)))
    let parts = try Parallel.map(count: workers, threads: threads) {
      (worker) throws(CheckpointError) in
      var share = [N](repeating: zero, count: bins)
      for index in stride(from: worker, to: ranges.count, by: workers) {
        try withChunk(ranges[index]) { chunk in count(chunk, &share) }
      }
      return share
    }
    var total = [N](repeating: zero, count: bins)
    for part in parts {
      for bin in total.indices { total[bin] += part[bin] }
    }
    return total
  }

  /// Whether there is a base beside the sources.
  public var hasBase: Bool { base != nil }

  /// Says how each element of the result comes about; `body` fills `out`, which has the chunk's
  /// length, and is called for any run of elements on any thread.
  public func map(
    into output: inout TensorSink,
    _ body: @escaping @Sendable (_ chunk: MergeChunk, _ out: MutableFloatChunk) -> Void
  ) {
    output.content = .elementwise(rowLength: 1, body: body)
  }

  /// Reads one run of base and sources and lends it; NaN and infinity are an error naming the
  /// tensor, the element and the model, because every method would spread them.
  func withChunk<R>(
    _ range: Range<Int>, _ body: (MergeChunk) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let length = range.count
    let rows = sources.count + (base == nil ? 0 : 1)
    return try withScratch(count: length * rows) { (memory) throws(CheckpointError) in
      var chunks: [FloatChunk] = []
      for (row, reader) in ((base.map { [$0] } ?? []) + sources).enumerated() {
        let target = memory[(row * length)..<((row + 1) * length)]
        try reader.read(from: range.lowerBound, into: target)
        try checkFinite(target.reading, from: range.lowerBound, row: row)
        chunks.append(target.reading)
      }
      let first = base == nil ? nil : chunks.removeFirst()
      return try body(
        MergeChunk(start: range.lowerBound, count: length, base: first, sources: chunks))
    }
  }
}

extension TensorGroup {
  private func checkFinite(
    _ chunk: FloatChunk, from start: Int, row: Int
  ) throws(CheckpointError) {
    // Without a branch inside, so that the usual case is a few vector instructions.
    var exponents: UInt32 = 0
    for i in chunk.indices {
      exponents |= chunk[i].bitPattern & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
    }
    guard exponents != 0 else { return }
    for i in chunk.indices where !chunk[i].isFinite {
      throw .notFinite(
        tensor: name, index: start + i, value: "\(chunk[i])",
        origin: row < origins.count ? origins[row] : "a model of the merge")
    }
  }
}

/// out = left − right, element by element.
func subtract(_ left: FloatChunk, _ right: FloatChunk, into out: MutableFloatChunk) {
  for i in out.indices { out[i] = left[i] - right[i] }
}
