// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Gemma: norms that multiply by 1 + weight, embeddings scaled by √D, GELU gates, heads of 256.
///
/// - Source: Gemma Team 2024, arXiv:2403.08295, §2.
/// - Departs: nothing in float32; transformers rounds √D to the type of the weights.
enum Gemma: DecoderFamily {
  static let modelTypes = ["gemma"]

  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration {
    var model = try DecoderConfiguration(gemmaSizesOf: config)
    // The first releases say `gelu` and mean the tanh form.
    model.feedForward.activation = try config.activation(
      "hidden_act", ["gelu_pytorch_tanh": .tanhGELU, "gelu": .tanhGELU])
    model.rotations = [try RotaryEmbedding(config, headSize: model.headSize)]
    return model
  }
}

extension DecoderConfiguration {
  /// What all Gemmas have in common.
  init(gemmaSizesOf config: ConfigurationReader) throws(ModelError) {
    try self.init(sizesOf: config)
    try config.refuse("use_bidirectional_attention")
    addsOneToNorms = true
    embeddingScale = Float(hiddenSize).squareRoot()
    let biased = try config.flag("attention_bias")
    (attention.hasInputBias, attention.hasOutputBias) = (biased, biased)
  }
}
