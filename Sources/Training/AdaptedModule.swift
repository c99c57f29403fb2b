// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A linear layer with a low-rank change under training.
///
/// Its tensors have PEFT's names and shapes: `<module>.lora_A.weight` (r, in),
/// `<module>.lora_B.weight` (out, r), `<module>.lora_magnitude_vector` (out).
struct AdaptedModule {
  /// The frozen weight (out, in).
  let weight: TensorOutline

  /// Without `.weight`.
  var name: String { String(weight.name.dropLast(".weight".count)) }
  var aName: String { name + ".lora_A.weight" }
  var bName: String { name + ".lora_B.weight" }
  var magnitudeName: String { name + ".lora_magnitude_vector" }

  /// A, B, and for DoRA the lengths.
  func outlines(_ adapter: AdapterSettings) -> [TensorOutline] {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    var all = [(aName, [adapter.rank, inputs]), (bName, [outputs, adapter.rank])]
    if adapter.kind == .dora { all.append((magnitudeName, [outputs])) }
    return all.map { TensorOutline(name: $0, shape: $1, role: .factor) }
  }
}

#if MLX
  import Models
  import Tensors

  extension AdaptedModule {
    /// The factors as they begin: A uniform in ±1/√in, as PEFT and mlx-lm have it, B 0, and DoRA's
    /// lengths those of the rows, so that nothing changes at first.
    func tensors(
      base: DeviceArray, adapter: AdapterSettings, settings: TrainingSettings, kernels: Kernels
    ) throws -> [TrainedTensor] {
      let outlines = outlines(adapter)
      func tensor(_ outline: TensorOutline, _ values: [Float]) throws -> TrainedTensor {
        try TrainedTensor(
          outline, weights: WeightBuffer(values, shape: outline.shape),
          weightDecay: settings.decay(of: outline), optimizer: settings.optimizer.value)
      }
      let bound = 1 / Float(weight.shape[1]).squareRoot()
      let random = CounterRandom(seed: settings.seed, stream: aName)
      let first = try tensor(
        outlines[0],
        (0..<outlines[0].count).map { (2 * random.uniform(at: $0) - 1) * bound })
      let second = try tensor(outlines[1], [Float](repeating: 0, count: outlines[1].count))
      guard outlines.count > 2 else { return [first, second] }
      try evaluate([base])
      let lengths = try kernels.adaptedRowNorms(
        base, a: first.weights.array, b: second.weights.array, scale: 0
      ).floats()
      return [first, second, try tensor(outlines[2], lengths)]
    }

    /// What a forward pass needs.
    ///
    /// - Parameters:
    ///   - seen: the factors that the pass is built of, perhaps under differentiation.
    ///   - own: the same as plain memory: DoRA's norms have no gradient.
    func adapter(
      _ seen: [String: DeviceArray], own: [String: DeviceArray], base: DeviceArray,
      _ adapter: AdapterSettings, dropout: Dropout?, kernels: Kernels
    ) throws -> LowRankAdapter? {
      guard let a = seen[aName], let b = seen[bName] else { return nil }
      var result = LowRankAdapter(
        a: a, b: b, scale: Float(adapter.scale),
        dropout: dropout.flatMap { $0.rate > 0 ? $0 : nil })
      if let learned = seen[magnitudeName], let plainA = own[aName], let plainB = own[bName] {
        result.magnitude = (
          learned,
          try kernels.adaptedRowNorms(base, a: plainA, b: plainB, scale: Float(adapter.scale))
        )
      }
      return result
    }

    /// W + s·B·A, for DoRA m ⊙ (W + s·B·A) / ‖W + s·B·A‖, in float32.
    func folded(
      _ base: DeviceArray, _ own: [String: DeviceArray], _ adapter: AdapterSettings,
      kernels: Kernels
    ) throws -> DeviceArray {
      guard let a = own[aName], let b = own[bName] else { return base }
      let scale = try DeviceArray(Float(adapter.scale))
      let whole = try add(widened(base), multiply(scale, matmul(b, a)))
      guard let learned = own[magnitudeName] else { return whole }
      let norms = try kernels.adaptedRowNorms(base, a: a, b: b, scale: Float(adapter.scale))
      let rows = weight.shape[0]
      return try multiply(
        whole, divide(reshape(learned, [rows, 1]), reshape(norms, [rows, 1])))
    }
  }
#endif
