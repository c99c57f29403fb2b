// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Tensors

  // The optimizers' loops: one pass over memory, multi-threaded, the same bits for any number of
  // threads and any division into ranges. Formulas stand in CMLX's fused/updates.h and with the
  // optimizers in Training.
  //
  // Safety: pointers to gradients are those of the whole tensor and hold `count` floats, which the
  // caller's `withFloats` vouches for; buffers are as long as the formulas want.

  /// The numbers of one AdamW step.
  package struct AdamWStep {
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: Double
    /// Multiplies every gradient first.
    package var gradientScale: Double
    /// t, from 1.
    package var step: Int

    package init(
      learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
      gradientScale: Double, step: Int
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
      self.gradientScale = gradientScale
      self.step = step
    }
  }

  /// Consecutive weights of a buffer, and where the random bits of their rounding come from.
  package struct WeightRange {
    package let buffer: WeightBuffer
    package let range: Range<Int>
    /// Unused for float32.
    package let random: CounterRandom

    package init(_ buffer: WeightBuffer, _ range: Range<Int>, random: CounterRandom) {
      precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count)
      self.buffer = buffer
      self.range = range
      self.random = random
    }

    private var start: Int { range.lowerBound }

    private var weights: cmlx_weights {
      let (seed, key) = random.start
      return cmlx_weights(
        data: buffer.base + start * buffer.elementType.byteCount,
        dtype: WeightBuffer.deviceType(buffer.elementType), first: start, count: range.count,
        seed: seed, key: key)
    }

    package func adamW(
      gradients: UnsafePointer<Float>, firstMoment: FloatBuffer, secondMoment: FloatBuffer,
      _ step: AdamWStep
    ) {
      precondition(firstMoment.count == buffer.count && secondMoment.count == buffer.count)
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
        weight_decay: Float(step.weightDecay), correction1: Float(1 - correction1),
        correction2: Float(1 - correction2), gradient_scale: Float(step.gradientScale))
      cmlx_adamw(
        weights, gradients + start, firstMoment.base + start, secondMoment.base + start, settings)
    }

    /// torch.optim.SGD; `momentumBuffer` is `nil` where the momentum is 0.
    package func descend(
      gradients: UnsafePointer<Float>, momentumBuffer: FloatBuffer?, learningRate: Double,
      momentum: Double, nesterov: Bool, weightDecay: Double, gradientScale: Double
    ) {
      precondition(momentumBuffer.map { $0.count == buffer.count } ?? (momentum == 0))
      cmlx_descent(
        weights, gradients + start, momentumBuffer.map { $0.base + start },
        cmlx_descent_settings(
          learning_rate: Float(learningRate), momentum: Float(momentum),
          weight_decay: Float(weightDecay), gradient_scale: Float(gradientScale),
          nesterov: nesterov ? 1 : 0))
    }

    /// `keep · weights − rate · direction`; `direction` is that of the whole tensor.
    package func apply(direction: UnsafePointer<Float>, keep: Double, rate: Double) {
      cmlx_apply_direction(weights, direction + start, Float(keep), Float(rate))
    }

    /// What `AdafactorDirection` found, times the rate.
    package func adafactor(
      gradients: UnsafePointer<Float>, firstMoment: FloatBuffer?,
      _ direction: AdafactorDirection, learningRate: Double, beta1: Double, weightDecay: Double,
      gradientScale: Double
    ) {
      let settings = cmlx_adafactor_settings(
        learning_rate: Float(learningRate), beta1: Float(beta1), weight_decay: Float(weightDecay),
        scale: Float(gradientScale))
      let moment = firstMoment.map { $0.base + start }
      switch direction.factors {
      case .matrix(let rows, let columns):
        let width = columns.count
        precondition(start % width == 0 && range.count % width == 0, "whole rows")
        rows.withUnsafeBufferPointer { rows in
          columns.withUnsafeBufferPointer { columns in
            guard let row = rows.baseAddress, let column = columns.baseAddress else { return }
            cmlx_adafactor_apply_matrix(
              weights, gradients + start, moment, row + start / width, column, width, settings)
          }
        }
      case .vector(let second):
        cmlx_adafactor_apply_vector(
          weights, gradients + start, moment, second.base + start, settings)
      }
    }
  }

  /// Adafactor's second moments after a step, and the direction u they give.
  package struct AdafactorDirection {
    enum Factors {
      /// uᵢⱼ = gᵢⱼ · rowᵢ · columnⱼ
      case matrix(rows: [Float], columns: [Float])
      /// u = g / √v
      case vector(FloatBuffer)
    }

    let factors: Factors
    /// √(mean u²)
    package let rms: Double

    /// Updates `row` and `column`, the moments of a matrix [rows, columns].
    package init(
      gradients: UnsafePointer<Float>, row: FloatBuffer, column: FloatBuffer,
      gradientScale: Double, beta2: Double, epsilon: Double
    ) throws {
      var rows = [Float](repeating: 0, count: row.count)
      var columns = [Float](repeating: 0, count: column.count)
      let squares = rows.withUnsafeMutableBufferPointer { rows in
        columns.withUnsafeMutableBufferPointer { columns in
          guard let first = rows.baseAddress, let second = columns.baseAddress else { return 0.0 }
          return cmlx_adafactor_matrix(
            gradients, row.count, column.count, Float(gradientScale), Float(beta2),
            Float(epsilon), row.base, column.base, first, second)
        }
      }
      factors = .matrix(rows: rows, columns: columns)
      rms = try Self.rms(squares, count: row.count * column.count)
    }

    /// Updates `secondMoment`, that of a vector.
    package init(
      gradients: UnsafePointer<Float>, secondMoment: FloatBuffer, gradientScale: Double,
      beta2: Double, epsilon: Double
    ) throws {
      let squares = cmlx_adafactor_vector(
        gradients, secondMoment.count, Float(gradientScale), Float(beta2), Float(epsilon),
        secondMoment.base)
      factors = .vector(secondMoment)
      rms = try Self.rms(squares, count: secondMoment.count)
    }

    private static func rms(_ squares: Double, count: Int) throws -> Double {
      // Not `< 0`: NaN is a matter of the numbers, told elsewhere.
      if squares == -1 { throw ModelError.engine(operation: "adafactor", message: "out of memory") }
      return (squares / Double(max(1, count))).squareRoot()
    }
  }

  /// Muon's direction: the momentum, orthogonalised.
  package enum MuonDirection {
    /// Calls `body` with the direction of a matrix [rows, columns]; updates the momentum.
    ///
    /// Memory: three times the matrix and twice the square of its shorter side.
    package static func with(
      gradients: UnsafePointer<Float>, momentumBuffer: FloatBuffer, rows: Int, columns: Int,
      gradientScale: Double, momentum: Double, nesterov: Bool, steps: Int,
      _ body: (UnsafePointer<Float>) -> Void
    ) throws {
      let count = rows * columns
      precondition(momentumBuffer.count == count)
      let direction = UnsafeMutablePointer<Float>.allocate(capacity: max(1, count))
      defer { direction.deallocate() }
      cmlx_muon_momentum(
        gradients, Float(gradientScale), Float(momentum), nesterov ? 1 : 0, count,
        momentumBuffer.base, direction)
      guard cmlx_newton_schulz(direction, rows, columns, Int32(steps)) == 0 else {
        throw ModelError.engine(operation: "newton_schulz", message: "out of memory")
      }
      body(direction)
    }
  }
#endif
