// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Mistral 7B and its relatives: Llama without biases, with a sliding window.
  public static let mistral = Blueprint(
    modelType: "mistral",
    templates: Template.decoder(
      norms: Template.normsBefore,
      layer: Template.attention(inputBias: nil, outputBias: nil) + Template.feedForward()),
    classDefaults: [
      "tie_word_embeddings": false, "num_key_value_heads": 8, "hidden_act": "silu",
      "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000,
      "sliding_window": 4096,
    ])
}
