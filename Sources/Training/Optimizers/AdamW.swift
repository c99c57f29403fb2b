// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

#if MLX
  import Models
#endif

/// Adam with decoupled weight decay.
///
///     m ← β₁m + (1−β₁)g,   v ← β₂v + (1−β₂)g²
///     θ ← θ − η·(m̂ / (√v̂ + ε) + λθ)   with m̂ = m / (1−β₁ᵗ), v̂ = v / (1−β₂ᵗ)
///
/// - Cost: one pass; two buffers of the tensor's size.
package struct AdamW: Optimizer {
  package static let card = OptimizerCard(
    id: "adamw", source: "Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2",
    departs: "λ is scaled by η, as in PyTorch")

  static let firstMoment = "exp_avg"
  static let secondMoment = "exp_avg_sq"

  package init() {}

  package init(_ settings: inout Settings) throws(DocumentError) {}

  package var options: JSONObject { JSONObject() }

  package func buffers(for tensor: TensorOutline) -> [StateOutline] {
    [
      StateOutline(name: Self.firstMoment, shape: tensor.shape),
      StateOutline(name: Self.secondMoment, shape: tensor.shape),
    ]
  }

  #if MLX
    package func update(
      _ tensor: TrainedTensor, gradient: UnsafePointer<Float>, _ step: OptimizerStep
    ) throws {
      for (weights, factor) in tensor.ranges(step) {
        weights.adamW(
          gradients: gradient, firstMoment: tensor.state(Self.firstMoment),
          secondMoment: tensor.state(Self.secondMoment),
          AdamWStep(
            learningRate: step.learningRate * factor, beta1: step.beta1, beta2: step.beta2,
            epsilon: step.epsilon, weightDecay: tensor.weightDecay,
            gradientScale: step.gradientScale, step: step.index))
      }
    }

    package func update(_ step: DeviceStep) throws {
      let (numbers, g) = (step.numbers, step.gradient)
      let m = try step.remember(
        Self.firstMoment, movingAverage(step.state(Self.firstMoment), g, numbers.beta1))
      let v = try step.remember(
        Self.secondMoment,
        movingAverage(step.state(Self.secondMoment), multiply(g, g), numbers.beta2))
      let unbiased = (
        m: 1 / (1 - pow(numbers.beta1, Double(numbers.index))),
        v: 1 / (1 - pow(numbers.beta2, Double(numbers.index)))
      )
      let root = try add(squareRoot(v * unbiased.v), DeviceArray(Float(numbers.epsilon)))
      let rate = try step.rate()
      try step.apply(multiply(rate, divide(m * unbiased.m, root)), decayingWith: rate)
    }
  #endif
}
