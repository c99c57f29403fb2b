// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Models

struct ConfigurationTests {
  private let valid: JSON = [
    "model_type": "llama", "vocab_size": 10, "hidden_size": 8, "intermediate_size": 16,
    "num_hidden_layers": 1, "num_attention_heads": 2,
  ]

  @Test func `missing keys take the defaults of transformers`() throws {
    let configuration = try DecoderConfiguration(config: valid)
    #expect(configuration.keyValueHeadCount == 2)
    #expect(configuration.headSize == 4)
    #expect(configuration.maximumPositions == 2048)
    #expect(configuration.normEpsilon == 1e-6)
    #expect(!configuration.tiesEmbeddings)
    #expect(configuration.rotations.map { $0.inverseFrequencies(length: 1) } == [[1, 0.01]])
  }

  @Test func `only stretching rotations take longer texts than there are positions`() throws {
    var config = valid
    config["max_position_embeddings"] = 16
    #expect(try DecoderConfiguration(config: config).longestText == 16)
    config["rope_scaling"] = ["rope_type": "linear", "factor": 3]
    #expect(try DecoderConfiguration(config: config).longestText == 16)
    config["rope_scaling"] = ["rope_type": "dynamic", "factor": 3]
    #expect(try DecoderConfiguration(config: config).longestText == 48)
  }

  @Test func `a list of kinds says which layers of a mistral slide`() throws {
    var config = valid
    config["model_type"] = "mistral"
    config["num_key_value_heads"] = 1
    config["sliding_window"] = 6
    let count = try DecoderConfiguration(config: config).layers.count
    #expect(
      try DecoderConfiguration(config: config).layers.map(\.window)
        == [Int?](repeating: 6, count: count))
    var kinds = [JSON](repeating: "full_attention", count: count)
    kinds[0] = "sliding_attention"
    config["layer_types"] = JSON(kinds)
    #expect(
      try DecoderConfiguration(config: config).layers.map(\.window)
        == [6] + [Int?](repeating: nil, count: count - 1))
  }

  private static let impossible: [(key: String, value: JSON)] = [
    ("vocab_size", 0), ("vocab_size", "many"), ("vocab_size", nil), ("hidden_size", -8),
    ("hidden_size", 9), ("num_hidden_layers", 1.5), ("num_hidden_layers", "x"),
    ("num_hidden_layers", -1), ("num_hidden_layers", 1_000_000_000), ("num_attention_heads", 0),
    ("num_attention_heads", [2]), ("num_key_value_heads", 3), ("num_key_value_heads", "2"),
    ("head_dim", 5), ("head_dim", 0), ("head_dim", 1_000_000), ("rms_norm_eps", "small"),
    ("rms_norm_eps", 0), ("rms_norm_eps", 2), ("max_position_embeddings", -1),
    ("hidden_act", "gelu"), ("hidden_act", 1), ("attention_bias", "no"), ("mlp_bias", 1),
    ("tie_word_embeddings", "yes"), ("model_type", 7), ("partial_rotary_factor", 0.5),
    ("rope_theta", -1), ("rope_theta", "10k"), ("rope_scaling", "linear"),
    ("rope_scaling", ["rope_type": "spiral"]), ("rope_scaling", ["rope_type": 3]),
    ("rope_scaling", ["rope_type": "linear"]), ("rope_scaling", ["type": "linear", "factor": 0]),
    ("rope_scaling", ["rope_type": "dynamic", "factor": "2"]),
    ("rope_scaling", ["rope_type": "llama3", "factor": 8, "low_freq_factor": 1]),
    (
      "rope_scaling",
      ["rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4]
    ),
    ("rope_scaling", ["rope_type": "yarn", "factor": -4]),
    ("rope_scaling", ["rope_type": "yarn", "factor": 4, "truncate": "no"]),
    (
      "rope_scaling",
      ["rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 0.5]
    ),
    ("rope_scaling", ["rope_type": "longrope", "factor": 2, "short_factor": [1, 1]]),
    (
      "rope_scaling",
      ["rope_type": "longrope", "factor": 2, "short_factor": [1, 1], "long_factor": [1, 0]]
    ),
    ("rope_parameters", 4), ("rope_parameters", ["rope_type": "spiral"]),
    ("rope_parameters", ["rope_theta": "x"]),
  ]

  @Test(arguments: impossible)
  func `a size or kind that cannot be names its key`(key: String, value: JSON) {
    var config = valid
    config[key] = value
    do {
      _ = try DecoderConfiguration(config: config)
      Issue.record("accepted \(key) = \(value.serialized())")
    } catch ModelError.configuration(let found, _, _, _) {
      #expect(found.hasPrefix(key))
    } catch {
      Issue.record("\(error)")
    }
  }

  /// What only some families have, wrong in each its own way.
  private static let impossibleInFamily: [(type: String, keys: JSON, key: String)] = [
    ("mistral", ["sliding_window": 0], "sliding_window"),
    ("mistral", ["sliding_window": "wide"], "sliding_window"),
    ("qwen2", ["use_sliding_window": true, "max_window_layers": -1], "max_window_layers"),
    ("qwen2", ["layer_types": ["full_attention", "full_attention"]], "layer_types"),
    ("qwen2", ["layer_types": "full_attention"], "layer_types"),
    ("qwen2", ["layer_types": ["linear_attention"]], "layer_types"),
    // The window is not in use, so nothing says how far the layer sees.
    ("qwen2", ["layer_types": ["sliding_attention"]], "sliding_window"),
    ("qwen3", ["hidden_act": "gelu_pytorch_tanh"], "hidden_act"),
    ("gemma", ["hidden_act": "relu"], "hidden_act"),
    ("gemma", ["use_bidirectional_attention": true], "use_bidirectional_attention"),
    ("gemma2", ["hidden_activation": "gelu"], "hidden_activation"),
    ("gemma2", ["query_pre_attn_scalar": 0], "query_pre_attn_scalar"),
    ("gemma2", ["attn_logit_softcapping": -50], "attn_logit_softcapping"),
    ("gemma2", ["final_logit_softcapping": "30"], "final_logit_softcapping"),
    ("gemma2", ["sliding_window": nil], "sliding_window"),
    ("gemma3_text", ["sliding_window_pattern": 0], "sliding_window_pattern"),
    ("gemma3_text", ["rope_local_base_freq": -1], "rope_local_base_freq"),
    ("gemma3_text", ["rope_parameters": ["full_attention": 5]], "rope_parameters.full_attention"),
    ("smollm3", ["no_rope_layers": []], "no_rope_layers"),
    ("smollm3", ["no_rope_layers": [2]], "no_rope_layers"),
    ("smollm3", ["no_rope_layer_interval": 0], "no_rope_layer_interval"),
    ("olmo2", ["rope_scaling": ["rope_type": "mrope"]], "rope_scaling.rope_type"),
    ("phi3", ["partial_rotary_factor": 2], "partial_rotary_factor"),
    ("phi3", ["partial_rotary_factor": 0.25], "partial_rotary_factor"),
    ("phi3", ["rope_scaling": ["type": "linear", "factor": 2]], "rope_scaling.rope_type"),
    (
      "phi3", ["rope_scaling": ["type": "longrope", "short_factor": [1], "long_factor": [1, 1]]],
      "rope_scaling.short_factor"
    ),
  ]

  @Test(arguments: impossibleInFamily)
  func `a key of one family that cannot be is named`(
    type: String, keys: JSON, key: String
  ) throws {
    var config = valid
    config["model_type"] = .string(type)
    config["num_key_value_heads"] = 2
    config["head_dim"] = 4
    #expect(throws: Never.self) { try DecoderConfiguration(config: config) }
    for (name, value) in keys.object?.members ?? [] { config[name] = value }
    do {
      _ = try DecoderConfiguration(config: config)
      Issue.record("accepted \(keys.serialized())")
    } catch ModelError.configuration(let found, _, _, _) {
      #expect(found == key)
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test func `a family's missing keys take its class's defaults, not Llama's`() throws {
    func read(_ type: String, _ keys: JSON = [:]) throws -> DecoderConfiguration {
      var config = valid
      config["model_type"] = .string(type)
      config["num_attention_heads"] = 32
      config["hidden_size"] = 64
      config["num_hidden_layers"] = 12
      for (name, value) in keys.object?.members ?? [] { config[name] = value }
      return try DecoderConfiguration(config: config)
    }
    let (mistral, qwen2, qwen3) = try (read("mistral"), read("qwen2"), read("qwen3"))
    #expect(mistral.keyValueHeadCount == 8 && mistral.layers.allSatisfy { $0.window == 4096 })
    #expect(try read("mistral", ["sliding_window": nil]).layers.allSatisfy { $0.window == nil })
    #expect(qwen2.headSize == 2 && qwen2.layers.allSatisfy { $0.window == nil })
    #expect(qwen2.attention.hasInputBias && !qwen2.attention.hasOutputBias)
    #expect(qwen3.headSize == 128 && !qwen3.tiesEmbeddings && !qwen3.attention.hasInputBias)
    let upper = try read("qwen2", ["use_sliding_window": true, "max_window_layers": 9])
    #expect(upper.layers.map(\.window) == Array(repeating: nil, count: 9) + [4096, 4096, 4096])
    let (gemma2, gemma3) = try (read("gemma2"), read("gemma3_text"))
    #expect(gemma2.tiesEmbeddings && gemma2.headSize == 256 && gemma2.keyValueHeadCount == 4)
    #expect(gemma2.attention.softcap == 50 && gemma2.logitSoftcap == 30)
    #expect(gemma2.attention.scale == 1 / 16 && gemma2.embeddingScale == 8)
    #expect(gemma2.layers.map { $0.window != nil } == (0..<12).map { $0 % 2 == 0 })
    #expect(gemma3.attention.softcap == nil && gemma3.logitSoftcap == nil)
    #expect(gemma3.layers.map { $0.rotation == 0 } == (0..<12).map { $0 % 6 == 5 })
    #expect(gemma3.layers.map { $0.window == nil } == (0..<12).map { $0 % 6 == 5 })
    func second(_ rotation: RotaryEmbedding) -> Double {
      Double(rotation.inverseFrequencies(length: 1)[1])
    }
    #expect(abs(second(gemma3.rotations[0]) - pow(1e6, -1 / 128)) < 1e-6)
    #expect(abs(second(gemma3.rotations[1]) - pow(1e4, -1 / 128)) < 1e-6)
    let (smollm3, olmo2, phi3) = try (read("smollm3"), read("olmo2"), read("phi3"))
    #expect(smollm3.tiesEmbeddings && smollm3.keyValueHeadCount == 4)
    #expect(smollm3.layers.map { $0.rotation == nil } == (0..<12).map { $0 % 4 == 3 })
    #expect(olmo2.normEpsilon == 1e-5 && olmo2.keyValueHeadCount == 32)
    #expect(phi3.normEpsilon == 1e-5 && phi3.layers.allSatisfy { $0.window == nil })
    #expect(try read("gemma", ["head_dim": nil, "num_key_value_heads": nil]).headSize == 2)
  }

  @Test func `a scaled rotation beyond its limits changes as its kind says`() throws {
    func rotation(_ scaling: JSON, type: String = "llama") throws -> RotaryEmbedding {
      var config = valid
      config["model_type"] = .string(type)
      config["max_position_embeddings"] = 64
      config["rope_scaling"] = scaling
      return try DecoderConfiguration(config: config).rotations[0]
    }
    let dynamic = try rotation(["rope_type": "dynamic", "factor": 4])
    #expect(dynamic.inverseFrequencies(length: 5) == dynamic.inverseFrequencies(length: 64))
    #expect(dynamic.inverseFrequencies(length: 64) == [1, 0.01])
    #expect(dynamic.inverseFrequencies(length: 65)[1] < 0.01)
    #expect(!dynamic.switches(from: 3, to: 300))
    let long = try rotation([
      "rope_type": "longrope", "factor": 4, "original_max_position_embeddings": 16,
      "short_factor": [1, 2], "long_factor": [2, 4],
    ])
    #expect(long.inverseFrequencies(length: 16) == [1, 0.005])
    #expect(long.inverseFrequencies(length: 17) == [0.5, 0.0025])
    #expect(long.amplitude == Float((1 + log(4) / log(16.0)).squareRoot()))
    #expect(long.switches(from: 16, to: 17) && !long.switches(from: 17, to: 18))
    #expect(long.switches(from: 17, to: 16) && !long.switches(from: 15, to: 16))
    let yarn = try rotation(["type": "yarn", "factor": 4, "original_max_position_embeddings": 16])
    #expect(abs(yarn.amplitude - Float(0.1 * log(4.0) + 1)) < 1e-6)
    // What Python takes for false counts as absent, as in transformers 5.23.
    for more: [String: JSON] in [
      ["mscale": 0, "mscale_all_dim": 1], ["mscale": 1, "mscale_all_dim": 0.0], ["factor": nil],
      ["beta_fast": 0, "beta_slow": 0], ["attention_factor": nil], ["truncate": true],
    ] {
      var scaling: JSON = ["type": "yarn", "factor": 4, "original_max_position_embeddings": 16]
      for (key, value) in more { scaling[key] = value }
      let other = try rotation(scaling)
      #expect(other.amplitude == yarn.amplitude, "\(more)")
      #expect(other.inverseFrequencies(length: 5) == yarn.inverseFrequencies(length: 5), "\(more)")
    }
  }

  @Test func `a size beyond all models is told with its range and file`() {
    var config = valid
    config["vocab_size"] = 1_000_000_000_000
    do {
      _ = try DecoderConfiguration(config: config)
      Issue.record("accepted")
    } catch {
      #expect(
        error.inModel("models/big").description == """
          `vocab_size` should be a whole number from 1 to 1073741824, found 1000000000000.
          models/big/config.json
          Correct the configuration, or use a model of a supported kind.
          """)
    }
    #if MLX
      #expect(
        throws: ModelError.unknownArchitecture(
          "mamba", known: DecoderFamilies.modelTypes, file: "models/m/config.json")
      ) { _ = try Architectures.make(config: ["model_type": "mamba"], origin: "models/m") }
    #endif
  }

  @Test func `both generations of transformers mean the same rotation`() throws {
    let scaling: JSON = [
      "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 16,
    ]
    var old = valid
    old["rope_theta"] = 500.0
    old["rope_scaling"] = scaling
    var new = valid
    new["rope_parameters"] = scaling
    new["rope_parameters"]?["rope_theta"] = 500.0
    let a = try DecoderConfiguration(config: old).rotations
    #expect(try DecoderConfiguration(config: new).rotations == a)
    #expect(a[0].inverseFrequencies(length: 1)[1] < Float(1 / 500.0.squareRoot()))
  }

  @Test func `an unknown kind of model is refused with the known ones`() throws {
    #if MLX
      #expect(throws: ModelError.unknownArchitecture("mamba", known: DecoderFamilies.modelTypes)) {
        _ = try Architectures.make(config: ["model_type": "mamba"])
      }
    #endif
  }
}
