// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What a training does beside its steps; every field has the key of the same name.
///
/// Of these only what changes the weights or when training ends is part of a state's identity.
public struct LoopSettings: Equatable, Sendable {
  /// Steps between evaluations; 0 evaluates at the end only.
  public var evaluateEvery = 0
  /// Evaluations without progress after which training stops; 0 never.
  public var patience = 0
  /// How much lower a score must be to count as progress.
  public var minimumChange = 0.0
  /// Decay d of the moving average of the weights, w̄ ← d·w̄ + (1−d)·w after each step; 0 keeps none.
  ///
  /// **Source**: Polyak and Juditsky 1992 for averaging; the exponential form as in Kingma and Ba
  /// 2015, §7.2. **Departs**: while t steps are done, d is at most (1 + t) / (10 + t), so that the
  /// average forgets the start.
  public var averageDecay = 0.0
  /// Computes each layer's activations again in the backward pass instead of keeping them.
  public var recomputesActivations = false
  /// What to do about a loss that leaps out.
  public var spikes = SpikeWatch.Action.warn
  /// Losses that a leap is measured against.
  public var spikeWindow = 100
  /// Standard deviations from which a loss leaps out.
  public var spikeThreshold = 6.0

  public init() {}

  /// Whether it evaluates during training.
  public var evaluates: Bool { evaluateEvery > 0 }

  /// What decides the result. How activations come about does not change them by a bit on the CPU,
  /// and what is only watched changes nothing.
  public var identity: JSON {
    var identity: JSON = ["ema_decay": JSON(averageDecay)]
    if patience > 0 {
      identity["patience"] = JSON(patience)
      identity["min_delta"] = JSON(minimumChange)
      identity["evaluate_every"] = JSON(evaluateEvery)
    }
    if spikes == .skip {
      identity["loss_spikes"] = [
        "action": "skip", "window": JSON(spikeWindow), "threshold": JSON(spikeThreshold),
      ]
    }
    return identity
  }
}
