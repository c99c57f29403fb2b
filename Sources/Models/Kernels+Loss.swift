// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  extension Kernels {
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
      case .plain, .bfloat16:
        let logits = try logits(x, w, softcap: softcap)
        return (
          try loss(logits, targets: targets, weights: weights), try argmax(logits, axis: 1)
        )
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
      case .plain, .bfloat16:
        return try tiledLoss(x, w, targets: targets, weights: weights, softcap: softcap)
      }
    }

    /// The plain loss, with at most `mostLogits` logits in memory at once (but at least a row's): the
    /// others are made when their turn comes, and again in the backward pass.
    func tiledLoss(
      _ x: DeviceArray, _ w: DeviceArray, targets: DeviceArray, weights: DeviceArray,
      softcap: Float?, mostLogits: Int = 1 << 28
    ) throws -> DeviceArray {
      let rows = targets.shape[0]
      let height = max(1, mostLogits / max(1, w.shape[0]))
      guard rows > height else {
        return try loss(logits(x, w, softcap: softcap), targets: targets, weights: weights)
      }
      let tiles = try stride(from: 0, to: rows, by: height).map { top in
        let range = top..<min(rows, top + height)
        let (ids, shares) = try (part(targets, range), part(weights, range))
        return try recomputed([part(x, range), w], outputCount: 1) { inputs in
          let logits = try logits(inputs[0], inputs[1], softcap: softcap)
          return [try loss(logits, targets: ids, weights: shares)]
        }[0]
      }
      return try concatenate(tiles, axis: 0)
    }

    private func part(_ a: DeviceArray, _ rows: Range<Int>) throws -> DeviceArray {
      let rest = Array(a.shape.dropFirst())
      return try slice(
        a, from: [rows.lowerBound] + rest.map { _ in 0 }, to: [rows.upperBound] + rest)
    }

    private func logits(
      _ x: DeviceArray, _ w: DeviceArray, softcap: Float?
    ) throws -> DeviceArray {
      try self.softcap(product(x, transpose(w, [1, 0])), softcap)
    }

    private func loss(
      _ logits: DeviceArray, targets: DeviceArray, weights: DeviceArray
    ) throws -> DeviceArray {
      let rows = targets.shape[0]
      let chosen = try reshape(
        takeAlongAxis(logits, reshape(targets, [rows, 1]), axis: 1), [rows])
      return try multiply(weights, subtract(logSumExp(logits, axis: 1), chosen))
    }
  }
#endif
