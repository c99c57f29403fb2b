// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  /// The numbers of one AdamW step; see `AdamW` in Training for the formula.
  package struct AdamWStep {
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    /// Multiplies every gradient first.
    package var gradientScale: Double
    /// t, from 1.
    package var step: Int

    package init(
      learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, gradientScale: Double,
      step: Int
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.gradientScale = gradientScale
      self.step = step
    }
  }

  extension WeightBuffer {
    /// One AdamW step over these weights, in place: one pass, multi-threaded.
    ///
    /// Safety: `gradients` holds `count` floats, which the caller's `withFloats` vouches for.
    package func updateAdamW(
      gradients: UnsafePointer<Float>, firstMoment: FloatBuffer, secondMoment: FloatBuffer,
      weightDecay: Double, _ step: AdamWStep
    ) {
      precondition(firstMoment.count == count && secondMoment.count == count)
      var correction1 = 1.0
      var correction2 = 1.0
      for _ in 0..<step.step {
        correction1 *= step.beta1
        correction2 *= step.beta2
        // Both are below float32's resolution long before.
        if correction1 < 1e-30, correction2 < 1e-30 { break }
      }
      let settings = cmlx_adamw_settings(
        learning_rate: Float(step.learningRate), beta1: Float(step.beta1),
        beta2: Float(step.beta2), epsilon: Float(step.epsilon),
        weight_decay: Float(weightDecay), correction1: Float(1 - correction1),
        correction2: Float(1 - correction2), gradient_scale: Float(step.gradientScale))
      cmlx_adamw(
        base.assumingMemoryBound(to: Float.self), gradients, firstMoment.base, secondMoment.base,
        count, settings)
    }
  }

  extension FloatBuffer {
    /// Moves every number a `share` of the way toward the one of `weights`, in place.
    package func move(toward weights: WeightBuffer, share: Double) throws {
      precondition(weights.count == count, "as many numbers as the buffer holds")
      try widened(weights.array).withFloats { values, _ in
        cmlx_move_toward(base, values, count, Float(share))
      }
    }

    /// The index of the first NaN or infinity, or `nil`.
    package var firstNonFinite: Int? { PlainMemory.firstNonFinite(base, count) }
  }

  /// Scans over plain memory.
  package enum PlainMemory {
    /// Σ x² in double; the same for any number of threads.
    package static func squaredNorm(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
      cmlx_squared_norm(values, count)
    }

    /// The index of the first NaN or infinity, or `nil`.
    package static func firstNonFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Int? {
      let index = cmlx_first_non_finite(values, count)
      return index < count ? index : nil
    }
  }
#endif
