// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The mean of the classes' F1, each weighted by how often it is the right answer.
///
/// F1 of a class is 2·tp ÷ (2·tp + fp + fn). A class that is neither right answer nor prediction of
/// any document does not count.
/// **Source:** scikit-learn 1.9.1 `f1_score(average="weighted")`, which lm-eval 0.4.13 prints as
/// `f1,none` in its afrobench tasks (`utils.weighted_f1_score`).
/// **Departs:** nothing.
public enum WeightedF1: Metric {
  public static let card = MetricCard(
    id: "weighted_f1",
    reference:
      "scikit-learn 1.9.1 f1_score(average=\"weighted\"), lm-eval 0.4.13 f1,none of afrobench",
    outputType: .multipleChoice, aggregation: "weighted_f1", higherIsBetter: true, isMean: false)

  public static func slotCount(choiceCount: Int) -> Int { choiceCount * choiceCount }

  public static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm] {
    ConfusionMatrix.terms(of: score, choiceCount: choiceCount)
  }

  public static func value(_ sums: [Double]) -> Double {
    let classes = ConfusionMatrix.classes(sums)
    let total = classes.reduce(0) { $0 + $1.support }
    return classes.reduce(0) { $0 + $1.f1 * $1.support } / total
  }
}
