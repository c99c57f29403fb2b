// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  // Operators of MLX under their own names; shapes broadcast as in NumPy.

  private func new(
    _ operation: String, _ call: (UnsafeMutablePointer<cmlx_array?>) -> Int32
  ) throws -> DeviceArray {
    DeviceArray(owning: try check(operation, call))
  }

  package func add(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("add") { cmlx_add($0, a.handle, b.handle) }
  }

  package func subtract(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("subtract") { cmlx_subtract($0, a.handle, b.handle) }
  }

  package func multiply(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("multiply") { cmlx_multiply($0, a.handle, b.handle) }
  }

  package func divide(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("divide") { cmlx_divide($0, a.handle, b.handle) }
  }

  package func equal(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("equal") { cmlx_equal($0, a.handle, b.handle) }
  }

  package func lessEqual(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("less_equal") { cmlx_less_equal($0, a.handle, b.handle) }
  }

  package func logicalAnd(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("logical_and") { cmlx_logical_and($0, a.handle, b.handle) }
  }

  package func logicalOr(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("logical_or") { cmlx_logical_or($0, a.handle, b.handle) }
  }

  package func maximum(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("maximum") { cmlx_maximum($0, a.handle, b.handle) }
  }

  package func select(
    _ condition: DeviceArray, _ a: DeviceArray, _ b: DeviceArray
  ) throws -> DeviceArray {
    try new("where") { cmlx_where($0, condition.handle, a.handle, b.handle) }
  }

  package func sigmoid(_ a: DeviceArray) throws -> DeviceArray {
    try new("sigmoid") { cmlx_sigmoid($0, a.handle) }
  }

  package func tanh(_ a: DeviceArray) throws -> DeviceArray {
    try new("tanh") { cmlx_tanh($0, a.handle) }
  }

  package func squareRoot(_ a: DeviceArray) throws -> DeviceArray {
    try new("sqrt") { cmlx_square_root($0, a.handle) }
  }

  package func matmul(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
    try new("matmul") { cmlx_matmul($0, a.handle, b.handle) }
  }

  package func transpose(_ a: DeviceArray, _ axes: [Int]) throws -> DeviceArray {
    let axes = axes.map { Int32($0) }
    return try new("transpose") { cmlx_transpose($0, a.handle, axes, Int32(axes.count)) }
  }

  package func reshape(_ a: DeviceArray, _ shape: [Int]) throws -> DeviceArray {
    let shape = shape.map { Int32($0) }
    return try new("reshape") { cmlx_reshape($0, a.handle, shape, Int32(shape.count)) }
  }

  package func contiguous(_ a: DeviceArray) throws -> DeviceArray {
    try new("contiguous") { cmlx_contiguous($0, a.handle) }
  }

  func asType(_ a: DeviceArray, _ type: cmlx_dtype) throws -> DeviceArray {
    try new("astype") { cmlx_astype($0, a.handle, type) }
  }

  /// The same numbers as float32; `a` itself where it is.
  package func widened(_ a: DeviceArray) throws -> DeviceArray {
    cmlx_array_dtype(a.handle) == CMLX_FLOAT32 ? a : try asType(a, CMLX_FLOAT32)
  }

  package func sum(_ a: DeviceArray) throws -> DeviceArray {
    try new("sum") { cmlx_sum_all($0, a.handle) }
  }

  package func sum(_ a: DeviceArray, axis: Int) throws -> DeviceArray {
    try new("sum") { cmlx_sum($0, a.handle, Int32(axis), 0) }
  }

  package func argmax(_ a: DeviceArray, axis: Int) throws -> DeviceArray {
    try new("argmax") { cmlx_argmax($0, a.handle, Int32(axis)) }
  }

  package func logSumExp(_ a: DeviceArray, axis: Int) throws -> DeviceArray {
    try new("logsumexp") { cmlx_logsumexp($0, a.handle, Int32(axis), 0) }
  }

  package func softmax(_ a: DeviceArray, axis: Int) throws -> DeviceArray {
    try new("softmax") { cmlx_softmax($0, a.handle, Int32(axis)) }
  }

  /// Rows of `a` along `axis`. An index out of range reads foreign memory: check ids first.
  package func take(_ a: DeviceArray, _ indices: DeviceArray, axis: Int) throws -> DeviceArray {
    try new("take") { cmlx_take($0, a.handle, indices.handle, Int32(axis)) }
  }

  package func takeAlongAxis(
    _ a: DeviceArray, _ indices: DeviceArray, axis: Int
  ) throws -> DeviceArray {
    try new("take_along_axis") {
      cmlx_take_along_axis($0, a.handle, indices.handle, Int32(axis))
    }
  }

  package func concatenate(_ arrays: [DeviceArray], axis: Int) throws -> DeviceArray {
    let handles: [cmlx_array?] = arrays.map(\.handle)
    return try new("concatenate") {
      cmlx_concatenate($0, handles, Int32(handles.count), Int32(axis))
    }
  }

  package func slice(_ a: DeviceArray, from start: [Int], to stop: [Int]) throws -> DeviceArray {
    let start = start.map { Int32($0) }
    let stop = stop.map { Int32($0) }
    return try new("slice") { cmlx_slice($0, a.handle, start, stop, Int32(start.count)) }
  }

  package func arange(_ start: Int, _ stop: Int) throws -> DeviceArray {
    try new("arange") { cmlx_arange($0, Int32(start), Int32(stop)) }
  }

  /// Some floats of a shape, for graphs that are built to be looked at: no memory unless computed.
  package func placeholder(_ shape: [Int]) throws -> DeviceArray {
    var result = try reshape(arange(0, 1), [Int](repeating: 1, count: shape.count))
    for (axis, extent) in shape.enumerated() {
      var extents = [Int](repeating: 1, count: shape.count)
      extents[axis] = extent
      result = try multiply(result, reshape(arange(0, extent), extents))
    }
    return try asType(result, CMLX_FLOAT32)
  }

  /// The value of `body(inputs)` and the gradient of its first output, a scalar, for every input.
  ///
  /// An error thrown by `body` comes out of this call as it was thrown.
  package func valueAndGradient(
    of inputs: [DeviceArray], outputCount: Int = 1,
    _ body: ([DeviceArray]) throws -> [DeviceArray]
  ) throws -> (values: [DeviceArray], gradients: [DeviceArray]) {
    try withoutActuallyEscaping(body) { body in
      let call = Call(body)
      let handles: [cmlx_array?] = inputs.map(\.handle)
      var values = [cmlx_array?](repeating: nil, count: outputCount)
      var gradients = [cmlx_array?](repeating: nil, count: inputs.count)
      let status = withExtendedLifetime(call) {
        cmlx_value_and_gradient(
          Call.trampoline, Unmanaged.passUnretained(call).toOpaque(), handles,
          Int32(handles.count), &values, Int32(outputCount), &gradients)
      }
      if let error = call.error { throw error }
      guard status == 0 else {
        throw ModelError.engine(
          operation: "value_and_grad", message: String(cString: cmlx_last_error()))
      }
      return (
        values.compactMap { $0 }.map(DeviceArray.init(owning:)),
        gradients.compactMap { $0 }.map(DeviceArray.init(owning:))
      )
    }
  }

  /// The outputs of `body(inputs)`, whose insides are computed again in the backward pass instead of
  /// being kept for it.
  ///
  /// Every array whose gradient is wanted must be among the inputs, and be used as `body` is given
  /// it: what `body` captures has no gradient. `body` may be called again later, on the same thread.
  package func recomputed(
    _ inputs: [DeviceArray], outputCount: Int,
    _ body: @escaping ([DeviceArray]) throws -> [DeviceArray]
  ) throws -> [DeviceArray] {
    let call = Call(body)
    let handles: [cmlx_array?] = inputs.map(\.handle)
    var outputs = [cmlx_array?](repeating: nil, count: outputCount)
    let status = cmlx_recomputed(
      Call.trampoline, Unmanaged.passRetained(call).toOpaque(),
      { context in if let context { Unmanaged<Call>.fromOpaque(context).release() } },
      handles, Int32(handles.count), &outputs, Int32(outputCount))
    if let error = call.error { throw error }
    guard status == 0 else {
      throw ModelError.engine(
        operation: "recomputed", message: String(cString: cmlx_last_error()))
    }
    return outputs.compactMap { $0 }.map(DeviceArray.init(owning:))
  }

  /// An array of the rows of `x`, made of `body(i, rows of x, w)` for one run of rows after the other, the
  /// i-th up to `ends[i]`: of what `body` makes inside, only one run's is there at once, forward and
  /// backward, where it is computed again.
  ///
  /// `x` and `w` alone have gradients; see `recomputed`.
  package func recomputedTiles(
    _ x: DeviceArray, _ w: DeviceArray, ends: [Int],
    _ body: @escaping (Int, DeviceArray, DeviceArray) throws -> DeviceArray
  ) throws -> DeviceArray {
    let calls = ends.indices.map { index in Call { [try body(index, $0[0], $0[1])] } }
    let contexts: [UnsafeMutableRawPointer?] = calls.map {
      Unmanaged.passRetained($0).toOpaque()
    }
    var result: cmlx_array?
    let status = cmlx_recomputed_tiles(
      &result, Call.trampoline, contexts,
      { context in if let context { Unmanaged<Call>.fromOpaque(context).release() } },
      ends.map { Int32($0) }, Int32(ends.count), x.handle, w.handle)
    for call in calls { if let error = call.error { throw error } }
    guard status == 0, let result else {
      throw ModelError.engine(
        operation: "recomputed_tiles", message: String(cString: cmlx_last_error()))
    }
    return DeviceArray(owning: result)
  }

  /// A Swift closure behind a C function pointer; keeps the error that must not cross C++ frames.
  private final class Call {
    let body: ([DeviceArray]) throws -> [DeviceArray]
    var error: (any Error)?

    init(_ body: @escaping ([DeviceArray]) throws -> [DeviceArray]) { self.body = body }

    static let trampoline: cmlx_function = { context, inputs, inputCount, outputs, outputCount in
      guard let context, let inputs, let outputs else { return 1 }
      let call = Unmanaged<Call>.fromOpaque(context).takeUnretainedValue()
      let arguments = (0..<Int(inputCount)).map { DeviceArray(owning: inputs[$0]!) }
      do {
        let results = try call.body(arguments)
        precondition(results.count == Int(outputCount), "as many outputs as promised")
        for (index, result) in results.enumerated() {
          outputs[index] = try check("retain") { cmlx_array_retain($0, result.handle) }
        }
        return 0
      } catch {
        call.error = error
        return 1
      }
    }
  }
#endif
