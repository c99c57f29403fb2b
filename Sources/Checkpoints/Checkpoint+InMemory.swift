// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension Checkpoint {
  /// A checkpoint of numbers that are in memory, as training makes them.
  ///
  /// Every number is rounded once, here, to `elementType`, which must be a float type; reading gives
  /// the rounded numbers back. Names are unique and each array has its shape's element count: both
  /// are the caller's to ensure, and trap.
  ///
  /// Memory: `tensors` and a copy. Who makes numbers as they go puts `TensorSource`s together.
  /// - Parameter directory: a folder whose tokenizer files the checkpoint takes over.
  public static func inMemory(
    config: JSON, tensors: [(name: String, shape: Shape, values: [Float])],
    elementType: ElementType = .float32, tokenizerFilesFrom directory: String? = nil,
    origin: String = "a model in memory"
  ) throws(CheckpointError) -> Checkpoint {
    var sources: [String: TensorSource] = [:]
    for (name, shape, values) in tensors {
      precondition(sources[name] == nil, "two tensors are called `\(name)`")
      sources[name] = TensorSource(
        holding: values, shape: shape, elementType: elementType, origin: origin)
    }
    return Checkpoint(
      config: config, origin: origin, sources: sources,
      tokenizerFiles: try directory.map { (path) throws(CheckpointError) in
        try tokenizerFiles(in: path)
      } ?? [])
  }
}

extension TensorSource {
  /// Numbers in memory, rounded to `elementType`, which must be a float type. There are as many as the
  /// shape has, which is the caller's to ensure, and traps.
  package init(
    holding values: [Float], shape: Shape, elementType: ElementType = .float32, origin: String
  ) {
    precondition(elementType.isFloatingPoint, "weights are floats, not \(elementType.rawValue)")
    precondition(
      shape.elementCount == values.count, "shape \(shape) has not \(values.count) values")
    var bytes = [UInt8](repeating: 0, count: values.count * elementType.byteCount)
    values.withChunk { chunk in
      var span = bytes.mutableSpan
      // Safety: any bytes are valid bytes.
      var target = unsafe span.mutableBytes
      Conversion.encode(chunk, as: elementType, into: &target)
    }
    let info = TensorInfo(elementType: elementType, shape: shape)
    let reader = StoredReader(info: info, storage: .memory(HeldBytes(bytes)))
    self.init(info: info, origin: origin) { reader }
  }
}
