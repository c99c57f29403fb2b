// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What llama.cpp calls the parts of a family of models, and what it expects of their weights.
///
/// Adding one: a value here, and a line in ``all``.
struct GGUFFamily: Sendable {
  /// `model_type`s of `config.json`.
  let modelTypes: [String]
  /// `general.architecture`.
  let architecture: String
  /// Whether the rows of queries and keys are put in the order of pairs (2i, 2i + 1), as rotary
  /// positions are computed there for this family, from halves (i, i + d/2).
  var permutesRotaryRows = false
  /// Whether norms multiply by 1 + w; there by w alone.
  var normsAddOne = false
  /// The end of a name in a layer to the one there.
  var layerNames: [String: String] = Self.preNorms
  /// Class defaults of keys that `config.json` may lack, as transformers has them.
  var defaults: [String: JSON] = [:]
  /// Keys beyond those of every family.
  var settings: @Sendable (GGUFSettings) throws(GGUFFault) -> Void = { _ in }

  static let all: [GGUFFamily] = [
    llama, qwen2, qwen3, smollm3, gemma, gemma2, gemma3,
  ]

  static func named(_ modelType: String) -> GGUFFamily? {
    all.first { $0.modelTypes.contains(modelType) }
  }

  private static let attention = [
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  ]

  /// A norm before attention and one before the feed-forward.
  private static let preNorms = attention.merging(
    ["input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"]) { _, new in new }

  /// Norms before and after both.
  private static let fourNorms = attention.merging([
    "input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
  ]) { _, new in new }

  private static let llama = GGUFFamily(
    modelTypes: ["llama", "mistral"], architecture: "llama", permutesRotaryRows: true,
    defaults: ["rms_norm_eps": 1e-6, "rope_theta": 10000.0]
  ) { (settings) throws(GGUFFault) in
    // This family has no windows there.
    if settings.config["sliding_window"]?.int != nil { settings.warn(.noWindow) }
  }

  private static let qwen2 = GGUFFamily(
    modelTypes: ["qwen2"], architecture: "qwen2",
    defaults: ["rms_norm_eps": 1e-6, "rope_theta": 10000.0]
  ) { (settings) throws(GGUFFault) in
    if settings.config["use_sliding_window"]?.bool == true { settings.warn(.noWindow) }
  }

  private static let qwen3 = GGUFFamily(
    modelTypes: ["qwen3"], architecture: "qwen3",
    defaults: ["rms_norm_eps": 1e-6, "rope_theta": 10000.0, "head_dim": 128]
  ) { (settings) throws(GGUFFault) in
    if settings.config["use_sliding_window"]?.bool == true { settings.warn(.noWindow) }
  }

  private static let smollm3 = GGUFFamily(
    modelTypes: ["smollm3"], architecture: "smollm3", permutesRotaryRows: true,
    defaults: ["rms_norm_eps": 1e-6, "rope_theta": 2_000_000.0, "tie_word_embeddings": true]
  ) { (settings) throws(GGUFFault) in
    // Every fourth layer is without positions there, whatever a file says.
    let layers = settings.layerCount
    let interval = settings.config["no_rope_layer_interval"]?.int ?? 4
    let listed = settings.config["no_rope_layers"]?.array?.map { $0.int == 1 }
    let turned = listed ?? (0..<layers).map { ($0 + 1) % max(1, interval) != 0 }
    guard turned == (0..<layers).map({ ($0 + 1) % 4 != 0 }) else {
      throw .inexpressible("`no_rope_layers` other than every fourth layer")
    }
    if settings.config["use_sliding_window"]?.bool == true { settings.warn(.noWindow) }
  }

  private static let gemma = GGUFFamily(
    modelTypes: ["gemma"], architecture: "gemma", normsAddOne: true,
    defaults: [
      "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "head_dim": 256, "tie_word_embeddings": true,
    ])

  private static let gemma2 = GGUFFamily(
    modelTypes: ["gemma2"], architecture: "gemma2", normsAddOne: true, layerNames: fourNorms,
    defaults: [
      "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "head_dim": 256, "tie_word_embeddings": true,
    ]
  ) { (settings) throws(GGUFFault) in
    settings.set("attention.sliding_window", .uint32(try settings.count("sliding_window", 4096)))
    settings.set("attn_logit_softcapping", .float32(settings.number("attn_logit_softcapping", 50)))
    settings.set(
      "final_logit_softcapping", .float32(settings.number("final_logit_softcapping", 30)))
    // The scale of scores is fixed there: 1/√head_dim, and by width for the model of 46 layers.
    let scale = settings.number("query_pre_attn_scalar", 256)
    let width = Float(try settings.count("hidden_size") / settings.count("num_attention_heads"))
    let expected = settings.layerCount == 46 ? width : Float(try settings.count("head_dim"))
    guard scale == expected else {
      throw .inexpressible("`query_pre_attn_scalar` of \(scale) instead of \(expected)")
    }
  }

  private static let gemma3 = GGUFFamily(
    modelTypes: ["gemma3_text"], architecture: "gemma3", normsAddOne: true, layerNames: fourNorms,
    defaults: [
      "rms_norm_eps": 1e-6, "rope_theta": 1_000_000.0, "head_dim": 256,
      "tie_word_embeddings": true,
    ]
  ) { (settings) throws(GGUFFault) in
    settings.set("attention.sliding_window", .uint32(try settings.count("sliding_window", 4096)))
    let pattern = settings.config["sliding_window_pattern"]?.int ?? 6
    let listed = settings.config["layer_types"]?.array?.map { $0.string == "sliding_attention" }
    let layers = settings.layerCount
    let slides = listed ?? (0..<layers).map { ($0 + 1) % max(1, pattern) != 0 }
    guard slides == (0..<layers).map({ ($0 + 1) % 6 != 0 }) else {
      throw .inexpressible("windows in other layers than five of six")
    }
    let scale = settings.number("query_pre_attn_scalar", 256)
    let width = Float(try settings.count("hidden_size") / settings.count("num_attention_heads"))
    let expected = layers == 62 ? width : Float(try settings.count("head_dim"))
    guard scale == expected else {
      throw .inexpressible("`query_pre_attn_scalar` of \(scale) instead of \(expected)")
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping"]
    where settings.config[key]?.double != nil {
      throw .inexpressible("`\(key)` in this family")
    }
    let local =
      settings.config["rope_parameters"]?["sliding_attention"]?["rope_theta"]?.double
      ?? settings.config["rope_local_base_freq"]?.double ?? 10000
    settings.set("rope.freq_base_swa", .float32(Float(local)))
  }
}

/// Why a model cannot be said in GGUF.
enum GGUFFault: Error, Equatable {
  /// llama.cpp has no word for it.
  case inexpressible(String)
  /// A key of `config.json` that should be a number.
  case missing(String)
}
