// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The mean of the classes' F1.
///
/// F1 of a class is 2·tp ÷ (2·tp + fp + fn). A class that is neither right answer nor prediction of
/// any document does not count.
/// **Source:** scikit-learn 1.9.1 `f1_score(average="macro")`.
/// **Departs:** nothing.
public enum MacroF1: Metric {
  public static let card = MetricCard(
    id: "macro_f1", reference: "scikit-learn 1.9.1 f1_score(average=\"macro\")",
    outputType: .multipleChoice, aggregation: "macro_f1", higherIsBetter: true, isMean: false)

  public static func slotCount(choiceCount: Int) -> Int { choiceCount * choiceCount }

  public static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm] {
    ConfusionMatrix.terms(of: score, choiceCount: choiceCount)
  }

  public static func value(_ sums: [Double]) -> Double {
    let classes = ConfusionMatrix.classes(sums)
    return classes.reduce(0) { $0 + $1.f1 } / Double(classes.count)
  }
}
