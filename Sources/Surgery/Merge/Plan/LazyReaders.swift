// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Tensors one after the other, as one.
struct StackedReader: TensorReader {
  private let readers: [any TensorReader]
  /// Where each begins, and where the last ends.
  private let bounds: [Int]

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    var done = 0
    // The last part that begins at or before `start`.
    var part = (bounds.partitioningIndex { $0 > start }) - 1
    while done < output.count {
      let position = start + done
      let count = min(bounds[part + 1] - position, output.count - done)
      if count > 0 {
        try readers[part].read(
          from: position - bounds[part], into: output[done..<(done + count)])
        done += count
      }
      part += 1
    }
  }

  /// Experts stacked along a new first axis, the parts of each along their rows.
  ///
  /// - Parameters:
  ///   - parts: matrices `[rows, columns]`, all of the first expert, then all of the second.
  ///   - name: one of them, for messages.
  static func source(
    _ parts: [TensorSource], experts: Int, origin: String, named name: String
  ) throws(CheckpointError) -> TensorSource {
    let perExpert = parts.count / experts
    let first = parts[0].info
    for (index, part) in parts.enumerated() {
      let like = parts[index % perExpert].info
      guard part.info.shape == like.shape, part.info.shape.rank == 2,
        part.info.shape[1] == first.shape[1], part.info.elementType == first.elementType
      else {
        throw .wrongShape(
          tensor: name, expected: like.shape, found: part.info.shape, origin: part.origin)
      }
    }
    let rows = parts[..<perExpert].reduce(0) { $0 + $1.info.shape[0] }
    let info = TensorInfo(
      elementType: first.elementType, shape: [experts, rows, first.shape[1]])
    return TensorSource(info: info, origin: origin) { () throws(CheckpointError) in
      var readers: [any TensorReader] = []
      var bounds = [0]
      for part in parts {
        readers.append(try part.prepare())
        bounds.append((bounds.last ?? 0) + part.info.shape.elementCount)
      }
      return StackedReader(readers: readers, bounds: bounds)
    }
  }
}

/// A tensor in another type, rounded once.
struct ConvertedReader: TensorReader {
  let reader: any TensorReader
  let elementType: ElementType

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try reader.read(from: start, into: output)
    Conversion.round(output, to: elementType)
  }

  func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError) {
    // From the stored numbers, so that F64 is rounded once too.
    if type == elementType {
      try reader.read(from: start, count: count, as: type, into: &output)
    } else {
      try withScratch(count: count) { (floats) throws(CheckpointError) in
        try read(from: start, into: floats)
        Conversion.encode(floats.reading, as: type, into: &output)
      }
    }
  }

  /// The source with `type`, which is the source's where it is `nil`.
  static func source(_ source: TensorSource, as type: ElementType?) -> TensorSource {
    guard let type, type != source.info.elementType, source.info.elementType.isFloatingPoint
    else { return source }
    return TensorSource(
      info: TensorInfo(elementType: type, shape: source.info.shape), origin: source.origin
    ) { () throws(CheckpointError) in
      ConvertedReader(reader: try source.prepare(), elementType: type)
    }
  }
}

extension Array where Element == Int {
  /// The first index whose element satisfies `predicate`, which holds from some element on.
  func partitioningIndex(_ predicate: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
