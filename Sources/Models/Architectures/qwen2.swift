// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Qwen2 and Qwen2.5: Llama with biases on q, k and v, and a window in the upper layers of some.
///
/// - Source: Yang et al. 2024, arXiv:2407.10671, §2.2.
/// - Departs: nothing.
enum Qwen2: DecoderFamily {
  static let modelTypes = ["qwen2"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(sizesOf: config)
    model.feedForward.activation = try config.activation("hidden_act", ["silu": .silu])
    model.attention.hasInputBias = true
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    try model.setWindowsOfUpperLayers(config)
    return model
  }
}

extension DecoderConfiguration {
  /// The windows of the Qwen families: with `use_sliding_window`, layers from `max_window_layers`
  /// on slide, unless `layer_types` says which.
  mutating func setWindowsOfUpperLayers(_ config: ConfigurationReader) throws(ModelError) {
    let window = try config.flag("use_sliding_window") ? config.optionalSize("sliding_window") : nil
    var kinds = try config.layerKinds(count: layerCount)
    if kinds == nil {
      let key = "max_window_layers"
      guard let first = config.value(key)?.int, first >= 0 else {
        throw .configuration(
          key: key, expected: "a whole number from 0",
          found: config.value(key)?.serialized() ?? "nothing")
      }
      kinds = layers.indices.map { window != nil && $0 >= first ? .sliding : .full }
    }
    for (index, window) in try config.windows(kinds ?? [], window: window).enumerated() {
      layers[index].window = window
    }
  }
}
