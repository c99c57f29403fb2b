// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Mistral 7B and its relatives: Llama with a window over earlier tokens in every layer.
///
/// - Source: Jiang et al. 2023, arXiv:2310.06825, §2.
/// - Departs: nothing. `sliding_window: null` (since version 0.2) means all earlier tokens, a file
///   without the key the class default of 4096, as in transformers.
enum Mistral: DecoderFamily {
  static let modelTypes = ["mistral"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(sizesOf: config)
    model.feedForward.activation = try config.activation("hidden_act", ["silu": .silu])
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    let window = try config.optionalSize("sliding_window")
    // A file with kinds of layers is Ministral's, whose layers slide as the list says.
    if let kinds = try config.layerKinds(count: model.layerCount) {
      for (index, window) in try config.windows(kinds, window: window).enumerated() {
        model.layers[index].window = window
      }
    } else {
      for index in model.layers.indices { model.layers[index].window = window }
    }
    return model
  }
}
