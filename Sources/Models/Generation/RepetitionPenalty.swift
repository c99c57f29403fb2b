// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Discourages every token that prompt or answer already has.
///
///     s′ = s / penalty if s ≥ 0, else s · penalty
///
/// - Source: Keskar et al. 2019, arXiv:1909.05858, §4.1; transformers'
///   `RepetitionPenaltyLogitsProcessor` (5.23) with its rule for negative scores.
/// - Departs: nothing from transformers. A token counts once however often it is there.
public struct RepetitionPenalty: LogitsProcessor {
  private let penalty: Float

  /// - Parameter penalty: above 0; below 1 it encourages.
  public init(_ penalty: Double) { self.penalty = Float(penalty) }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    for id in Set(history.ids) where scores.indices.contains(Int(id)) {
      let score = scores[Int(id)]
      scores[Int(id)] = score < 0 ? score * penalty : score / penalty
    }
  }
}
