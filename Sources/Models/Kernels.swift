// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  /// The operators a transformer is made of, in two forms that agree: fused ones of our own for the
  /// CPU, and plain graphs of MLX for GPUs and as the reference in tests.
  ///
  /// Letters: B sequences of L tokens, N = B·L, D model width, H query heads, G key-value heads,
  /// K head size, F feed-forward width, V vocabulary.
  package enum Kernels: Sendable {
    case fused
    case plain

    /// The fast form of this machine.
    package static var best: Kernels { Engine.device == "cpu" ? .fused : .plain }

    /// `x · w / √(mean(x²) + ε)`: x (N, D), w (D).
    func rmsNorm(_ x: DeviceArray, _ w: DeviceArray, epsilon: Float) throws -> DeviceArray {
      switch self {
      case .fused:
        DeviceArray(
          owning: try check("fused rms_norm") {
            cmlx_fused_rms_norm($0, x.handle, w.handle, epsilon)
          })
      case .plain:
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
      case (.plain, .silu): return try multiply(multiply(gate, sigmoid(gate)), up)
      case (.plain, .tanhGELU):
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
      case .plain:
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
      case .plain: return try weights.map { try matmul(x, transpose(widened($0), [1, 0])) }
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
      case .plain:
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
      case .plain: try widened(take(table, ids, axis: 0))
      }
    }

    /// `crossEntropy` without gradients, and the most likely word of each row, int32 (N), which is
    /// unspecified in rows of weight 0. w may be stored in 16 bits.
    func likelihood(
      _ x: DeviceArray, _ w: DeviceArray, targets: DeviceArray, weights: DeviceArray,
      softcap: Float? = nil
    ) throws -> (loss: DeviceArray, best: DeviceArray) {
      switch self {
      case .fused:
        var results: [cmlx_array?] = [nil, nil]
        guard
          cmlx_fused_likelihood(
            &results, x.handle, w.handle, targets.handle, weights.handle, softcap ?? 0) == 0,
          let loss = results[0], let best = results[1]
        else {
          throw ModelError.engine(
            operation: "fused likelihood", message: String(cString: cmlx_last_error()))
        }
        return (DeviceArray(owning: loss), DeviceArray(owning: best))
      case .plain:
        let logits = try self.softcap(matmul(x, transpose(widened(w), [1, 0])), softcap)
        let rows = targets.shape[0]
        let chosen = try reshape(
          takeAlongAxis(logits, reshape(targets, [rows, 1]), axis: 1), [rows])
        let loss = try multiply(weights, subtract(logSumExp(logits, axis: 1), chosen))
        return (loss, try argmax(logits, axis: 1))
      }
    }

    /// weight · −log softmax(x wᵀ)[target] for each row: x (N, D), w (V, D), targets (N) int32,
    /// weights (N) → (N). Rows of weight 0 cost nothing when fused, and are 0.
    ///
    /// - Parameters:
    ///   - w: where it is stored in 16 bits, it is widened first.
    ///   - softcap: c, where logits become c · tanh(x wᵀ / c) first.
    ///   - differentiated: whether a gradient will be taken; decides only the cost.
    package func crossEntropy(
      _ x: DeviceArray, _ w: DeviceArray, targets: DeviceArray, weights: DeviceArray,
      softcap: Float? = nil, differentiated: Bool
    ) throws -> DeviceArray {
      let w = try widenedWeight(w)
      switch self {
      case .fused:
        return DeviceArray(
          owning: try check("fused cross_entropy") {
            cmlx_fused_cross_entropy(
              $0, x.handle, w.handle, targets.handle, weights.handle, differentiated ? 1 : 0,
              softcap ?? 0)
          })
      case .plain:
        let logits = try self.softcap(matmul(x, transpose(w, [1, 0])), softcap)
        let rows = targets.shape[0]
        let chosen = try reshape(
          takeAlongAxis(logits, reshape(targets, [rows, 1]), axis: 1), [rows])
        return try multiply(weights, subtract(logSumExp(logits, axis: 1), chosen))
      }
    }
  }
#endif
