// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// OLMo 2: norms after both parts of a block and over all queries and all keys.
  public static let olmo2 = Blueprint(
    modelType: "olmo2",
    templates: Template.decoder(
      norms: ["post_attention_layernorm", "post_feedforward_layernorm"],
      layer: Template.attention() + Template.queryKeyNorms(queries: .queries, keys: .keysAndValues)
        + Template.feedForward()),
    classDefaults: [
      "tie_word_embeddings": false, "attention_bias": false, "hidden_act": "silu",
      "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000,
    ])
}
