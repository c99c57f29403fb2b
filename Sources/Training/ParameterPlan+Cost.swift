// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension ParameterPlan {
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
