// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// One tensor of the result and those it is made from.
public struct TensorGroup: Sendable {
  /// The tensor's name in the result.
  public let name: String
  public let shape: Shape
  /// Where the tensor stands in the result.
  public let place: TensorPlace
  let base: (any TensorReader)?
  let sources: [any TensorReader]
  /// The positions of sources that are changes of the base themselves.
  let differences: Set<Int>
  /// Where base and sources come from, in that order, for messages.
  let origins: [String]
  /// Whether the tensor has a row or column for each token: an embedding or a head.
  let isVocabulary: Bool
  /// What text has shown of the sources; `nil` where the method asks for nothing, or there is nothing
  /// of this tensor.
  let statistics: GroupStatistics?
  let chunkLength: Int
  let threads: Int?

  init(
    name: String, shape: Shape, place: TensorPlace = .before, base: (any TensorReader)?,
    sources: [any TensorReader], differences: Set<Int> = [], origins: [String] = [],
    isVocabulary: Bool = false, statistics: GroupStatistics? = nil,
    chunkLength: Int = defaultChunkLength, threads: Int? = nil
  ) {
    precondition(differences.isEmpty || base != nil, "a difference needs a base")
    self.place = place
    self.differences = differences
    self.statistics = statistics
    self.origins = origins
    self.isVocabulary = isVocabulary
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
    try reduce(.elements, block, combine: combine)
  }

  func reduce<R: Sendable>(
    _ reading: MergeChunk.Reading, _ block: @escaping @Sendable (MergeChunk) -> R,
    combine: (R, R) -> R
  ) throws(CheckpointError) -> R? {
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let parts = try Parallel.map(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) in
      var results: [R] = []
      for piece in pieces(of: ranges[index], length: Summation.blockLength) {
        results.append(try withChunk(piece, reading, block))
      }
      return results
    }
    return Summation.combineInTree(parts.flatMap { $0 }, combine)
  }

  /// Statistics in integers, which may be added in any order: `count` adds a chunk's share to
  /// `zero`-filled bins. Cost: one pass; memory: the bins, four times per thread.
  public func tally<N: FixedWidthInteger & Sendable>(
    bins: Int, _ zero: N, _ count: @escaping @Sendable (MergeChunk, inout [N]) -> Void
  ) throws(CheckpointError) -> [N] {
    try tally(.elements, bins: bins, zero, count)
  }

  func tally<N: FixedWidthInteger & Sendable>(
    _ reading: MergeChunk.Reading, bins: Int, _ zero: N,
    _ count: @escaping @Sendable (MergeChunk, inout [N]) -> Void
  ) throws(CheckpointError) -> [N] {
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let workers = max(1, min(ranges.count, 4 * (threads ?? Parallel.processorCount)))
    let parts = try Parallel.map(count: workers, threads: threads) {
      (worker) throws(CheckpointError) in
      var share = [N](repeating: zero, count: bins)
      for index in stride(from: worker, to: ranges.count, by: workers) {
        for piece in pieces(of: ranges[index]) {
          try withChunk(piece, reading) { chunk in count(chunk, &share) }
        }
      }
      return share
    }
    var total = [N](repeating: zero, count: bins)
    for part in parts {
      for bin in total.indices { total[bin] += part[bin] }
    }
    return total
  }

  /// A chunk, which is what a thread takes and a file is written by, in parts so small that base,
  /// sources and what is computed from them stay near the processor.
  func pieces(of range: Range<Int>, length: Int = Self.pieceLength) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: length).map {
      $0..<min(range.upperBound, $0 + length)
    }
  }

  /// 32 KiB of floats; a dozen of them fit the second-level cache.
  static let pieceLength = 2 * Summation.blockLength

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

  /// As ``map(into:_:)`` for a `body` that asks for the base and for changes of it, nothing else.
  func mapChanges(
    into output: inout TensorSink,
    _ body: @escaping @Sendable (_ chunk: MergeChunk, _ out: MutableFloatChunk) -> Void
  ) {
    output.content = .ofChanges(body: body)
  }
}
