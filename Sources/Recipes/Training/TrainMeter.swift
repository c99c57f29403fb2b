// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Training

  /// Speed and time left of a training, from the times of its steps.
  struct TrainMeter: Sendable {
    let stepCount: Int
    /// Tokens that a step sees, padding included.
    let tokensPerStep: Int
    /// Floating-point operations of a token, forward and backward.
    let operationsPerToken: Double
    /// Measured operations a second of a matrix product; 0 where unknown.
    let peak: Double
    private(set) var seenTokens = 0
    /// Seconds of all steps of this run.
    private(set) var seconds = 0.0
    /// Steps of this run.
    private(set) var steps = 0
    private var secondsPerStep: Double?

    init(stepCount: Int, tokensPerStep: Int, operationsPerToken: Double, peak: Double) {
      self.stepCount = stepCount
      self.tokensPerStep = tokensPerStep
      self.operationsPerToken = operationsPerToken
      self.peak = peak
    }

    /// The step that a training goes on from.
    mutating func resume(at step: Int) { seenTokens = step * tokensPerStep }

    /// Takes a step in. The speed forgets with a half-life of about seven steps.
    mutating func note(_ report: StepReport) -> TrainProgress {
      steps += 1
      seconds += report.seconds
      seenTokens += report.seenTokens
      let before = secondsPerStep ?? report.seconds
      let recent = 0.9 * before + 0.1 * report.seconds
      secondsPerStep = recent
      let rate = Double(tokensPerStep) / max(recent, 1e-9)
      return TrainProgress(
        step: report.step, stepCount: stepCount, loss: report.loss, seenTokens: seenTokens,
        totalTokens: stepCount * tokensPerStep, tokensPerSecond: rate,
        utilization: utilization(tokensPerSecond: rate),
        remainingSeconds: Double(stepCount - report.step) * recent)
    }

    /// Tokens a second over all steps of this run.
    var tokensPerSecond: Double? {
      seconds > 0 ? Double(steps * tokensPerStep) / seconds : nil
    }

    /// MFU: the share of the measured matrix product.
    func utilization(tokensPerSecond rate: Double) -> Double? {
      peak > 0 ? operationsPerToken * rate / peak : nil
    }
  }
#endif
