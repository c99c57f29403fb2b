// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  /// How scores are made of products and which of them count.
  struct AttentionRule: Equatable, Sendable {
    /// Multiplies q · k; usually 1/√K.
    var scale: Float
    /// A token sees itself and the window − 1 before; `nil`: all before.
    var window: Int? = nil
    /// c in c · tanh(score / c), before the mask.
    var softcap: Float? = nil
  }

  extension Kernels {
    /// Causal attention within segments: q (B, L, H, K), k and v (B, L, G, K), segments (B, L)
    /// int32, −1 for padding → (B, L, H, K). Rows of padding are unspecified but finite.
    func attention(
      _ q: DeviceArray, _ k: DeviceArray, _ v: DeviceArray, segments: DeviceArray,
      rule: AttentionRule
    ) throws -> DeviceArray {
      let (batch, length) = (segments.shape[0], segments.shape[1])
      switch self {
      case .fused:
        let window = rule.window.flatMap { $0 < length ? Int32($0) : nil } ?? 0
        return DeviceArray(
          owning: try check("fused attention") {
            cmlx_fused_attention(
              $0, q.handle, k.handle, v.handle, segments.handle, rule.scale, window,
              rule.softcap ?? 0)
          })
      case .plain, .bfloat16:
        let same = try equal(
          reshape(segments, [batch, 1, 1, length]), reshape(segments, [batch, 1, length, 1]))
        let mask = try logicalAnd(
          Self.mask(queries: length, keys: length, window: rule.window), same)
        return try maskedAttention(q, k, v, mask: mask, rule: rule)
      }
    }

    /// Attention of new tokens over a cache: q (B, L, H, K), k and v (B, S, G, K), where the last L
    /// of the S columns are the new ones → (B, L, H, K).
    ///
    /// - Parameter starts: the column at which each row's text begins; `nil` where all begin at 0.
    ///   Results in the padding are unspecified but finite.
    func cachedAttention(
      _ q: DeviceArray, _ k: DeviceArray, _ v: DeviceArray, starts: [Int]?, rule: AttentionRule
    ) throws -> DeviceArray {
      let (queries, keys) = (q.shape[1], k.shape[1])
      let window = rule.window.flatMap { $0 < keys ? $0 : nil }
      guard window != nil || starts != nil || rule.softcap != nil else {
        return try maskedAttention(q, k, v, mask: nil, rule: rule)
      }
      var mask = try Self.mask(queries: queries, keys: keys, window: window)
      if let starts {
        let columns = try reshape(arange(0, keys), [1, 1, 1, keys])
        let rows = try reshape(arange(keys - queries, keys), [1, 1, queries, 1])
        let first = try DeviceArray(starts.map { Int32($0) }, shape: [starts.count, 1, 1, 1])
        // A token of the padding sees itself: a softmax over nothing would be NaN.
        mask = try logicalAnd(mask, logicalOr(lessEqual(first, columns), equal(columns, rows)))
      }
      return try maskedAttention(q, k, v, mask: mask, rule: rule)
    }

    /// (1, 1, L, S): query i stands at column S − L + i and sees columns up to its own, at most
    /// `window` of them.
    private static func mask(queries: Int, keys: Int, window: Int?) throws -> DeviceArray {
      let columns = try reshape(arange(0, keys), [1, 1, 1, keys])
      let rows = try reshape(arange(keys - queries, keys), [1, 1, queries, 1])
      let causal = try lessEqual(columns, rows)
      guard let window, window < keys else { return causal }
      let last = try add(columns, DeviceArray([Int32(window - 1)], shape: [1]))
      return try logicalAnd(causal, lessEqual(rows, last))
    }

    /// - Parameter mask: broadcasts to (B, 1, L, S), true where a key is seen; `nil`: causal.
    private func maskedAttention(
      _ q: DeviceArray, _ k: DeviceArray, _ v: DeviceArray, mask: DeviceArray?, rule: AttentionRule
    ) throws -> DeviceArray {
      let (query, key, value) = try (
        transpose(operand(q), [0, 2, 1, 3]), transpose(operand(k), [0, 2, 1, 3]),
        transpose(operand(v), [0, 2, 1, 3])
      )
      guard let softcap = rule.softcap, let mask else {
        let output = DeviceArray(
          owning: try check("attention") {
            cmlx_attention(
              $0, query.handle, key.handle, value.handle, rule.scale, mask == nil ? 1 : 0,
              mask?.handle)
          })
        return try transpose(widened(output), [0, 2, 1, 3])
      }
      let (batch, length, heads, size) = (q.shape[0], q.shape[1], q.shape[2], q.shape[3])
      let (keys, groups) = (k.shape[1], k.shape[2])
      // (B, G, H/G, L, K) · (B, G, 1, K, S)
      let products = try product(
        reshape(query, [batch, groups, heads / groups, length, size]),
        reshape(transpose(key, [0, 1, 3, 2]), [batch, groups, 1, size, keys]))
      let scores = try Kernels.plain.softcap(multiply(products, DeviceArray(rule.scale)), softcap)
      let maskShape = mask.shape
      let seen = try reshape(mask, [maskShape[0], 1, 1, maskShape[2], maskShape[3]])
      let shares = try Models.softmax(select(seen, scores, DeviceArray(-Float.infinity)), axis: 4)
      let output = try product(shares, reshape(value, [batch, groups, 1, keys, size]))
      return try transpose(reshape(output, [batch, heads, length, size]), [0, 2, 1, 3])
    }
  }
#endif
