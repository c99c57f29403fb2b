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
  /// The sources in the order of the recipe; a difference stands as base plus difference.
  public let sources: [FloatChunk]
  /// For each source that is a difference, the difference; empty where none is.
  let differences: [FloatChunk?]
  /// The sources' statistics, where the method has some for each element; empty otherwise.
  let statistics: [FloatChunk]

  init(
    start: Int, count: Int, base: FloatChunk?, sources: [FloatChunk],
    differences: [FloatChunk?] = [], statistics: [FloatChunk] = []
  ) {
    self.start = start
    self.count = count
    optionalBase = base
    self.sources = sources
    self.differences = differences
    self.statistics = statistics
  }

  /// The base's elements; traps for a method whose card requires no base.
  public var base: FloatChunk {
    guard let optionalBase else { preconditionFailure("this method's card requires no base") }
    return optionalBase
  }

  /// The elements of the source at `position`, from 0.
  public func source(_ position: Int) -> FloatChunk { sources[position] }

  /// The statistics of the source at `position`, an element for each of the tensor's; traps for a
  /// method whose card asks for none.
  public func statistics(_ position: Int) -> FloatChunk { statistics[position] }

  public var indices: Range<Int> { 0..<count }

  /// The change that the source at `position` is; `nil` where it is a model.
  func difference(_ position: Int) -> FloatChunk? {
    position < differences.count ? differences[position] : nil
  }

  /// Fills `out` with the change of the base by the source at `position`: of a difference, itself;
  /// where there is no base, the source.
  func change(_ position: Int, into out: MutableFloatChunk) {
    if let difference = difference(position) {
      out.assign(difference)
    } else if let optionalBase {
      Elementwise.subtract(sources[position], optionalBase, into: out)
    } else {
      out.assign(sources[position])
    }
  }

  func extracting(_ range: Range<Int>) -> MergeChunk {
    MergeChunk(
      start: start + range.lowerBound, count: range.count, base: optionalBase?[range],
      sources: sources.map { $0[range] }, differences: differences.map { $0?[range] },
      statistics: statistics.map { $0[range] })
  }
}

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
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let parts = try Parallel.map(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) in
      var results: [R] = []
      for piece in pieces(of: ranges[index], length: Summation.blockLength) {
        results.append(try withChunk(piece, block))
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
    let ranges = chunkRanges(count: elementCount, length: chunkLength)
    let workers = max(1, min(ranges.count, 4 * (threads ?? Parallel.processorCount)))
    let parts = try Parallel.map(count: workers, threads: threads) {
      (worker) throws(CheckpointError) in
      var share = [N](repeating: zero, count: bins)
      for index in stride(from: worker, to: ranges.count, by: workers) {
        for piece in pieces(of: ranges[index]) {
          try withChunk(piece) { chunk in count(chunk, &share) }
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

  /// Reads one run of base and sources and lends it; NaN and infinity are an error naming the
  /// tensor, the element and the model, because every method would spread them.
  func withChunk<R>(
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
        try reader.read(from: range.lowerBound, into: target)
        try checkFinite(target.reading, from: range.lowerBound, row: row)
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
}

extension TensorGroup {
  private func checkFinite(
    _ chunk: FloatChunk, from start: Int, row: Int
  ) throws(CheckpointError) {
    if Elementwise.isFinite(chunk) { return }
    for i in chunk.indices where !chunk[i].isFinite {
      throw .notFinite(
        tensor: name, index: start + i, value: "\(chunk[i])",
        origin: row < origins.count ? origins[row] : "a model of the merge")
    }
  }
}
