// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints

/// What a training holds whatever the batch, in bytes.
package struct ParameterMemory: Equatable, Sendable {
  /// From the first step to the last: the start as it was read, trained weights, their gradients, what
  /// the optimizer keeps beside them, and their moving average.
  package var duringSteps: Int
  /// On top of that when a checkpoint is made, while no batch is there: weights that low-rank changes
  /// are folded into, in float32.
  package var forCheckpoint: Int
}

extension ParameterPlan {
  /// For each weight that is trained 4 bytes each for its gradient, the sum of several micro-batches'
  /// gradients, the average and every number that the optimizer keeps of it, and itself in 4 or, kept
  /// as stored, 2 bytes. Frozen weights take what they take in the checkpoint.
  ///
  /// - Parameters:
  ///   - keepsAverage: whether there is a moving average.
  ///   - storedByteCount: of a tensor of the checkpoint, by name; `nil` for 4 bytes a number.
  package func memory(
    _ settings: TrainingSettings, keepsAverage: Bool, storedByteCount: (String) -> Int?
  ) -> ParameterMemory {
    let optimizer = settings.optimizer.value
    func stored(_ tensor: TensorOutline) -> Int {
      storedByteCount(tensor.name) ?? 4 * tensor.count
    }
    /// Beside the weights themselves.
    func beside(_ tensor: TensorOutline) -> Int {
      let copies = 1 + (settings.microBatches > 1 ? 1 : 0) + (keepsAverage ? 1 : 0)
      let buffers = optimizer.buffers(for: tensor).reduce(0) { $0 + $1.shape.reduce(1, *) }
      return 4 * (copies * tensor.count + buffers)
    }
    var steps = frozen.reduce(0) { $0 + stored($1) }
    for part in trained {
      let tensor = part.outline
      let keepsType = settings.masters == .stored && tensor.shape.count > 1
      steps +=
        stored(tensor) + (keepsType ? min(4 * tensor.count, stored(tensor)) : 4 * tensor.count)
      steps += beside(tensor)
    }
    if let adapter = settings.adapter {
      for factor in adapted.flatMap({ AdaptedModule(weight: $0).outlines(adapter) }) {
        steps += 4 * factor.count + beside(factor)
      }
    }
    return ParameterMemory(
      duringSteps: steps, forCheckpoint: adapted.reduce(0) { $0 + 4 * $1.count })
  }

  /// Floating-point operations that the weights of matrices take of a token, forward and backward: 6 for
  /// one that is trained, 4 for a frozen one, whose gradient nobody needs.
  ///
  /// The head is one of the matrices, and the embedding where it is the head; looking rows up is none.
  /// Exact where something is trained below every frozen matrix; else gradients go less far down.
  package func operationsPerToken(_ settings: TrainingSettings) -> Int {
    let head = (trained.map(\.outline) + frozen).contains { $0.role == .head }
    func matrix(_ tensor: TensorOutline) -> Int {
      switch tensor.role {
      case .matrix, .head, .factor: tensor.shape.count == 2 ? tensor.count : 0
      case .embedding: head ? 0 : tensor.count
      case .norm, .bias: 0
      }
    }
    let factors = settings.adapter.map { adapter in
      adapted.flatMap { AdaptedModule(weight: $0).outlines(adapter) }
    }
    return 6 * (trained.map(\.outline) + (factors ?? [])).reduce(0) { $0 + matrix($1) }
      + 4 * frozen.reduce(0) { $0 + matrix($1) }
  }
}
