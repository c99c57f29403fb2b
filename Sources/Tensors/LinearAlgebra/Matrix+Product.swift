// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Matrix {
  /// In which precision the terms of a product are added.
  public enum Accumulation: Sendable {
    /// Multiply-add in floats: relative error of about 10⁻⁷ · √k of Σ|a||b|.
    case single
    /// Products and sums in doubles, rounded to floats at the end; half the speed.
    case double
  }

  /// The matrix product op(A) · op(B), (m × k) · (k × n), where op transposes if asked to.
  ///
  /// An element's terms are added in a fixed order: fused multiply-adds along 256 terms at a time,
  /// these partial sums in order. So the bytes depend on neither threads nor the other elements.
  /// Cost: 2·m·n·k operations, no copy of the factors. Traps when the inner extents differ.
  /// - Parameter threads: the most that compute; `nil` for one per processor.
  public static func product(
    _ a: Matrix, _ b: Matrix, transposingFirst: Bool = false, transposingSecond: Bool = false,
    accumulation: Accumulation = .single, threads: Int? = nil
  ) -> Matrix {
    let (first, second) = (a.factor(transposingFirst), b.factor(transposingSecond))
    return Matrix(
      rows: first.rows, columns: second.columns,
      values: accumulation == .single
        ? Product.single(first, second, threads: threads)
        : Product.rounded(first, second, threads: threads))
  }

  /// The product with a matrix of doubles, summed in doubles and rounded to floats at the end.
  package static func product(
    _ a: Matrix, _ b: DoubleMatrix, transposingFirst: Bool = false,
    transposingSecond: Bool = false, threads: Int? = nil
  ) -> Matrix {
    let (first, second) = (a.factor(transposingFirst), b.factor(transposingSecond))
    return Matrix(
      rows: first.rows, columns: second.columns,
      values: Product.rounded(first, second, threads: threads))
  }

  /// As above, with the doubles on the left.
  package static func product(
    _ a: DoubleMatrix, _ b: Matrix, transposingFirst: Bool = false,
    transposingSecond: Bool = false, threads: Int? = nil
  ) -> Matrix {
    let (first, second) = (a.factor(transposingFirst), b.factor(transposingSecond))
    return Matrix(
      rows: first.rows, columns: second.columns,
      values: Product.rounded(first, second, threads: threads))
  }

  /// AᵀA, or AAᵀ for `ofRows`, in doubles: symmetric to the bit, at half a product's cost.
  package func gram(ofRows: Bool = false, threads: Int? = nil) -> DoubleMatrix {
    let count = ofRows ? rows : columns
    return DoubleMatrix(
      rows: count, columns: count,
      values: Product.symmetric(factor(!ofRows), factor(ofRows), threads: threads))
  }

  func factor(_ isTransposed: Bool) -> ProductFactor<Float> {
    ProductFactor(values, rows: rows, columns: columns, isTransposed: isTransposed)
  }
}

extension DoubleMatrix {
  /// The product op(A) · op(B) in doubles; see ``Matrix/product(_:_:transposingFirst:transposingSecond:accumulation:threads:)``.
  package static func product(
    _ a: DoubleMatrix, _ b: DoubleMatrix, transposingFirst: Bool = false,
    transposingSecond: Bool = false, threads: Int? = nil
  ) -> DoubleMatrix {
    let (first, second) = (a.factor(transposingFirst), b.factor(transposingSecond))
    return DoubleMatrix(
      rows: first.rows, columns: second.columns,
      values: Product.double(first, second, threads: threads))
  }

  /// The product of two matrices of floats, summed and kept in doubles.
  package static func product(
    _ a: Matrix, _ b: Matrix, transposingFirst: Bool = false, transposingSecond: Bool = false,
    threads: Int? = nil
  ) -> DoubleMatrix {
    let (first, second) = (a.factor(transposingFirst), b.factor(transposingSecond))
    return DoubleMatrix(
      rows: first.rows, columns: second.columns,
      values: Product.double(first, second, threads: threads))
  }

  /// The product with a matrix of floats, summed and kept in doubles.
  package static func product(
    _ a: DoubleMatrix, _ b: Matrix, transposingFirst: Bool = false,
    transposingSecond: Bool = false, threads: Int? = nil
  ) -> DoubleMatrix {
    let (first, second) = (a.factor(transposingFirst), b.factor(transposingSecond))
    return DoubleMatrix(
      rows: first.rows, columns: second.columns,
      values: Product.double(first, second, threads: threads))
  }

  /// As above, with the doubles on the right.
  package static func product(
    _ a: Matrix, _ b: DoubleMatrix, transposingFirst: Bool = false,
    transposingSecond: Bool = false, threads: Int? = nil
  ) -> DoubleMatrix {
    let (first, second) = (a.factor(transposingFirst), b.factor(transposingSecond))
    return DoubleMatrix(
      rows: first.rows, columns: second.columns,
      values: Product.double(first, second, threads: threads))
  }

  /// AAᵀ; symmetric to the bit.
  package func gramOfRows(threads: Int? = nil) -> DoubleMatrix {
    DoubleMatrix(
      rows: rows, columns: rows,
      values: Product.symmetric(factor(false), factor(true), threads: threads))
  }

  func factor(_ isTransposed: Bool) -> ProductFactor<Double> {
    ProductFactor(values, rows: rows, columns: columns, isTransposed: isTransposed)
  }
}
