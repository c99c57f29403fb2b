// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Training

/// The golden values of Tests/Golden/training, and the formula its weights follow.
enum TrainingGolden {
  static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  static let models = tests.appending(path: "Golden/models")

  static let values: JSON = {
    let file = tests.appending(path: "Golden/training/golden.json")
    guard let data = try? Data(contentsOf: file),
      let json = try? JSON.parse(data, origin: "golden.json")
    else { return .null }
    return json
  }()

  /// u of make.py: numbers in [−1, 1), a function of the name and the index.
  static func uniform(_ name: String, _ count: Int) -> [Float] {
    var seed: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (0..<count).map { index in
      var z = seed &+ UInt64(index) &+ 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      return Float(z >> 40) / Float(1 << 23) - 1
    }
  }

  static func numbers(_ json: JSON?) -> [Double] { (json?.array ?? []).compactMap(\.double) }

  static func settings(_ yaml: String) throws -> TrainingSettings {
    var settings = try Settings(YAML.parse(yaml, origin: "r.yaml"), origin: "r.yaml")
    let read = try TrainingSettings(&settings)
    try settings.finish()
    return read
  }

  /// Random weights by the formula; matrices small enough to train.
  static func checkpoint(_ config: JSON, scale: Float = 0.5) throws -> Checkpoint {
    let blueprint = try Blueprint.of(config, origin: "golden")
    let tensors = try blueprint.expectations(config, origin: "golden").filter(\.isRequired).map {
      expectation in
      let shape = expectation.shape
      let u = uniform(expectation.name, shape.elementCount)
      let values: [Float]
      switch expectation.role {
      case .bias: values = u.map { Float(0.3) * $0 }
      case .norm: values = u.map { Float(0.3) * $0 + blueprint.neutralNorm }
      case .inputEmbedding, .outputHead: values = u.map { scale * $0 }
      case .matrix:
        let strong = ["q_proj", "k_proj", "qkv_proj"].contains { expectation.name.contains($0) }
        let size = Float((strong ? 4 : 2) / Double(shape.extents[1]).squareRoot())
        values = u.map { scale * size * $0 }
      }
      return (name: expectation.name, shape: shape, values: values)
    }
    return try Checkpoint.inMemory(config: config, tensors: tensors)
  }

  /// A tiny configuration of a family.
  static func tinyConfig(_ modelType: String, tied: Bool? = nil) -> JSON {
    var config: JSON = [
      "model_type": .string(modelType), "vocab_size": 40, "hidden_size": 24,
      "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
      "num_key_value_heads": 2, "head_dim": 6, "max_position_embeddings": 64,
      "sliding_window": 5, "initializer_range": 0.1, "rope_theta": 100,
    ]
    if let tied { config["tie_word_embeddings"] = .bool(tied) }
    return config
  }
}
