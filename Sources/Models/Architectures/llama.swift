// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents

  /// Llama: grouped-query attention, rotary positions, RMSNorm before each block, SwiGLU.
  ///
  /// Letters as in `Kernels`. Tensor names are Hugging Face's.
  /// - Source: Touvron et al. 2023, arXiv:2302.13971; grouped queries: Ainslie et al. 2023,
  ///   arXiv:2305.13245.
  /// - Departs: nothing; float32 throughout.
  struct Llama: Architecture {
    static let modelTypes = ["llama"]

    let configuration: LlamaConfiguration

    init(config: JSON) throws {
      configuration = try LlamaConfiguration(config: config)
    }

    var sizes: ModelSizes {
      ModelSizes(
        vocabularySize: configuration.vocabularySize,
        maximumPositions: configuration.maximumPositions, layerCount: configuration.layerCount)
    }

    var tiesEmbeddings: Bool { configuration.tiesEmbeddings }

    func headName(in parameters: Parameters) -> String {
      configuration.tiesEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
    }

    func hidden(
      _ parameters: Parameters, ids: DeviceArray, segments: DeviceArray?, cache: KeyValueCache?,
      kernels: Kernels, observer: LinearObserver?
    ) throws -> DeviceArray {
      let (batch, length) = (ids.shape[0], ids.shape[1])
      let epsilon = configuration.normEpsilon
      let rotation = try kernels.rotation(
        inverseFrequencies: configuration.inverseFrequencies, offset: cache?.length ?? 0,
        length: length)
      var h = try kernels.embedding(
        reshape(ids, [batch * length]), parameters["model.embed_tokens.weight"])  // (N, D)
      var x = try kernels.rmsNorm(
        h, parameters["model.layers.0.input_layernorm.weight"], epsilon: epsilon)
      for layer in 0..<configuration.layerCount {
        let block = parameters.scoped("model.layers.\(layer).")
        let attended = try attention(
          x, block.scoped("self_attn."), batch: batch, length: length, rotation: rotation,
          segments: segments, cache: cache?.layers[layer], kernels: kernels, observer: observer)
        (h, x) = try kernels.addRmsNorm(
          h, attended, block["post_attention_layernorm.weight"], epsilon: epsilon)
        let fed = try feedForward(
          x, block.scoped("mlp."), kernels: kernels, observer: observer)
        // The norm that follows belongs to the next block, or closes the model.
        let next =
          layer + 1 < configuration.layerCount
          ? "model.layers.\(layer + 1).input_layernorm.weight" : "model.norm.weight"
        (h, x) = try kernels.addRmsNorm(h, fed, parameters[next], epsilon: epsilon)
      }
      return x
    }

    private func attention(
      _ x: DeviceArray, _ parameters: Parameters, batch: Int, length: Int,
      rotation: Kernels.Rotation, segments: DeviceArray?, cache: KeyValueCache.Layer?,
      kernels: Kernels, observer: LinearObserver?
    ) throws -> DeviceArray {
      let (heads, groups, size) = (
        configuration.headCount, configuration.keyValueHeadCount, configuration.headSize
      )
      let biased = configuration.hasAttentionBias
      let projected = try linear(
        x, parameters, ["q_proj", "k_proj", "v_proj"], biased: biased, kernels, observer)
      let q = try kernels.rope(reshape(projected[0], [batch, length, heads, size]), rotation)
      let k = try kernels.rope(reshape(projected[1], [batch, length, groups, size]), rotation)
      let v = try reshape(projected[2], [batch, length, groups, size])
      let scale = 1 / Float(size).squareRoot()
      let mixed: DeviceArray
      if let cache {
        let (keys, values) = try cache.append(k, v)
        mixed = try Kernels.cachedAttention(q, keys, values, scale: scale)
      } else if let segments {
        mixed = try kernels.attention(q, k, v, segments: segments, scale: scale)
      } else {
        mixed = try Kernels.cachedAttention(q, k, v, scale: scale)
      }
      let joined = try reshape(mixed, [batch * length, heads * size])  // (N, H·K)
      return try linear(joined, parameters, ["o_proj"], biased: biased, kernels, observer)[0]
    }

    private func feedForward(
      _ x: DeviceArray, _ parameters: Parameters, kernels: Kernels, observer: LinearObserver?
    ) throws -> DeviceArray {
      let biased = configuration.hasFeedForwardBias
      let wide = try linear(
        x, parameters, ["gate_proj", "up_proj"], biased: biased, kernels, observer)
      return try linear(
        kernels.swiglu(wide[0], wide[1]), parameters, ["down_proj"], biased: biased, kernels,
        observer)[0]
    }
  }

  /// `x · wᵀ (+ b)` for several projections of one x: x (N, in), w (out, in) → (N, out).
  func linear(
    _ x: DeviceArray, _ parameters: Parameters, _ names: [String], biased: Bool,
    _ kernels: Kernels, _ observer: LinearObserver?
  ) throws -> [DeviceArray] {
    if let observer { try observer(names.map { parameters.fullName($0 + ".weight") }, x) }
    let products = try kernels.linear(x, names.map { try parameters[$0 + ".weight"] })
    guard biased else { return products }
    return try zip(products, names).map { try add($0, parameters[$1 + ".bias"]) }
  }
#endif
