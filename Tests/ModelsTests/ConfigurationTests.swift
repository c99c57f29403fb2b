// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Models

struct ConfigurationTests {
  private let valid: JSON = [
    "model_type": "llama", "vocab_size": 10, "hidden_size": 8, "intermediate_size": 16,
    "num_hidden_layers": 1, "num_attention_heads": 2,
  ]

  @Test func `missing keys take the defaults of transformers`() throws {
    let configuration = try LlamaConfiguration(config: valid)
    #expect(configuration.keyValueHeadCount == 2)
    #expect(configuration.headSize == 4)
    #expect(configuration.maximumPositions == 2048)
    #expect(configuration.normEpsilon == 1e-6)
    #expect(!configuration.tiesEmbeddings)
    #expect(configuration.inverseFrequencies == [1, 0.01])
  }

  private static let impossible: [(key: String, value: JSON)] = [
    ("vocab_size", 0), ("vocab_size", "many"), ("hidden_size", -8), ("num_hidden_layers", 1.5),
    ("num_key_value_heads", 3), ("head_dim", 5), ("rms_norm_eps", "small"),
    ("hidden_act", "gelu"), ("rope_theta", -1), ("rope_scaling", ["rope_type": "spiral"]),
    ("rope_scaling", ["rope_type": "linear"]), ("tie_word_embeddings", "yes"),
  ]

  @Test(arguments: impossible)
  func `a size or kind that cannot be names its key`(key: String, value: JSON) {
    var config = valid
    config[key] = value
    do {
      _ = try LlamaConfiguration(config: config)
      Issue.record("accepted \(key) = \(value.serialized())")
    } catch ModelError.configuration(let found, _, _, _) {
      #expect(found.hasPrefix(key))
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test func `a size beyond all models is told with its range and file`() {
    var config = valid
    config["vocab_size"] = 1_000_000_000_000
    do {
      _ = try LlamaConfiguration(config: config)
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
          "mamba", known: ["llama"], file: "models/m/config.json")
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
    let a = try LlamaConfiguration(config: old).inverseFrequencies
    #expect(try LlamaConfiguration(config: new).inverseFrequencies == a)
    #expect(a[1] < Float(1 / 500.0.squareRoot()))
  }

  @Test func `an unknown kind of model is refused with the known ones`() throws {
    #if MLX
      #expect(throws: ModelError.unknownArchitecture("mamba", known: ["llama"])) {
        _ = try Architectures.make(config: ["model_type": "mamba"])
      }
    #endif
  }
}
