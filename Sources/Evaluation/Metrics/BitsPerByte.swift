// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// −Σ log p ÷ (Σ bytes · ln 2): how many bits the model spends on a byte; independent of the
/// vocabulary.
///
/// The bytes or words are those of the raw text. **Source:** lm-evaluation-harness 0.4.13,
/// `bits_per_byte` in `api/metrics.py`. **Departs:** nothing.
public enum BitsPerByte: Metric {
  public static let card = MetricCard(
    id: "bits_per_byte", reference: "lm-eval 0.4.13 bits_per_byte,none", outputType: .rolling,
    aggregation: "bits_per_byte", higherIsBetter: false, isMean: false)

  public static func slotCount(choiceCount: Int) -> Int { 2 }

  public static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm] {
    guard let text = score.rolling else { return [] }
    return [MetricTerm(0, text.logLikelihood), MetricTerm(1, Double(text.byteCount))]
  }

  public static func value(_ sums: [Double]) -> Double {
    -sums[0] / (sums[1] * 0.693_147_180_559_945_3)
  }
}
