// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The sizes of a Llama-type model, read from `config.json` of either transformers generation.
public struct LlamaConfiguration: Equatable, Sendable {
  /// V
  public var vocabularySize: Int
  /// D
  public var hiddenSize: Int
  /// F
  public var intermediateSize: Int
  public var layerCount: Int
  /// H
  public var headCount: Int
  /// G, a divisor of H
  public var keyValueHeadCount: Int
  /// K, even
  public var headSize: Int
  public var maximumPositions: Int
  public var normEpsilon: Float
  public var tiesEmbeddings: Bool
  /// Biases on q, k, v and o.
  public var hasAttentionBias: Bool
  /// Biases on gate, up and down.
  public var hasFeedForwardBias: Bool
  public var initializerRange: Double
  /// (K/2), fᵢ after scaling.
  public var inverseFrequencies: [Float]

  /// Reads a configuration; missing keys take the defaults of transformers' Llama class.
  /// - Throws: `ModelError.configuration` for sizes that cannot be, or a feature that is not Llama's.
  public init(config: JSON) throws(ModelError) {
    func int(_ key: String, default value: Int? = nil) throws(ModelError) -> Int {
      let limit = 1 << 30
      let expected = "a whole number from 1 to \(limit)"
      guard let found = config[key], !found.isNull else {
        guard let value else {
          throw .configuration(key: key, expected: expected, found: "nothing")
        }
        return value
      }
      guard let size = found.int, size > 0, size <= limit else {
        throw .configuration(key: key, expected: expected, found: found.serialized())
      }
      return size
    }
    func flag(_ key: String, default value: Bool) throws(ModelError) -> Bool {
      guard let found = config[key], !found.isNull else { return value }
      guard let flag = found.bool else {
        throw .configuration(key: key, expected: "true or false", found: found.serialized())
      }
      return flag
    }
    vocabularySize = try int("vocab_size")
    hiddenSize = try int("hidden_size")
    intermediateSize = try int("intermediate_size")
    layerCount = try int("num_hidden_layers")
    headCount = try int("num_attention_heads")
    keyValueHeadCount = try int("num_key_value_heads", default: headCount)
    maximumPositions = try int("max_position_embeddings", default: 2048)
    guard headCount % keyValueHeadCount == 0 else {
      throw .configuration(
        key: "num_key_value_heads", expected: "a divisor of num_attention_heads (\(headCount))",
        found: "\(keyValueHeadCount)")
    }
    if config["head_dim"].map(\.isNull) ?? true, hiddenSize % headCount != 0 {
      throw .configuration(
        key: "hidden_size", expected: "a multiple of num_attention_heads (\(headCount))",
        found: "\(hiddenSize)")
    }
    headSize = try int("head_dim", default: hiddenSize / headCount)
    guard headSize % 2 == 0 else {
      throw .configuration(key: "head_dim", expected: "an even number", found: "\(headSize)")
    }
    let epsilon = config["rms_norm_eps"] ?? 1e-6
    guard let epsilonValue = epsilon.double, epsilonValue > 0, epsilonValue < 1 else {
      throw .configuration(
        key: "rms_norm_eps", expected: "a number between 0 and 1", found: epsilon.serialized())
    }
    normEpsilon = Float(epsilonValue)
    tiesEmbeddings = try flag("tie_word_embeddings", default: false)
    hasAttentionBias = try flag("attention_bias", default: false)
    hasFeedForwardBias = try flag("mlp_bias", default: false)
    initializerRange = config["initializer_range"]?.double ?? 0.02
    let activation = config["hidden_act"]?.string ?? "silu"
    guard activation == "silu" else {
      throw .configuration(key: "hidden_act", expected: "`silu`", found: "`\(activation)`")
    }
    inverseFrequencies = try RotaryFrequencies.inverse(config: config, headSize: headSize)
  }
}

/// The rotary frequencies that a configuration asks for.
enum RotaryFrequencies {
  /// fᵢ = θ^(−2i/K), scaled by `linear` or `llama3`, from `rope_parameters` (transformers 5) or
  /// `rope_theta` and `rope_scaling` (before).
  static func inverse(config: JSON, headSize: Int) throws(ModelError) -> [Float] {
    // transformers 5 lets rope_scaling win when both are there.
    let old = config["rope_scaling"].flatMap { $0.isNull ? nil : $0 }
    let new = config["rope_parameters"].flatMap { $0.isNull ? nil : $0 }
    let scaling = old ?? new ?? JSON.object(JSONObject())
    let theta = new?["rope_theta"]?.double ?? config["rope_theta"]?.double ?? 10_000
    guard theta > 0, theta.isFinite else {
      throw .configuration(key: "rope_theta", expected: "a positive number", found: "\(theta)")
    }
    let type = scaling["rope_type"]?.string ?? scaling["type"]?.string ?? "default"
    var frequencies = (0..<headSize / 2).map { pow(theta, -2 * Double($0) / Double(headSize)) }
    func number(_ key: String) throws(ModelError) -> Double {
      guard let value = scaling[key]?.double, value > 0, value.isFinite else {
        throw .configuration(
          key: "rope_scaling.\(key)", expected: "a positive number",
          found: scaling[key]?.serialized() ?? "nothing")
      }
      return value
    }
    switch type {
    case "default": break
    case "linear":
      let factor = try number("factor")
      frequencies = frequencies.map { $0 / factor }
    case "llama3":
      let (factor, low, high) = try (
        number("factor"), number("low_freq_factor"), number("high_freq_factor")
      )
      let positions = try number("original_max_position_embeddings")
      guard high > low else {
        throw .configuration(
          key: "rope_scaling.high_freq_factor", expected: "more than low_freq_factor (\(low))",
          found: "\(high)")
      }
      frequencies = frequencies.map { frequency in
        let wavelength = 2 * Double.pi / frequency
        if wavelength > positions / low { return frequency / factor }
        if wavelength < positions / high { return frequency }
        let t = (positions / wavelength - low) / (high - low)
        return frequency * ((1 - t) / factor + t)
      }
    default:
      throw .configuration(
        key: "rope_scaling.rope_type", expected: "`default`, `linear` or `llama3`",
        found: "`\(type)`")
    }
    return frequencies.map { Float($0) }
  }
}
