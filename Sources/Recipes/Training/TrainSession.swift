// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Runs
  import Training

  /// What happens around the steps of one training: it turns what the loop tells into records,
  /// evaluations, kept checkpoints and events.
  ///
  /// `@unchecked Sendable`: hooks run on the engine's thread while the caller waits for it.
  final class TrainSession: @unchecked Sendable {
    private let job: TrainJob
    private let start: TrainStart
    private let extendableSteps: Int
    private let evaluation: LoopEvaluation
    private let records: TrainRecords
    private let cancellation: Cancellation
    private let watchdog: Watchdog
    private let observer: TrainObserver
    private(set) var meter: TrainMeter
    /// The last evaluation of the weights and of their average.
    private(set) var scores: LoopScores?
    private(set) var averageScores: LoopScores?
    private(set) var peakMemory = 0
    private var isOpen = false
    private var lastRecord: (seconds: Double, steps: Int)?

    init(
      job: TrainJob, start: TrainStart, extendableSteps: Int, evaluation: LoopEvaluation,
      meter: TrainMeter,
      records: TrainRecords, cancellation: Cancellation, watchdog: Watchdog,
      observer: @escaping TrainObserver
    ) {
      self.job = job
      self.start = start
      self.extendableSteps = extendableSteps
      self.evaluation = evaluation
      self.meter = meter
      self.records = records
      self.cancellation = cancellation
      self.watchdog = watchdog
      self.observer = observer
    }

    func hooks(available: @escaping () -> Int?) -> TrainingHooks {
      var hooks = TrainingHooks()
      hooks.shouldStop = { self.cancellation.isRequested }
      hooks.operation = { self.watchdog.begin($0) }
      hooks.record = { try self.note($0) }
      hooks.step = { report in
        let progress = self.meter.note(report)
        self.peakMemory = max(self.peakMemory, Engine.peakMemory)
        self.observer(.step(progress))
      }
      hooks.event = { try self.note($0) }
      hooks.failedBatch = { self.dump($1, step: $0) }
      let free = available()
      hooks.probe = { peak, _ in
        self.peakMemory = peak
        // Weights and optimizer state are in both: what was free before they were allocated is what
        // they have to fit in.
        if let free, peak > free {
          throw TrainError.memory(needed: peak, available: free, isMeasured: true)
        }
      }
      if !evaluation.isEmpty { hooks.evaluate = { try self.evaluate($0) } }
      if job.recipe.evaluation.savesBest, !evaluation.texts.isEmpty {
        hooks.keepBest = { snapshot in
          try self.job.setAsideBest(
            before: snapshot.step, extendableSteps: self.extendableSteps)
          try self.write(snapshot.checkpoint(), to: "best")
        }
      }
      if job.recipe.evaluation.averagedCount > 0 { hooks.keep = { try self.keep($0) } }
      return hooks
    }

    /// Opens the records once it is known where the training goes on.
    func begin(after step: Int, evaluatedAt: Int) throws {
      guard !isOpen else { return }
      isOpen = true
      meter.resume(at: step)
      try records.open(after: step, evaluatedAt: evaluatedAt)
    }

    private func note(_ record: TrainingRecord) throws {
      var values = [
        "train_loss": record.trainLoss, "learning_rate": record.learningRate,
        "gradient_norm": record.gradientNorm, "trained_tokens": Double(record.trainedTokens),
        "peak_memory": Double(Machine.peakMemoryByteCount() ?? Engine.peakMemory) / 1e9,
      ]
      let (seconds, steps) = (meter.seconds, meter.steps)
      let last = lastRecord ?? (0, 0)
      if seconds > last.seconds {
        let rate = Double(steps - last.steps) / (seconds - last.seconds)
        values["iterations_per_second"] = rate
        values["tokens_per_second"] = rate * Double(meter.tokensPerStep)
        values["mfu"] = meter.utilization(tokensPerSecond: rate * Double(meter.tokensPerStep))
      }
      lastRecord = (seconds, steps)
      records.trainedTokens = record.trainedTokens
      try records.add(values, iteration: record.iteration)
    }

    private func note(_ event: TrainingEvent) throws {
      switch event {
      case .resumed(let step, let evaluatedAt):
        try begin(after: step, evaluatedAt: evaluatedAt)
        observer(.message("Goes on after step \(step)."))
      case .probed(let peakMemory, let seconds):
        try begin(after: 0, evaluatedAt: 0)
        observer(
          .message(
            "The fullest batch takes \(NumberText.bytes(peakMemory)) of arrays and "
              + "\(NumberText.duration(seconds: seconds)) a step."))
      case .spike(let step, let spike, let skipped):
        observer(
          .warning(
            "Step \(step): the loss leapt to \(NumberText.fixed(spike.loss, 3)), "
              + "\(NumberText.fixed(spike.score, 1)) deviations above "
              + "\(NumberText.fixed(spike.mean, 3))"
              + (skipped ? "; its batch is left out." : ".")))
      case .saved: try records.synchronize()
      case .best(let step, let score): observer(.best(step: step, score: score))
      case .exhausted(let step, let best):
        observer(
          .message(
            "Stops after step \(step): no progress since step \(best.step) "
              + "(\(NumberText.fixed(best.score, 4)) bits a byte)."))
      }
    }

    // MARK: Evaluation

    private func evaluate(_ snapshot: TrainingSnapshot) throws -> Double? {
      let scores = try evaluation.scores(
        of: snapshot.model(), start.tokenizer, step: snapshot.step, sharedBy: job.group
      ) { done, total in
        observer(.work(label: "evaluating", done: done, total: total, unit: "documents"))
        watchdog.begin("evaluating, \(done) of \(total) documents")
        if try job.group.any(cancellation.isRequested) { throw TrainingPause() }
      }
      if snapshot.isAverage {
        averageScores = scores
        try records.add(
          Dictionary(uniqueKeysWithValues: scores.values.map { ("ema/\($0)", $1) }),
          iteration: snapshot.step)
        observer(.evaluated(scores, isAverage: true))
        return nil
      }
      self.scores = scores
      try records.add(scores.values, iteration: snapshot.step)
      try records.add(scores.samples, iteration: snapshot.step)
      observer(.evaluated(scores, isAverage: false))
      return scores.score
    }

    private func write(_ checkpoint: Checkpoint, to name: String) throws {
      try CheckpointWriter.write(
        checkpoint.replacingTokenizer(fromDirectory: start.tokenizerFolder),
        to: job.out + "/" + name, options: CheckpointWriter.Options(force: true))
    }

    /// Keeps a checkpoint to be averaged, and no more of them than will be; those from before a
    /// decay stay besides, for a training that is extended averages them.
    private func keep(_ snapshot: TrainingSnapshot) throws {
      let name = String(format: "step-%08d", snapshot.step)
      try write(snapshot.checkpoint(), to: "checkpoints/" + name)
      let kept = try job.keptCheckpoints()
      let count = job.recipe.evaluation.averagedCount
      let early = kept.filter { TrainJob.step(ofKept: $0) <= extendableSteps }
      let stays = Set(kept.suffix(count) + early.suffix(count))
      for old in kept where !stays.contains(old) {
        try Disk.remove(job.out + "/checkpoints/" + old)
      }
    }

    // MARK: What went wrong

    /// Writes the batch of a step that is not finite: a line per window, its ids and its text.
    private func dump(_ windows: [Window], step: Int) {
      let lines = windows.map { window -> String in
        let line: JSON = [
          "step": JSON(step), "ids": JSON(window.tokens.map { JSON(Int($0)) }),
          "weights": JSON(window.weights.map { JSON(Double($0)) }),
          "text": .string(start.tokenizer.decode(window.tokens)),
        ]
        return line.serialized() + "\n"
      }
      let path = job.out + "/batch-step-\(step).jsonl"
      // The divergence is the error to tell, not that its batch found no room.
      guard (try? Disk.write(lines.joined(), to: path, isShared: false)) != nil else { return }
      observer(.warning("The batch of step \(step) is in \(path)."))
    }
  }
#endif
