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
    /// Warm-up, stable, decay: the peak, then a straight line to the final rate over the last
    /// `decay` share.
    ///
    /// **Source**: Hu et al. 2024, arXiv:2404.06395. **Departs**: linear, not exponential, decay,
    /// as Hägele et al. 2024, arXiv:2405.18392, found better.
    case wsd
  }

  private let kind: Kind
  private let peak: Double
  private let final: Double
  private let steps: Int
  private let warmupSteps: Int
  private let decaySteps: Int

  /// The schedule of `settings`.
  public init(_ settings: TrainingSettings) {
    kind = settings.schedule
    peak = settings.learningRate
    final = settings.learningRate * settings.finalRate
    steps = settings.steps
    warmupSteps = Int((Double(settings.steps) * settings.warmup).rounded())
    decaySteps = Int((Double(settings.steps) * settings.decay).rounded())
  }

  /// The rate of `step`, which counts from 0: `step + 1` of `warmupSteps` of the peak at first;
  /// the last step's rate is the final one for `cosine` and `wsd`.
  public func rate(at step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
    switch kind {
    case .constant: return peak
    case .cosine:
      let progress = Double(step - warmupSteps + 1) / Double(max(1, steps - warmupSteps))
      return final + (peak - final) * 0.5 * (1 + cos(Double.pi * min(1, progress)))
    case .wsd:
      let start = max(warmupSteps, steps - decaySteps)
      guard step >= start else { return peak }
      let progress = Double(step - start + 1) / Double(max(1, steps - start))
      return peak + (final - peak) * min(1, progress)
    }
  }
}
