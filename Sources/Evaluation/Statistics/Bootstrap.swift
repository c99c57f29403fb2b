// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora

/// The sums of one metric over documents, kept per document so that they can be drawn again.
///
/// Terms of one unit stand together: unit u owns `slots[offsets[u]..<offsets[u + 1]]`. A unit is
/// what is resampled: a document, or the same document in several languages.
struct TermTable {
  let metric: any Metric.Type
  let slotCount: Int
  private(set) var offsets = [0]
  private(set) var slots: [Int] = []
  private(set) var amounts: [Double] = []

  var unitCount: Int { offsets.count - 1 }

  init(metric: any Metric.Type, choiceCount: Int, units: [[DocumentScore]]) {
    self.metric = metric
    slotCount = metric.slotCount(choiceCount: choiceCount)
    for scores in units {
      for score in scores {
        for term in metric.terms(of: score, choiceCount: choiceCount) {
          slots.append(term.slot)
          amounts.append(term.amount)
        }
      }
      offsets.append(slots.count)
    }
  }

  /// The value over every unit once.
  var value: Double { value(of: 0..<unitCount) }

  func value(of units: some Sequence<Int>) -> Double {
    var sums = [Double](repeating: 0, count: slotCount)
    for unit in units {
      for term in offsets[unit]..<offsets[unit + 1] { sums[slots[term]] += amounts[term] }
    }
    return metric.value(sums)
  }
}

/// An interval around a score.
public struct ConfidenceInterval: Equatable, Sendable {
  /// Lower end.
  public var low: Double
  /// Upper end.
  public var high: Double
  /// Standard deviation of the resampled scores (n − 1).
  public var standardError: Double

  /// An interval of known ends.
  public init(low: Double, high: Double, standardError: Double) {
    self.low = low
    self.high = high
    self.standardError = standardError
  }
}

/// The percentile bootstrap over documents.
///
/// A replicate draws as many documents as there are, with replacement, and computes the score from
/// their sums; a ratio such as bits per byte is thus the ratio of the drawn sums, not a mean of
/// ratios. The interval's ends are the (1 ∓ confidence)/2 quantiles of the replicates (linear
/// interpolation between order statistics, numpy's default).
///
/// Replicate r draws from the stream `SeededRandom(seed, "bootstrap/r")` alone: the result depends
/// on nothing but the data, the settings and the seed.
///
/// With few documents, or a share near 0 or 1, the interval is too narrow; where every document
/// scores alike it has no width. **Source:** Efron, Tibshirani 1993, ch. 13. Cost: replicates ×
/// documents.
public struct Bootstrap: Equatable, Sendable {
  /// How often to draw; at least 1.
  public var replicates: Int
  /// Coverage aimed at, between 0 and 1.
  public var confidence: Double
  /// Seed of the draws.
  public var seed: UInt64

  /// Settings; the seed is lm-eval's 1234.
  public init(replicates: Int = 5000, confidence: Double = 0.95, seed: UInt64 = 1234) {
    precondition(replicates >= 1 && confidence > 0 && confidence < 1)
    self.replicates = replicates
    self.confidence = confidence
    self.seed = seed
  }

  /// The interval of a metric over scored documents; one without documents or with one is a point.
  public func interval(
    of metric: any Metric.Type, over documents: [DocumentScore], choiceCount: Int
  ) -> ConfidenceInterval {
    interval(TermTable(metric: metric, choiceCount: choiceCount, units: documents.map { [$0] }))
  }

  func interval(_ table: TermTable) -> ConfidenceInterval {
    interval(draws(unitCount: table.unitCount) { table.value(of: $0) })
  }

  /// The interval of values that were drawn.
  func interval(_ values: [Double]) -> ConfidenceInterval {
    let sorted = values.sorted()
    return ConfidenceInterval(
      low: Self.quantile((1 - confidence) / 2, of: sorted),
      high: Self.quantile((1 + confidence) / 2, of: sorted),
      standardError: SampleStatistics.deviation(values) ?? 0)
  }

  /// One value per replicate, in order. A replicate without a value (NaN, such as no bytes drawn)
  /// is left out.
  func draws(unitCount: Int, _ statistic: ([Int]) -> Double) -> [Double] {
    var units = [Int](repeating: 0, count: unitCount)
    var values: [Double] = []
    values.reserveCapacity(replicates)
    for replicate in 0..<replicates {
      var random = SeededRandom(seed: seed, name: "bootstrap/\(replicate)")
      for position in units.indices { units[position] = random.below(unitCount) }
      let value = statistic(units)
      if value.isFinite { values.append(value) }
    }
    return values
  }

  /// Quantile q in 0...1 of ascending values, by linear interpolation at position q·(n − 1).
  static func quantile(_ q: Double, of sorted: [Double]) -> Double {
    guard let last = sorted.indices.last else { return .nan }
    let position = q * Double(last)
    let low = min(Int(position), last)
    let high = min(low + 1, last)
    return sorted[low] + (sorted[high] - sorted[low]) * (position - Double(low))
  }
}
