// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Models
  import Tensors

  /// A step as it was done, for those who watch.
  public struct StepReport: Equatable, Sendable {
    /// Steps done, from 1.
    public var step: Int
    /// Mean cross-entropy of this step, in nats a token.
    public var loss: Double
    public var learningRate: Double
    /// Before clipping.
    public var gradientNorm: Double
    /// Tokens with a loss in this step.
    public var trainedTokens: Int
    /// All tokens of this step, padding included.
    public var seenTokens: Int
    /// Wall time of the step.
    public var seconds: Double
  }

  /// What else a training has to say.
  public enum TrainingEvent: Sendable {
    /// It goes on from a saved state; the last evaluation that was finished was after `evaluatedAt`.
    case resumed(step: Int, evaluatedAt: Int)
    /// The fullest batch has been tried; bytes of arrays at most, and seconds.
    case probed(peakMemory: Int, seconds: Double)
    /// A loss leapt out; `skipped` when its batch was left out.
    case spike(step: Int, SpikeWatch.Spike, skipped: Bool)
    /// A state is on the disk.
    case saved(step: Int)
    /// A score is the best so far.
    case best(step: Int, score: Double)
    /// Patience has run out.
    case exhausted(step: Int, best: BestScore.Entry)
  }

  /// A training's weights at one moment; good only while the hook that it is given to runs.
  public struct TrainingSnapshot {
    /// Steps done.
    public let step: Int
    /// Whether no step follows.
    public let isLast: Bool
    /// Whether these are the moving average's weights.
    public let isAverage: Bool
    let parameterization: Parameterization
    let config: JSON
    let kernels: Kernels

    /// The model over the weights themselves, which nothing is copied of; it computes in float32.
    public func model() throws -> Model {
      try Model(config: config, parameters: parameterization.current(), kernels: kernels.exact)
    }

    /// A copy of the weights, as of `TrainingResult.checkpoint`.
    public func checkpoint() throws -> Checkpoint { try parameterization.checkpoint() }
  }

  /// What a training lets others do and see. Hooks are called on the engine's thread, between steps.
  public struct TrainingHooks {
    /// Asked after every step; yes saves the state and ends with `TrainingError.stopped`.
    public var shouldStop: () -> Bool = { false }
    /// A record every `logEvery` steps and after the last.
    public var record: (TrainingRecord) throws -> Void = { _ in }
    /// Every step.
    public var step: (StepReport) -> Void = { _ in }
    /// What begins now, for a watchdog.
    public var operation: (String) -> Void = { _ in }
    /// Everything else.
    public var event: (TrainingEvent) throws -> Void = { _ in }
    /// Measures the weights; returns the score that decides, lower being better, or `nil`. Called
    /// once more for the moving average where there is one, whose score decides nothing. May throw
    /// `TrainingPause` to stop. Called on every rank, which share the work or each do it; rank 0's
    /// score decides, and a pause must be one of all ranks.
    public var evaluate: ((TrainingSnapshot) throws -> Double?)?
    /// Keeps a checkpoint, at every evaluation.
    public var keep: ((TrainingSnapshot) throws -> Void)?
    /// Keeps the best weights.
    public var keepBest: ((TrainingSnapshot) throws -> Void)?
    /// Looks at the fullest batch's peak memory, in bytes, before the first step; may throw. Without
    /// it nothing is probed.
    public var probe: ((_ peakMemory: Int, _ seconds: Double) throws -> Void)?
    /// Gets the windows of a step whose loss or gradient is not finite, to be looked at.
    public var failedBatch: (_ step: Int, _ windows: [Window]) -> Void = { _, _ in }

    public init() {}

    /// The hooks of a rank other than 0: it evaluates its share, may be asked to stop and can be out
    /// of memory, but has nothing to tell.
    var silenced: TrainingHooks {
      var hooks = TrainingHooks()
      (hooks.shouldStop, hooks.operation, hooks.probe) = (shouldStop, operation, probe)
      hooks.evaluate = evaluate
      return hooks
    }
  }

  /// Thrown by an evaluation that was asked to stop: the state is saved, and the evaluation done
  /// anew on resume.
  public struct TrainingPause: Error {
    public init() {}
  }
#endif
