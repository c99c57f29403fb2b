// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Reads one of the three tensors that a matrix becomes when it is quantised.
struct QuantizedReader: TensorReader {
  /// The tensors, by the last part of their names.
  enum Part: String, CaseIterable {
    case words = "weight"
    case scales
    case biases
  }

  let part: Part
  let groups: AffineGroups
  let weights: any TensorReader
  /// What scales and biases are rounded to.
  let type: ElementType
  /// The matrix, and where it comes from, for messages.
  let name: String
  let origin: String

  /// The part `part` of a matrix, which has whole runs of `groups` in every row.
  static func source(
    _ part: Part, of matrix: TensorSource, named name: String, _ groups: AffineGroups
  ) -> TensorSource {
    let (rows, runs) = (matrix.info.shape[0], matrix.info.shape[1] / groups.size)
    let info =
      part == .words
      ? TensorInfo(elementType: .uint32, shape: [rows, runs * groups.wordCount])
      : TensorInfo(elementType: matrix.info.elementType, shape: [rows, runs])
    return TensorSource(info: info, origin: matrix.origin) { () throws(CheckpointError) in
      QuantizedReader(
        part: part, groups: groups, weights: try matrix.prepare(), type: matrix.info.elementType,
        name: name, origin: matrix.origin)
    }
  }

  /// Runs that are read at once.
  private static let batch = 64

  /// Calls `body` with every run that has one of `elements` among its own, `perRun` to a run.
  private func forEachRun(
    of elements: Range<Int>, perRun: Int,
    _ body: (_ run: Int, FloatChunk) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    guard !elements.isEmpty else { return }
    let runs = (elements.lowerBound / perRun)..<((elements.upperBound - 1) / perRun + 1)
    var first = runs.lowerBound
    while first < runs.upperBound {
      let count = min(Self.batch, runs.upperBound - first)
      let start = first
      try withWorkspace(count: count * groups.size) { (chunk) throws(CheckpointError) in
        try weights.read(from: start * groups.size, into: chunk)
        if !Elementwise.isFinite(chunk.reading) {
          for index in chunk.indices where !chunk[index].isFinite {
            throw .notFinite(
              tensor: name, index: start * groups.size + index,
              value: "\(chunk[index])", origin: origin)
          }
        }
        for index in 0..<count {
          let range = (index * groups.size)..<((index + 1) * groups.size)
          try body(start + index, chunk.reading[range])
        }
      }
      first += count
    }
  }

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    if part == .words {
      // Words as numbers, for whoever asks; writers ask for the bytes.
      let words = try bytes(start..<(start + output.count), as: .uint32)
      // Safety: bytes are valid bytes.
      Conversion.decode(unsafe words.span.bytes, as: .uint32, into: output)
      return
    }
    try forEachRun(of: start..<(start + output.count), perRun: 1) { run, weights in
      let (scale, bias) = groups.parameters(of: weights)
      output[run - start] = part == .scales ? scale : bias
    }
    Conversion.round(output, to: type)
  }

  func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError) {
    guard part == .words else {
      try withWorkspace(count: count) { (floats) throws(CheckpointError) in
        try read(from: start, into: floats)
        Conversion.encode(floats.reading, as: type, into: &output)
      }
      return
    }
    precondition(type == .uint32, "words are written as words, not as \(type.rawValue)")
    let width = groups.wordCount
    try withByteWorkspace(count: 4 * width) { (run) throws(CheckpointError) in
      try forEachRun(of: start..<(start + count), perRun: width) { number, weights in
        let (scale, bias) = groups.parameters(of: weights)
        groups.quantize(weights, scale: scale, bias: bias, into: &run, at: 0)
        let words = max(start, number * width)..<min(start + count, (number + 1) * width)
        for word in words {
          // Safety: words of the run, and of the output, by the range just taken.
          let value = unsafe run.bytes.unsafeLoad(
            fromUncheckedByteOffset: 4 * (word - number * width), as: UInt32.self)
          unsafe output.storeBytes(
            of: value, toUncheckedByteOffset: 4 * (word - start), as: UInt32.self)
        }
      }
    }
  }
}
