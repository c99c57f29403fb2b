// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Llama 1 to 3 and the many models of its shape: RMSNorm, rotary positions, grouped queries,
  /// SwiGLU. A matrix is stored [outputs, inputs].
  public static let llama = Blueprint(
    modelType: "llama",
    tiesWordEmbeddingsByDefault: false,
    templates: [
      Template(
        "model.embed_tokens.weight", [.vocabulary, .hidden], .inputEmbedding, vocabularyAxis: 0),
      Template("model.layers.{layer}.input_layernorm.weight", [.hidden], .norm),
      Template("model.layers.{layer}.self_attn.q_proj.weight", [.queries, .hidden], .matrix),
      Template("model.layers.{layer}.self_attn.k_proj.weight", [.keysAndValues, .hidden], .matrix),
      Template("model.layers.{layer}.self_attn.v_proj.weight", [.keysAndValues, .hidden], .matrix),
      Template("model.layers.{layer}.self_attn.o_proj.weight", [.hidden, .queries], .matrix),
      Template(
        "model.layers.{layer}.self_attn.q_proj.bias", [.queries], .bias, .whenTrue("attention_bias")
      ),
      Template(
        "model.layers.{layer}.self_attn.k_proj.bias", [.keysAndValues], .bias,
        .whenTrue("attention_bias")),
      Template(
        "model.layers.{layer}.self_attn.v_proj.bias", [.keysAndValues], .bias,
        .whenTrue("attention_bias")),
      Template(
        "model.layers.{layer}.self_attn.o_proj.bias", [.hidden], .bias, .whenTrue("attention_bias")),
      Template("model.layers.{layer}.post_attention_layernorm.weight", [.hidden], .norm),
      Template("model.layers.{layer}.mlp.gate_proj.weight", [.intermediate, .hidden], .matrix),
      Template("model.layers.{layer}.mlp.up_proj.weight", [.intermediate, .hidden], .matrix),
      Template("model.layers.{layer}.mlp.down_proj.weight", [.hidden, .intermediate], .matrix),
      Template(
        "model.layers.{layer}.mlp.gate_proj.bias", [.intermediate], .bias, .whenTrue("mlp_bias")),
      Template(
        "model.layers.{layer}.mlp.up_proj.bias", [.intermediate], .bias, .whenTrue("mlp_bias")),
      Template("model.layers.{layer}.mlp.down_proj.bias", [.hidden], .bias, .whenTrue("mlp_bias")),
      Template("model.norm.weight", [.hidden], .norm),
      Template(
        "lm_head.weight", [.vocabulary, .hidden], .outputHead, .unlessTied, vocabularyAxis: 0),
    ],
    ignoredSuffixes: [".rotary_emb.inv_freq"])
}
