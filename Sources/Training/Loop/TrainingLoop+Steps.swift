// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Models

  /// What one optimizer step came to.
  struct StepOutcome {
    var lossSum = 0.0
    var trainedTokens = 0
    var weightSum = 0.0
    var seenTokens = 0
    var gradientNorm = 0.0
  }

  extension TrainingLoop {
    func oneStep(
      _ sampler: inout some WindowSampler, learningRate: Double
    ) throws -> StepOutcome {
      var windows: [Window] = []
      for _ in 0..<settings.microBatches * settings.batchSize { windows.append(sampler.next()) }
      var (outcome, gradients) = try passes(
        ranks.batches(windows, batchSize: settings.batchSize))
      gradients = try ranks.reduce(gradients, &outcome)
      guard outcome.weightSum > 0 else { throw TrainingError.nothingToTrain(step: progress.step) }
      let norm = try norm(gradients, dividedBy: outcome.weightSum)
      outcome.gradientNorm = norm
      guard norm.isFinite, outcome.lossSum.isFinite else {
        hooks.failedBatch(progress.step, windows)
        throw try culprit(gradients)
      }
      if try isLeftOut(outcome) { return outcome }
      var scale = 1 / outcome.weightSum
      if settings.clipNorm > 0, norm > settings.clipNorm { scale *= settings.clipNorm / norm }
      try update(gradients, learningRate: learningRate, scale: scale)
      return outcome
    }

    /// Sums loss and gradients over the micro-batches of a step.
    private func passes(
      _ batches: [[Window]]
    ) throws -> (outcome: StepOutcome, gradients: [DeviceArray]) {
      var outcome = StepOutcome()
      var gradients: [DeviceArray] = []
      var firstWindow = ranks.own(of: settings.microBatches * settings.batchSize).lowerBound
      for windows in batches {
        let pass = Parameterization.Pass(
          step: progress.step, firstPosition: firstWindow * windows[0].weights.count)
        firstWindow += windows.count
        let batch = try Batch(windows, vocabularySize: loss.vocabularySize)
        let (values, found) = try valueAndGradient(of: model.arrays) { arrays in
          [
            try loss(
              model.parameters(arrays, pass: pass), ids: batch.ids, targets: batch.targets,
              weights: batch.weights, segments: batch.segments)
          ]
        }
        // Gradients of weights in 16 bits come as such where MLX makes them.
        let wide = try found.map { try widened($0) }
        // Evaluated per micro-batch, so that memory holds one graph at a time.
        gradients = try gradients.isEmpty ? wide : zip(gradients, wide).map { try add($0, $1) }
        try evaluate(values + gradients)
        let lossSum = try values[0].item()
        outcome.lossSum += Double(lossSum)
        outcome.weightSum += batch.weightSum
        outcome.trainedTokens += batch.trainedTokens
        outcome.seenTokens += batch.seenTokens
      }
      return (outcome, gradients)
    }

    /// √(Σ (g / `sum`)²) over all that changes.
    private func norm(_ gradients: [DeviceArray], dividedBy sum: Double) throws -> Double {
      let pairs = zip(model.trained, gradients)
      if model.kernels == .fused {
        let squares = try pairs.reduce(0.0) { total, pair in
          try total + pair.1.withFloats { pointer, _ in pair.0.squaredNorm(of: pointer) }
        }
        return squares.squareRoot() / sum
      }
      // Divided first: squares are float32 here. One look at the device for all tensors.
      let squares = try pairs.map { try reshape($0.squaredNorm(of: $1 * (1 / sum)), [1]) }
      return try concatenate(squares, axis: 0).floats().reduce(0) { $0 + Double($1) }.squareRoot()
    }

    private func update(
      _ gradients: [DeviceArray], learningRate: Double, scale: Double
    ) throws {
      let step = OptimizerStep(
        learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
        epsilon: settings.epsilon, gradientScale: scale, index: progress.step + 1,
        seed: settings.seed)
      let optimizer = settings.optimizer.value
      for (tensor, gradient) in zip(model.trained, gradients) {
        // Random rounding has no graph.
        if model.kernels != .fused, tensor.weights.elementType == .float32 {
          try optimizer.update(DeviceStep(tensor, gradient: gradient, step))
        } else {
          try gradient.withFloats { pointer, _ in
            try optimizer.update(tensor, gradient: pointer, step)
          }
        }
      }
      // All at once: old numbers give their memory to new ones.
      try evaluate(model.trained.flatMap(\.arrays))
    }

    /// The first tensor that is not finite: weights first, because they explain the gradients.
    private func culprit(_ gradients: [DeviceArray]) throws -> TrainingError {
      let step = progress.step
      for tensor in model.trained {
        if let index = tensor.weights.firstNonFinite {
          return .notFinite(step: step, tensor: tensor.name, index: index, part: "weight")
        }
      }
      for (tensor, gradient) in zip(model.trained, gradients) {
        if let index = try gradient.withFloats({ PlainMemory.firstNonFinite($0, $1) }) {
          return .notFinite(step: step, tensor: tensor.name, index: index, part: "gradient")
        }
      }
      return .notFinite(step: step, tensor: "loss", index: 0, part: "value")
    }

    /// The passes of the fullest step there can be: windows without padding, of one text each, in
    /// which every token is trained. Nothing takes more memory; gradients are thrown away.
    func probe(windowLength: Int) throws -> (peakMemory: Int, seconds: Double) {
      let size = loss.vocabularySize
      let sizes = ranks.batchSizes(
        windowsPerStep: settings.batchSize * settings.microBatches, batchSize: settings.batchSize)
      // Micro-batches come one after the other: two take what any number does.
      let tried = sizes.prefix(2)
      let batches = tried.map { count in
        (0..<count).map { row in
          Window(
            tokens: (0...windowLength).map { Int32((row * 31 + $0 * 7) % size) },
            weights: [Float](repeating: 1, count: windowLength),
            segments: [Int32](repeating: 0, count: windowLength + 1))
        }
      }
      Engine.resetPeakMemory()
      var seconds = 0.0
      for _ in 0..<2 {
        let begin = ContinuousClock.now
        _ = try passes(batches)
        seconds = (ContinuousClock.now - begin) / .seconds(1)
      }
      let share = Double(sizes.reduce(0, +)) / Double(tried.reduce(0, +))
      return (Engine.peakMemory, seconds * share)
    }
  }
#endif
