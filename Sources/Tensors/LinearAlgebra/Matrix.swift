// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A dense matrix of floats in row-major order: the element (i, j) is `values[i · columns + j]`.
///
/// The operators on it compute in parallel, and give the same bytes whatever the thread count.
public struct Matrix: Sendable, Equatable {
  /// The number of rows, m; may be 0.
  public let rows: Int
  /// The number of columns, n; may be 0.
  public let columns: Int
  /// The m · n elements.
  public var values: [Float] {
    didSet { precondition(values.count == rows * columns, "a matrix keeps its element count") }
  }

  /// A matrix of `values`, of which there are `rows · columns`; traps otherwise.
  public init(rows: Int, columns: Int, values: [Float]) {
    precondition(rows >= 0 && columns >= 0, "a matrix of \(rows) × \(columns)")
    precondition(values.count == rows * columns, "\(values.count) values for \(rows) × \(columns)")
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  /// A matrix of zeros.
  public init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, values: Array(repeating: 0, count: rows * columns))
  }

  /// The identity of `size` rows and columns.
  public static func identity(_ size: Int) -> Matrix {
    var result = Matrix(rows: size, columns: size)
    for i in 0..<size { result.values[i * size + i] = 1 }
    return result
  }

  public subscript(row: Int, column: Int) -> Float {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  /// The matrix with rows and columns exchanged; one pass, in square tiles that stay in the cache.
  public func transposed() -> Matrix {
    let (m, n) = (rows, columns)
    let tile = 32
    var result = [Float](repeating: 0, count: m * n)
    values.withChunk { source in
      result.withMutableChunk { target in
        for top in stride(from: 0, to: m, by: tile) {
          for left in stride(from: 0, to: n, by: tile) {
            for i in top..<min(m, top + tile) {
              for j in left..<min(n, left + tile) { target[j * m + i] = source[i * n + j] }
            }
          }
        }
      }
    }
    return Matrix(rows: n, columns: m, values: result)
  }

  /// The first `count` rows; traps if there are fewer.
  public func prefix(rows count: Int) -> Matrix {
    Matrix(rows: count, columns: columns, values: Array(values[..<(count * columns)]))
  }

  /// Σ aᵢⱼ², in double precision by a fixed tree (``Summation``); ∞ or NaN where an element is.
  public func squaredNorm(threads: Int? = nil) -> Double {
    let length = Summation.blockLength
    let blocks = Parallel.map(count: (values.count + length - 1) / length, threads: threads) {
      index in
      values.withChunk { chunk in
        Summation.squares(chunk[(index * length)..<min(chunk.count, (index + 1) * length)])
      }
    }
    return Summation.total(blocks)
  }

  /// Whether no element is NaN or infinite; one pass.
  public var isFinite: Bool { values.allSatisfy(\.isFinite) }

  /// A matrix whose columns lie one after another in `columnsData`, each rounded to floats.
  init(rows: Int, columns: Int, columnMajor data: [Double]) {
    precondition(data.count == rows * columns, "\(data.count) values for \(rows) × \(columns)")
    var values = [Float](repeating: 0, count: data.count)
    for j in 0..<columns {
      for i in 0..<rows { values[i * columns + j] = Float(data[j * rows + i]) }
    }
    self.init(rows: rows, columns: columns, values: values)
  }

  /// The elements as doubles, column after column.
  var columnMajor: [Double] {
    var data = [Double](repeating: 0, count: values.count)
    for i in 0..<rows {
      for j in 0..<columns { data[j * rows + i] = Double(values[i * columns + j]) }
    }
    return data
  }
}

/// What an algorithm of linear algebra cannot work on.
public enum LinearAlgebraError: Error, Equatable, CustomStringConvertible {
  /// The matrix holds NaN or infinity.
  case notFinite(rows: Int, columns: Int)
  /// The iteration did not converge, which finite input does not bring about in practice.
  case noConvergence(algorithm: String, rows: Int, columns: Int, iterations: Int)
  /// A symmetric matrix of which the pivot of a column is not above the rounding.
  case notPositiveDefinite(size: Int, column: Int)

  public var description: String {
    switch self {
    case .notFinite(let rows, let columns):
      "a matrix of \(rows) × \(columns) holds numbers that are not finite"
    case .noConvergence(let algorithm, let rows, let columns, let iterations):
      "\(algorithm) of a matrix of \(rows) × \(columns) did not converge in \(iterations) steps"
    case .notPositiveDefinite(let size, let column):
      "a symmetric matrix of \(size) columns is not positive definite at column \(column)"
    }
  }
}
