// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A scale from data to pixels with ticks at round numbers.
struct Axis {
  /// Data at the two ends; `low < high`, on a log axis both positive.
  let low: Double
  let high: Double
  /// Pixels at the two ends, in the same order.
  let start: Double
  let end: Double
  let isLogarithmic: Bool
  /// Tick values with labels, ascending.
  let ticks: [(value: Double, label: String)]

  /// Widens `values` to round ends. No finite values: 0 to 1. One value: a little around it.
  /// `bounds` are never crossed (accuracy stays in 0 to 1).
  init(
    covering values: [Double], from start: Double, to end: Double, tickCount: Int,
    isLogarithmic: Bool = false, bounds: ClosedRange<Double>? = nil, roundEnds: Bool = true
  ) {
    let finite = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    var low = finite.min() ?? (isLogarithmic ? 1 : 0)
    var high = finite.max() ?? (isLogarithmic ? 10 : 1)
    if high - low <= abs(high) * 1e-9 {
      let around = high == 0 ? 0.5 : abs(high) * 0.1
      low -= around
      high += around
    }
    self.start = start
    self.end = end
    self.isLogarithmic = isLogarithmic
    if isLogarithmic {
      self.low = low
      self.high = high
      ticks = Self.logarithmicTicks(low, high)
      return
    }
    let step = Self.step(high - low, tickCount)
    if roundEnds {
      low = (low / step + 1e-9).rounded(.down) * step
      high = (high / step - 1e-9).rounded(.up) * step
    }
    if let bounds {
      low = max(low, bounds.lowerBound)
      high = min(high, bounds.upperBound)
    }
    self.low = low
    self.high = high
    let digits = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    let first = Int((low / step - 1e-6).rounded(.up))
    let last = Int((high / step + 1e-6).rounded(.down))
    let isLarge = max(abs(low), abs(high)) >= 10_000
    ticks = (first...max(first, last)).map { index in
      let value = Double(index) * step
      let text = NumberText.fixed(value, min(digits, 6))
      return (value, isLarge && value >= 1000 ? NumberText.count(value) : text)
    }
  }

  /// Where `value` lies in pixels; what lies outside is drawn at the edge.
  func position(_ value: Double) -> Double {
    let clamped = min(high, max(low, value))
    let part =
      isLogarithmic ? log(clamped / low) / log(high / low) : (clamped - low) / (high - low)
    return start + (end - start) * part
  }

  /// The step of 1, 2 or 5 times a power of ten that cuts `span` in about `count` pieces.
  static func step(_ span: Double, _ count: Int) -> Double {
    let raw = span / Double(max(1, count))
    let power = pow(10, floor(log10(raw)))
    let lead = raw / power
    return (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10) * power
  }

  private static func logarithmicTicks(
    _ low: Double, _ high: Double
  ) -> [(value: Double, label: String)] {
    let leads: [Double] =
      high / low > 100 ? [1] : high / low > 20 ? [1, 2, 5] : [1, 1.5, 2, 3, 5, 7]
    var ticks: [(value: Double, label: String)] = []
    for exponent in Int(floor(log10(low)))...Int(ceil(log10(high))) {
      for lead in leads {
        let value = lead * pow(10, Double(exponent))
        guard value >= low * 0.999, value <= high * 1.001 else { continue }
        let digits = max(0, -exponent) + (lead == 1.5 ? 1 : 0)
        ticks.append(
          (
            value,
            value >= 10_000 ? NumberText.count(value) : NumberText.fixed(value, min(digits, 6))
          ))
      }
    }
    return ticks
  }
}
