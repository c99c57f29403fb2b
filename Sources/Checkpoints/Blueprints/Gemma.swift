// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Gemma: heads of 256, a tied head, norms that multiply by 1 + weight.
  public static let gemma = Blueprint(
    modelType: "gemma",
    templates: Template.decoder(
      norms: Template.normsBefore,
      layer: Template.attention() + Template.feedForward()),
    classDefaults: [
      "tie_word_embeddings": true, "attention_bias": false, "num_key_value_heads": 16,
      "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "max_position_embeddings": 8192,
      "rms_norm_eps": 1e-6, "rope_theta": 10000,
    ],
    neutralNorm: 0)
}
