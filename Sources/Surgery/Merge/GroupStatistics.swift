// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// What text has shown of the sources of one group, in their order.
struct GroupStatistics: Sendable {
  let kind: ModelStatistics.Kind
  let readers: [any TensorReader]
  /// Each model's norm over all tensors; see ``ModelStatistics/norm``.
  let norms: [Double]

  /// Readers of statistics that have one number for each of the tensor's.
  var ofElements: [any TensorReader] { kind == .fisher ? readers : [] }
}

/// Statistics of a planned tensor's sources, not yet read.
struct PlannedStatistics: Sendable {
  let kind: ModelStatistics.Kind
  let sources: [TensorSource]
  let norms: [Double]

  func prepare() throws(CheckpointError) -> GroupStatistics {
    var readers: [any TensorReader] = []
    for source in sources { readers.append(try source.prepare()) }
    return GroupStatistics(kind: kind, readers: readers, norms: norms)
  }
}

extension TensorGroup {
  /// ‖F‖ of the source at `position` over all its tensors; 0 where there are no such statistics.
  public func statisticsNorm(ofSource position: Int) -> Double {
    statistics?.norms[position] ?? 0
  }

  /// Whether there is a Gram matrix of every source's inputs to this layer.
  public var hasGrams: Bool { statistics?.kind == .gram && matrixShape != nil }

  /// The Gram matrix of the inputs of the source at `position`, n × n for a layer of n inputs.
  /// Memory: 4·n² bytes. Traps where ``hasGrams`` is false.
  public func gram(ofSource position: Int) throws(CheckpointError) -> Matrix {
    guard let statistics, statistics.kind == .gram, let size = matrixShape?.columns else {
      preconditionFailure("this tensor has no Gram matrices")
    }
    var values = [Float](repeating: 0, count: size * size)
    let reader = statistics.readers[position]
    try values.withMutableChunk { (output) throws(CheckpointError) in
      let ranges = chunkRanges(count: size * size, length: chunkLength)
      try Parallel.forEach(count: ranges.count, threads: threads) {
        (index) throws(CheckpointError) in
        try reader.read(from: ranges[index].lowerBound, into: output[ranges[index]])
      }
    }
    return Matrix(rows: size, columns: size, values: values)
  }
}
