// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// SmolLM3: Llama whose every fourth layer turns queries and keys not at all.
///
/// - Source: Bakouch et al. 2025, huggingface.co/blog/smollm3; layers without positions: Yang et
///   al. 2025, arXiv:2501.18795.
/// - Departs: nothing.
enum SmolLM3: DecoderFamily {
  static let modelTypes = ["smollm3"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(sizesOf: config)
    model.feedForward.activation = try config.activation("hidden_act", ["silu": .silu])
    model.feedForward.hasBias = try config.flag("mlp_bias")
    let biased = try config.flag("attention_bias")
    (model.attention.hasInputBias, model.attention.hasOutputBias) = (biased, biased)
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    let turned = try turnedLayers(config, count: model.layerCount)
    let window = try config.optionalSize("sliding_window")
    let slides = try config.flag("use_sliding_window") && window != nil
    let kinds =
      try config.layerKinds(count: model.layerCount)
      ?? turned.map { slides && !$0 ? .sliding : .full }
    for (index, window) in try config.windows(kinds, window: window).enumerated() {
      model.layers[index] = DecoderConfiguration.Layer(
        window: window, rotation: turned[index] ? 0 : nil)
    }
    return model
  }

  /// Which layers have positions: those with 1 in `no_rope_layers` (a name that says the opposite),
  /// or all but every `no_rope_layer_interval`-th.
  private static func turnedLayers(
    _ config: ConfigurationReader, count: Int
  ) throws(ModelError) -> [Bool] {
    let key = "no_rope_layers"
    guard let list = config.value(key), !list.isNull else {
      let interval = try config.size("no_rope_layer_interval")
      return (0..<count).map { ($0 + 1) % interval != 0 }
    }
    let numbers = list.array?.compactMap(\.int) ?? []
    guard numbers.count == list.array?.count, numbers.count >= count,
      numbers.allSatisfy({ $0 == 0 || $0 == 1 })
    else {
      throw .configuration(
        key: key, expected: "a list of 0 and 1, at least num_hidden_layers (\(count)) of them",
        found: list.serialized())
    }
    return numbers.prefix(count).map { $0 == 1 }
  }
}
