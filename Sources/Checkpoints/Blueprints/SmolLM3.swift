// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// SmolLM3: tensors as in Llama, a tied head.
  public static let smollm3 = Blueprint(
    modelType: "smollm3",
    templates: Template.decoder(
      norms: Template.normsBefore,
      layer: Template.attention() + Template.feedForward(bias: .whenTrue("mlp_bias"))),
    classDefaults: [
      "tie_word_embeddings": true, "attention_bias": false, "mlp_bias": false,
      "num_key_value_heads": 4, "hidden_act": "silu", "max_position_embeddings": 32768,
      "rms_norm_eps": 1e-6, "rope_theta": 2_000_000, "use_sliding_window": false,
      "no_rope_layer_interval": 4,
    ])
}
