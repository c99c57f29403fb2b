// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Models

  /// The exponential moving average of trained weights; see `LoopSettings.averageDecay`.
  final class WeightAverage {
    let decay: Double
    let buffers: [FloatBuffer]

    /// Starts at `weights`, each with its shape.
    init(decay: Double, of weights: [(buffer: FloatBuffer, shape: [Int])]) throws {
      self.decay = decay
      buffers = try weights.map { try FloatBuffer($0.buffer.values, shape: $0.shape) }
    }

    /// Takes in the weights after `step` steps.
    func update(with weights: [FloatBuffer], step: Int) {
      let early = (1 + Double(step)) / (10 + Double(step))
      let share = 1 - min(decay, early)
      for (average, weight) in zip(buffers, weights) { average.move(toward: weight, share: share) }
    }
  }
#endif
