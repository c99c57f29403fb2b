// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Evaluation
  import Foundation
  import Models
  import Runs
  import Tokenization
  import Training

  /// Trains a model: pre-training, continued pre-training, fine-tuning on a task, or text and
  /// task in one.
  ///
  /// Output `model` is a checkpoint folder with its tokenizer. A killed run goes on from the last
  /// saved state and ends in the same bytes.
  struct TrainStep: RecipeStep {
    static let kind = StepKind("train", version: 1)

    /// Where the weights come from.
    enum Start: Sendable {
      /// Random weights of these sizes, with the tokenizer of the input.
      case fresh(LlamaSizes, tokenizer: StepInput)
      /// A checkpoint folder.
      case checkpoint(StepInput)
    }

    /// The rows of a task to learn from.
    struct TaskData: Sendable {
      let task: EvaluationTask
      let languages: [String]
      /// The data folder, as `StudyData` names it.
      let inputs: [(language: String, input: StepInput)]
    }

    let name: String
    let start: Start
    /// Running text: languages with shares of the tokens.
    let text: [(language: String, share: Double)]
    let examples: TaskData?
    /// The examples' share of the windows when there is text too.
    let examplesShare: Double
    /// Times the examples are gone through; `nil` when the settings' steps count.
    let epochs: Double?
    let windowLength: Int
    let training: TrainingSettings
    let seed: UInt64
    let storage: StepStorage
    /// For the estimate.
    let size: ModelSize

    var isResumable: Bool { true }
    var outputs: [StepOutput] { [.folder, StepOutput("model", path: "model")] }

    var inputs: [StepInput] {
      [startInput] + text.map { .output("tokens-\($0.language)", of: "tokens-\($0.language)") }
        + (examples?.inputs.map(\.input) ?? [])
    }

    var settings: JSON {
      var settings: JSON = [
        "window_length": JSON(windowLength), "training": training.identity,
        "text": .array(text.map { [.string($0.language), JSON($0.share)] }),
      ]
      if case .fresh(let sizes, _) = start { settings["model"] = sizes.identity }
      if let examples {
        settings["task"] = examples.task.reference
        settings["task_languages"] = .array(examples.languages.map { .string($0) })
        settings["examples_share"] = JSON(examplesShare)
      }
      if let epochs { settings["epochs"] = JSON(epochs) }
      return settings
    }

    func estimate(_ context: EstimateContext) -> StepEstimate {
      var estimate = StepEstimate(
        outputByteCount: size.weightByteCount,
        // What cannot be planned, such as a pattern that matches nothing, the step itself tells.
        memoryByteCount: (try? size.trainingByteCount(
          training, ModelSize.TrainingShape(batchTokens: training.batchSize * windowLength)))
          .map { $0 + Machine.programByteCount })
      estimate.countsTokens = true
      var parts = ["\(NumberText.count(size.parameterCount)) parameters"]
      if let epochs { parts.append("\(String(format: "%g", epochs)) times the task's rows") }
      // The steps of whole epochs are known once there are rows and a tokenizer to count them with.
      if let steps = epochs == nil ? training.steps : epochSteps(context) {
        estimate.tokenCount = steps * tokensPerStep
        parts.append("\(steps) steps")
      } else if let steps = roughEpochSteps(context) {
        estimate.tokenCount = steps * tokensPerStep
        estimate.rough.insert(.tokens)
      }
      estimate.duration = estimate.tokenCount.flatMap { duration(tokenCount: $0, context) }
      if estimate.duration != nil { estimate.rough.insert(.seconds) }
      estimate.note = parts.joined(separator: ", ")
      return estimate
    }

    /// The time of the training of the nearest size that this machine has done, scaled by
    /// parameters and tokens: both decide the work of a pass to first order.
    private func duration(tokenCount: Int, _ context: EstimateContext) -> Duration? {
      let done = (context.earlier?.manifests(of: Self.kind) ?? []).compactMap {
        manifest -> (parameters: Double, tokens: Double, seconds: Double)? in
        guard let parameters = manifest.facts["parameters"]?.int, parameters > 0,
          let tokens = manifest.facts[StepContext.seenTokens]?.int, tokens > 0
        else { return nil }
        return (Double(parameters), Double(tokens), manifest.seconds)
      }
      let own = Double(size.parameterCount)
      func distance(_ parameters: Double) -> Double { abs(log(own / parameters)) }
      // Of equally near ones the longest, which start-up disturbs least.
      let nearest = done.min {
        (distance($0.parameters), -$0.seconds) < (distance($1.parameters), -$1.seconds)
      }
      return nearest.map {
        .seconds($0.seconds * (own / $0.parameters) * (Double(tokenCount) / $0.tokens))
      }
    }

    /// Steps by the size of the rows' files, at three bytes a token.
    private func roughEpochSteps(_ context: EstimateContext) -> Int? {
      guard let epochs, let examples else { return nil }
      let sizes = examples.inputs.map { context.byteCount($0.input.label)?.byteCount }
      guard !sizes.contains(nil) else { return nil }
      return steps(epochs: epochs, ofTokens: sizes.reduce(0) { $0 + ($1 ?? 0) } / 3)
    }

    private var tokensPerStep: Int {
      training.batchSize * training.microBatches * windowLength
    }

    private var startInput: StepInput {
      switch start {
      case .fresh(_, let tokenizer): tokenizer
      case .checkpoint(let checkpoint): checkpoint
      }
    }

    private func epochSteps(_ context: EstimateContext) -> Int? {
      guard let epochs, let examples, let folder = context.input(startInput.label),
        let tokenizer = try? Tokenizer.load(directory: folder),
        let rows = try? encode(examples, tokenizer, { context.input($0) })
      else { return nil }
      return steps(epochs: epochs, of: rows)
    }

    /// Examples are packed, so windows per epoch are their tokens over the window's.
    private func steps(epochs: Double, of rows: [TrainingExample]) -> Int {
      steps(
        epochs: epochs, ofTokens: rows.reduce(0) { $0 + $1.prompt.count + $1.answer.count + 1 })
    }

    private func steps(epochs: Double, ofTokens tokens: Int) -> Int {
      let windows = epochs * Double(tokens) / Double(windowLength)
      let perStep = training.batchSize * training.microBatches
      let share = text.isEmpty ? 1 : examplesShare
      return max(1, Int((windows / Double(perStep) / share).rounded(.up)))
    }

    func run(_ context: StepContext) throws {
      try Engine.requireFastBLAS()
      let folder: String
      let checkpoint: Checkpoint
      switch start {
      case .fresh(let sizes, let input):
        folder = try context.input(input.label)
        let tokenizer = try Tokenizer.load(directory: folder)
        guard let end = tokenizer.eosID else { throw StudyError.noEndOfText(folder) }
        checkpoint = try Initialization.random(
          config: Initialization.llamaConfig(
            sizes, vocabularySize: tokenizer.vocabularySize,
            beginOfText: tokenizer.bosID.map { Int($0) }, endOfText: Int(end)),
          seed: seed, tokenizerFilesFrom: folder)
      case .checkpoint(let input):
        folder = try context.input(input.label)
        checkpoint = try Checkpoint.open(directory: folder)
        try checkpoint.checkFinite()
      }
      let tokenizer = try Tokenizer.load(directory: folder)
      var settings = training
      settings.seed = seed
      var sampler = try makeSampler(tokenizer, &settings, context)
      // A name with a dot: the engine drops the state when the step is done.
      let result = try train(checkpoint, &sampler, settings, context)
      let model = context.folder + "/model"
      try CheckpointWriter.write(
        result.checkpoint.replacingTokenizer(fromDirectory: folder), to: model,
        options: CheckpointWriter.Options(force: true))
      context.setFact(StepContext.trainedTokens, JSON(result.trainedTokens))
      context.setFact(StepContext.seenTokens, JSON(result.seenTokens))
      context.setFact("parameters", JSON(checkpoint.parameterCount))
      context.setFact(
        "sources",
        .array(
          sampler.statistics.map {
            [
              "name": .string($0.name), "tokens": JSON($0.tokens), "epochs": JSON($0.epochs),
              "truncated": JSON($0.truncated), "padding": JSON($0.padding),
            ]
          }))
    }

    private func train(
      _ start: Checkpoint, _ sampler: inout MixedSampler, _ settings: TrainingSettings,
      _ context: StepContext
    ) throws -> TrainingResult {
      let trainer = try Trainer(
        start: start, settings: settings, stateDirectory: context.folder + "/.state", identity: name
      )
      let log = TrainingLog(context, totalTokens: settings.steps * tokensPerStep)
      do {
        return try trainer.run(
          &sampler, shouldStop: { context.cancellation.isRequested }, observer: log.note)
      } catch TrainingError.stopped {
        throw StepInterrupted()
      }
    }

    // MARK: Data

    private func makeSampler(
      _ tokenizer: Tokenizer, _ settings: inout TrainingSettings, _ context: StepContext
    ) throws -> MixedSampler {
      var parts: [MixedSampler.Part] = []
      if !text.isEmpty {
        let sources = try text.map { language, share in
          TextSource(
            name: language,
            shard: try TokenShard(
              path: try context.input("tokens-\(language)") + "/train.tokens"), share: share)
        }
        let sampler = try TextSampler(sources, windowLength: windowLength, seed: seed)
        parts.append(
          MixedSampler.Part(sampler, share: examples == nil ? 1 : 1 - examplesShare))
      }
      if let examples {
        let rows = try encode(examples, tokenizer) { try context.input($0) }
        guard let end = tokenizer.eosID else { throw StudyError.noEndOfText(name) }
        if let epochs { settings.steps = steps(epochs: epochs, of: rows) }
        let sampler = try ExampleSampler(
          rows, name: examples.task.name, windowLength: windowLength, endOfText: end, seed: seed)
        parts.append(MixedSampler.Part(sampler, share: text.isEmpty ? 1 : examplesShare))
      }
      return try MixedSampler(parts)
    }

    /// - Parameter path: where an input lies by its label, `nil` while it does not exist.
    private func encode(
      _ data: TaskData, _ tokenizer: Tokenizer, _ path: (String) throws -> String?
    ) throws -> [TrainingExample] {
      try data.inputs.flatMap { language, input in
        guard let path = try path(input.label) else {
          throw RecipeError.unknownInput(step: name, label: input.label, known: [])
        }
        let set = try StudyData.rows(
          data.task, language: language, split: .training, path: path, trainingPath: nil)
        return try set.documents.map { document in
          let question = try set.task.question(document, origin: set.origin)
          let pair = try PairEncoding.encode(
            context: question.context, continuation: question.continuations[question.gold],
            encode: { text, _ in tokenizer.encode(text) },
            prefixToken: tokenizer.bosID ?? tokenizer.eosID ?? 0)
          return TrainingExample(prompt: pair.context, answer: pair.continuation)
        }
      }
    }
  }

  /// Turns a training's records into the step's metrics and progress.
  private final class TrainingLog {
    private let context: StepContext
    private let totalTokens: Int
    private let clock = ContinuousClock()
    private var last: (instant: ContinuousClock.Instant, tokens: Int)?

    init(_ context: StepContext, totalTokens: Int) {
      self.context = context
      self.totalTokens = totalTokens
    }

    func note(_ record: TrainingRecord) throws {
      if last == nil, context.isResuming {
        try context.keepMetrics { ($0["iteration"]?.int ?? 0) < record.iteration }
      }
      let now = clock.now
      let rate = last.map {
        Double(record.seenTokens - $0.tokens) / max((now - $0.instant) / .seconds(1), 1e-9)
      }
      last = (now, record.seenTokens)
      var metric = JSONObject()
      metric["iteration"] = JSON(record.iteration)
      metric["train_loss"] = JSON(record.trainLoss)
      metric["learning_rate"] = JSON(record.learningRate)
      metric["gradient_norm"] = JSON(record.gradientNorm)
      metric["trained_tokens"] = JSON(record.trainedTokens)
      if let rate { metric["tokens_per_second"] = JSON(rate) }
      metric["peak_memory"] = JSON(Double(Engine.peakMemory) / 1e9)
      try context.record(metric)
      context.report(
        StepProgress(
          done: record.seenTokens, total: totalTokens, unit: "tokens", rate: rate,
          loss: record.trainLoss))
    }
  }
#endif
