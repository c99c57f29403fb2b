// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Means and standard errors as lm-eval prints them.
public enum SampleStatistics {
  /// Σx ÷ n; NaN for no values.
  public static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }

  /// √(Σ(x − mean)² ÷ (n − 1)); `nil` below two values.
  public static func deviation(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let center = mean(values)
    let squares = values.reduce(0) { $0 + ($1 - center) * ($1 - center) }
    return (squares / Double(values.count - 1)).squareRoot()
  }

  /// The standard error of a mean, deviation ÷ √n; `nil` below two values.
  ///
  /// **Source:** lm-evaluation-harness 0.4.13, `mean_stderr`. **Departs:** for one value lm-eval
  /// divides by zero.
  public static func standardError(_ values: [Double]) -> Double? {
    deviation(values).map { $0 / Double(values.count).squareRoot() }
  }
}

/// Exact McNemar test: do two systems differ in how many of the same questions they get right?
public struct McNemarTest: Equatable, Sendable {
  /// Questions only the first gets right.
  public let onlyFirst: Int
  /// Questions only the second gets right.
  public let onlySecond: Int

  /// Counts of the questions on which the systems disagree, not negative.
  public init(onlyFirst: Int, onlySecond: Int) {
    precondition(onlyFirst >= 0 && onlySecond >= 0)
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
  }

  /// Two-sided p: min(1, 2 · P(X ≤ min(b, c))), X binomial of b + c throws with ½; 1 without
  /// disagreement.
  ///
  /// Terms are summed relative to the largest, from logarithms, so that thousands of disagreements
  /// do not underflow. **Source:** McNemar 1947; scipy 1.x `binomtest(min(b, c), b + c).pvalue`.
  public var pValue: Double {
    let throwCount = onlyFirst + onlySecond
    let smaller = min(onlyFirst, onlySecond)
    if throwCount == 0 { return 1 }
    // C(n, k) ÷ C(n, smaller) for k = smaller, smaller − 1, … 0.
    var ratio = 1.0
    var sum = 1.0
    for k in stride(from: smaller, to: 0, by: -1) {
      ratio *= Double(k) / Double(throwCount - k + 1)
      sum += ratio
    }
    let n = Double(throwCount)
    let m = Double(smaller)
    // log C(n, m), then the largest term C(n, m) ÷ 2ⁿ.
    let logChoices: Double = lgamma(n + 1) - lgamma(m + 1) - lgamma(n - m + 1)
    let largest = exp(logChoices - n * log(2.0))
    return min(1, 2 * sum * largest)
  }
}

/// Corrects p-values of several comparisons for their number.
public enum HolmCorrection {
  /// Holm's step-down: sorted ascending, pᵢ ← max over j ≤ i of min(1, (m − j)·pⱼ), j from 0;
  /// returned in the order given.
  ///
  /// **Source:** Holm 1979. Controls the chance of any false finding, whatever the dependence.
  public static func adjust(_ pValues: [Double]) -> [Double] {
    let order = pValues.indices.sorted { (pValues[$0], $0) < (pValues[$1], $1) }
    var adjusted = pValues
    var floor = 0.0
    for (rank, index) in order.enumerated() {
      floor = max(floor, min(1, Double(pValues.count - rank) * pValues[index]))
      adjusted[index] = floor
    }
    return adjusted
  }
}
