// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Gemma 3, the text models: Gemma 2 with norms of the heads' queries and keys.
  public static let gemma3Text = Blueprint(
    modelType: "gemma3_text",
    templates: Template.decoder(
      norms: Template.normsAround,
      layer: Template.attention() + Template.queryKeyNorms(queries: .headSize, keys: .headSize)
        + Template.feedForward()),
    classDefaults: [
      "tie_word_embeddings": true, "attention_bias": false, "num_key_value_heads": 4,
      "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
      "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 1_000_000,
      "rope_local_base_freq": 10000, "query_pre_attn_scalar": 256, "sliding_window": 4096,
      "sliding_window_pattern": 6,
    ],
    neutralNorm: 0)
}
