// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Watches for losses that leap out of the recent ones.
///
/// A loss x is a spike when z = (x − mean) / deviation over the last `window` losses is above
/// `threshold`. Losses fall quickly at first and scatter little later, so a window of recent ones is
/// the measure, not all. A spike does not enter the window: the next one is measured against what
/// was usual before. But `newLevelCount` in a row are no accident: the texts have changed, as where a
/// mixture moves on to another language. Then they are what is usual, and the watch begins anew with
/// them; without this, a training that leaves such batches out would never see the new texts.
/// Nothing is a spike before `minimumCount` losses are known. A spread of almost nothing (a tiny data
/// set learnt by heart) counts as a hundredth of the mean.
public struct SpikeWatch: Equatable, Sendable {
  /// What to do about a spike.
  public enum Action: String, CaseIterable, Sendable {
    /// Say so, and go on.
    case warn
    /// Leave the batch out: its gradient is not applied, the step counts.
    case skip
    /// Do not look.
    case off
  }

  /// A loss that leapt out.
  public struct Spike: Equatable, Sendable {
    /// In nats a token.
    public let loss: Double
    /// Of the window before.
    public let mean: Double
    /// How many standard deviations above the mean.
    public let score: Double
  }

  /// Losses remembered.
  public let window: Int
  /// z from which a loss is a spike.
  public let threshold: Double
  /// Losses that must be known first.
  public static let minimumCount = 20
  /// High losses in a row of which the last is no spike any more.
  public static let newLevelCount = 10
  private(set) var losses: [Double] = []
  /// The spikes since the last loss that was none.
  private var leaps: [Double] = []

  public init(window: Int = 100, threshold: Double = 6) {
    precondition(window >= Self.minimumCount && threshold > 0)
    self.window = window
    self.threshold = threshold
  }

  /// Looks at a step's mean loss and remembers it.
  public mutating func note(_ loss: Double) -> Spike? {
    if let spike = spike(loss) {
      leaps.append(loss)
      guard leaps.count == Self.newLevelCount else { return spike }
      losses = leaps
      leaps = []
      return nil
    }
    leaps = []
    losses.append(loss)
    if losses.count > window { losses.removeFirst(losses.count - window) }
    return nil
  }

  private func spike(_ loss: Double) -> Spike? {
    guard losses.count >= Self.minimumCount else { return nil }
    let count = Double(losses.count)
    let mean = losses.reduce(0, +) / count
    let variance = losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    let deviation = max(variance.squareRoot(), 0.01 * abs(mean), 1e-12)
    let score = (loss - mean) / deviation
    return score > threshold ? Spike(loss: loss, mean: mean, score: score) : nil
  }

  /// The remembered losses, for a saved state.
  var json: JSON {
    ["usual": .array(losses.map { JSON($0) }), "leaps": .array(leaps.map { JSON($0) })]
  }

  /// Goes on with remembered losses.
  mutating func restore(_ json: JSON) {
    func numbers(_ key: String) -> [Double] { (json[key]?.array ?? []).compactMap(\.double) }
    (losses, leaps) = (numbers("usual"), numbers("leaps"))
  }
}
