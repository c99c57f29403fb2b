// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Models
  import Tensors

  /// A tensor under training: its weights and what the optimizer remembers of it.
  package final class TrainedTensor {
    package let outline: TensorOutline
    package let weights: WeightBuffer
    /// λ; 0 where the tensor does not decay.
    package let weightDecay: Double
    /// The optimizer's buffers by name, in the order it listed them.
    package let buffers: [(name: String, buffer: FloatBuffer)]

    package init(
      _ outline: TensorOutline, weights: WeightBuffer, weightDecay: Double,
      optimizer: any Optimizer
    ) throws {
      precondition(weights.shape == outline.shape, "the weights have the tensor's shape")
      self.outline = outline
      self.weights = weights
      self.weightDecay = weightDecay
      buffers = try optimizer.buffers(for: outline).map {
        ($0.name, try FloatBuffer(zeros: $0.shape))
      }
    }

    package var name: String { outline.name }
    package var shape: [Int] { outline.shape }

    /// A buffer that the optimizer asked for.
    package func state(_ name: String) -> FloatBuffer {
      guard let found = buffers.first(where: { $0.name == name }) else {
        preconditionFailure("the optimizer lists `\(name)` among its buffers")
      }
      return found.buffer
    }
  }
#endif
