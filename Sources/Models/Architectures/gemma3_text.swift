// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Gemma 3, the text models: Gemma 2 with an RMSNorm of each head's queries and keys instead of the
/// caps, and two rotations: a slow one in the layers that see everything, a fast one in the others.
///
/// - Source: Gemma Team 2025, arXiv:2503.19786, §2.
/// - Departs: nothing in float32; transformers rounds √D to the type of the weights. Like
///   transformers it applies `final_logit_softcapping`, but not `attn_logit_softcapping`.
enum Gemma3Text: DecoderFamily {
  static let modelTypes = ["gemma3_text"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(gemmaSizesOf: config)
    model.feedForward.activation = try config.activation(
      "hidden_activation", ["gelu_pytorch_tanh": .tanhGELU])
    model.norms = .around
    model.attention.queryKeyNorm = .perHead
    model.attention.scale = 1 / Float(try config.number("query_pre_attn_scalar")).squareRoot()
    model.logitSoftcap = try config.optionalNumber("final_logit_softcapping").map { Float($0) }
    model.rotations = try ConfigurationReader.LayerKind.both.map { kind throws(ModelError) in
      try RotaryEmbedding(config, headSize: model.headSize, kind: kind)
    }
    let pattern = try config.size("sliding_window_pattern")
    let kinds =
      try config.layerKinds(count: model.layerCount)
      ?? model.layers.indices.map { ($0 + 1) % pattern == 0 ? .full : .sliding }
    let windows = try config.windows(kinds, window: config.optionalSize("sliding_window"))
    for (index, kind) in kinds.enumerated() {
      model.layers[index] = DecoderConfiguration.Layer(
        window: windows[index], rotation: kind == .full ? 0 : 1)
    }
    return model
  }
}

extension ConfigurationReader.LayerKind {
  /// In the order of the rotations.
  fileprivate static let both: [Self] = [.full, .sliding]
}
