// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  /// A lazy array of the engine; made and used on the engine's thread only.
  package final class DeviceArray {
    let handle: cmlx_array

    /// Takes ownership of `handle`.
    init(owning handle: cmlx_array) { self.handle = handle }

    deinit { cmlx_array_free(handle) }

    /// Copies float32 numbers, row-major.
    package convenience init(_ values: [Float], shape: [Int]) throws {
      precondition(values.count == shape.reduce(1, *), "the shape does not fit the values")
      self.init(owning: try Self.copy(values, shape, CMLX_FLOAT32))
    }

    /// Copies int32 numbers, row-major.
    package convenience init(_ values: [Int32], shape: [Int]) throws {
      precondition(values.count == shape.reduce(1, *), "the shape does not fit the values")
      self.init(owning: try Self.copy(values, shape, CMLX_INT32))
    }

    /// A float32 number.
    package convenience init(_ value: Float) throws {
      self.init(owning: try check("scalar") { cmlx_array_scalar($0, value) })
    }

    /// Copies encoded numbers, row-major: as many as the shape has.
    convenience init(copying start: UnsafeRawPointer, shape: [Int], type: cmlx_dtype) throws {
      let dimensions = shape.map { Int32($0) }
      self.init(
        owning: try check("copy") {
          cmlx_array_copy($0, start, dimensions, Int32(dimensions.count), type)
        })
    }

    /// Encoded numbers, row-major, that lie in memory which `owner` keeps: no copy where the engine
    /// can do without, and `owner` lives as long as the array.
    ///
    /// Safety: `start` has the type's alignment, `owner` never writes there, and the 16 bytes before
    /// can be read.
    convenience init(
      borrowing start: UnsafeRawPointer, from owner: AnyObject, shape: [Int], type: cmlx_dtype
    ) throws {
      let dimensions = shape.map { Int32($0) }
      // Given up in any case, also by a call that fails.
      let kept = Unmanaged.passRetained(owner).toOpaque()
      self.init(
        owning: try check("borrow") {
          cmlx_array_external(
            $0, start, dimensions, Int32(dimensions.count), type, kept
          ) { owner in
            if let owner { Unmanaged<AnyObject>.fromOpaque(owner).release() }
          }
        })
    }

    private static func copy<Element>(_ values: [Element], _ shape: [Int], _ type: cmlx_dtype)
      throws -> cmlx_array
    {
      let dimensions = shape.map { Int32($0) }
      return try values.withUnsafeBytes { bytes in
        // MLX reads nothing of an empty array, but wants an address.
        let base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!
        return try check("copy") {
          cmlx_array_copy($0, base, dimensions, Int32(dimensions.count), type)
        }
      }
    }

    /// The dimensions.
    package var shape: [Int] {
      (0..<cmlx_array_rank(handle)).map { Int(cmlx_array_dimension(handle, $0)) }
    }

    /// The number of elements.
    package var count: Int { cmlx_array_size(handle) }

    /// Evaluates and copies out float32 numbers, row-major.
    package func floats() throws -> [Float] { try numbers(CMLX_FLOAT32) }

    /// Evaluates and copies out int32 numbers, row-major.
    package func integers() throws -> [Int32] { try numbers(CMLX_INT32) }

    /// Evaluates a single float32 number.
    package func item() throws -> Float {
      precondition(count == 1, "an array of one element")
      return try floats()[0]
    }

    private func numbers<Element>(_ type: cmlx_dtype) throws -> [Element] {
      guard count > 0 else { return [] }
      let plain = try contiguous(asType(self, type))
      try evaluate([plain])
      guard let base = cmlx_array_data(plain.handle) else {
        throw ModelError.engine(operation: "read", message: "the array has no plain memory")
      }
      return Array(
        UnsafeBufferPointer(start: base.assumingMemoryBound(to: Element.self), count: count))
    }

    /// The memory of an array that is evaluated and row-major; what is written there is the array's.
    var memory: UnsafeMutableRawPointer {
      guard let start = cmlx_array_data(handle) else {
        preconditionFailure("the array is evaluated and row-major")
      }
      return UnsafeMutableRawPointer(mutating: start)
    }

    /// Lends the evaluated float32 numbers without a copy; `body` gets the first element.
    package func withFloats<Result>(
      _ body: (UnsafePointer<Float>, Int) throws -> Result
    ) throws -> Result {
      let plain = try contiguous(self)
      try evaluate([plain])
      guard cmlx_array_dtype(plain.handle) == CMLX_FLOAT32,
        let base = cmlx_array_data(plain.handle)
      else {
        throw ModelError.engine(operation: "read", message: "the array is not plain float32")
      }
      return try withExtendedLifetime(plain) {
        try body(base.assumingMemoryBound(to: Float.self), count)
      }
    }
  }

  /// An evaluated float32 array whose memory is updated in place, or that graphs replace: a moment or an
  /// average.
  ///
  /// Safety: the array is kept, so MLX neither frees its memory nor gives it to a result. Only
  /// Training writes, and only while no graph over the array is pending.
  package final class FloatBuffer: @unchecked Sendable {
    package private(set) var array: DeviceArray
    package let count: Int

    /// Where the numbers lie. On a GPU their memory comes to the host for that.
    package var base: UnsafeMutablePointer<Float> {
      array.memory.assumingMemoryBound(to: Float.self)
    }

    /// A copy of `values`, row-major.
    package init(_ values: [Float], shape: [Int]) throws {
      array = try DeviceArray(values, shape: shape)
      count = values.count
    }

    /// Puts the float32 numbers of a graph of the same shape in the place of these; the caller
    /// evaluates `array` before anything else looks; when that fails, the buffer has no numbers any more.
    package func assign(_ numbers: DeviceArray) throws { array = try contiguous(numbers) }

    /// Zeros.
    package convenience init(zeros shape: [Int]) throws {
      try self.init([Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
    }

    /// Overwrites all numbers.
    package func replace(with values: [Float]) {
      precondition(values.count == count, "as many numbers as the buffer holds")
      values.withUnsafeBufferPointer { source in
        if let start = source.baseAddress { base.update(from: start, count: source.count) }
      }
    }

    /// A copy of the numbers.
    package var values: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }
  }

  /// Computes the arrays, and what they need, now.
  package func evaluate(_ arrays: [DeviceArray]) throws {
    let handles: [cmlx_array?] = arrays.map(\.handle)
    guard cmlx_eval(handles, Int32(handles.count)) == 0 else {
      throw ModelError.engine(operation: "eval", message: String(cString: cmlx_last_error()))
    }
  }

  /// Turns a status into a throw.
  func check(
    _ operation: String, _ call: (UnsafeMutablePointer<cmlx_array?>) -> Int32
  ) throws -> cmlx_array {
    var result: cmlx_array?
    guard call(&result) == 0, let result else {
      throw ModelError.engine(operation: operation, message: String(cString: cmlx_last_error()))
    }
    return result
  }
#endif
