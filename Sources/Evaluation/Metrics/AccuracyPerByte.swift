// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// As `Accuracy`, by argmax Σ log p ÷ UTF-8 bytes of the choice without the delimiter.
///
/// **Source:** lm-evaluation-harness 0.4.13, `acc_bytes` in `process_results`. **Departs:**
/// nothing.
public enum AccuracyPerByte: Metric {
  public static let card = MetricCard(
    id: "acc_bytes", reference: "lm-eval 0.4.13 acc_bytes,none", outputType: .multipleChoice,
    aggregation: "mean", higherIsBetter: true, isMean: true)

  public static func slotCount(choiceCount: Int) -> Int { 2 }

  public static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm] {
    guard let choice = score.choice else { return [] }
    return [MetricTerm(0, choice.predictionPerByte == choice.gold ? 1 : 0), MetricTerm(1, 1)]
  }

  public static func value(_ sums: [Double]) -> Double { sums[0] / sums[1] }
}
