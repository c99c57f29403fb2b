// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Gathers the metadata of a GGUF file from `config.json`.
final class GGUFSettings {
  /// What a person should know of a file that was written all the same.
  enum Warning: Equatable {
    /// llama.cpp lets this family see all of a text.
    case noWindow
  }

  let family: GGUFFamily
  let config: JSON
  private(set) var metadata: [(key: String, value: GGUFValue)] = []
  private(set) var warnings: [Warning] = []
  let layerCount: Int

  init(_ family: GGUFFamily, config: JSON) throws(GGUFFault) {
    self.family = family
    self.config = config
    guard let layers = config["num_hidden_layers"]?.int, (1...10_000).contains(layers) else {
      throw .missing("num_hidden_layers")
    }
    layerCount = layers
  }

  func warn(_ warning: Warning) { warnings.append(warning) }

  /// Sets a key below the architecture's name.
  func set(_ key: String, _ value: GGUFValue) {
    metadata.append(("\(family.architecture).\(key)", value))
  }

  private func value(_ key: String) -> JSON? {
    let found = config[key]
    return found == nil || found == .null ? family.defaults[key] : found
  }

  /// A number of things.
  func count(_ key: String, _ fallback: Int? = nil) throws(GGUFFault) -> UInt32 {
    guard let number = value(key)?.int ?? fallback, let result = UInt32(exactly: number),
      result > 0
    else { throw .missing(key) }
    return result
  }

  func number(_ key: String, _ fallback: Double) -> Float {
    Float(value(key)?.double ?? fallback)
  }

  var tiesWordEmbeddings: Bool { value("tie_word_embeddings")?.bool ?? false }

  /// What every family says of itself.
  func setCommon() throws(GGUFFault) {
    let (width, heads) = (try count("hidden_size"), try count("num_attention_heads"))
    let headSize = try count("head_dim", Int(width / heads))
    let keyHeads = try count("num_key_value_heads", Int(heads))
    set("context_length", .uint32(try count("max_position_embeddings")))
    set("embedding_length", .uint32(width))
    set("block_count", .uint32(UInt32(layerCount)))
    set("feed_forward_length", .uint32(try count("intermediate_size")))
    set("attention.head_count", .uint32(heads))
    set("attention.head_count_kv", .uint32(keyHeads))
    set("attention.layer_norm_rms_epsilon", .float32(number("rms_norm_eps", 1e-6)))
    set("attention.key_length", .uint32(headSize))
    set("attention.value_length", .uint32(headSize))
    set("vocab_size", .uint32(try count("vocab_size")))
    set("rope.dimension_count", .uint32(headSize))
    set("rope.freq_base", .float32(Float(rotary.theta)))
    try setScaling()
    try family.settings(self)
  }

  /// θ and the scaling of rotary positions: `rope_theta` and `rope_scaling`, or the later
  /// `rope_parameters`, which may be divided by kind of layer.
  private var rotary: (theta: Double, scaling: JSON?) {
    let parameters = config["rope_parameters"]?["full_attention"] ?? config["rope_parameters"]
    let theta = parameters?["rope_theta"]?.double ?? value("rope_theta")?.double ?? 10000
    let scaling = config["rope_scaling"]
    return (theta, scaling?.object == nil ? parameters : scaling)
  }

  private var scalingType: String {
    let scaling = rotary.scaling
    return scaling?["rope_type"]?.string ?? scaling?["type"]?.string ?? "default"
  }

  private func setScaling() throws(GGUFFault) {
    let scaling = rotary.scaling
    func factor() throws(GGUFFault) -> Float {
      guard let value = scaling?["factor"]?.double, value > 0 else { throw .missing("factor") }
      return Float(value)
    }
    switch scalingType {
    case "default", "llama3": break
    case "linear":
      set("rope.scaling.type", .string("linear"))
      set("rope.scaling.factor", .float32(try factor()))
    case "yarn":
      // Anything beyond the three settings is computed otherwise there; these are values with which
      // transformers goes by those three.
      for (key, plain) in [
        ("attention_factor", [JSON.null]), ("mscale", [.null, 0, 0.0]),
        ("mscale_all_dim", [.null, 0, 0.0]), ("truncate", [true]),
      ] {
        if let value = scaling?[key], !plain.contains(value) {
          throw .inexpressible("`\(key)` of yarn")
        }
      }
      let length =
        scaling?["original_max_position_embeddings"]?.int
        ?? config["max_position_embeddings"]?.int ?? 0
      set("rope.scaling.type", .string("yarn"))
      // Without a factor it is how many times the original positions there are.
      let positions = config["max_position_embeddings"]?.int ?? 0
      let isGiven = scaling?["factor"].map { !$0.isNull } ?? false
      set(
        "rope.scaling.factor",
        .float32(
          isGiven || length <= 0 || positions <= 0
            ? try factor() : Float(Double(positions) / Double(length))))
      set("rope.scaling.original_context_length", .uint32(UInt32(clamping: length)))
    case let other: throw .inexpressible("rotary positions scaled by `\(other)`")
    }
  }

  /// What `llama3` scaling divides each frequency by; `nil` for other kinds.
  ///
  /// - Source: transformers' `llama3`: short waves stay, long ones are divided by the factor, and
  ///   those between by something between.
  func rotaryFactors() throws(GGUFFault) -> [Float]? {
    guard scalingType == "llama3", let scaling = rotary.scaling else { return nil }
    func number(_ key: String) throws(GGUFFault) -> Double {
      guard let value = scaling[key]?.double, value > 0 else { throw .missing(key) }
      return value
    }
    let (factor, low, high) = (
      try number("factor"), try number("low_freq_factor"), try number("high_freq_factor")
    )
    let length = try number("original_max_position_embeddings")
    let size = Int(try count("head_dim", Int(count("hidden_size") / count("num_attention_heads"))))
    return stride(from: 0, to: size, by: 2).map { index in
      let frequency = Elementary.exp(
        -Double(index) / Double(size) * Elementary.log(rotary.theta))
      let wave = 2 * Double.pi / frequency
      if wave < length / high { return 1 }
      if wave > length / low { return Float(factor) }
      let smooth = (length / wave - low) / (high - low)
      return Float(1 / ((1 - smooth) / factor + smooth))
    }
  }
}
