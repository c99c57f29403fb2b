// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Models

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
    /// The weights after the last step: what was trained in the types it was trained in, all else as
    /// it was.
    public var checkpoint: Checkpoint
    /// The adapter, where one was trained; it is folded into the weights above, which are float32
    /// there.
    public var adapter: TrainedAdapter?
    /// The moving average of the weights, where one was kept.
    public var average: Checkpoint?
    public var records: [TrainingRecord]
    public var trainedTokens: Int
    public var seenTokens: Int
    /// Steps done: fewer than asked for where patience ran out.
    public var steps: Int
    /// The best evaluation.
    public var best: BestScore.Entry?
    /// The step it went on from; 0 when it began afresh.
    public var resumedAt: Int
  }

  /// Trains a model on windows of tokens.
  ///
  /// The loss of a step is Σ weight·cross-entropy over all micro-batches divided by their Σ weight,
  /// so splitting a batch changes nothing but rounding. On the CPU the result is bitwise the same
  /// however often it was stopped and resumed.
  public struct Trainer {
    /// `config.json` of the model.
    public let config: JSON
    public let settings: TrainingSettings
    public let loop: LoopSettings
    /// Where states are saved and found again; `nil` never saves.
    public let stateDirectory: String?
    /// What the data and the start are, so that a foreign state is refused.
    public let identity: String
    /// Whether the state after the last step is saved too.
    let savesLast: Bool
    /// Whether the state before a decay is kept, so that more steps can be asked for.
    let keepsPlateau: Bool
    let start: Checkpoint
    let kernels: Kernels
    let group: DistributedGroup
    /// How states get to the disk; tests fill it.
    var output = OutputCalls.system

    /// Trains on from `start`.
    ///
    /// - Parameters:
    ///   - loop: what is done beside the steps.
    ///   - identity: a hash of the start and the data; saved states carry it.
    ///   - savesLast: also saves after the last step, for a caller who has more to do before the
    ///     training counts as done.
    ///   - keepsPlateau: saves the last state from which the training could be given more steps, and
    ///     keeps it beside the newest: see `continuation(_:)`.
    ///   - group: the processes that share the work; each makes a trainer alike and runs it. Rank 0
    ///     alone saves and calls the hooks that tell something.
    /// - Throws: `TrainingError.device` for bfloat16 products on a CPU, `CheckpointError` for tensors that
    ///   are not a model's.
    public init(
      start: Checkpoint, settings: TrainingSettings, loop: LoopSettings = LoopSettings(),
      stateDirectory: String? = nil, identity: String = "", savesLast: Bool = false,
      keepsPlateau: Bool = false, group: DistributedGroup = .alone
    ) throws {
      try self.init(
        start: start, settings: settings, loop: loop, stateDirectory: stateDirectory,
        identity: identity, savesLast: savesLast, keepsPlateau: keepsPlateau,
        kernels: settings.kernels(), group: group)
    }

    package init(
      start: Checkpoint, settings: TrainingSettings, loop: LoopSettings = LoopSettings(),
      stateDirectory: String?, identity: String, savesLast: Bool = false,
      keepsPlateau: Bool = false, kernels: Kernels, group: DistributedGroup = .alone
    ) throws {
      try start.validate()
      config = start.config
      self.settings = settings
      self.loop = loop
      self.stateDirectory = stateDirectory
      self.identity = identity
      self.savesLast = savesLast
      self.keepsPlateau = keepsPlateau
      self.kernels = kernels
      self.group = group
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
      try withoutActuallyEscaping(shouldStop) { shouldStop in
        try withoutActuallyEscaping(observer) { observer in
          var hooks = TrainingHooks()
          hooks.shouldStop = shouldStop
          hooks.record = observer
          return try run(&sampler, hooks: hooks)
        }
      }
    }

    /// The same with more to see and to do meanwhile.
    public func run(
      _ sampler: inout some WindowSampler, hooks: TrainingHooks
    ) throws -> TrainingResult {
      try Engine.run {
        let loop = try TrainingLoop(self, hooks)
        return try loop.run(&sampler)
      }
    }

    /// Tries the fullest batch once: forward and backward, nothing is changed.
    ///
    /// - Returns: bytes of arrays at most, weights and optimizer state included, and seconds of the
    ///   passes of one step (the second of two, which start-up does not slow).
    public func probe(windowLength: Int) throws -> (peakMemory: Int, seconds: Double) {
      try Engine.run {
        try TrainingLoop(self, TrainingHooks()).probe(windowLength: windowLength)
      }
    }
  }

  extension TrainingSettings {
    /// The form of the operators that these settings train with on this machine.
    package func kernels() throws(TrainingError) -> Kernels {
      guard compute == .bfloat16 else { return .best }
      guard Engine.device != "cpu" else {
        throw .device(Engine.device, key: "compute", value: compute.rawValue)
      }
      return .bfloat16
    }
  }
#endif
