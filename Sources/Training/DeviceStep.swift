// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Models

  /// A step of one tensor as a graph, for devices whose memory the loops over plain memory do not
  /// reach: what the weights and buffers become, to be evaluated with `TrainedTensor.arrays`.
  ///
  /// Weights are float32 here.
  package struct DeviceStep {
    let tensor: TrainedTensor
    /// Scaled.
    let gradient: DeviceArray
    let numbers: OptimizerStep

    init(_ tensor: TrainedTensor, gradient: DeviceArray, _ step: OptimizerStep) throws {
      self.tensor = tensor
      self.gradient = try gradient * step.gradientScale
      numbers = step
    }

    /// θ
    var weights: DeviceArray { tensor.weights.array }

    /// η, or what `rate` is, with the factors of groups.
    func rate(_ rate: Double? = nil) throws -> DeviceArray {
      try tensor.byRow(rate ?? numbers.learningRate)
    }

    func state(_ name: String) -> DeviceArray { tensor.state(name).array }

    /// The buffer becomes `numbers`, which are returned.
    func remember(_ name: String, _ numbers: DeviceArray) throws -> DeviceArray {
      try tensor.state(name).assign(numbers)
      return tensor.state(name).array
    }

    /// θ ← θ·(1 − η·λ) − change
    func apply(_ change: DeviceArray, decayingWith rate: DeviceArray) throws {
      let keep = try subtract(DeviceArray(1), rate * tensor.weightDecay)
      try tensor.weights.assign(subtract(multiply(weights, keep), change))
    }
  }

  extension DeviceArray {
    static func * (a: DeviceArray, b: Double) throws -> DeviceArray {
      try multiply(a, DeviceArray(Float(b)))
    }

    /// The mean of all numbers.
    func mean() throws -> DeviceArray { try sum(self) * (1 / Double(max(1, count))) }

    /// The mean along an axis.
    func mean(axis: Int) throws -> DeviceArray {
      try sum(self, axis: axis) * (1 / Double(max(1, shape[axis])))
    }
  }

  /// β·old + (1 − β)·new
  func movingAverage(_ old: DeviceArray, _ new: DeviceArray, _ beta: Double) throws -> DeviceArray {
    try add(old * beta, new * (1 - beta))
  }
#endif
