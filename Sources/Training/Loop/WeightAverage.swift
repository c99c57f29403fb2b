// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Models

  /// The exponential moving average of trained weights; see `LoopSettings.averageDecay`.
  ///
  /// On the engine's thread only.
  final class WeightAverage {
    private let decay: Double
    private let tensors: [TrainedTensor]
    private let buffers: [FloatBuffer]
    private let kernels: Kernels

    /// Starts at the weights as they are.
    init(decay: Double, of tensors: [TrainedTensor], kernels: Kernels = .best) throws {
      self.decay = decay
      self.kernels = kernels
      self.tensors = tensors
      buffers = try tensors.map { try FloatBuffer($0.weights.values(), shape: $0.shape) }
    }

    /// Takes in the weights after `step` steps.
    func update(step: Int) throws {
      let early = (1 + Double(step)) / (10 + Double(step))
      let share = 1 - min(decay, early)
      for (average, tensor) in zip(buffers, tensors) {
        try average.move(toward: tensor.weights, share: share, kernels: kernels)
      }
      try evaluate(buffers.map(\.array))
    }

    /// Runs `body` while the average stands in the weights' place.
    ///
    /// Cost: a copy of the trained weights for that time.
    func inPlace<Result>(_ body: () throws -> Result) throws -> Result {
      let weights = try tensors.map { try $0.weights.values() }
      func put(_ values: [[Float]]) throws {
        for (tensor, values) in zip(tensors, values) { try tensor.weights.replace(with: values) }
      }
      try put(buffers.map(\.values))
      let result: Swift.Result<Result, any Error> = Swift.Result { try body() }
      try put(weights)
      return try result.get()
    }

    /// The buffers as a saved state names them.
    var state: [(name: String, shape: [Int], buffer: FloatBuffer)] {
      zip(tensors, buffers).map { ("ema.\($0.name)", $0.shape, $1) }
    }
  }
#endif
