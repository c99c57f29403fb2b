// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors

/// Weights to begin a pre-training with.
public enum Initialization {
  /// A checkpoint of random weights for `config`.
  ///
  /// Matrices and embeddings are normal with `initializer_range` (0.02 unless the config says);
  /// those that write into the residual stream (`o_proj`, `down_proj`) are divided by √(2·layers),
  /// so that its variance does not grow with depth. Norms change nothing, biases are 0. Every element is a
  /// function of (seed, tensor name, index).
  /// - Source: Radford et al. 2019 (GPT-2), §2.3, for the residual scaling.
  /// - Parameter directory: a folder whose tokenizer files the checkpoint takes along.
  public static func random(
    config: JSON, seed: UInt64, tokenizerFilesFrom directory: String? = nil
  ) throws -> Checkpoint {
    let origin = "a new model"
    let blueprint = try Blueprint.of(config, origin: origin)
    let expectations = try blueprint.expectations(config, origin: origin).filter(\.isRequired)
    let deviation = config["initializer_range"]?.double ?? 0.02
    let layers = config["num_hidden_layers"]?.int ?? 1
    let residual = deviation / Double(2 * max(1, layers)).squareRoot()
    let tensors = expectations.map { tensor in
      let count = tensor.shape.elementCount
      let values: [Float]
      switch tensor.role {
      case .norm: values = [Float](repeating: blueprint.neutralNorm, count: count)
      case .bias: values = [Float](repeating: 0, count: count)
      case .inputEmbedding, .outputHead, .matrix:
        let writesResidual =
          tensor.name.hasSuffix("o_proj.weight") || tensor.name.hasSuffix("down_proj.weight")
        let scale = writesResidual ? residual : deviation
        let random = CounterRandom(seed: seed, stream: tensor.name)
        values = (0..<count).map { Float(scale * random.normal(at: $0)) }
      }
      return (name: tensor.name, shape: tensor.shape, values: values)
    }
    return try Checkpoint.inMemory(
      config: config, tensors: tensors, tokenizerFilesFrom: directory, origin: origin)
  }

  /// The `config.json` of a new Llama, with the keys of both transformers generations.
  ///
  /// - Parameter beginOfText: `nil` where the same token begins and ends texts.
  public static func llamaConfig(
    _ sizes: LlamaSizes, vocabularySize: Int, beginOfText: Int? = nil, endOfText: Int
  ) -> JSON {
    [
      "architectures": ["LlamaForCausalLM"],
      "model_type": "llama",
      "vocab_size": JSON(vocabularySize),
      "hidden_size": JSON(sizes.hiddenSize),
      "intermediate_size": JSON(sizes.intermediateSize),
      "num_hidden_layers": JSON(sizes.layerCount),
      "num_attention_heads": JSON(sizes.headCount),
      "num_key_value_heads": JSON(sizes.keyValueHeadCount),
      "head_dim": JSON(sizes.hiddenSize / sizes.headCount),
      "hidden_act": "silu",
      "max_position_embeddings": JSON(sizes.maximumPositions),
      "initializer_range": JSON(sizes.initializerRange),
      "rms_norm_eps": 1e-5,
      "rope_theta": 10000.0,
      "rope_scaling": nil,
      "rope_parameters": ["rope_type": "default", "rope_theta": 10000.0],
      "attention_bias": false,
      "attention_dropout": 0.0,
      "mlp_bias": false,
      "tie_word_embeddings": JSON(sizes.tiesEmbeddings),
      "use_cache": true,
      "bos_token_id": JSON(beginOfText ?? endOfText),
      "eos_token_id": JSON(endOfText),
      "torch_dtype": "float32",
      "dtype": "float32",
    ]
  }
}

/// How large a new Llama is; the keys of `config.json`.
public struct LlamaSizes: Equatable, Sendable {
  public var hiddenSize = 256
  public var intermediateSize = 768
  public var layerCount = 6
  public var headCount = 8
  public var keyValueHeadCount = 4
  public var maximumPositions = 1024
  public var tiesEmbeddings = true
  public var initializerRange = 0.02

  public init() {}

  /// Reads `config.json`'s keys out of a recipe. Does not call `finish`.
  public init(_ settings: inout Settings) throws(DocumentError) {
    let sizes = 1...1_048_576
    hiddenSize = try settings.int("hidden_size", default: hiddenSize, in: sizes)
    intermediateSize = try settings.int("intermediate_size", default: hiddenSize * 3, in: sizes)
    layerCount = try settings.int("num_hidden_layers", default: layerCount, in: 1...1000)
    headCount = try settings.int("num_attention_heads", default: headCount, in: sizes)
    keyValueHeadCount = try settings.int("num_key_value_heads", default: headCount, in: sizes)
    maximumPositions = try settings.int(
      "max_position_embeddings", default: maximumPositions, in: sizes)
    tiesEmbeddings = try settings.bool("tie_word_embeddings", default: tiesEmbeddings)
    initializerRange = try settings.double(
      "initializer_range", default: initializerRange, in: 1e-6...10)
    guard hiddenSize % headCount == 0, (hiddenSize / headCount) % 2 == 0 else {
      throw settings.wrong(
        "hidden_size", expected: "an even multiple of num_attention_heads (\(headCount))",
        found: "\(hiddenSize)")
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw settings.wrong(
        "num_key_value_heads", expected: "a divisor of num_attention_heads (\(headCount))",
        found: "\(keyValueHeadCount)")
    }
  }

  /// The recipe keys, for hashing.
  public var identity: JSON {
    [
      "hidden_size": JSON(hiddenSize), "intermediate_size": JSON(intermediateSize),
      "num_hidden_layers": JSON(layerCount), "num_attention_heads": JSON(headCount),
      "num_key_value_heads": JSON(keyValueHeadCount),
      "max_position_embeddings": JSON(maximumPositions),
      "tie_word_embeddings": JSON(tiesEmbeddings), "initializer_range": JSON(initializerRange),
    ]
  }
}
