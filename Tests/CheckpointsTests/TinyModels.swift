// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Tiny Llamas built in code.
enum TinyModels {
  static func config(
    tied: Bool = true, layers: Int = 2, vocabulary: Int = 11, hidden: Int = 8
  ) -> JSON {
    [
      "architectures": ["LlamaForCausalLM"], "model_type": "llama",
      "vocab_size": JSON(vocabulary), "hidden_size": JSON(hidden), "intermediate_size": 12,
      "num_hidden_layers": JSON(layers), "num_attention_heads": 2, "num_key_value_heads": 1,
      "tie_word_embeddings": JSON(tied), "rms_norm_eps": 1e-5,
    ]
  }

  /// Uniform weights in [−1, 1), a function of the seed, the name and the index.
  static func checkpoint(
    seed: UInt64 = 1, config: JSON = config(), elementType: ElementType = .float32,
    tokenizerFilesFrom directory: String? = nil
  ) throws -> Checkpoint {
    let blueprint = try Blueprint.of(config, origin: "tiny")
    let tensors = try blueprint.expectations(config, origin: "tiny").filter(\.isRequired).map {
      expectation in
      let random = CounterRandom(seed: seed, stream: expectation.name)
      return (
        name: expectation.name, shape: expectation.shape,
        values: (0..<expectation.shape.elementCount).map { random.uniform(at: $0) * 2 - 1 }
      )
    }
    return try Checkpoint.inMemory(
      config: config, tensors: tensors, elementType: elementType,
      tokenizerFilesFrom: directory)
  }
}
