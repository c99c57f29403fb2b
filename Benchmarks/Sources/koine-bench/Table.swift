// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A table in Markdown.
struct Table {
  let columns: [String]
  private(set) var rows: [[String]] = []

  init(_ columns: [String]) { self.columns = columns }

  mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells) for \(columns)")
    rows.append(cells)
  }

  var text: String {
    ([columns, columns.map { _ in "---" }] + rows)
      .map { "|" + $0.map { $0.isEmpty ? " |" : " \($0) |" }.joined() }.joined(separator: "\n")
  }
}

extension [Double] {
  /// Of an even number the mean of the two in the middle. Not for none.
  var median: Double {
    let sorted = sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  /// "0.12 to 0.15", with so many digits after the point.
  func range(_ digits: Int) -> String {
    "\((self.min() ?? 0).fixed(digits)) to \((self.max() ?? 0).fixed(digits))"
  }
}

extension Double {
  /// With so many digits after the point.
  func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }
}
