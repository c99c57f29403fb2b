// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Several measures of the same rows and columns, each as a panel of coloured cells.
///
/// The last row and the last column hold what all columns and all rows have together.
package struct HeatMap: Sendable {
  package struct Row: Sendable, Equatable {
    package var label: String
    /// The number of a layer; `nil` for a row that is none.
    package var layer: Int?

    package init(_ label: String, layer: Int? = nil) {
      self.label = label
      self.layer = layer
    }
  }

  package struct Cell: Sendable, Equatable {
    /// `nil` where the measure is not defined.
    package var value: Double?
    /// What is to be said of it, all measures included.
    package var detail: String

    package init(_ value: Double?, detail: String) {
      self.value = value.flatMap { $0.isFinite ? $0 : nil }
      self.detail = detail
    }
  }

  /// How values become colours.
  package enum Scale: Sendable, Equatable {
    case linear(low: Double, high: Double)
    /// Both ends positive; what is below, zero too, has the first colour.
    case logarithmic(low: Double, high: Double)
    /// From −limit to limit.
    case diverging(limit: Double)
  }

  package enum Format: Sendable { case plain, percent }

  package struct Panel: Sendable {
    package var title: String
    /// What it shows, in a sentence.
    package var caption: String
    package var scale: Scale
    package var format: Format
    /// By row and column, the last of both the totals; `nil` where there is nothing.
    package var cells: [[Cell?]]

    package init(
      title: String, caption: String, scale: Scale, format: Format = .plain, cells: [[Cell?]]
    ) {
      self.title = title
      self.caption = caption
      self.scale = scale
      self.format = format
      self.cells = cells
    }
  }

  package var title: String
  /// The last is that of the totals.
  package var rows: [Row]
  /// The last is that of the totals.
  package var columns: [String]
  package var panels: [Panel]

  package init(title: String, rows: [Row], columns: [String], panels: [Panel]) {
    precondition(
      panels.allSatisfy {
        $0.cells.count == rows.count && $0.cells.allSatisfy { $0.count == columns.count }
      }, "a cell for each row and column")
    self.title = title
    self.rows = rows
    self.columns = columns
    self.panels = panels
  }
}

extension HeatMap.Scale {
  /// A scale from zero over `values`; logarithmic where the largest is more than `span` times the
  /// smallest that is not zero.
  package static func magnitudes(_ values: [Double], span: Double = 100) -> Self {
    let positive = values.filter { $0.isFinite && $0 > 0 }
    guard let low = positive.min(), let high = positive.max() else {
      return .linear(low: 0, high: 1)
    }
    return high / low > span ? .logarithmic(low: low, high: high) : .linear(low: 0, high: high)
  }

  /// A diverging scale over `values`.
  package static func signed(_ values: [Double]) -> Self {
    let limit = values.filter(\.isFinite).map(\.magnitude).max() ?? 0
    return .diverging(limit: limit > 0 ? limit : 1)
  }

  /// Where `value` is on the scale: 0 to 1, diverging −1 to 1.
  func position(_ value: Double) -> Double {
    switch self {
    case .linear(let low, let high):
      return high > low ? min(1, max(0, (value - low) / (high - low))) : 1
    case .logarithmic(let low, let high):
      guard value > low else { return 0 }
      return high > low ? min(1, log(value / low) / log(high / low)) : 1
    case .diverging(let limit): return min(1, max(-1, value / limit))
    }
  }

  /// The class of its colour.
  func colorName(_ value: Double) -> String {
    let part = position(value)
    if case .diverging = self {
      return ColorScale.name(
        diverging: Int((part * Double(ColorScale.sideSteps)).rounded()))
    }
    return ColorScale.name(sequential: Int((part * Double(ColorScale.lastStep)).rounded()))
  }

  /// The values at the left end, the middle and the right end of its legend.
  var marks: [Double] {
    switch self {
    case .linear(let low, let high): [low, (low + high) / 2, high]
    case .logarithmic(let low, let high): [low, (low * high).squareRoot(), high]
    case .diverging(let limit): [-limit, 0, limit]
    }
  }

  /// The classes of its legend, left to right.
  var legend: [String] {
    if case .diverging = self {
      return (-ColorScale.sideSteps...ColorScale.sideSteps).map(ColorScale.name(diverging:))
    }
    return (0...ColorScale.lastStep).map(ColorScale.name(sequential:))
  }
}

extension HeatMap.Panel {
  /// A value in two or three digits, for a cell.
  package func short(_ value: Double) -> String {
    let shown = format == .percent ? value * 100 : value
    let size = shown.magnitude
    if size == 0 { return "0" }
    if case .logarithmic = scale, size < 0.01 || size >= 99_999.5 {
      return NumberText.significant(shown, 1)
    }
    return NumberText.fixed(shown, size < 0.995 ? 2 : size < 9.95 ? 1 : 0)
  }

  /// A value with its unit, for legends.
  package func long(_ value: Double) -> String {
    switch format {
    case .percent: NumberText.significant(value * 100, 2, isShort: true) + " %"
    case .plain: NumberText.significant(value, 2, isShort: true)
    }
  }
}
