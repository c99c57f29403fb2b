// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  /// One token more for each of a few texts, without a graph: what `Decoder.hidden` and the head give
  /// for one column over a cache, to the bit, in about half the time.
  ///
  /// Made and used on the engine's thread only. See `fused/decoding_step.h`.
  final class DecodingStep {
    /// More texts are better off with the graph's matrix products.
    static let mostTexts = 16

    private let handle: cmlx_decoder
    private let configuration: DecoderConfiguration
    /// V
    private var vocabularySize: Int { configuration.vocabularySize }

    /// - Throws: `ModelError` for tensors that are missing or misshapen.
    init(_ configuration: DecoderConfiguration, _ parameters: Parameters, headName: String) throws {
      self.configuration = configuration
      let shape = cmlx_decoder_shape(
        vocabulary: Int32(configuration.vocabularySize), hidden: Int32(configuration.hiddenSize),
        intermediate: Int32(configuration.intermediateSize),
        heads: Int32(configuration.headCount), groups: Int32(configuration.keyValueHeadCount),
        width: Int32(configuration.headSize), epsilon: configuration.normEpsilon,
        adds_one_to_norms: configuration.addsOneToNorms ? 1 : 0,
        norms_whole_queries: configuration.attention.queryKeyNorm == .whole ? 1 : 0,
        uses_gelu: configuration.feedForward.activation == .tanhGELU ? 1 : 0,
        attention_scale: configuration.attention.scale,
        attention_cap: configuration.attention.softcap ?? 0,
        embedding_scale: configuration.embeddingScale ?? 1,
        logit_cap: configuration.logitSoftcap ?? 0)
      let weights = try configuration.layers.indices.map {
        try Self.weights(
          configuration, parameters.scoped("model.layers.\($0)."), configuration.layers[$0])
      }
      let finalNorm = try parameters["model.norm.weight"]
      var made: cmlx_decoder?
      guard
        cmlx_decoder_make(
          &made, shape, weights, Int32(weights.count),
          try parameters["model.embed_tokens.weight"].handle, finalNorm.handle,
          try parameters[headName].handle) == 0, let made
      else { throw Self.error }
      handle = made
    }

    deinit { cmlx_decoder_free(handle) }

    /// Handles live as long as `parameters`, which outlives the call; the engine keeps arrays of its own.
    private static func weights(
      _ configuration: DecoderConfiguration, _ block: Parameters,
      _ layer: DecoderConfiguration.Layer
    ) throws -> cmlx_decoder_weights {
      let (norms, attention, feedForward) = (
        configuration.norms, configuration.attention, configuration.feedForward
      )
      func weight(_ name: String, if isThere: Bool = true) throws -> cmlx_array? {
        isThere ? try block[name].handle : nil
      }
      func norm(_ name: String?) throws -> cmlx_array? {
        try name.flatMap { try weight($0 + ".weight") }
      }
      let (isSplit, isBiased) = (!attention.isFused, attention.hasInputBias)
      let query = attention.isFused ? "self_attn.qkv_proj" : "self_attn.q_proj"
      let gate = feedForward.isFused ? "mlp.gate_up_proj" : "mlp.gate_proj"
      let isRaised = !feedForward.isFused
      var weights = cmlx_decoder_weights()
      weights.before_attention = try norm(norms.beforeAttention)
      weights.after_attention = try norm(norms.afterAttention)
      weights.before_feed_forward = try norm(norms.beforeFeedForward)
      weights.after_feed_forward = try norm(norms.afterFeedForward)
      weights.query = try weight(query + ".weight")
      weights.query_bias = try weight(query + ".bias", if: isBiased)
      weights.key = try weight("self_attn.k_proj.weight", if: isSplit)
      weights.key_bias = try weight("self_attn.k_proj.bias", if: isSplit && isBiased)
      weights.value = try weight("self_attn.v_proj.weight", if: isSplit)
      weights.value_bias = try weight("self_attn.v_proj.bias", if: isSplit && isBiased)
      weights.query_norm = try norm(attention.queryKeyNorm == .none ? nil : "self_attn.q_norm")
      weights.key_norm = try norm(attention.queryKeyNorm == .none ? nil : "self_attn.k_norm")
      weights.output = try weight("self_attn.o_proj.weight")
      weights.output_bias = try weight("self_attn.o_proj.bias", if: attention.hasOutputBias)
      weights.gate = try weight(gate + ".weight")
      weights.gate_bias = try weight(gate + ".bias", if: feedForward.hasBias)
      weights.up = try weight("mlp.up_proj.weight", if: isRaised)
      weights.up_bias = try weight("mlp.up_proj.bias", if: isRaised && feedForward.hasBias)
      weights.down = try weight("mlp.down_proj.weight")
      weights.down_bias = try weight("mlp.down_proj.bias", if: feedForward.hasBias)
      weights.window = Int32(clamping: layer.window ?? 0)
      weights.rotation = Int32(layer.rotation ?? -1)
      return weights
    }

    /// Reads one token for each row of `cache` and appends its keys and values.
    ///
    /// - Returns: whether it could: the cache must hold something, in memory that kernels write in
    ///   place, and all steps before must be evaluated.
    func read(_ ids: [Int32], cache: KeyValueCache) throws -> Bool {
      guard ids.count <= Self.mostTexts, let memories = cache.memories else { return false }
      let rotations = configuration.rotations
      let end = cache.positions(next: 1).end
      let frequencies = rotations.map { $0.inverseFrequencies(length: end) }
      let counts = frequencies.map { Int32($0.count) }
      let amplitudes = rotations.map(\.amplitude)
      let starts = cache.starts?.map { Int32($0) }
      let handles: [cmlx_key_values?] = memories
      let status = starts.withOptionalPointer { starts in
        cmlx_decoder_step(
          handle, ids, Int32(ids.count), Int32(cache.length), starts, frequencies.flatMap { $0 },
          counts, amplitudes, Int32(counts.count), handles, Int32(handles.count))
      }
      guard status == 0 else { throw Self.error }
      cache.advance()
      return true
    }

    /// The logits (V) of each row after the last step.
    func logits(rows: Int) -> [[Float]] {
      guard let start = cmlx_decoder_logits(handle) else { return [] }
      return (0..<rows).map { row in
        Array(UnsafeBufferPointer(start: start + row * vocabularySize, count: vocabularySize))
      }
    }

    /// The likeliest token of each row after the last step, the lowest id winning a tie.
    ///
    /// - Throws: `ModelError.notFinite`.
    func likeliest(rows: Int) throws -> [Int32] {
      try (0..<rows).map { row in
        var (id, nonFinite): (Int32, Int32) = (0, -1)
        cmlx_decoder_likeliest(handle, Int32(row), &id, &nonFinite)
        guard nonFinite < 0 else {
          throw ModelError.notFinite(name: "logits", index: Int(nonFinite))
        }
        return id
      }
    }

    private static var error: ModelError {
      .engine(operation: "decoding step", message: String(cString: cmlx_last_error()))
    }
  }
#endif
