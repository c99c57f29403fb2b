// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Blueprint {
  /// Phi-3, Phi-3.5 and Phi-4-mini: q, k and v in one matrix, gate and up in another.
  public static let phi3 = Blueprint(
    modelType: "phi3",
    templates: Template.decoder(
      norms: Template.normsBefore,
      layer: [
        Template(
          "model.layers.{layer}.self_attn.qkv_proj.weight", [.queriesKeysValues, .hidden], .matrix),
        Template("model.layers.{layer}.self_attn.o_proj.weight", [.hidden, .queries], .matrix),
        Template("model.layers.{layer}.mlp.gate_up_proj.weight", [.gateAndUp, .hidden], .matrix),
        Template("model.layers.{layer}.mlp.down_proj.weight", [.hidden, .intermediate], .matrix),
      ]),
    classDefaults: [
      "tie_word_embeddings": false, "hidden_act": "silu", "max_position_embeddings": 4096,
      "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000,
    ])
}
