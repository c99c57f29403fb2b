// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The singular values of a matrix and the vectors of its shorter side, in doubles, by way of the
/// Gram matrix: what functions of the singular values need, at the cost of the shorter side.
///
/// Shapes for A of m × n, s = min(m, n), L = max(m, n). Values of at most ``noise`` of the largest
/// are left out, with their vectors: the rounding of A's elements alone makes values of 10⁻⁷ of the
/// largest, in directions that mean nothing. So the rank r may be below s, and 0 for a zero matrix.
///
/// Cost: m·n·s operations for the Gram matrix, some 9·s³ for its eigenvectors; 40·s² bytes.
package struct GramFactors: Sendable {
  /// The share of the largest value below which there is no direction.
  package static let noise = 1e-6

  /// Whether the columns are the shorter side.
  package let isTall: Bool
  /// σ₀ ≥ σ₁ ≥ …, r of them, all above 0.
  package let values: [Double]
  /// The unit vectors of the shorter side, r × s.
  let vectors: DoubleMatrix

  package var rank: Int { values.count }

  /// Decomposes `matrix`.
  ///
  /// - Parameter floor: values of at most this are left out too; for what remains of a larger matrix.
  /// - Throws: ``LinearAlgebraError``.
  package init(
    _ matrix: Matrix, floor: Double = 0, threads: Int? = nil
  ) throws(LinearAlgebraError) {
    isTall = matrix.rows >= matrix.columns
    let side = min(matrix.rows, matrix.columns)
    let eigen = try SymmetricEigen(
      matrix.gram(ofRows: !isTall, threads: threads), threads: threads)
    let roots = eigen.values.map { max(0, $0).squareRoot() }
    let least = max(floor, (roots.first ?? 0) * Self.noise)
    values = Array(roots.prefix { $0 > least })
    vectors = DoubleMatrix(
      rows: values.count, columns: side, values: Array(eigen.vectors[..<(values.count * side)]))
  }

  /// `scale` · U·Vᵀ over the directions there are: the same matrix with all values equal.
  ///
  /// - Parameter matrix: the one that was decomposed.
  package func flattened(_ matrix: Matrix, to scale: Double, threads: Int? = nil) -> Matrix {
    var scaled = vectors
    scaled.scaleRows(by: values.map { scale / $0 })
    // A·V·Σ⁻¹·Vᵀ, or the same from the left.
    let core = DoubleMatrix.product(scaled, vectors, transposingFirst: true, threads: threads)
    return isTall
      ? Matrix.product(matrix, core, threads: threads)
      : Matrix.product(core, matrix, threads: threads)
  }

  /// The vectors of both sides for the `count` largest values, or for all where there are fewer.
  package func directions(
    of matrix: Matrix, count: Int, threads: Int? = nil
  ) -> SingularDirections {
    let kept = min(count, rank)
    let short = vectors.prefix(rows: kept)
    var scaled = short
    scaled.scaleRows(by: values[..<kept].map { 1 / $0 })
    return SingularDirections(
      isTall: isTall, values: Array(values[..<kept]), short: short,
      long: Matrix.product(scaled, matrix, transposingSecond: isTall, threads: threads))
  }
}

/// Singular values with their vectors of both sides, of one matrix or of several of one shape.
package struct SingularDirections: Sendable {
  private let isTall: Bool
  package private(set) var values: [Double]
  /// The vectors of the shorter side, one per row; doubles, since ``orthogonalized(values:threads:)``
  /// inverts what they make.
  private var short: DoubleMatrix
  /// Those of the longer side, one per row.
  private var long: Matrix

  init(isTall: Bool, values: [Double], short: DoubleMatrix, long: Matrix) {
    (self.isTall, self.values, self.short, self.long) = (isTall, values, short, long)
  }

  /// None, for matrices of this shape.
  package init(rows: Int, columns: Int) {
    self.init(
      isTall: rows >= columns, values: [],
      short: DoubleMatrix(rows: 0, columns: min(rows, columns)),
      long: Matrix(rows: 0, columns: max(rows, columns)))
  }

  package var count: Int { values.count }

  /// Adds the directions of another matrix of the same shape.
  package mutating func append(_ other: SingularDirections) {
    values += other.values
    short = short.appending(other.short)
    long = Matrix(
      rows: long.rows + other.long.rows, columns: long.columns,
      values: long.values + other.long.values)
  }

  /// A − U·Uᵀ·A: what is left of a matrix of this shape without these left vectors, which must be
  /// orthonormal. Cost: 4·m·n·count operations.
  package func removingLeft(from matrix: Matrix, threads: Int? = nil) -> Matrix {
    if count == 0 { return matrix }
    let left = isTall ? long : Matrix(rounding: short)
    let inner = DoubleMatrix.product(left, matrix, threads: threads)
    var rest = Matrix.product(left, inner, transposingFirst: true, threads: threads)
    rest.subtract(from: matrix)
    return rest
  }

  /// U⊥·diag(values)·V⊥ᵀ, where U⊥ = U·(UᵀU)^−½ has the orthonormal columns nearest to U's, and V⊥
  /// likewise.
  ///
  /// Where vectors are dependent the root of the pseudo-inverse is taken: directions shared by
  /// several are shared by them equally, and none is made up. Cost: 2·K²·(m + n) operations for K
  /// directions, some 18·K³, and 2·m·n·K.
  /// - Throws: ``LinearAlgebraError``.
  package func orthogonalized(
    values: [Double], threads: Int? = nil
  ) throws(LinearAlgebraError) -> Matrix {
    let ofShort = try Self.inverseRoot(short.gramOfRows(threads: threads), threads: threads)
    var core = DoubleMatrix.product(ofShort, short, threads: threads)
    core.scaleRows(by: values)
    let ofLong = try Self.inverseRoot(
      long.gram(ofRows: true, threads: threads), threads: threads)
    core = DoubleMatrix.product(ofLong, core, threads: threads)
    return isTall
      ? Matrix.product(long, core, transposingFirst: true, threads: threads)
      : Matrix.product(core, long, transposingFirst: true, threads: threads)
  }

  /// Eigenvalues of a Gram matrix of unit vectors, as a share of the largest, that count as 0: the
  /// vectors' own error is some 10⁻⁷, whose square is far below.
  private static let dependence = 1e-10

  /// G^−½ of a Gram matrix, on the space that it spans.
  private static func inverseRoot(
    _ gram: consuming DoubleMatrix, threads: Int?
  ) throws(LinearAlgebraError) -> DoubleMatrix {
    let size = gram.rows
    let eigen = try SymmetricEigen(gram, threads: threads)
    let least = (eigen.values.first ?? 0) * dependence
    let kept = eigen.values.prefix { $0 > least }
    let vectors = DoubleMatrix(
      rows: kept.count, columns: size, values: Array(eigen.vectors[..<(kept.count * size)]))
    var scaled = vectors
    scaled.scaleRows(by: kept.map { 1 / $0.squareRoot() })
    return DoubleMatrix.product(scaled, vectors, transposingFirst: true, threads: threads)
  }
}

extension Matrix {
  /// The nearest floats.
  package init(rounding matrix: DoubleMatrix) {
    self.init(
      rows: matrix.rows, columns: matrix.columns, values: matrix.values.map { Float($0) })
  }

  /// Replaces this matrix A by B − A.
  fileprivate mutating func subtract(from other: Matrix) {
    other.values.withChunk { other in
      values.withMutableChunk { own in
        for i in own.indices { own[i] = other[i] - own[i] }
      }
    }
  }
}
