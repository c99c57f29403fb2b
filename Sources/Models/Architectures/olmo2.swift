// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// OLMo 2: norms after both parts of a block instead of before, and an RMSNorm over all heads of the
/// queries and of the keys.
///
/// - Source: OLMo Team 2024, arXiv:2501.00656, §2.2.
/// - Departs: nothing.
enum OLMo2: DecoderFamily {
  static let modelTypes = ["olmo2"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(sizesOf: config)
    model.feedForward.activation = try config.activation("hidden_act", ["silu": .silu])
    model.norms = .after
    let biased = try config.flag("attention_bias")
    (model.attention.hasInputBias, model.attention.hasOutputBias) = (biased, biased)
    model.attention.queryKeyNorm = .whole
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    return model
  }
}
