// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Qwen3, the dense models: Llama with an RMSNorm of each head's queries and keys, and heads whose
/// size is set apart from the width.
///
/// - Source: Yang et al. 2025, arXiv:2505.09388, §2.
/// - Departs: nothing.
enum Qwen3: DecoderFamily {
  static let modelTypes = ["qwen3"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(sizesOf: config)
    model.feedForward.activation = try config.activation("hidden_act", ["silu": .silu])
    let biased = try config.flag("attention_bias")
    (model.attention.hasInputBias, model.attention.hasOutputBias) = (biased, biased)
    model.attention.queryKeyNorm = .perHead
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    try model.setWindowsOfUpperLayers(config)
    return model
  }
}
