// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The learning rate of each step.
public struct LearningRateSchedule: Sendable {
  /// The shape after the warm-up.
  public enum Kind: String, CaseIterable, Sendable {
    /// The peak throughout.
    case constant
    /// Half a cosine from the peak to the final rate.
    ///
    /// **Source**: Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
    case cosine
    /// A straight line from the peak to the final rate.
    case linear
    /// Warm-up, stable, decay: the peak, then down to the final rate over the last steps. While it
    /// is stable nothing depends on how many steps are planned, so a run may be extended.
    ///
    /// **Source**: Hu et al. 2024, arXiv:2404.06395. **Departs**: linear, not exponential, decay
    /// unless asked otherwise, as Hägele et al. 2024, arXiv:2405.18392, found better.
    case wsd
    /// The peak · √(timescale / (timescale + steps since the warm-up)): never ends.
    ///
    /// **Source**: Vaswani et al. 2017, arXiv:1706.03762, §5.3, in the form of Zhai et al. 2021,
    /// arXiv:2106.04560.
    case inverseSquareRoot = "inverse_sqrt"
  }

  /// How `wsd` falls, with x from 0 to 1.
  public enum DecayShape: String, CaseIterable, Sendable {
    /// 1 − x
    case linear
    /// ½ (1 + cos πx)
    case cosine
    /// 1 − √x. **Source**: Hägele et al. 2024, arXiv:2405.18392.
    case oneMinusSquareRoot = "1-sqrt"

    func height(_ x: Double) -> Double {
      switch self {
      case .linear: 1 - x
      case .cosine: 0.5 * (1 + cos(Double.pi * x))
      case .oneMinusSquareRoot: 1 - x.squareRoot()
      }
    }
  }

  private let kind: Kind
  private let decayShape: DecayShape
  private let first: Double
  private let peak: Double
  private let final: Double
  private let steps: Int
  private let warmupSteps: Int
  private let decaySteps: Int
  private let timescale: Double

  /// The schedule of `settings`.
  public init(_ settings: TrainingSettings) {
    kind = settings.schedule
    decayShape = settings.decayShape
    peak = settings.learningRate
    first = settings.learningRate * settings.warmupFrom
    final = settings.learningRate * settings.finalRate
    steps = settings.steps
    func count(_ share: Double) -> Int { Int((Double(settings.steps) * share).rounded()) }
    warmupSteps = settings.warmupSteps ?? count(settings.warmup)
    decaySteps = settings.decaySteps ?? count(settings.decay)
    // Without either, as long as is usual.
    timescale = Double(
      settings.timescale > 0 ? settings.timescale : warmupSteps > 0 ? warmupSteps : 10_000)
  }

  /// How many of the first steps have rates that say nothing of how many are planned, given that
  /// `warmup_steps` and `decay_steps` are: all of them where the rate never falls to an end, those
  /// before the decay for `wsd`, and none for `cosine` and `linear`. A training may be given more
  /// steps after any of these.
  public var extendableSteps: Int {
    switch kind {
    case .constant, .inverseSquareRoot: Int.max
    case .wsd: max(warmupSteps, steps - decaySteps)
    case .cosine, .linear: 0
    }
  }

  /// The rate of `step`, which counts from 0. At first `step + 1` of `warmupSteps` of the way from the
  /// first rate to the peak; the last step's rate is the final one for `cosine`, `linear` and `wsd`.
  public func rate(at step: Int) -> Double {
    if step < warmupSteps {
      let share = Double(step + 1) / Double(warmupSteps)
      return first == 0
        ? peak * Double(step + 1) / Double(warmupSteps) : first + (peak - first) * share
    }
    switch kind {
    case .constant: return peak
    case .cosine:
      return final + (peak - final) * 0.5 * (1 + cos(Double.pi * progress(step, from: warmupSteps)))
    case .linear: return final + (peak - final) * (1 - progress(step, from: warmupSteps))
    case .wsd:
      let start = max(warmupSteps, steps - decaySteps)
      guard step >= start else { return peak }
      let progress = progress(step, from: start)
      return decayShape == .linear
        ? peak + (final - peak) * progress
        : final + (peak - final) * decayShape.height(progress)
    case .inverseSquareRoot:
      return peak * (timescale / (timescale + Double(step - warmupSteps + 1))).squareRoot()
    }
  }

  private func progress(_ step: Int, from start: Int) -> Double {
    min(1, Double(step - start + 1) / Double(max(1, steps - start)))
  }
}

extension TrainingSettings {
  /// A rise that never arrives, or a fall that begins in it, is nobody's intention.
  /// - Throws: `TrainingError.setting`.
  package func checkSchedule() throws(TrainingError) {
    let rise = warmupSteps ?? 0
    guard rise < steps || rise == 0 else {
      throw .setting(
        "warmup_steps", expected: "fewer than the training's steps (\(steps))", found: "\(rise)")
    }
    guard schedule == .wsd, let fall = decaySteps, rise + fall > steps else { return }
    throw .setting(
      "decay_steps",
      expected: "at most what the warm-up leaves of \(steps) steps (\(steps - rise))",
      found: "\(fall)")
  }
}
