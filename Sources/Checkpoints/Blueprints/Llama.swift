// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Llama 1 to 3 and the many models of its shape: RMSNorm, rotary positions, grouped queries,
  /// SwiGLU. A matrix is stored [outputs, inputs].
  public static let llama = Blueprint(
    modelType: "llama",
    templates: Template.decoder(
      norms: Template.normsBefore,
      layer: Template.attention() + Template.feedForward(bias: .whenTrue("mlp_bias"))),
    classDefaults: [
      "tie_word_embeddings": false, "attention_bias": false, "mlp_bias": false,
      "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
      "rope_theta": 10000,
    ])
}
