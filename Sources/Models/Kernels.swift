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

    /// `silu(gate) · up`, elementwise.
    func swiglu(_ gate: DeviceArray, _ up: DeviceArray) throws -> DeviceArray {
      switch self {
      case .fused:
        DeviceArray(
          owning: try check("fused swiglu") { cmlx_fused_swiglu($0, gate.handle, up.handle) })
      case .plain: try multiply(multiply(gate, sigmoid(gate)), up)
      }
    }

    /// The rotation of `length` positions from `offset`, shared by all layers.
    ///
    /// - Parameter inverseFrequencies: (K/2), fᵢ = θ^(−2i/K) after any scaling.
    func rotation(
      inverseFrequencies: [Float], offset: Int, length: Int
    ) throws -> Rotation {
      let count = inverseFrequencies.count
      switch self {
      case .fused:
        let (positions, frequencies) = try (
          arange(offset, offset + length), DeviceArray(inverseFrequencies, shape: [count])
        )
        return Rotation(
          array: DeviceArray(
            owning: try check("fused rope_table") {
              cmlx_fused_rope_table($0, positions.handle, frequencies.handle)
            }), offset: offset, size: 2 * count)
      case .plain:
        // MLX wants periods instead of frequencies.
        return Rotation(
          array: try DeviceArray(inverseFrequencies.map { 1 / $0 }, shape: [count]),
          offset: offset, size: 2 * count)
      }
    }

    /// Rotates the two halves of each head by position: x (B, L, H, K).
    func rope(_ x: DeviceArray, _ rotation: Rotation) throws -> DeviceArray {
      switch self {
      case .fused:
        return DeviceArray(
          owning: try check("fused rope") {
            cmlx_fused_rope($0, x.handle, rotation.array.handle)
          })
      case .plain:
        // MLX wants (B, H, L, K).
        let heads = try transpose(x, [0, 2, 1, 3])
        let rotated = DeviceArray(
          owning: try check("rope") {
            cmlx_rope(
              $0, heads.handle, Int32(rotation.size), 0, Int32(rotation.offset),
              rotation.array.handle)
          })
        return try transpose(rotated, [0, 2, 1, 3])
      }
    }

    /// Positions as an operator's own table.
    struct Rotation {
      let array: DeviceArray
      let offset: Int
      /// K
      let size: Int
    }

    /// `x · wᵢᵀ` for several w of one x: x (N, D), wᵢ (Oᵢ, D) → (N, Oᵢ).
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
      case .plain: return try weights.map { try matmul(x, transpose($0, [1, 0])) }
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

    /// Rows of `table` (V, D) for ids (N) → (N, D). Ids must be valid when plain.
    func embedding(_ ids: DeviceArray, _ table: DeviceArray) throws -> DeviceArray {
      switch self {
      case .fused:
        DeviceArray(
          owning: try check("fused embedding") {
            cmlx_fused_embedding($0, ids.handle, table.handle)
          })
      case .plain: try take(table, ids, axis: 0)
      }
    }

    /// Causal attention within segments: q (B, L, H, K), k and v (B, L, G, K), segments (B, L)
    /// int32, −1 for padding → (B, L, H, K). Rows of padding are unspecified but finite.
    func attention(
      _ q: DeviceArray, _ k: DeviceArray, _ v: DeviceArray, segments: DeviceArray, scale: Float
    ) throws -> DeviceArray {
      switch self {
      case .fused:
        return DeviceArray(
          owning: try check("fused attention") {
            cmlx_fused_attention(
              $0, q.handle, k.handle, v.handle, segments.handle, scale)
          })
      case .plain:
        let shape = segments.shape
        let (batch, length) = (shape[0], shape[1])
        let positions = try arange(0, length)
        let causal = try lessEqual(
          reshape(positions, [1, 1, 1, length]), reshape(positions, [1, 1, length, 1]))
        let same = try equal(
          reshape(segments, [batch, 1, 1, length]), reshape(segments, [batch, 1, length, 1]))
        let mask = try logicalAnd(causal, same)
        let (query, key, value) = try (
          transpose(q, [0, 2, 1, 3]), transpose(k, [0, 2, 1, 3]), transpose(v, [0, 2, 1, 3])
        )
        let output = DeviceArray(
          owning: try check("attention") {
            cmlx_attention(
              $0, query.handle, key.handle, value.handle, scale, 0, mask.handle)
          })
        return try transpose(output, [0, 2, 1, 3])
      }
    }

    /// Attention of new tokens over a cache: q (B, L, H, K), k and v (B, S, G, K), where the last L
    /// of the S positions are the new ones → (B, L, H, K).
    static func cachedAttention(
      _ q: DeviceArray, _ k: DeviceArray, _ v: DeviceArray, scale: Float
    ) throws -> DeviceArray {
      let (query, key, value) = try (
        transpose(q, [0, 2, 1, 3]), transpose(k, [0, 2, 1, 3]), transpose(v, [0, 2, 1, 3])
      )
      let output = DeviceArray(
        owning: try check("cached attention") {
          cmlx_attention($0, query.handle, key.handle, value.handle, scale, 1, nil)
        })
      return try transpose(output, [0, 2, 1, 3])
    }

    /// weight · −log softmax(x wᵀ)[target] for each row: x (N, D), w (V, D), targets (N) int32,
    /// weights (N) → (N). Rows of weight 0 cost nothing when fused, and are 0.
    ///
    /// - Parameter differentiated: whether a gradient will be taken; decides only the cost.
    package func crossEntropy(
      _ x: DeviceArray, _ w: DeviceArray, targets: DeviceArray, weights: DeviceArray,
      differentiated: Bool
    ) throws -> DeviceArray {
      switch self {
      case .fused:
        return DeviceArray(
          owning: try check("fused cross_entropy") {
            cmlx_fused_cross_entropy(
              $0, x.handle, w.handle, targets.handle, weights.handle, differentiated ? 1 : 0)
          })
      case .plain:
        let logits = try matmul(x, transpose(w, [1, 0]))
        let rows = targets.shape[0]
        let chosen = try reshape(
          takeAlongAxis(logits, reshape(targets, [rows, 1]), axis: 1), [rows])
        return try multiply(weights, subtract(logSumExp(logits, axis: 1), chosen))
      }
    }
  }
#endif
