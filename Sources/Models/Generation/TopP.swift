// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Nucleus sampling: excludes the least likely tokens that together have at most 1 − p.
///
/// - Source: Holtzman et al. 2020, arXiv:1904.09751; transformers' `TopPLogitsWarper` (5.23),
///   whose rule for the border it keeps.
/// - Departs: sums are in double, where transformers' are in the type of the scores; of equal
///   scores at the border, higher ids are excluded first.
/// - Cost: two passes with an exponential each; sorts only tokens that could be in the nucleus.
public struct TopP: LogitsProcessor {
  private let mass: Double

  /// - Parameter mass: p, above 0 and at most 1.
  public init(_ mass: Double) { self.mass = mass }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    guard let peak = scores.max(), peak > -.infinity else { return }
    var total = 0.0
    for score in scores { total += exp(Double(score - peak)) }
    let excluded = (1 - mass) * total
    // All tokens below the average of the excluded mass are excluded: together they have less.
    let negligible = excluded / Double(scores.count)
    var below = 0.0
    var candidates: [(weight: Double, index: Int)] = []
    for index in scores.indices where scores[index] > -.infinity {
      let weight = exp(Double(scores[index] - peak))
      if weight < negligible {
        below += weight
        scores[index] = -.infinity
      } else {
        candidates.append((weight, index))
      }
    }
    candidates.sort { ($0.weight, $1.index) < ($1.weight, $0.index) }
    for candidate in candidates.dropLast() {
      below += candidate.weight
      guard below <= excluded else { return }
      scores[candidate.index] = -.infinity
    }
  }
}
