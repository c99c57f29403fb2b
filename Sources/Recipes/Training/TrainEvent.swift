// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Training

  /// How far a training is, told after every step.
  public struct TrainProgress: Sendable, Equatable {
    public var step: Int
    public var stepCount: Int
    /// Of this step, in nats a token.
    public var loss: Double
    /// All tokens so far, padding included.
    public var seenTokens: Int
    /// Tokens that will have been seen at the end.
    public var totalTokens: Int
    /// Tokens a second lately.
    public var tokensPerSecond: Double
    /// Share of the measured matrix product; `nil` where it was not measured.
    public var utilization: Double?
    /// Seconds to go, evaluations not counted.
    public var remainingSeconds: Double
  }

  /// What happens during a training, for whoever shows it.
  public enum TrainEvent: Sendable {
    /// Something begins that takes a while: "encoding fao".
    case phase(String)
    /// How far that is.
    case work(label: String, done: Int, total: Int, unit: String)
    case step(TrainProgress)
    /// An evaluation, of the weights or of their moving average.
    case evaluated(LoopScores, isAverage: Bool)
    /// The evaluation just told of is the best so far.
    case best(step: Int, score: Double)
    /// Something worth a line.
    case message(String)
    /// Something that may be wrong.
    case warning(String)
  }

  /// Receives events, from the thread that trains or the one that watches it.
  public typealias TrainObserver = @Sendable (TrainEvent) -> Void

  /// A training that was asked to stop and has saved its state.
  public struct TrainInterrupted: Diagnosed, Equatable {
    public let step: Int
    public let folder: String
    /// 2 for Ctrl-C, 15 for a polite kill; 0 when nobody knows.
    public let signal: Int32

    /// As shells count: 130 after Ctrl-C, 143 after SIGTERM.
    public var exitCode: Int32 { 128 + (signal == 0 ? 2 : signal) }

    public var diagnosis: Diagnosis {
      Diagnosis(
        what: step == 0
          ? "Interrupted before the first step." : "Interrupted after step \(step); it is saved.",
        where: folder, next: "Run the same command again to go on.", kind: .failed)
    }
  }
#endif
