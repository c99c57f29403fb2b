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
    /// Ranges of elements, whole rows each, and the factors of their rates; in order and apart.
    /// What is in none stays as it is.
    private let rates: [(range: Range<Int>, factor: Double)]

    /// - Parameter rates: of ranges of rows, for a vector of elements; in order, apart.
    package init(
      _ outline: TensorOutline, weights: WeightBuffer, weightDecay: Double,
      rates: [(rows: Range<Int>, factor: Double)]? = nil, optimizer: any Optimizer
    ) throws {
      precondition(weights.shape == outline.shape, "the weights have the tensor's shape")
      self.outline = outline
      self.weights = weights
      self.weightDecay = weightDecay
      let width = outline.shape.dropFirst().reduce(1, *)
      self.rates = (rates ?? [(0..<(outline.shape.first ?? 1), 1)]).filter { $0.factor > 0 }
        .map { ($0.rows.lowerBound * width..<$0.rows.upperBound * width, $0.factor) }
      buffers = try optimizer.buffers(for: outline).map {
        ($0.name, try FloatBuffer(zeros: $0.shape))
      }
    }

    package var name: String { outline.name }
    package var shape: [Int] { outline.shape }

    /// The number of weights that change.
    package var trainedCount: Int { rates.reduce(0) { $0 + $1.range.count } }

    /// A buffer that the optimizer asked for.
    package func state(_ name: String) -> FloatBuffer {
      guard let found = buffers.first(where: { $0.name == name }) else {
        preconditionFailure("the optimizer lists `\(name)` among its buffers")
      }
      return found.buffer
    }

    /// The weights to change in a step, and what multiplies the step's rate there.
    package func ranges(_ step: OptimizerStep) -> [(weights: WeightRange, factor: Double)] {
      let random = CounterRandom(
        seed: step.seed, stream: "stochastic_rounding.\(step.index).\(name)")
      return rates.map { (WeightRange(weights, $0.range, random: random), $0.factor) }
    }

    /// Σ g² over the elements that change.
    ///
    /// Safety: `gradient` holds as many floats as the tensor has.
    package func squaredNorm(of gradient: UnsafePointer<Float>) -> Double {
      rates.reduce(0) {
        $0 + PlainMemory.squaredNorm(gradient + $1.range.lowerBound, $1.range.count)
      }
    }
  }
#endif
