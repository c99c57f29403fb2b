// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Qwen3, the dense models: heads of 128 and norms of their queries and keys.
  public static let qwen3 = Blueprint(
    modelType: "qwen3",
    templates: Template.decoder(
      norms: Template.normsBefore,
      layer: Template.attention() + Template.queryKeyNorms(queries: .headSize, keys: .headSize)
        + Template.feedForward()),
    classDefaults: [
      "tie_word_embeddings": false, "attention_bias": false, "num_key_value_heads": 32,
      "head_dim": 128, "hidden_act": "silu", "max_position_embeddings": 32768,
      "rms_norm_eps": 1e-6, "rope_theta": 10000, "use_sliding_window": false,
      "sliding_window": 4096, "max_window_layers": 28,
    ])
}
