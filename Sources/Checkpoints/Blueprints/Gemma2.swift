// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Gemma 2: Gemma with norms around both parts of a block.
  public static let gemma2 = Blueprint(
    modelType: "gemma2",
    templates: Template.decoder(
      norms: Template.normsAround,
      layer: Template.attention() + Template.feedForward()),
    classDefaults: [
      "tie_word_embeddings": true, "attention_bias": false, "num_key_value_heads": 4,
      "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 8192,
      "rms_norm_eps": 1e-6, "rope_theta": 10000, "query_pre_attn_scalar": 256,
      "sliding_window": 4096, "attn_logit_softcapping": 50, "final_logit_softcapping": 30,
    ],
    neutralNorm: 0)
}
