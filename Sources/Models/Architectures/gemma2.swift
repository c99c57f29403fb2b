// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Gemma 2: Gemma with norms around both parts of a block, caps on scores and logits, a score scale
/// of its own, and a window in every other layer.
///
/// - Source: Gemma Team 2024, arXiv:2408.00118, §2.
/// - Departs: nothing in float32; transformers rounds √D to the type of the weights.
enum Gemma2: DecoderFamily {
  static let modelTypes = ["gemma2"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(gemmaSizesOf: config)
    model.feedForward.activation = try config.activation(
      "hidden_activation", ["gelu_pytorch_tanh": .tanhGELU])
    model.norms = .around
    model.attention.scale = 1 / Float(try config.number("query_pre_attn_scalar")).squareRoot()
    model.attention.softcap = try config.optionalNumber("attn_logit_softcapping").map { Float($0) }
    model.logitSoftcap = try config.optionalNumber("final_logit_softcapping").map { Float($0) }
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    let kinds =
      try config.layerKinds(count: model.layerCount)
      ?? model.layers.indices.map { $0 % 2 == 0 ? .sliding : .full }
    let windows = try config.windows(kinds, window: config.optionalSize("sliding_window"))
    for (index, window) in windows.enumerated() { model.layers[index].window = window }
    return model
  }
}
