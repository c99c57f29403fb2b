// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

#if MLX
  import Models
#endif

/// Gradient descent with momentum.
///
///     d = g + λθ,   b ← μb + d,   θ ← θ − ηb,   with Nesterov θ ← θ − η(d + μb)
///
/// - Cost: one pass; one buffer of the tensor's size, none without momentum.
package struct SGD: Optimizer {
  package static let card = OptimizerCard(
    id: "sgd", source: "Sutskever et al. 2013, ICML, §2, in the form of torch.optim.SGD",
    departs: "nothing; as in PyTorch the decay joins the gradient, and so the momentum")

  static let buffer = "momentum_buffer"

  /// μ, in [0, 1).
  package var momentum = 0.9
  package var nesterov = false

  package init() {}

  package init(_ settings: inout Settings) throws(DocumentError) {
    momentum = try settings.double("momentum", default: momentum, in: 0...0.999999)
    nesterov = try settings.bool("nesterov", default: nesterov)
    guard !nesterov || momentum > 0 else {
      throw settings.wrong("nesterov", expected: "false without momentum", found: "true")
    }
  }

  package var options: JSONObject {
    var object = JSONObject()
    object["momentum"] = JSON(momentum)
    object["nesterov"] = .bool(nesterov)
    return object
  }

  package func buffers(for tensor: TensorOutline) -> [StateOutline] {
    momentum == 0 ? [] : [StateOutline(name: Self.buffer, shape: tensor.shape)]
  }

  #if MLX
    package func update(
      _ tensor: TrainedTensor, gradient: UnsafePointer<Float>, _ step: OptimizerStep
    ) throws {
      let buffer = momentum == 0 ? nil : tensor.state(Self.buffer)
      for (weights, factor) in tensor.ranges(step) {
        weights.descend(
          gradients: gradient, momentumBuffer: buffer, learningRate: step.learningRate * factor,
          momentum: momentum, nesterov: nesterov, weightDecay: tensor.weightDecay,
          gradientScale: step.gradientScale)
      }
    }

    package func update(_ step: DeviceStep) throws {
      let d = try add(step.gradient, step.weights * step.tensor.weightDecay)
      var direction = d
      if momentum > 0 {
        let b = try step.remember(Self.buffer, add(step.state(Self.buffer) * momentum, d))
        direction = try nesterov ? add(d, b * momentum) : b
      }
      try step.tensor.weights.assign(subtract(step.weights, multiply(step.rate(), direction)))
    }
  #endif
}
