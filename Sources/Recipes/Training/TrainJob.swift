// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Evaluation
  import Foundation
  import Hub
  import Models
  import Runs
  import Tokenization
  import Training

  /// A training and the folder it is done in: what `koine train` does.
  ///
  ///     OUT/
  ///       config.json  model*.safetensors  tokenizer…   the weights after the last step
  ///       best/  ema/  averaged/                        others, where asked for
  ///       summary.json  metrics.jsonl  samples.jsonl    what it came to
  ///       tensorboard/  run.json  recipe.yaml
  ///       train.json                                    what it is; another is not mixed with it
  ///       state/                                        where to go on, or to be extended from
  ///       data/  tokenizer/                             encoded texts; a tokenizer made for them
  ///
  /// The same call goes on where a killed one was, and ends in the same bytes.
  public struct TrainJob: Sendable {
    public let recipe: TrainRecipe
    public let out: String
    public let dataFolder: String
    let models: HubModels?
    /// The processes that share the training; this is rank 0 of them where it runs.
    public let group: DistributedGroup
    /// Bytes that may still be taken; tests replace it.
    var availableMemory: @Sendable () -> Int? = { Machine.availableMemoryByteCount() }

    /// - Parameters:
    ///   - out: the folder; absent, empty, or of the same training.
    ///   - dataFolder: where relative paths of data start.
    ///   - models: where models of a hub come from; `nil` knows folders only.
    ///   - group: the processes that share the training: rank 0 calls `run`, the others `follow`.
    public init(
      _ recipe: TrainRecipe, out: String, dataFolder: String, models: HubModels? = nil,
      group: DistributedGroup = .alone
    ) {
      self.group = group
      self.recipe = recipe
      self.out = out
      self.dataFolder = dataFolder
      self.models = models
    }

    func path(_ path: String) -> String {
      path.hasPrefix("/") || dataFolder.isEmpty ? path : dataFolder + "/" + path
    }

    var stateFolder: String { out + "/state" }
    var summaryPath: String { out + "/summary.json" }
    private var identityPath: String { out + "/train.json" }

    // MARK: Running

    /// Trains, or goes on, or says what a finished training came to.
    ///
    /// - Parameters:
    ///   - restart: throws away a training of the folder first, encoded texts excepted.
    ///   - environment: engine, BLAS, device and machine, for `run.json`.
    /// - Throws: `TrainInterrupted` once the state is saved; `TrainError`; and whatever reading,
    ///   training and writing throw.
    public func run(
      restart: Bool = false, environment: RunEnvironment,
      cancellation: Cancellation = Cancellation(), observer: @escaping TrainObserver = { _ in }
    ) throws -> TrainSummary {
      try Engine.requireFastBLAS()
      let lock = try claim(restart: restart)
      defer { withExtendedLifetime(lock) {} }
      let hashes = FileHashes(storePath: out + "/data/hashes.json")
      let start = try prepareStart(hashes, observer)
      let texts = { () throws -> TrainData in
        try self.readTexts(start, cancellation, observer)
      }
      var data: TrainData?
      if try checkIdentity(start, hashes) == .otherLength {
        let read = try texts()
        try changeLength(start, read, observer)
        try writeIdentity(start, hashes)
        data = read
      }
      // Saves time only; a folder that cannot hold it is told of where something must be written.
      try? hashes.save()
      if let done = TrainSummary(path: summaryPath) {
        observer(.message("This training is done; nothing is left to do."))
        try tell(.done)
        return done
      }
      let records = try TrainRecords(self, environment: environment)
      do {
        let summary = try train(start, data ?? texts(), records, cancellation, observer)
        try records.finish(.done)
        return summary
      } catch is CancellationError {
        try? records.finish(.interrupted)
        throw TrainInterrupted(step: 0, folder: out, signal: cancellation.signal)
      } catch {
        // The first error is the one to tell, also where the disk is full.
        let isInterruption =
          error is TrainInterrupted || (error as? RankFailure)?.isInterruption == true
        try? records.finish(
          isInterruption ? .interrupted : .failed,
          failure: isInterruption ? nil : (error as? any Diagnosed)?.description ?? "\(error)")
        throw error
      }
    }

    /// Makes sure that the folder is ours to write in, and nobody else's until the lock goes.
    private func claim(restart: Bool) throws -> FolderLock {
      // What a training that was killed before it knew what it is may have left.
      let early = [".lock", "data", "tokenizer", ".tokenizer", ".train.json.tmp"]
      func names() throws -> [String] {
        try Disk.exists(out) ? Disk.names(in: out).filter { !early.contains($0) } : []
      }
      guard try names().isEmpty || names().contains("train.json") else {
        throw TrainError.occupied(out)
      }
      try Disk.makeFolder(out)
      guard let lock = try FolderLock.take(out + "/.lock") else { throw TrainError.busy(out) }
      if restart {
        // The name that makes the folder ours goes last, so that a kill leaves it ours.
        let found = try names() + ["tokenizer", ".tokenizer"]
        for name in found.filter({ $0 != "train.json" }) + ["train.json"] {
          try Disk.remove(out + "/" + name)
        }
      }
      return lock
    }

    /// Refuses before the texts are read what could not be trained after that.
    func checkSettings(_ start: TrainStart) throws {
      try ModelSize(config: start.checkpoint.config, origin: start.checkpoint.origin)
        .check(recipe.training)
      try recipe.training.check(ranks: group.size)
    }

    private enum Identity {
      case same
      case otherLength
    }

    /// Writes down what this training is, or compares it with what the folder says.
    private func checkIdentity(_ start: TrainStart, _ hashes: FileHashes) throws -> Identity {
      let now = try identity(start, hashes)
      guard Disk.exists(identityPath) else {
        try writeIdentity(start, hashes)
        return .same
      }
      let before = try JSON.parse(try Disk.read(identityPath), origin: identityPath)
      let differences = JSONDifference.between(before, now)
      if differences.isEmpty {
        let copy = out + "/recipe.yaml"
        if !Disk.exists(copy) { try Disk.write(recipe.source, to: copy, isShared: false) }
        return .same
      }
      guard Self.areOfLength(differences) else {
        throw TrainError.otherTraining(out, differences: differences)
      }
      let schedule = recipe.training.schedule
      guard ![.cosine, .linear].contains(schedule) else {
        throw TrainError.otherLength(out, obstacle: .schedule(schedule.rawValue))
      }
      return .otherLength
    }

    private func writeIdentity(_ start: TrainStart, _ hashes: FileHashes) throws {
      // The name that makes the folder ours goes first; nobody else writes while the lock is held.
      try Disk.write(
        try identity(start, hashes).serialized(pretty: true) + "\n", to: identityPath,
        isShared: false)
      try Disk.write(recipe.source, to: out + "/recipe.yaml", isShared: false)
    }

    /// All that decides the result.
    private func identity(_ start: TrainStart, _ hashes: FileHashes) throws -> JSON {
      var files = JSONObject()
      for (name, patterns) in recipe.dataFiles {
        let paths = try CorpusFiles.expand(
          patterns, relativeTo: dataFolder.isEmpty ? nil : dataFolder)
        files[name] = JSON(try paths.map { JSON(String(try hashes.hash($0).prefix(16))) })
      }
      var identity = recipe.identity
      identity["schema"] = 1
      identity["data"] = .object(files)
      identity["model"] = start.identity
      return identity
    }

    // MARK: Training

    private func readTexts(
      _ start: TrainStart, _ cancellation: Cancellation, _ observer: @escaping TrainObserver
    ) throws -> TrainData {
      _ = try recipe.training.kernels()
      try checkSettings(start)
      // Other ranks read their share.
      try tell(.prepare)
      observer(.phase("reading the texts"))
      let data = try TrainData(
        recipe, start.tokenizer, tokenizerHash: start.tokenizerHash, cache: out + "/data",
        templates: start.templates, folder: dataFolder, sharedBy: group,
        shouldStop: { cancellation.isRequested },
        progress: { progress in
          if cancellation.isRequested { throw CancellationError() }
          observer(
            .work(
              label: "encoding \(progress.name)", done: progress.inputBytes,
              total: progress.totalInputBytes, unit: "B"))
        })
      try checkTokens(data, start)
      return data
    }

    /// Refuses a tokenizer with more tokens than the model, where the text has one of those: now, and
    /// not at the step that meets it.
    private func checkTokens(_ data: TrainData, _ start: TrainStart) throws {
      guard let count = start.checkpoint.config["vocab_size"]?.int, let found = data.largestID,
        found.id >= count
      else { return }
      throw TrainError.vocabulary(
        token: start.tokenizer.tokens[Int(found.id)], id: Int(found.id), source: found.source,
        vocabularySize: count, folder: start.tokenizerFolder)
    }

    private func train(
      _ start: TrainStart, _ data: TrainData, _ records: TrainRecords,
      _ cancellation: Cancellation, _ observer: @escaping TrainObserver
    ) throws -> TrainSummary {
      let settings = try settings(for: data)
      try checkMemory(memoryEstimate(start.checkpoint, data, settings))
      let evaluation = try evaluation(data)
      var sampler = try data.sampler(recipe, windowCount: windowCount(settings))
      observer(.phase("measuring the machine"))
      let peak = try MatmulPeak.measure(settings.kernels())
      let work = try TrainingWork(
        config: start.checkpoint.config, origin: start.checkpoint.origin, settings: settings)
      let meter = TrainMeter(
        stepCount: settings.steps, tokensPerStep: tokensPerStep(settings),
        operationsPerToken: work.operations(perTokenOfWindow: recipe.windowLength), peak: peak)
      // The others load their weights from here on, which would spoil the measurement.
      try group.barrier(patience: Self.preparationPatience)
      let trainer = try trainer(start, settings)
      let watchdog = Watchdog { operation, seconds in
        observer(
          .warning(
            "\(operation) has taken \(NumberText.duration(seconds: seconds)) so far, far more than "
              + "usual; still waiting."))
      }
      defer { watchdog.stop() }
      let session = TrainSession(
        job: self, start: start,
        extendableSteps: LearningRateSchedule(settings).extendableSteps, evaluation: evaluation,
        meter: meter, records: records,
        cancellation: cancellation, watchdog: watchdog, observer: observer)
      let result: TrainingResult
      do {
        result = try trainer.run(&sampler, hooks: session.hooks(available: availableMemory))
      } catch TrainingError.stopped(let step, _) {
        throw TrainInterrupted(step: step, folder: out, signal: cancellation.signal)
      }
      records.trainedTokens = result.trainedTokens
      try session.begin(after: result.steps, evaluatedAt: result.steps)
      watchdog.begin("writing the results")
      observer(.phase("writing the results"))
      try writeResults(result, start, observer)
      let summary = try TrainSummary(
        result, steps: settings.steps, data: data, drawn: sampler.statistics, session: session,
        records: records)
      try summary.write(to: summaryPath)
      // From here on the folder says that it is done; of the states only the one that more steps
      // would go on from is of use.
      try? trainer.discardStates()
      try group.barrier()
      return summary
    }

    func trainer(_ start: TrainStart, _ settings: TrainingSettings) throws -> Trainer {
      try Trainer(
        start: start.checkpoint, settings: settings, loop: recipe.loop,
        stateDirectory: stateFolder, identity: "koine train", savesLast: true,
        keepsPlateau: true, group: group)
    }

    func tokensPerStep(_ settings: TrainingSettings) -> Int {
      settings.batchSize * settings.microBatches * recipe.windowLength
    }

    func windowCount(_ settings: TrainingSettings) -> Int {
      settings.steps * settings.batchSize * settings.microBatches
    }

    /// The settings with the steps that tokens or epochs come to.
    func settings(for data: TrainData) throws -> TrainingSettings {
      var settings = recipe.training
      let perStep = Double(tokensPerStep(settings))
      switch recipe.length {
      case .steps(let steps): settings.steps = steps
      case .tokens(let tokens):
        settings.steps = max(1, Int((Double(tokens) / perStep).rounded(.up)))
      case .epochs(let epochs):
        // Where caps on epochs hold, not a step beyond them.
        let rule: FloatingPointRoundingRule = recipe.mix.maxEpochs.isFinite ? .down : .up
        settings.steps = try max(
          1, Int((epochs * data.tokensPerEpoch(recipe) / perStep).rounded(rule)))
      }
      try settings.checkSchedule()
      return settings
    }

    /// Refuses what cannot fit before anything is allocated.
    func checkMemory(_ needed: Int) throws {
      guard let available = availableMemory(), needed > available else { return }
      throw TrainError.memory(needed: needed, available: available, isMeasured: false)
    }

    /// Bytes that will be taken beside those that are by now.
    func memoryEstimate(
      _ start: Checkpoint, _ data: TrainData, _ settings: TrainingSettings
    ) throws -> Int {
      let size = try ModelSize(config: start.config, origin: start.origin)
      // A token is a byte at least.
      let heldOut = data.heldOut.reduce(0) { $1.documents.reduce($0) { $0 + $1.utf8.count } }
      let shape = ModelSize.TrainingShape(
        batchTokens: settings.batchSize * recipe.windowLength,
        recomputes: recipe.loop.recomputesActivations, averages: recipe.loop.averageDecay > 0,
        evaluatedTokens: recipe.evaluation.tasks.isEmpty ? heldOut : .max)
      return try size.trainingByteCount(settings, shape) { start.info($0)?.elementType }
    }

    func evaluation(_ data: TrainData) throws -> LoopEvaluation {
      let tasks = try recipe.evaluation.tasks.map { choice in
        try EvaluationSet.load(
          EvaluationTask.named(choice.task).localized(choice.language), split: choice.split,
          folder: dataFolder, limit: choice.limit)
      }
      return LoopEvaluation(
        texts: data.heldOut, tasks: tasks, prompts: recipe.evaluation.prompts,
        sampleTokens: recipe.evaluation.sampleTokens, bestBy: recipe.evaluation.bestBy)
    }
  }
#endif
