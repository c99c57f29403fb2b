// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  extension Kernels {
    /// Of a tile of the plain loss: 1 GiB of float32.
    static let mostLogits = 1 << 28

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
        let height = max(1, Self.mostLogits / max(1, w.shape[0]))
        let parts = try tiles(targets.shape[0], height).map { range in
          let logits = try logits(part(x, range), w, softcap: softcap)
          let found = try (
            loss: loss(logits, targets: part(targets, range), weights: part(weights, range)),
            best: argmax(logits, axis: 1)
          )
          // Or all tiles would be there at once.
          try evaluate([found.loss, found.best])
          return found
        }
        return try (
          concatenate(parts.map(\.loss), axis: 0), concatenate(parts.map(\.best), axis: 0)
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

    /// The plain loss by tiles of at most `mostLogits` logits (but at least a row's), of which one is in
    /// memory at a time with what is made of it: three such arrays. Tiles are made again in the
    /// backward pass.
    func tiledLoss(
      _ x: DeviceArray, _ w: DeviceArray, targets: DeviceArray, weights: DeviceArray,
      softcap: Float?, mostLogits: Int = Kernels.mostLogits
    ) throws -> DeviceArray {
      let rows = targets.shape[0]
      let height = max(1, mostLogits / max(1, w.shape[0]))
      guard rows > height else {
        return try loss(logits(x, w, softcap: softcap), targets: targets, weights: weights)
      }
      let tiles = try tiles(rows, height).map { range in
        (ids: try part(targets, range), shares: try part(weights, range), end: range.upperBound)
      }
      return try recomputedTiles(x, w, ends: tiles.map(\.end)) { index, x, w in
        try loss(
          logits(x, w, softcap: softcap), targets: tiles[index].ids,
          weights: tiles[index].shares)
      }
    }

    private func tiles(_ rows: Int, _ height: Int) -> [Range<Int>] {
      stride(from: 0, to: rows, by: height).map { $0..<min(rows, $0 + height) }
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
