// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

#if MLX
  import Models
#endif

/// Adam's second moment as the product of a row and a column of means: hardly any memory.
///
///     β̂₂ = 1 − t^decay,   R ← β̂₂R + (1−β̂₂)·mean over columns of (g² + ε₁),   C likewise over rows
///     u = g / √(R Cᵀ / mean R),   u ← η·u / max(1, RMS(u) / d),   θ ← θ − u − ηλθ
///
/// Vectors keep a whole second moment. With `beta1`, m ← β₁m + (1−β₁)u takes the place of u. With
/// `scale_parameter`, η is multiplied by max(ε₂, RMS(θ)); with `relative_step`, the schedule's rate
/// is replaced by min(10⁻², 1/√t), or min(10⁻⁶·t, 1/√t) with `warmup_init`.
///
/// - Cost: three passes; rows + columns floats a matrix, and with `beta1` the tensor's size.
package struct Adafactor: Optimizer {
  package static let card = OptimizerCard(
    id: "adafactor",
    source: "Shazeer and Stern 2018, arXiv:1804.04235, algorithms 4 and 5, as transformers has it",
    departs: "a fixed rate and no parameter scaling by default; both can be asked for")

  static let row = "exp_avg_sq_row"
  static let column = "exp_avg_sq_col"
  static let second = "exp_avg_sq"
  static let first = "exp_avg"

  /// β₁; 0 for no first moment.
  package var beta1 = 0.0
  /// The exponent of t, below 0.
  package var decayRate = -0.8
  /// d
  package var clipThreshold = 1.0
  /// ε₁, added to squared gradients.
  package var epsilon1 = 1e-30
  /// ε₂, the least scale of a parameter.
  package var epsilon2 = 1e-3
  package var scaleParameter = false
  package var relativeStep = false
  package var warmupInit = false

  package init() {}

  package init(_ settings: inout Settings) throws(DocumentError) {
    beta1 = try settings.double("beta1", default: beta1, in: 0...0.999999)
    decayRate = try settings.double("decay_rate", default: decayRate, in: -10...(-1e-6))
    clipThreshold = try settings.double("clip_threshold", default: clipThreshold, in: 1e-6...1e6)
    epsilon1 = try settings.double("epsilon1", default: epsilon1, in: 1e-37...1)
    epsilon2 = try settings.double("epsilon2", default: epsilon2, in: 1e-30...1)
    scaleParameter = try settings.bool("scale_parameter", default: scaleParameter)
    relativeStep = try settings.bool("relative_step", default: relativeStep)
    warmupInit = try settings.bool("warmup_init", default: warmupInit)
    guard !warmupInit || relativeStep else {
      throw settings.wrong(
        "warmup_init", expected: "`relative_step: true` beside it", found: "true")
    }
  }

  package var options: JSONObject {
    var object = JSONObject()
    object["beta1"] = JSON(beta1)
    object["decay_rate"] = JSON(decayRate)
    object["clip_threshold"] = JSON(clipThreshold)
    object["epsilon1"] = JSON(epsilon1)
    object["epsilon2"] = JSON(epsilon2)
    object["scale_parameter"] = .bool(scaleParameter)
    object["relative_step"] = .bool(relativeStep)
    object["warmup_init"] = .bool(warmupInit)
    return object
  }

  package func buffers(for tensor: TensorOutline) -> [StateOutline] {
    let seconds =
      tensor.shape.count == 2
      ? [
        StateOutline(name: Self.row, shape: [tensor.shape[0]]),
        StateOutline(name: Self.column, shape: [tensor.shape[1]]),
      ] : [StateOutline(name: Self.second, shape: tensor.shape)]
    return beta1 == 0 ? seconds : seconds + [StateOutline(name: Self.first, shape: tensor.shape)]
  }

  #if MLX
    package func update(
      _ tensor: TrainedTensor, gradient: UnsafePointer<Float>, _ step: OptimizerStep
    ) throws {
      let beta2 = 1 - pow(Double(step.index), decayRate)
      let direction =
        tensor.shape.count == 2
        ? try AdafactorDirection(
          gradients: gradient, row: tensor.state(Self.row), column: tensor.state(Self.column),
          gradientScale: step.gradientScale, beta2: beta2, epsilon: epsilon1)
        : try AdafactorDirection(
          gradients: gradient, secondMoment: tensor.state(Self.second),
          gradientScale: step.gradientScale, beta2: beta2, epsilon: epsilon1)
      var rate = rate(step)
      if scaleParameter { rate *= max(epsilon2, try tensor.weights.rms()) }
      let clip = max(1, direction.rms / clipThreshold)
      for (weights, factor) in tensor.ranges(step) {
        weights.adafactor(
          gradients: gradient, firstMoment: beta1 == 0 ? nil : tensor.state(Self.first), direction,
          learningRate: rate * factor, beta1: beta1, weightDecay: tensor.weightDecay,
          gradientScale: step.gradientScale / clip)
      }
    }

    package func update(_ step: DeviceStep) throws {
      let beta2 = 1 - pow(Double(step.numbers.index), decayRate)
      let g = step.gradient
      let squares = try add(multiply(g, g), DeviceArray(Float(epsilon1)))
      func second(_ name: String, _ new: DeviceArray) throws -> DeviceArray {
        try step.remember(name, movingAverage(step.state(name), new, beta2))
      }
      var u: DeviceArray
      if g.shape.count == 2 {
        let row = try second(Self.row, squares.mean(axis: 1))
        let column = try second(Self.column, squares.mean(axis: 0))
        let rows = try reshape(squareRoot(divide(row, row.mean())), [g.shape[0], 1])
        u = try divide(divide(g, rows), squareRoot(column))
      } else {
        u = try divide(g, squareRoot(second(Self.second, squares)))
      }
      let rms = try squareRoot(multiply(u, u).mean())
      u = try divide(u, maximum(DeviceArray(1), rms * (1 / clipThreshold)))
      var rate = try step.rate(rate(step.numbers))
      if scaleParameter {
        let size = try squareRoot(multiply(step.weights, step.weights).mean())
        rate = try multiply(rate, maximum(DeviceArray(Float(epsilon2)), size))
      }
      var change = try multiply(rate, u)
      if beta1 > 0 {
        change = try step.remember(
          Self.first, movingAverage(step.state(Self.first), change, beta1))
      }
      try step.apply(change, decayingWith: rate)
    }

    /// η before the scale of a parameter.
    private func rate(_ step: OptimizerStep) -> Double {
      let time = Double(step.index)
      return relativeStep
        ? min(warmupInit ? 1e-6 * time : 1e-2, 1 / time.squareRoot()) : step.learningRate
    }
  #endif
}
