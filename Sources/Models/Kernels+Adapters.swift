// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Tensors

  /// A low-rank change of a matrix W (O, D) while it is trained.
  ///
  ///     LoRA   y = x Wᵀ + s · (dropout(x) Aᵀ) Bᵀ
  ///     DoRA   y = m / ‖W + s·B·A‖ ⊙ (the same), the norms those of the rows and without gradient
  ///
  /// - Source: Hu et al. 2021, arXiv:2106.09685; Liu et al. 2024, arXiv:2402.09353, §4.3.
  /// - Departs: projections of one input share a mask of dropout; with dropout, DoRA scales the
  ///   whole x Wᵀ, as mlx-lm does, not that of the dropped-out x, as PEFT does.
  package struct LowRankAdapter {
    /// (R, D)
    package var a: DeviceArray
    /// (O, R)
    package var b: DeviceArray
    /// s
    package var scale: Float
    /// DoRA's m (O), and ‖W + s·B·A‖ of each row, which is a constant of the pass.
    package var magnitude: (learned: DeviceArray, norms: DeviceArray)?
    /// What is dropped of the input; `nil` for nothing.
    package var dropout: Dropout?

    package init(
      a: DeviceArray, b: DeviceArray, scale: Float,
      magnitude: (learned: DeviceArray, norms: DeviceArray)? = nil, dropout: Dropout? = nil
    ) {
      self.a = a
      self.b = b
      self.scale = scale
      self.magnitude = magnitude
      self.dropout = dropout
    }
  }

  /// Which elements of an array (…, D) are set to 0: a function of (seed, stream, position, column).
  package struct Dropout {
    /// In [0, 1).
    package var rate: Float
    package var random: CounterRandom
    /// The position of the first row.
    package var firstPosition: Int

    package init(rate: Float, random: CounterRandom, firstPosition: Int = 0) {
      self.rate = rate
      self.random = random
      self.firstPosition = firstPosition
    }

    /// The random word of the first element of `x`.
    func start(_ x: DeviceArray) -> Int { firstPosition * (x.shape.last ?? 1) }
  }

  extension Kernels {
    /// `x · wᵢᵀ` for several w of one x, some of them with adapters: x (N, D) → (N, Oᵢ).
    func linear(
      _ x: DeviceArray, _ weights: [DeviceArray], adapters: [LowRankAdapter?]
    ) throws -> [DeviceArray] {
      let changed = weights.indices.filter { adapters[$0] != nil }
      guard let first = changed.first, let some = adapters[first] else {
        return try linear(x, weights)
      }
      let plain = weights.indices.filter { adapters[$0] == nil }
      var results = [DeviceArray?](repeating: nil, count: weights.count)
      if !plain.isEmpty {
        for (index, y) in zip(plain, try linear(x, plain.map { weights[$0] })) {
          results[index] = y
        }
      }
      let parts = changed.compactMap { adapters[$0] }
      let dropped = try some.dropout.map { try dropout(x, $0) } ?? x
      let inner = try zip(linear(dropped, parts.map(\.a)), parts).map { t, part in
        try multiply(t, DeviceArray(part.scale))  // (N, R)
      }
      let sums = try linearSum(
        x, changed.map { weights[$0] }, inner: inner, outer: parts.map(\.b))
      for (index, (y, part)) in zip(changed, zip(sums, parts)) {
        results[index] =
          try part.magnitude.map { try multiply(y, divide($0.learned, $0.norms)) } ?? y
      }
      return results.compactMap { $0 }
    }

    /// `x · wᵢᵀ + tᵢ · bᵢᵀ`: x (N, D), wᵢ (Oᵢ, D), tᵢ (N, R), bᵢ (Oᵢ, R) → (N, Oᵢ).
    func linearSum(
      _ x: DeviceArray, _ weights: [DeviceArray], inner: [DeviceArray], outer: [DeviceArray]
    ) throws -> [DeviceArray] {
      switch self {
      case .fused:
        let (w, t, b) = (weights.map(\.optional), inner.map(\.optional), outer.map(\.optional))
        var results = [cmlx_array?](repeating: nil, count: weights.count)
        guard cmlx_fused_linear_sum(&results, x.handle, w, t, b, Int32(w.count)) == 0 else {
          throw ModelError.engine(
            operation: "fused linear_sum", message: String(cString: cmlx_last_error()))
        }
        return results.compactMap { $0 }.map(DeviceArray.init(owning:))
      case .plain, .bfloat16:
        return try weights.indices.map { index in
          try add(
            product(x, transpose(weights[index], [1, 0])),
            product(inner[index], transpose(outer[index], [1, 0])))
        }
      }
    }

    /// x with elements set to 0 and the others scaled so that the expected value is x.
    package func dropout(_ x: DeviceArray, _ dropout: Dropout) throws -> DeviceArray {
      guard dropout.rate > 0 else { return x }
      switch self {
      case .fused:
        let (seed, key) = dropout.random.start
        return DeviceArray(
          owning: try check("fused dropout") {
            cmlx_fused_dropout(
              $0, x.handle, dropout.rate, seed, key, UInt64(dropout.start(x)))
          })
      case .plain, .bfloat16:
        let scale = 1 / (1 - dropout.rate)
        let limit = UInt32(min(4_294_967_295, Double(dropout.rate) * 0x1p32))
        let start = dropout.start(x)
        let mask = (0..<x.count).map { dropout.random.bits(at: start + $0) >= limit ? scale : 0 }
        return try multiply(x, DeviceArray(mask, shape: x.shape))
      }
    }

    /// A weight as float32. On the fused path its gradient is float32, too.
    func widenedWeight(_ w: DeviceArray) throws -> DeviceArray {
      guard cmlx_array_dtype(w.handle) != CMLX_FLOAT32 else { return w }
      switch self {
      case .fused:
        return DeviceArray(owning: try check("widened") { cmlx_fused_widened($0, w.handle) })
      case .plain, .bfloat16: return try widened(w)
      }
    }

    /// ‖W + s·B·A‖ of each row, without a gradient: w (O, D), a (R, D), b (O, R) → (O).
    ///
    /// The arrays must be evaluated, and not ones of a graph that is being differentiated.
    package func adaptedRowNorms(
      _ w: DeviceArray, a: DeviceArray, b: DeviceArray, scale: Float
    ) throws -> DeviceArray {
      let rows = w.shape[0]
      switch self {
      case .fused:
        var norms = [Float](repeating: 0, count: rows)
        guard cmlx_adapted_row_norms(w.handle, a.handle, b.handle, scale, &norms) == 0 else {
          throw ModelError.engine(
            operation: "adapted_row_norms", message: String(cString: cmlx_last_error()))
        }
        return try DeviceArray(norms, shape: [rows])
      case .plain, .bfloat16:
        let whole = try add(widened(w), multiply(DeviceArray(scale), matmul(b, a)))
        let squares = try sum(multiply(whole, whole), axis: 1).floats()
        return try DeviceArray(squares.map { $0.squareRoot() }, shape: [rows])
      }
    }
  }

  extension DeviceArray {
    fileprivate var optional: cmlx_array? { handle }
  }
#endif
