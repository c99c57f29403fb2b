// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Keeps the best score of a training and says when waiting for a better one is over.
///
/// Lower is better (bits per byte, loss). A score counts as better when it is below the best by more
/// than `minimumChange`; after `patience` scores in a row that are not, training should stop. The
/// names of the settings are mlx-lm's: `patience`, `min_delta`.
public struct BestScore: Equatable, Sendable {
  /// A score and when it was reached.
  public struct Entry: Equatable, Sendable {
    public var step: Int
    public var score: Double

    public init(step: Int, score: Double) {
      self.step = step
      self.score = score
    }
  }

  /// What a score meant.
  public enum Verdict: Equatable, Sendable {
    /// The best so far.
    case best
    /// Not better; waiting goes on.
    case waiting
    /// Not better, once too often.
    case exhausted
  }

  /// Scores without progress that end the training; 0 never does.
  public let patience: Int
  /// How much lower a score must be.
  public let minimumChange: Double
  public private(set) var best: Entry?
  /// Scores since the best.
  public private(set) var waited = 0

  public init(patience: Int = 0, minimumChange: Double = 0) {
    self.patience = patience
    self.minimumChange = minimumChange
  }

  /// Takes a score; NaN is never better.
  public mutating func note(_ score: Double, step: Int) -> Verdict {
    if score.isFinite, best.map({ score < $0.score - minimumChange }) ?? true {
      best = Entry(step: step, score: score)
      waited = 0
      return .best
    }
    waited += 1
    return patience > 0 && waited >= patience ? .exhausted : .waiting
  }

  var json: JSON {
    [
      "step": best.map { JSON($0.step) } ?? .null, "score": best.map { JSON($0.score) } ?? .null,
      "waited": JSON(waited),
    ]
  }

  mutating func restore(_ json: JSON) {
    if let step = json["step"]?.int, let score = json["score"]?.double {
      best = Entry(step: step, score: score)
    }
    waited = json["waited"]?.int ?? 0
  }
}
