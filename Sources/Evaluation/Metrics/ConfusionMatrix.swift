// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Counts of (right answer, prediction) in a flat k × k table, row = right answer.
enum ConfusionMatrix {
  struct ClassScore {
    var f1: Double
    /// How often the class is the right answer.
    var support: Double
  }

  static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm] {
    guard let choice = score.choice else { return [] }
    return [MetricTerm(choice.gold * choiceCount + choice.prediction, 1)]
  }

  /// The classes that occur, in order.
  static func classes(_ sums: [Double]) -> [ClassScore] {
    var side = 0
    while side * side < sums.count { side += 1 }
    return (0..<side).compactMap { index in
      var support = 0.0
      var predicted = 0.0
      for other in 0..<side {
        support += sums[index * side + other]
        predicted += sums[other * side + index]
      }
      guard support + predicted > 0 else { return nil }
      return ClassScore(
        f1: 2 * sums[index * side + index] / (support + predicted), support: support)
    }
  }
}
