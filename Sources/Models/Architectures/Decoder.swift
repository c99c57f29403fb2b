// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  /// A decoder-only transformer as its configuration describes it: blocks of attention and a gated
  /// feed-forward layer, each added to the residual stream.
  ///
  /// Letters as in `Kernels`. Tensor names are Hugging Face's. float32 throughout.
  struct Decoder: Architecture {
    let configuration: DecoderConfiguration
    var recomputesActivations = false

    init(configuration: DecoderConfiguration) { self.configuration = configuration }

    var sizes: ModelSizes {
      ModelSizes(
        vocabularySize: configuration.vocabularySize,
        maximumPositions: configuration.longestText, layerCount: configuration.layerCount)
    }

    var tiesEmbeddings: Bool { configuration.tiesEmbeddings }

    var logitSoftcap: Float? { configuration.logitSoftcap }

    func headName(in parameters: Parameters) -> String {
      configuration.tiesEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
    }

    func decodingStep(_ parameters: Parameters) throws -> DecodingStep? {
      // The step multiplies by plain weights.
      if parameters.isAdapted { return nil }
      return try DecodingStep(configuration, parameters, headName: headName(in: parameters))
    }

    func switchesRotation(from before: Int, to after: Int) -> Bool {
      configuration.switchesRotation(from: before, to: after)
    }

    func hidden(
      _ parameters: Parameters, ids: DeviceArray, segments: DeviceArray?, cache: KeyValueCache?,
      kernels: Kernels, observer: LinearObserver?
    ) throws -> DeviceArray {
      let norms = configuration.norms
      let pass = try DecoderPass(
        configuration, batch: ids.shape[0], length: ids.shape[1], segments: segments, cache: cache,
        kernels: kernels, observer: observer)
      let tokens = try reshape(ids, [pass.batch * pass.length])  // (N)
      var h = try kernels.embedding(tokens, parameters["model.embed_tokens.weight"])  // (N, D)
      if let scale = configuration.embeddingScale { h = try multiply(h, DeviceArray(scale)) }
      var x = h
      if let name = norms.beforeAttention {
        x = try pass.norm(h, parameters.scoped(Self.scope(ofLayer: 0) + name + "."))
      }
      let recomputes = recomputesActivations && cache == nil
      for index in configuration.layers.indices {
        if recomputes {
          let slots = parameters.slots(beginning: scopes(ofLayer: index))
          let states = try recomputed(
            [h, x] + slots.compactMap { parameters[$0] }, outputCount: 2
          ) { inputs in
            let own = parameters.replacing(slots, with: inputs.dropFirst(2))
            let (sum, normed) = try block(index, inputs[0], inputs[1], own, pass, cache: nil)
            return [sum, normed]
          }
          (h, x) = (states[0], states[1])
        } else {
          (h, x) = try block(index, h, x, parameters, pass, cache: cache)
        }
      }
      return x
    }

    /// One layer: the residual stream h and its norm x, both (N, D), before and after it.
    private func block(
      _ index: Int, _ before: DeviceArray, _ input: DeviceArray, _ parameters: Parameters,
      _ pass: DecoderPass, cache: KeyValueCache?
    ) throws -> (h: DeviceArray, x: DeviceArray) {
      let norms = configuration.norms
      let block = parameters.scoped(Self.scope(ofLayer: index))
      var change = try pass.attention(
        input, block.scoped("self_attn."), layer: configuration.layers[index],
        cache: cache?.layers[index])
      if let name = norms.afterAttention {
        change = try pass.norm(change, block.scoped(name + "."))
      }
      let (h, x) = try pass.add(
        change, to: before, norm: norms.beforeFeedForward.map { block.scoped($0 + ".") })
      change = try pass.feedForward(x, block.scoped("mlp."))
      if let name = norms.afterFeedForward {
        change = try pass.norm(change, block.scoped(name + "."))
      }
      let (sum, normed) = try pass.add(
        change, to: h, norm: normAfter(index).map { parameters.scoped($0) })
      return (sum, normed)
    }

    private static func scope(ofLayer index: Int) -> String { "model.layers.\(index)." }

    /// The norm that follows a layer: it belongs to the next one, or closes the model.
    private func normAfter(_ index: Int) -> String? {
      guard index + 1 < configuration.layerCount else { return "model.norm." }
      return configuration.norms.beforeAttention.map { Self.scope(ofLayer: index + 1) + $0 + "." }
    }

    /// Where the parameters lie that `block` uses.
    private func scopes(ofLayer index: Int) -> [String] {
      [Self.scope(ofLayer: index)] + (normAfter(index).map { [$0] } ?? [])
    }
  }

  /// One forward pass: what its layers share, and the parts they are made of.
  struct DecoderPass {
    let configuration: DecoderConfiguration
    /// B
    let batch: Int
    /// L
    let length: Int
    let kernels: Kernels
    let observer: LinearObserver?
    /// (B, L); `nil` with a cache.
    private let segments: DeviceArray?
    /// The column at which each row's text begins.
    private let starts: [Int]?
    private let rotations: [Kernels.Rotation]

    init(
      _ configuration: DecoderConfiguration, batch: Int, length: Int, segments: DeviceArray?,
      cache: KeyValueCache?, kernels: Kernels, observer: LinearObserver?
    ) throws {
      precondition(segments == nil || cache == nil, "segments or a cache, not both")
      precondition(cache?.starts.map { $0.count == batch } ?? true, "a start for each row")
      self.configuration = configuration
      self.batch = batch
      self.length = length
      self.kernels = kernels
      self.observer = observer
      self.segments =
        try cache == nil
        ? segments
          ?? DeviceArray(
            [Int32](repeating: 0, count: batch * length), shape: [batch, length])
        : nil
      starts = cache?.starts
      let positions = cache?.positions(next: length) ?? TokenPositions(count: length)
      rotations = try configuration.rotations.map { try kernels.rotation($0, at: positions) }
    }

    /// RMSNorm with the weight in `parameters`: (…, D).
    func norm(_ x: DeviceArray, _ parameters: Parameters) throws -> DeviceArray {
      try kernels.rmsNorm(x, normWeight(parameters), epsilon: configuration.normEpsilon)
    }

    /// (x + change, the norm of that): the residual sum and the norm that follows it, if any does.
    func add(
      _ change: DeviceArray, to x: DeviceArray, norm parameters: Parameters?
    ) throws -> (sum: DeviceArray, normed: DeviceArray) {
      guard let parameters else {
        let sum = try Models.add(x, change)
        return (sum, sum)
      }
      return try kernels.addRmsNorm(
        x, change, normWeight(parameters), epsilon: configuration.normEpsilon)
    }

    private func normWeight(_ parameters: Parameters) throws -> DeviceArray {
      let weight = try parameters["weight"]
      return configuration.addsOneToNorms ? try Models.add(weight, DeviceArray(1)) : weight
    }

    /// Attention of x (N, D) → (N, D); with a cache, its tokens' keys and values are appended.
    func attention(
      _ x: DeviceArray, _ parameters: Parameters, layer: DecoderConfiguration.Layer,
      cache: KeyValueCache.Layer?
    ) throws -> DeviceArray {
      let options = configuration.attention
      let (heads, groups, size) = (
        configuration.headCount, configuration.keyValueHeadCount, configuration.headSize
      )
      let projected =
        options.isFused
        ? try split(
          linear(x, parameters, ["qkv_proj"], biased: options.hasInputBias)[0],
          [heads * size, groups * size, groups * size])
        : try linear(x, parameters, ["q_proj", "k_proj", "v_proj"], biased: options.hasInputBias)
      var (q, k) = (projected[0], projected[1])
      if options.queryKeyNorm == .whole {
        q = try norm(q, parameters.scoped("q_norm."))
        k = try norm(k, parameters.scoped("k_norm."))
      }
      q = try reshape(q, [batch, length, heads, size])
      k = try reshape(k, [batch, length, groups, size])
      let v = try reshape(projected[2], [batch, length, groups, size])
      if options.queryKeyNorm == .perHead {
        q = try norm(q, parameters.scoped("q_norm."))
        k = try norm(k, parameters.scoped("k_norm."))
      }
      if let rotation = layer.rotation {
        q = try kernels.rope(q, rotations[rotation])
        k = try kernels.rope(k, rotations[rotation])
      }
      let rule = AttentionRule(scale: options.scale, window: layer.window, softcap: options.softcap)
      let mixed: DeviceArray
      if let cache {
        mixed = try cache.attend(q, k, v, starts: starts, rule: rule, kernels: kernels)
      } else if let segments {
        mixed = try kernels.attention(q, k, v, segments: segments, rule: rule)
      } else {
        preconditionFailure("a pass has segments or a cache")
      }
      let joined = try reshape(mixed, [batch * length, heads * size])  // (N, H·K)
      return try linear(joined, parameters, ["o_proj"], biased: options.hasOutputBias)[0]
    }

    /// The gated layer: x (N, D) → (N, D).
    func feedForward(_ x: DeviceArray, _ parameters: Parameters) throws -> DeviceArray {
      let options = configuration.feedForward
      let width = configuration.intermediateSize
      let wide =
        options.isFused
        ? try split(
          linear(x, parameters, ["gate_up_proj"], biased: options.hasBias)[0], [width, width])
        : try linear(x, parameters, ["gate_proj", "up_proj"], biased: options.hasBias)
      return try linear(
        kernels.gated(options.activation, wide[0], wide[1]), parameters, ["down_proj"],
        biased: options.hasBias)[0]
    }

    /// `x · wᵀ (+ b)` for several projections of one x: x (N, in), w (out, in) → (N, out).
    private func linear(
      _ x: DeviceArray, _ parameters: Parameters, _ names: [String], biased: Bool
    ) throws -> [DeviceArray] {
      if let observer { try observer(names.map { parameters.fullName($0 + ".weight") }, x) }
      let products = try kernels.linear(
        x, names.map { try parameters[$0 + ".weight"] },
        adapters: names.map { parameters.adapter($0 + ".weight") })
      guard biased else { return products }
      return try zip(products, names).map { try Models.add($0, parameters[$1 + ".bias"]) }
    }

    /// Neighbouring columns of x (N, sum of widths).
    private func split(_ x: DeviceArray, _ widths: [Int]) throws -> [DeviceArray] {
      let rows = x.shape[0]
      var first = 0
      return try widths.map { width in
        defer { first += width }
        return try slice(x, from: [0, first], to: [rows, first + width])
      }
    }
  }
#endif
