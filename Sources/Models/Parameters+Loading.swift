// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Checkpoints
  import Tensors

  extension Parameters {
    /// All tensors of a checkpoint as float32 arrays; call it on the engine's thread.
    ///
    /// - Parameter each: shown every tensor's numbers, in order of name.
    /// - Throws: `CheckpointError`, for weights that are NaN or infinite too.
    package init(
      loading checkpoint: Checkpoint, each: (_ name: String, [Float]) throws -> Void = { _, _ in }
    ) throws {
      var arrays: [String: DeviceArray] = [:]
      for name in checkpoint.names {
        guard let info = checkpoint.info(name) else { continue }
        let values = try Self.floats(name, of: checkpoint)
        try each(name, values)
        arrays[name] = try DeviceArray(values, shape: info.shape.extents)
      }
      self.init(arrays)
    }

    /// All tensors of a checkpoint, matrices of 16 and 32 bits in the type they have there, without
    /// a copy where they lie in a file; all else as float32. Call it on the engine's thread.
    ///
    /// - Throws: `CheckpointError`, for weights that are NaN or infinite too.
    init(storedIn checkpoint: Checkpoint) throws {
      var arrays: [String: DeviceArray] = [:]
      for name in checkpoint.names { arrays[name] = try Self.storedArray(name, of: checkpoint) }
      self.init(arrays)
    }

    /// One tensor: a matrix of 16 or 32 bits in the type it has there, without a copy where it lies
    /// in a file; all else as float32. Call it on the engine's thread.
    ///
    /// - Throws: `CheckpointError`, for weights that are NaN or infinite too.
    package static func storedArray(
      _ name: String, of checkpoint: Checkpoint
    ) throws -> DeviceArray {
      let info = try checkpoint.source(name).info
      let shape = info.shape.extents
      guard shape.count == 2, !shape.contains(0), let type = deviceType(info.elementType) else {
        return try DeviceArray(floats(name, of: checkpoint), shape: shape)
      }
      if let place = try checkpoint.place(name), place.isAligned {
        // Safety: the array keeps the file mapped for as long as it needs the address.
        let start = place.file.address(at: place.offset)
        try checkFinite(start, name, info, checkpoint)
        return try DeviceArray(borrowing: start, from: place.file, shape: shape, type: type)
      }
      let bytes = try checkpoint.encoded(name)
      return try bytes.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress else { return try DeviceArray([Float](), shape: [0]) }
        try checkFinite(start, name, info, checkpoint)
        return try DeviceArray(copying: start, shape: shape, type: type)
      }
    }

    private static func floats(_ name: String, of checkpoint: Checkpoint) throws -> [Float] {
      let values = try checkpoint.floats(name)
      if let index = values.withUnsafeBufferPointer({ numbers in
        numbers.baseAddress.flatMap { PlainMemory.firstNonFinite($0, numbers.count) }
      }) {
        throw CheckpointError.notFinite(
          tensor: name, index: index, value: "\(values[index])",
          origin: try checkpoint.source(name).origin)
      }
      return values
    }

    private static func checkFinite(
      _ start: UnsafeRawPointer, _ name: String, _ info: TensorInfo, _ checkpoint: Checkpoint
    ) throws {
      guard let type = deviceType(info.elementType) else { return }
      let count = info.shape.elementCount
      let index = cmlx_first_non_finite_stored(start, count, type)
      guard index < count else { return }
      throw CheckpointError.notFinite(
        tensor: name, index: index, value: "\(try checkpoint.floats(name)[index])",
        origin: try checkpoint.source(name).origin)
    }

    private static func deviceType(_ type: ElementType) -> cmlx_dtype? {
      switch type {
      case .float32: CMLX_FLOAT32
      case .float16: CMLX_FLOAT16
      case .bfloat16: CMLX_BFLOAT16
      default: nil
      }
    }
  }
#endif
