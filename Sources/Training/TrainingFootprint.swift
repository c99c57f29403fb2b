// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// Bytes that a model's tensors take while it is trained, by what they are; reads no weights.
package struct TrainingFootprint: Equatable, Sendable {
  /// Trained weights, in the types they are trained in.
  package private(set) var weightByteCount = 0
  /// What the optimizer keeps beside them.
  package private(set) var optimizerByteCount = 0
  /// A gradient of each, in float32.
  package private(set) var gradientByteCount = 0
  /// Weights that stay as they are: matrices as they are stored, vectors in float32.
  package private(set) var frozenByteCount = 0
  /// Weights with a low-rank change, folded in float32 for the results.
  package private(set) var foldedByteCount = 0

  /// - Parameter elementType: what a tensor is stored as, by name; `nil` counts as float32.
  /// - Throws: as `ParameterPlan`.
  package init(
    config: JSON, origin: String, settings: TrainingSettings,
    elementType: (String) -> ElementType? = { _ in nil }
  ) throws {
    let plan = try ParameterPlan(config: config, origin: origin, settings: settings)
    for part in plan.trained {
      let type = settings.masters.elementType(
        of: part.outline, storedAs: elementType(part.outline.name))
      add(part.outline, settings, width: type.byteCount)
    }
    for tensor in plan.frozen {
      let type = tensor.shape.count == 2 ? elementType(tensor.name) : nil
      frozenByteCount += tensor.count * (type ?? .float32).byteCount
    }
    guard let adapter = settings.adapter else { return }
    for weight in plan.adapted {
      for factor in AdaptedModule(weight: weight).outlines(adapter) {
        add(factor, settings, width: 4)
      }
      foldedByteCount += 4 * weight.count
    }
  }

  private mutating func add(_ tensor: TensorOutline, _ settings: TrainingSettings, width: Int) {
    weightByteCount += width * tensor.count
    gradientByteCount += 4 * tensor.count
    optimizerByteCount += settings.optimizer.value.buffers(for: tensor).reduce(0) {
      $0 + 4 * $1.shape.reduce(1, *)
    }
  }
}
