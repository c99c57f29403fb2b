// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Qwen2 and Qwen2.5: Llama with biases on q, k and v.
  public static let qwen2 = Blueprint(
    modelType: "qwen2",
    templates: Template.decoder(
      norms: Template.normsBefore,
      layer: Template.attention(inputBias: .always, outputBias: nil) + Template.feedForward()),
    classDefaults: [
      "tie_word_embeddings": false, "num_key_value_heads": 32, "hidden_act": "silu",
      "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000,
      "use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28,
    ])
}
