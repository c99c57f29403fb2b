// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension SingularValueDecomposition {
  /// The thin decomposition through the eigenvectors of AᵀA or AAᵀ, whichever is smaller.
  ///
  /// The Gram matrix is summed in doubles, where products of floats are exact. Squaring costs half
  /// the digits: σᵢ has a relative error of about 10⁻¹⁶·(σ₀/σᵢ)², so values down to 10⁻⁵·σ₀ have six
  /// digits, those below 10⁻⁷·σ₀ are noise and given as 0. That is what floats hold anyway: the
  /// rounding of A's own elements moves every value by some 10⁻⁷·σ₀. Use ``jacobi(_:)`` for a
  /// matrix whose tiny values matter. The short side's vectors are orthonormal to float rounding;
  /// so are the long side's, which are A·v/σ made orthonormal once more, and those of values given
  /// as 0 complete the basis.
  ///
  /// Cost: 4·m·n·k + 10·k³ operations, k = min(m, n); memory 40·k² + 24·max(m, n)·k bytes.
  /// - Throws: ``LinearAlgebraError``.
  public static func gram(
    _ matrix: Matrix, threads: Int? = nil
  ) throws(LinearAlgebraError) -> SingularValueDecomposition {
    let (m, n) = (matrix.rows, matrix.columns)
    let k = min(m, n)
    guard matrix.isFinite else { throw .notFinite(rows: m, columns: n) }
    guard k > 0 else { return try jacobi(matrix) }
    let isTall = m >= n
    let long = max(m, n)
    let eigen = try SymmetricEigen(
      matrix.gram(ofRows: !isTall, threads: threads), threads: threads)
    let negligible = 1e-7
    let largest = max(0, eigen.values[0]).squareRoot()
    let values = eigen.values.map { value in
      let root = max(0, value).squareRoot()
      return root > negligible * largest ? root : 0
    }
    // The eigenvectors are the rows of `basis`; the long side's vectors are A·vᵢ/σᵢ.
    let basis = Matrix(rows: k, columns: k, values: eigen.vectors.map { Float($0) })
    let mapped = Matrix.product(
      basis, matrix, transposingSecond: isTall, accumulation: .double, threads: threads)
    var outer = [Double](repeating: 0, count: long * k)
    for i in 0..<k where values[i] > 0 {
      for j in 0..<long { outer[i * long + j] = Double(mapped.values[i * long + j]) / values[i] }
    }
    // Whichever side is made orthonormal again must be the one that was divided by σ.
    let swapped = SingularValueDecomposition(
      rows: long, columns: k, left: outer, values: values, right: eigen.vectors,
      energy: matrix.squaredNorm(threads: threads), iterations: 1, negligible: negligible,
      threads: threads)
    return isTall ? swapped : swapped.transposed
  }

  /// The decomposition of Aᵀ, with the convention on signs kept.
  private var transposed: SingularValueDecomposition {
    var left = vt.transposed()
    var right = u.transposed()
    for i in 0..<rank {
      var peak: Float = 0
      for j in 0..<right.columns where right[i, j].magnitude > peak.magnitude { peak = right[i, j] }
      guard peak < 0 else { continue }
      for j in 0..<right.columns { right[i, j] = -right[i, j] }
      for j in 0..<left.rows { left[j, i] = -left[j, i] }
    }
    return SingularValueDecomposition(
      u: left, values: values, vt: right, energy: energy, iterations: iterations,
      isConverged: isConverged)
  }
}
