// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Models
  import Tensors

  /// What a training tells its observer every `logEvery` steps; mlx-lm's names where it has one.
  public struct TrainingRecord: Equatable, Sendable {
    /// Steps done, from 1.
    public var iteration: Int
    /// Mean cross-entropy in nats a token over the steps since the last record.
    public var trainLoss: Double
    /// Of the last step.
    public var learningRate: Double
    /// Norm of the last step's gradient before clipping.
    public var gradientNorm: Double
    /// Tokens with a loss so far.
    public var trainedTokens: Int
    /// All tokens so far, padding included.
    public var seenTokens: Int
  }

  /// What a finished training hands over.
  public struct TrainingResult: Sendable {
    /// The trained model: float32 weights where they were trained, all others as they were, and
    /// low-rank changes folded in.
    public var checkpoint: Checkpoint
    /// What was trained of an adapter; `nil` without one.
    public var adapter: TrainedAdapter?
    public var records: [TrainingRecord]
    public var trainedTokens: Int
    public var seenTokens: Int
    /// The step it went on from; 0 when it began afresh.
    public var resumedAt: Int
  }

  /// Trains a model, or what its settings choose of it, on windows of tokens.
  ///
  /// The loss of a step is Σ weight·cross-entropy over all micro-batches divided by their Σ weight,
  /// so splitting a batch changes nothing but rounding. Weights and moments are float32. On the
  /// CPU the result is bitwise the same however often it was stopped and resumed.
  public struct Trainer {
    /// `config.json` of the model.
    public let config: JSON
    public let settings: TrainingSettings
    /// Where states are saved and found again; `nil` never saves.
    public let stateDirectory: String?
    /// What the data and the start are, so that a foreign state is refused.
    public let identity: String
    private let start: Checkpoint
    private let kernels: Kernels

    /// Trains on from `start`.
    ///
    /// - Parameters:
    ///   - identity: a hash of the start and the data; saved states carry it.
    public init(
      start: Checkpoint, settings: TrainingSettings, stateDirectory: String? = nil,
      identity: String = ""
    ) throws {
      try self.init(
        start: start, settings: settings, stateDirectory: stateDirectory, identity: identity,
        kernels: .best)
    }

    package init(
      start: Checkpoint, settings: TrainingSettings, stateDirectory: String?, identity: String,
      kernels: Kernels
    ) throws {
      try start.validate()
      config = start.config
      self.settings = settings
      self.stateDirectory = stateDirectory
      self.identity = identity
      self.kernels = kernels
      self.start = start
    }

    /// Runs to the last step, or until `shouldStop` says so after a step; then the state is saved
    /// and `TrainingError.stopped` thrown.
    ///
    /// - Parameters:
    ///   - sampler: moved on by every window; on resume it is put back to where the state was saved.
    ///   - observer: called every `logEvery` steps and after the last.
    /// - Throws: `TrainingError`, `ModelError`, `CheckpointError`, or what the sampler throws.
    public func run(
      _ sampler: inout some WindowSampler, shouldStop: () -> Bool = { false },
      observer: (TrainingRecord) throws -> Void = { _ in }
    ) throws -> TrainingResult {
      try Engine.run {
        try runOnEngine(&sampler, shouldStop: shouldStop, observer: observer)
      }
    }

    private func runOnEngine(
      _ sampler: inout some WindowSampler, shouldStop: () -> Bool,
      observer: (TrainingRecord) throws -> Void
    ) throws -> TrainingResult {
      let model = try Parameterization(
        start: start, settings: settings, kernels: kernels)
      let loss = try LossFunction(config: config, kernels: kernels)
      let schedule = LearningRateSchedule(settings)
      let states = stateDirectory.map {
        SavedStates(directory: $0, identity: identity, settings: settings, config: config)
      }
      var progress = Progress()
      if let states, let saved = try states.restoreLatest(into: model) {
        progress = saved.progress
        try sampler.restore(saved.sampler)
      }
      let resumedAt = progress.step
      while progress.step < settings.steps {
        let rate = schedule.rate(at: progress.step)
        let step = try oneStep(&sampler, model, loss, learningRate: rate, step: progress.step)
        progress.advance(step)
        let isLast = progress.step == settings.steps
        if progress.step % settings.logEvery == 0 || isLast {
          try observer(progress.takeRecord(learningRate: rate, gradientNorm: step.gradientNorm))
        }
        let stops = !isLast && shouldStop()
        if let states, !isLast, stops || progress.step % settings.saveEvery == 0 {
          try states.save(model, progress, sampler: sampler.state)
        }
        if stops {
          throw TrainingError.stopped(step: progress.step, directory: stateDirectory ?? "")
        }
      }
      return TrainingResult(
        checkpoint: try model.checkpoint(), adapter: try model.trainedAdapter(),
        records: progress.records,
        trainedTokens: progress.trainedTokens, seenTokens: progress.seenTokens,
        resumedAt: resumedAt)
    }

    struct StepOutcome {
      var lossSum: Double
      var trainedTokens: Int
      var weightSum: Double
      var seenTokens: Int
      var gradientNorm: Double
    }

    private func oneStep(
      _ sampler: inout some WindowSampler, _ model: Parameterization, _ loss: LossFunction,
      learningRate: Double, step: Int
    ) throws -> StepOutcome {
      var outcome = StepOutcome(
        lossSum: 0, trainedTokens: 0, weightSum: 0, seenTokens: 0, gradientNorm: 0)
      var gradients: [DeviceArray] = []
      for microBatch in 0..<settings.microBatches {
        var windows: [Window] = []
        for _ in 0..<settings.batchSize { windows.append(sampler.next()) }
        let pass = Parameterization.Pass(step: step, microBatch: microBatch)
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
        gradients =
          try gradients.isEmpty ? wide : zip(gradients, wide).map { try add($0, $1) }
        try evaluate(values + gradients)
        let lossSum = try values[0].item()
        outcome.lossSum += Double(lossSum)
        outcome.weightSum += batch.weightSum
        outcome.trainedTokens += batch.trainedTokens
        outcome.seenTokens += batch.seenTokens
      }
      guard outcome.weightSum > 0 else { throw TrainingError.nothingToTrain(step: step) }
      try update(model, gradients, learningRate: learningRate, step: step, &outcome)
      return outcome
    }

    private func update(
      _ model: Parameterization, _ gradients: [DeviceArray], learningRate: Double, step: Int,
      _ outcome: inout StepOutcome
    ) throws {
      var squares = 0.0
      for (tensor, gradient) in zip(model.trained, gradients) {
        squares += try gradient.withFloats { pointer, _ in tensor.squaredNorm(of: pointer) }
      }
      let norm = squares.squareRoot() / outcome.weightSum
      outcome.gradientNorm = norm
      guard norm.isFinite, outcome.lossSum.isFinite else {
        throw try culprit(model, gradients, step: step)
      }
      var scale = 1 / outcome.weightSum
      if settings.clipNorm > 0, norm > settings.clipNorm { scale *= settings.clipNorm / norm }
      let optimizerStep = OptimizerStep(
        learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
        epsilon: settings.epsilon, gradientScale: scale, index: step + 1,
        seed: settings.seed)
      for (tensor, gradient) in zip(model.trained, gradients) {
        try gradient.withFloats { pointer, _ in
          try settings.optimizer.value.update(tensor, gradient: pointer, optimizerStep)
        }
      }
    }

    /// The first tensor that is not finite: weights first, because they explain the gradients.
    private func culprit(
      _ model: Parameterization, _ gradients: [DeviceArray], step: Int
    ) throws -> TrainingError {
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
  }
#endif
