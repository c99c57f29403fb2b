// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Llama 1 to 3.x and the many models of its shape: grouped-query attention, rotary positions,
/// RMSNorm before each block, SwiGLU.
///
/// - Source: Touvron et al. 2023, arXiv:2302.13971; grouped queries: Ainslie et al. 2023,
///   arXiv:2305.13245; the `llama3` rotation: Grattafiori et al. 2024, arXiv:2407.21783.
/// - Departs: nothing.
enum Llama: DecoderFamily {
  static let modelTypes = ["llama"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(sizesOf: config)
    model.feedForward.activation = try config.activation("hidden_act", ["silu": .silu])
    model.feedForward.hasBias = try config.flag("mlp_bias")
    let biased = try config.flag("attention_bias")
    (model.attention.hasInputBias, model.attention.hasOutputBias) = (biased, biased)
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    return model
  }
}
