// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors

@testable import Surgery

/// Models and recipes for the merge tests.
enum MergeModels {
  /// Extents that trip up loops: a scalar, empty, one element, primes, three axes, more than one
  /// summation block.
  static let awkwardShapes: [Shape] = [[], [0], [0, 3], [1], [7], [13, 11], [2, 3, 5], [4099]]

  /// One tensor per shape; values uniform in ±`scale` around those of `center`.
  static func checkpoint(
    seed: UInt64, shapes: [Shape] = awkwardShapes, around center: Checkpoint? = nil,
    scale: Float = 1, elementType: ElementType = .float32, config: JSON = [:],
    origin: String? = nil
  ) throws -> Checkpoint {
    var tensors: [(name: String, shape: Shape, values: [Float])] = []
    for (number, shape) in shapes.enumerated() {
      let name = "t\(number)"
      let random = CounterRandom(seed: seed, stream: name)
      let middle = try center?.floats(name) ?? Array(repeating: 0, count: shape.elementCount)
      tensors.append(
        (
          name: name, shape: shape,
          values: middle.enumerated().map { $1 + scale * (2 * random.uniform(at: $0) - 1) }
        ))
    }
    return try Checkpoint.inMemory(
      config: config, tensors: tensors, elementType: elementType, origin: origin ?? "seed \(seed)")
  }

  /// A recipe with ordinary parameters for the method, over `sources` (cut to as many as it takes).
  static func recipe(
    _ method: any MergeMethod.Type, sources: [String] = ["one", "two", "three"],
    elementType: ElementType? = nil
  ) -> MergeRecipe {
    let card = method.card
    let ordinary: [String: [JSON]] = [
      "weight": [0.6, 0.7, 0.4], "density": [0.5, 0.8, 1.0], "slack": [0.0, 1.5, 0.0],
    ]
    let names = Array(sources.prefix(card.sourceCount.upperBound))
    let models = names.enumerated().map { position, name in
      var parameters: [String: JSON] = [:]
      for parameter in card.perSource {
        if let values = ordinary[parameter.name] { parameters[parameter.name] = values[position] }
      }
      let model = ModelReference(path: name)
      let difference = ModelReference(
        .difference(.init(tuned: model, base: ModelReference(path: "base"))))
      return MergeRecipe.Model(
        card.takesDifferences ? difference : model, parameters: parameters,
        statistics: card.statistics.map { "\($0.rawValue) of \(name)" })
    }
    let shared: [String: JSON] = card.requiredShared.contains("t") ? ["t": 0.3] : [:]
    return MergeRecipe(
      method: card.id, models: models, baseModel: card.base == .required ? "base" : nil,
      parameters: shared, elementType: elementType)
  }

  /// Statistics in memory: Fisher information of every tensor, or Gram matrices of those in `grams`
  /// (the stored matrix by layer), positive definite; values depend on `name`.
  static func statistics(
    _ kind: ModelStatistics.Kind, of name: String, _ checkpoint: Checkpoint,
    grams: [String: String]? = nil, model: String? = nil
  ) throws -> ModelStatistics {
    var tensors: [(name: String, shape: Shape, values: [Float])] = []
    var homes: [String: String] = [:]
    for tensor in checkpoint.names {
      guard let shape = checkpoint.info(tensor)?.shape else { continue }
      let random = CounterRandom(seed: 9, stream: "\(name) \(tensor)")
      switch kind {
      case .fisher:
        homes[tensor] = tensor
        let values = (0..<shape.elementCount).map { random.uniform(at: $0) }
        tensors.append((tensor, shape, values))
      case .gram:
        let map = grams ?? (shape.rank == 2 && shape.elementCount > 0 ? [tensor: tensor] : [:])
        guard let home = map[tensor] else { continue }
        homes[tensor] = home
        guard home == tensor else { continue }
        let size = shape[1]
        let inputs = Matrix(
          rows: 3 * size, columns: size,
          values: (0..<(3 * size * size)).map { Float(random.normal(at: $0)) })
        tensors.append(
          (
            tensor, [size, size],
            Matrix.product(inputs, inputs, transposingFirst: true).values
          ))
      }
    }
    let stored = try Checkpoint.inMemory(
      config: [:], tensors: tensors, origin: "\(kind) of \(name)")
    var sources: [String: TensorSource] = [:]
    for tensor in stored.names { sources[tensor] = try stored.source(tensor) }
    return try ModelStatistics(
      kind: kind,
      provenance: .init(
        model: model ?? name, weightsHash: "w", textHash: "t", tokenCount: 8, exampleCount: 2,
        sequenceLength: 4, seed: 0),
      norm: kind == .fisher ? 2 : 0, homes: homes, sources: sources, origin: stored.origin)
  }

  /// Values of every tensor, by name.
  static func values(_ checkpoint: Checkpoint, threads: Int? = nil) throws -> [String: [Float]] {
    var values: [String: [Float]] = [:]
    for name in checkpoint.names { values[name] = try checkpoint.floats(name, threads: threads) }
    return values
  }
}

// MARK: Models with layers

extension MergeModels {
  /// The tensors of a tiny Llama.
  static func layered(
    layers: Int, vocabulary: Int = 5, head: Bool = false
  ) -> [(name: String, shape: Shape)] {
    var shapes: [(name: String, shape: Shape)] = [
      ("model.embed_tokens.weight", [vocabulary, 2]), ("model.norm.weight", [2]),
    ]
    for layer in 0..<layers {
      let stem = "model.layers.\(layer)."
      shapes += [
        (stem + "input_layernorm.weight", [2]), (stem + "post_attention_layernorm.weight", [2]),
        (stem + "self_attn.q_proj.weight", [2, 2]), (stem + "self_attn.k_proj.weight", [2, 2]),
        (stem + "self_attn.v_proj.weight", [2, 2]), (stem + "self_attn.o_proj.weight", [2, 2]),
        (stem + "mlp.gate_proj.weight", [3, 2]), (stem + "mlp.up_proj.weight", [3, 2]),
        (stem + "mlp.down_proj.weight", [2, 3]),
      ]
    }
    if head { shapes.append(("lm_head.weight", [vocabulary, 2])) }
    return shapes
  }

  /// A tiny Llama whose values depend on its name.
  static func llama(
    _ name: String, _ shapes: [(name: String, shape: Shape)], config changes: JSON = [:],
    elementType: ElementType = .float32, tokenizerFilesFrom folder: String? = nil
  ) throws -> Checkpoint {
    let layers = shapes.count { $0.name.hasSuffix("self_attn.q_proj.weight") }
    var config: JSON = [
      "architectures": ["LlamaForCausalLM"], "model_type": "llama",
      "num_hidden_layers": JSON(layers), "hidden_size": 2,
      "tie_word_embeddings": JSON(!shapes.contains { $0.name == "lm_head.weight" }),
      "vocab_size": JSON(
        shapes.first { $0.name == "model.embed_tokens.weight" }?.shape[0] ?? 0),
    ]
    for (key, value) in changes.object?.members ?? [] { config[key] = value }
    return try Checkpoint.inMemory(
      config: config,
      tensors: shapes.map { tensor in
        let random = CounterRandom(seed: 5, stream: "\(name) \(tensor.name)")
        return (
          name: tensor.name, shape: tensor.shape,
          values: (0..<tensor.shape.elementCount).map { 2 * random.uniform(at: $0) - 1 }
        )
      }, elementType: elementType, tokenizerFilesFrom: folder, origin: name)
  }

  /// The three lines of an error; "no error" where there is none.
  static func lines(_ body: () throws -> Void) -> [String] {
    do {
      try body()
      return ["no error"]
    } catch {
      let text = (error as? any Diagnosed)?.description ?? "\(error)"
      return text.split(separator: "\n").map(String.init)
    }
  }
}

/// The folder of a golden set, found from this file.
func golden(_ name: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Golden").appendingPathComponent(name)
}
