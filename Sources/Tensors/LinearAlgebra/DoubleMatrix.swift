// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A dense matrix of doubles in row-major order, for steps in which floats would lose digits.
package struct DoubleMatrix: Sendable, Equatable {
  package let rows: Int
  package let columns: Int
  /// The elements, of which there are always `rows · columns`.
  package private(set) var values: [Double]

  /// A matrix of `values`, of which there are `rows · columns`; traps otherwise.
  package init(rows: Int, columns: Int, values: [Double]) {
    precondition(values.count == rows * columns, "\(values.count) values for \(rows) × \(columns)")
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  /// A matrix of zeros.
  package init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, values: Array(repeating: 0, count: rows * columns))
  }

  package subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  /// The first `count` rows; traps if there are fewer.
  package func prefix(rows count: Int) -> DoubleMatrix {
    count == rows
      ? self
      : DoubleMatrix(
        rows: count, columns: columns, values: Array(values[..<(count * columns)]))
  }

  /// Multiplies row i by `factors[i]`.
  package mutating func scaleRows(by factors: [Double]) {
    precondition(factors.count == rows, "\(factors.count) factors for \(rows) rows")
    for (i, factor) in factors.enumerated() {
      for index in (i * columns)..<((i + 1) * columns) { values[index] *= factor }
    }
  }

  /// Adds another matrix of the same shape.
  package mutating func add(_ other: DoubleMatrix) {
    precondition(rows == other.rows && columns == other.columns, "a sum of unequal shapes")
    for i in values.indices { values[i] += other.values[i] }
  }

  /// Adds `share` · trace / `count` to the diagonal; `false`, and nothing, where the trace is 0.
  package mutating func addToDiagonal(_ share: Double, perMeanOf count: Int) -> Bool {
    let trace = (0..<min(rows, columns)).reduce(0) { $0 + self[$1, $1] }
    guard trace > 0 else { return false }
    for i in 0..<min(rows, columns) { self[i, i] += share * trace / Double(count) }
    return true
  }

  /// This matrix's rows with those of another of equal width below them.
  package func appending(_ other: DoubleMatrix) -> DoubleMatrix {
    precondition(columns == other.columns, "rows of \(columns) and of \(other.columns)")
    return DoubleMatrix(
      rows: rows + other.rows, columns: columns, values: values + other.values)
  }

  /// Gives the elements away, so that they can be changed without a copy.
  package consuming func takeValues() -> [Double] { values }
}
