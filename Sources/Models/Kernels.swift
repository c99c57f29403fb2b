// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  /// The operators a transformer is made of, in two forms that agree: fused ones of our own for the
  /// CPU, and plain graphs of MLX for GPUs and as the reference in tests. A third form is the plain one
  /// with less exact products.
  ///
  /// Letters: B sequences of L tokens, N = B·L, D model width, H query heads, G key-value heads,
  /// K head size, F feed-forward width, V vocabulary.
  package enum Kernels: Sendable {
    case fused
    case plain
    /// The plain form with operands and results of matrix products and of attention rounded to bfloat16,
    /// in the backward pass too; sums within a product are those of the device, and all else (the
    /// residual stream, norms, activations, the softmax over the rounded logits) is float32.
    case bfloat16

    /// The fast form of this machine that computes in float32.
    package static var best: Kernels { Engine.device == "cpu" ? .fused : .plain }

    /// The same form in float32.
    package var exact: Kernels { self == .bfloat16 ? .plain : self }

    /// An operand of a product: x itself, or rounded.
    func operand(_ x: DeviceArray) throws -> DeviceArray {
      switch self {
      case .fused, .plain: try widened(x)
      case .bfloat16: try cmlx_array_dtype(x.handle) == CMLX_BFLOAT16 ? x : asType(x, CMLX_BFLOAT16)
      }
    }

    /// a · b of plain graphs, as float32.
    func product(_ a: DeviceArray, _ b: DeviceArray) throws -> DeviceArray {
      try widened(matmul(operand(a), operand(b)))
    }

    /// `x · w / √(mean(x²) + ε)`: x (N, D), w (D).
    func rmsNorm(_ x: DeviceArray, _ w: DeviceArray, epsilon: Float) throws -> DeviceArray {
      switch self {
      case .fused:
        DeviceArray(
          owning: try check("fused rms_norm") {
            cmlx_fused_rms_norm($0, x.handle, w.handle, epsilon)
          })
      case .plain, .bfloat16:
        DeviceArray(
          owning: try check("rms_norm") { cmlx_rms_norm($0, x.handle, w.handle, epsilon) })
      }
    }

    /// `activation(gate) · up`, elementwise.
    func gated(
      _ activation: GateActivation, _ gate: DeviceArray, _ up: DeviceArray
    ) throws -> DeviceArray {
      switch (self, activation) {
      case (.fused, .silu):
        return DeviceArray(
          owning: try check("fused swiglu") { cmlx_fused_swiglu($0, gate.handle, up.handle) })
      case (.fused, .tanhGELU):
        return DeviceArray(
          owning: try check("fused geglu") { cmlx_fused_geglu($0, gate.handle, up.handle) })
      case (.plain, .silu), (.bfloat16, .silu):
        return try multiply(multiply(gate, sigmoid(gate)), up)
      case (.plain, .tanhGELU), (.bfloat16, .tanhGELU):
        // ½ g (1 + tanh(√(2/π) (g + 0.044715 g³)))
        let cube = try multiply(multiply(gate, gate), gate)
        let bent = try tanh(
          multiply(
            DeviceArray((2 / Float.pi).squareRoot()),
            add(gate, multiply(DeviceArray(0.044715), cube))))
        return try multiply(
          multiply(multiply(DeviceArray(0.5), gate), add(DeviceArray(1), bent)), up)
      }
    }

    /// `cap · tanh(x / cap)`, elementwise; x itself where `cap` is `nil`.
    func softcap(_ x: DeviceArray, _ cap: Float?) throws -> DeviceArray {
      guard let cap else { return x }
      switch self {
      case .fused:
        return DeviceArray(
          owning: try check("fused softcap") { cmlx_fused_softcap($0, x.handle, cap) })
      case .plain, .bfloat16:
        let size = try DeviceArray(cap)
        return try multiply(size, tanh(divide(x, size)))
      }
    }

    /// `x · wᵢᵀ` for several w of one x: x (N, D), wᵢ (Oᵢ, D) → (N, Oᵢ). The wᵢ may be stored in 16
    /// bits; products, sums and gradients are float32 all the same, but for the gradients of stored
    /// wᵢ on the plain path.
    func linear(_ x: DeviceArray, _ weights: [DeviceArray]) throws -> [DeviceArray] {
      switch self {
      case .fused:
        let handles: [cmlx_array?] = weights.map(\.handle)
        var results = [cmlx_array?](repeating: nil, count: weights.count)
        guard cmlx_fused_linear(&results, x.handle, handles, Int32(weights.count)) == 0 else {
          throw ModelError.engine(
            operation: "fused linear", message: String(cString: cmlx_last_error()))
        }
        return results.compactMap { $0 }.map(DeviceArray.init(owning:))
      case .plain, .bfloat16: return try weights.map { try product(x, transpose($0, [1, 0])) }
      }
    }

    /// (x + delta, RMSNorm of that): the residual sum and the norm that follows it.
    func addRmsNorm(
      _ x: DeviceArray, _ delta: DeviceArray, _ w: DeviceArray, epsilon: Float
    ) throws -> (sum: DeviceArray, normed: DeviceArray) {
      switch self {
      case .fused:
        var results: [cmlx_array?] = [nil, nil]
        guard
          cmlx_fused_add_rms_norm(&results, x.handle, delta.handle, w.handle, epsilon) == 0,
          let sum = results[0], let normed = results[1]
        else {
          throw ModelError.engine(
            operation: "fused add_rms_norm", message: String(cString: cmlx_last_error()))
        }
        return (DeviceArray(owning: sum), DeviceArray(owning: normed))
      case .plain, .bfloat16:
        let sum = try add(x, delta)
        return (sum, try rmsNorm(sum, w, epsilon: epsilon))
      }
    }

    /// Rows of `table` (V, D), float32 or stored in 16 bits, for ids (N) → (N, D). Ids must be valid
    /// when plain.
    func embedding(_ ids: DeviceArray, _ table: DeviceArray) throws -> DeviceArray {
      switch self {
      case .fused:
        DeviceArray(
          owning: try check("fused embedding") {
            cmlx_fused_embedding($0, ids.handle, table.handle)
          })
      case .plain, .bfloat16: try widened(take(table, ids, axis: 0))
      }
    }
  }
#endif
