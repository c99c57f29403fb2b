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

    /// All that a step changes.
    package var arrays: [DeviceArray] { [weights.array] + buffers.map(\.buffer.array) }

    /// `value` times the factor of each row, (O, 1, …), as a number where they are alike; 0 in rows
    /// that do not change.
    package func byRow(_ value: Double) throws -> DeviceArray {
      if changesWhole { return try DeviceArray(Float(value * rates[0].factor)) }
      let height = shape.first ?? 1
      let width = max(1, outline.count / max(1, height))
      var rows = [Float](repeating: 0, count: height)
      for (range, factor) in rates {
        for row in range.lowerBound / width..<range.upperBound / width {
          rows[row] = Float(value * factor)
        }
      }
      return try DeviceArray(rows, shape: [height] + shape.dropFirst().map { _ in 1 })
    }

    /// Σ g² over the elements that change, as a graph: a number.
    package func squaredNorm(of gradient: DeviceArray) throws -> DeviceArray {
      let squares = try multiply(gradient, gradient)
      if changesWhole { return try sum(squares) }
      let zero = try DeviceArray(0)
      return try sum(select(lessEqual(byRow(1), zero), zero, squares))
    }

    private var changesWhole: Bool { rates.count == 1 && rates[0].range == 0..<outline.count }

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
