// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Excludes tokens less than a fraction as likely as the likeliest one.
///
/// - Source: Nguyen et al. 2024, arXiv:2407.01082; transformers' `MinPLogitsWarper` (5.23).
/// - Departs: compares logits with a logarithm instead of probabilities; the likeliest stays.
public struct MinP: LogitsProcessor {
  private let margin: Float

  /// - Parameter fraction: from 0, which keeps all, to 1, which keeps the likeliest.
  public init(_ fraction: Double) { margin = Float(log(fraction)) }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    guard let peak = scores.max(), peak > -.infinity else { return }
    for index in scores.indices where scores[index] < peak + margin { scores[index] = -.infinity }
  }
}
