// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint.Template {
  /// The tensors of a decoder-only model under their usual names; a matrix is [outputs, inputs].
  ///
  /// The embedding, the final norm and the head, which may be tied, are common to all.
  /// - Parameters:
  ///   - norms: the RMSNorms of a layer, [hidden] each.
  ///   - layer: the other tensors of a layer.
  static func decoder(
    norms: [String], layer: [Blueprint.Template]
  ) -> [Blueprint.Template] {
    var templates = [
      Self("model.embed_tokens.weight", [.vocabulary, .hidden], .inputEmbedding, vocabularyAxis: 0)
    ]
    templates += norms.map { Self("model.layers.{layer}.\($0).weight", [.hidden], .norm) }
    templates += layer
    templates += [
      Self("model.norm.weight", [.hidden], .norm),
      Self("lm_head.weight", [.vocabulary, .hidden], .outputHead, .unlessTied, vocabularyAxis: 0),
    ]
    return templates
  }

  /// Projections to queries, keys and values and back.
  ///
  /// - Parameters:
  ///   - inputBias: when q, k and v have biases; `nil` for never.
  ///   - outputBias: when o has one.
  static func attention(
    inputBias: Blueprint.Presence? = .whenTrue("attention_bias"),
    outputBias: Blueprint.Presence? = .whenTrue("attention_bias")
  ) -> [Blueprint.Template] {
    let part = "model.layers.{layer}.self_attn."
    var templates = [
      Self(part + "q_proj.weight", [.queries, .hidden], .matrix),
      Self(part + "k_proj.weight", [.keysAndValues, .hidden], .matrix),
      Self(part + "v_proj.weight", [.keysAndValues, .hidden], .matrix),
      Self(part + "o_proj.weight", [.hidden, .queries], .matrix),
    ]
    if let inputBias {
      templates += [
        Self(part + "q_proj.bias", [.queries], .bias, inputBias),
        Self(part + "k_proj.bias", [.keysAndValues], .bias, inputBias),
        Self(part + "v_proj.bias", [.keysAndValues], .bias, inputBias),
      ]
    }
    if let outputBias { templates.append(Self(part + "o_proj.bias", [.hidden], .bias, outputBias)) }
    return templates
  }

  /// RMSNorms of queries and keys: of each head, or of all of them together.
  static func queryKeyNorms(
    queries: Blueprint.Dimension, keys: Blueprint.Dimension
  ) -> [Blueprint.Template] {
    [
      Self("model.layers.{layer}.self_attn.q_norm.weight", [queries], .norm),
      Self("model.layers.{layer}.self_attn.k_norm.weight", [keys], .norm),
    ]
  }

  /// A gated feed-forward layer.
  ///
  /// - Parameter bias: when its projections have biases; `nil` for never.
  static func feedForward(bias: Blueprint.Presence? = nil) -> [Blueprint.Template] {
    let part = "model.layers.{layer}.mlp."
    var templates = [
      Self(part + "gate_proj.weight", [.intermediate, .hidden], .matrix),
      Self(part + "up_proj.weight", [.intermediate, .hidden], .matrix),
      Self(part + "down_proj.weight", [.hidden, .intermediate], .matrix),
    ]
    if let bias {
      templates += [
        Self(part + "gate_proj.bias", [.intermediate], .bias, bias),
        Self(part + "up_proj.bias", [.intermediate], .bias, bias),
        Self(part + "down_proj.bias", [.hidden], .bias, bias),
      ]
    }
    return templates
  }

  /// The norms before both parts of a block, as in Llama.
  static let normsBefore = ["input_layernorm", "post_attention_layernorm"]
  /// The norms around both parts of a block, as in Gemma 2.
  static let normsAround = [
    "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
  ]
}
