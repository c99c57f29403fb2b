// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// exp(−Σ log p ÷ Σ bytes).
///
/// The bytes or words are those of the raw text. **Source:** lm-evaluation-harness 0.4.13,
/// `byte_perplexity` in `api/metrics.py`. **Departs:** nothing.
public enum BytePerplexity: Metric {
  public static let card = MetricCard(
    id: "byte_perplexity", reference: "lm-eval 0.4.13 byte_perplexity,none", outputType: .rolling,
    aggregation: "weighted_perplexity", higherIsBetter: false, isMean: false)

  public static func slotCount(choiceCount: Int) -> Int { 2 }

  public static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm] {
    guard let text = score.rolling else { return [] }
    return [MetricTerm(0, text.logLikelihood), MetricTerm(1, Double(text.byteCount))]
  }

  public static func value(_ sums: [Double]) -> Double { exp(-sums[0] / sums[1]) }
}
