// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Models

  /// One run of a `Trainer`: the weights, how far they have come, and the order of what happens.
  ///
  /// After each step, in this order: the moving average, the record, the evaluation with the best
  /// checkpoint, the saved state. A state therefore holds all that was decided before it, and a
  /// training that was killed anywhere repeats only what no state knows. On the engine's thread.
  final class TrainingLoop {
    let trainer: Trainer
    let hooks: TrainingHooks
    let model: Parameterization
    let loss: LossFunction
    let ranks: Ranks
    let average: WeightAverage?
    var progress = Progress()
    private var best: BestScore
    private var spikes: SpikeWatch
    /// The last step that was evaluated.
    private var evaluatedAt = 0

    var settings: TrainingSettings { trainer.settings }
    private var loop: LoopSettings { trainer.loop }

    init(_ trainer: Trainer, _ hooks: TrainingHooks) throws {
      self.trainer = trainer
      ranks = try Ranks(trainer.group, trainer.settings)
      self.hooks = ranks.isFirst ? hooks : hooks.silenced
      hooks.operation("loading the weights")
      let model = try Parameterization(
        start: trainer.start, settings: trainer.settings, kernels: trainer.kernels)
      self.model = model
      loss = try LossFunction(
        config: trainer.config, kernels: trainer.kernels,
        recomputesActivations: trainer.loop.recomputesActivations)
      average =
        try trainer.loop.averageDecay > 0
        ? WeightAverage(
          decay: trainer.loop.averageDecay, of: model.trained, kernels: trainer.kernels) : nil
      best = BestScore(
        patience: trainer.loop.patience, minimumChange: trainer.loop.minimumChange)
      spikes = SpikeWatch(window: trainer.loop.spikeWindow, threshold: trainer.loop.spikeThreshold)
    }

    func run(_ sampler: inout some WindowSampler) throws -> TrainingResult {
      let schedule = LearningRateSchedule(settings)
      let states = trainer.stateDirectory.map { SavedStates(directory: $0, trainer: trainer) }
      if let states, let saved = try states.restoreLatest(into: model, average) {
        try restore(saved)
        try sampler.restore(saved.sampler)
        try hooks.event(.resumed(step: progress.step, evaluatedAt: evaluatedAt))
      }
      try ranks.checkAlike(model, step: progress.step)
      let resumedAt = progress.step
      if let probe = hooks.probe, progress.step < settings.steps {
        hooks.operation("trying the fullest batch")
        let found = try self.probe(windowLength: sampler.windowLength)
        try hooks.event(.probed(peakMemory: found.peakMemory, seconds: found.seconds))
        try probe(found.peakMemory, found.seconds)
      }
      var isExhausted = false
      // A training that was stopped during an evaluation does it first.
      if progress.step > 0 { isExhausted = try evaluateIfDue(states, sampler.state) }
      while progress.step < settings.steps, !isExhausted {
        hooks.operation("step \(progress.step + 1)")
        let begin = ContinuousClock.now
        let rate = schedule.rate(at: progress.step)
        let step = try oneStep(&sampler, learningRate: rate)
        progress.advance(step)
        try average?.update(step: progress.step)
        let isLast = progress.step == settings.steps
        hooks.step(
          StepReport(
            step: progress.step, loss: step.lossSum / step.weightSum, learningRate: rate,
            gradientNorm: step.gradientNorm, trainedTokens: step.trainedTokens,
            seenTokens: step.seenTokens, seconds: (ContinuousClock.now - begin) / .seconds(1)))
        if progress.step % settings.logEvery == 0 || isLast {
          try hooks.record(
            progress.takeRecord(learningRate: rate, gradientNorm: step.gradientNorm))
        }
        isExhausted = try evaluateIfDue(states, sampler.state)
        let ends = isLast || isExhausted
        let stops = try !ends && ranks.agree(toStop: hooks.shouldStop())
        let isDue =
          stops || progress.step % settings.saveEvery == 0
          || trainer.keepsPlateau && progress.step == schedule.extendableSteps
        if let states, ends ? trainer.savesLast : isDue {
          try save(states, sampler.state)
        }
        if stops { throw stopped }
      }
      hooks.operation("copying the weights")
      Engine.releaseMemory()
      return TrainingResult(
        checkpoint: try model.checkpoint(), adapter: try model.trainedAdapter(),
        average: try average?.inPlace { try model.checkpoint() }, records: progress.records,
        trainedTokens: progress.trainedTokens, seenTokens: progress.seenTokens,
        steps: progress.step, best: best.best, resumedAt: resumedAt)
    }

    private var stopped: TrainingError {
      .stopped(step: progress.step, directory: trainer.stateDirectory ?? "")
    }

    // MARK: States

    private func save(_ states: SavedStates, _ sampler: SamplerState) throws {
      hooks.operation("saving the state")
      try ranks.checkAlike(model, step: progress.step)
      let json: JSON = [
        "best": best.json, "losses": spikes.json, "evaluated_at": JSON(evaluatedAt),
      ]
      try ranks.first {
        try states.save(model, average, progress, loop: json, sampler: sampler)
      }
      try hooks.event(.saved(step: progress.step))
    }

    private func restore(_ saved: SavedStates.Restored) throws {
      progress = saved.progress
      best.restore(saved.loop["best"] ?? [:])
      spikes.restore(saved.loop["losses"] ?? [:])
      evaluatedAt = saved.loop["evaluated_at"]?.int ?? 0
      // The last evaluation is part of the results, which had not been written: once more.
      if progress.step >= settings.steps || best.patience > 0 && best.waited >= best.patience {
        evaluatedAt = min(evaluatedAt, progress.step - 1)
      }
    }

    // MARK: Evaluation

    /// Evaluates where it is time to.
    /// - Returns: whether patience has run out.
    private func evaluateIfDue(
      _ states: SavedStates?, _ sampler: @autoclosure () -> SamplerState
    ) throws -> Bool {
      let isLast = progress.step == settings.steps
      let isDue = isLast || loop.evaluates && progress.step % loop.evaluateEvery == 0
      guard let evaluate = hooks.evaluate, isDue, evaluatedAt < progress.step else {
        return best.patience > 0 && best.waited >= best.patience
      }
      hooks.operation("evaluating after step \(progress.step)")
      let score: Double?
      do {
        let found = try evaluate(snapshot(isLast: isLast))
        try average?.inPlace { _ = try evaluate(snapshot(isLast: isLast, isAverage: true)) }
        score = try ranks.agreed(on: found)
      } catch is TrainingPause {
        if let states { try save(states, sampler()) }
        throw stopped
      }
      evaluatedAt = progress.step
      try hooks.keep?(snapshot(isLast: isLast))
      guard let score else { return false }
      let verdict = best.note(score, step: progress.step)
      if verdict == .best {
        try hooks.event(.best(step: progress.step, score: score))
        hooks.operation("keeping the best weights")
        try hooks.keepBest?(snapshot(isLast: isLast))
      }
      guard verdict == .exhausted, !isLast, let entry = best.best else { return false }
      try hooks.event(.exhausted(step: progress.step, best: entry))
      return true
    }

    private func snapshot(isLast: Bool, isAverage: Bool = false) -> TrainingSnapshot {
      TrainingSnapshot(
        step: progress.step, isLast: isLast, isAverage: isAverage, parameterization: model,
        config: trainer.config, kernels: trainer.kernels)
    }

    // MARK: Watching

    /// Whether the step's batch is to be left out.
    func isLeftOut(_ outcome: StepOutcome) throws -> Bool {
      guard loop.spikes != .off, let spike = spikes.note(outcome.lossSum / outcome.weightSum) else {
        return false
      }
      let skips = loop.spikes == .skip
      try hooks.event(.spike(step: progress.step + 1, spike, skipped: skips))
      return skips
    }
  }
#endif
