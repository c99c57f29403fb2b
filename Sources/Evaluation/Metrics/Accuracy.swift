// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The share of documents whose likeliest choice, argmax Σ log p, is the right one.
///
/// **Source:** lm-evaluation-harness 0.4.13, `acc` in `process_results`. **Departs:** nothing.
public enum Accuracy: Metric {
  public static let card = MetricCard(
    id: "acc", reference: "lm-eval 0.4.13 acc,none", outputType: .multipleChoice,
    aggregation: "mean", higherIsBetter: true, isMean: true)

  public static func slotCount(choiceCount: Int) -> Int { 2 }

  public static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm] {
    guard let choice = score.choice else { return [] }
    return [MetricTerm(0, choice.prediction == choice.gold ? 1 : 0), MetricTerm(1, 1)]
  }

  public static func value(_ sums: [Double]) -> Double { sums[0] / sums[1] }
}
