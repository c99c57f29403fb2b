// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Phi-3, Phi-3.5 and Phi-4-mini: Llama with q, k and v in one matrix and gate and up in another,
/// `longrope`, heads of which only a part is turned, and a window in some.
///
/// - Source: Abdin et al. 2024, arXiv:2404.14219, §2; the rotation: Ding et al. 2024,
///   arXiv:2402.13753.
/// - Departs: nothing.
enum Phi3: DecoderFamily {
  static let modelTypes = ["phi3"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(sizesOf: config)
    model.feedForward.activation = try config.activation("hidden_act", ["silu": .silu])
    model.feedForward.isFused = true
    model.attention.isFused = true
    model.rotations = [
      try RotaryEmbedding(
        config, headSize: model.headSize, mayBePartial: true,
        types: ["default": "default", "longrope": "longrope", "su": "longrope", "yarn": "longrope"])
    ]
    let window = try config.optionalSize("sliding_window")
    for index in model.layers.indices { model.layers[index].window = window }
    return model
  }
}
