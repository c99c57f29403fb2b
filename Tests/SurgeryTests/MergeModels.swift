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
      return MergeRecipe.Model(name, parameters: parameters)
    }
    let shared: [String: JSON] = card.requiredShared.contains("t") ? ["t": 0.3] : [:]
    return MergeRecipe(
      method: card.id, models: models, baseModel: card.base == .required ? "base" : nil,
      parameters: shared, elementType: elementType)
  }

  /// Values of every tensor, by name.
  static func values(_ checkpoint: Checkpoint, threads: Int? = nil) throws -> [String: [Float]] {
    var values: [String: [Float]] = [:]
    for name in checkpoint.names { values[name] = try checkpoint.floats(name, threads: threads) }
    return values
  }
}

/// The folder of a golden set, found from this file.
func golden(_ name: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Golden").appendingPathComponent(name)
}
