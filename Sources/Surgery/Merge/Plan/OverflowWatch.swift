// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// A tensor of a result that tells the log where it is not finite: inputs are, so that something has
/// overflowed, mostly a narrower type.
///
/// - Cost: a look at what is written, which is in the cache.
struct OverflowWatch: TensorReader {
  let reader: any TensorReader
  let name: String
  /// Of the result.
  let elementType: ElementType
  let log: MergeLog

  static func source(_ source: TensorSource, _ name: String, _ log: MergeLog) -> TensorSource {
    guard source.info.elementType.isFloatingPoint else { return source }
    return TensorSource(info: source.info, origin: source.origin) {
      () throws(CheckpointError) in
      OverflowWatch(
        reader: try source.prepare(), name: name, elementType: source.info.elementType, log: log)
    }
  }

  func stored(from start: Int, count: Int) -> StoredRun? {
    reader.stored(from: start, count: count)
  }

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try reader.read(from: start, into: output)
    guard !Elementwise.isFinite(output.reading),
      let first = output.indices.first(where: { !output[$0].isFinite })
    else { return }
    log.add(overflowAt: start + first, as: elementType, tensor: name)
  }

  func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError) {
    try reader.read(from: start, count: count, as: type, into: &output)
    guard let first = Conversion.firstNonFinite(output.bytes, as: type, count: count) else {
      return
    }
    log.add(overflowAt: start + first, as: type, tensor: name)
  }
}
