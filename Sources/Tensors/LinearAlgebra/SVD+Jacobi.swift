// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension SingularValueDecomposition {
  /// The thin decomposition by one-sided Jacobi rotations in double precision: the reference.
  ///
  /// All min(m, n) values; small ones are as exact as double arithmetic allows. Vectors of values
  /// below 10⁻¹⁴·σ₀ complete an orthonormal basis. Cost: up to 60·m·k² operations on one thread
  /// with 16 bytes per element; meant for sides up to some hundreds.
  /// - Source: Hestenes 1958; Demmel and Veselić 1992 for its accuracy.
  /// - Departs: a QR decomposition first, so that rotations work on k × k.
  /// - Throws: ``LinearAlgebraError``.
  public static func jacobi(
    _ matrix: Matrix
  ) throws(LinearAlgebraError) -> SingularValueDecomposition {
    let (m, n) = (matrix.rows, matrix.columns)
    guard matrix.isFinite else { throw .notFinite(rows: m, columns: n) }
    let k = min(m, n)
    let energy = matrix.squaredNorm(threads: 1)
    guard k > 0 else {
      return SingularValueDecomposition(
        u: Matrix(rows: m, columns: 0), values: [], vt: Matrix(rows: 0, columns: n),
        energy: 0, iterations: 0, isConverged: true)
    }
    // A (or its transpose, if that is the taller) = Q·R; R = X·Σ·Yᵀ; so A = (Q·X)·Σ·Yᵀ.
    let isTall = m >= n
    var q = (isTall ? matrix : matrix.transposed()).columnMajor
    let long = max(m, n)
    let r = Householder.orthonormalize(&q, rows: long, columns: k, threads: 1)
    let core = try OneSidedJacobi(rowMajor: r, size: k)
    var outer = [Double](repeating: 0, count: long * k)
    outer.withWindow { outer in
      q.withWindow { q in
        for j in 0..<k {
          for l in 0..<k {
            // Safety: columns of `long` numbers, k of them on both sides.
            unsafe DoubleRuns.add(
              core.left[j * k + l], q.start + l * long, to: outer.start + j * long, long)
          }
        }
      }
    }
    return SingularValueDecomposition(
      rows: m, columns: n, left: isTall ? outer : core.right, values: core.values,
      right: isTall ? core.right : outer, energy: energy, iterations: core.sweeps,
      negligible: 1e-14, threads: 1)
  }
}

/// R = X·Σ·Yᵀ of a square matrix, by rotations that make the columns of R·Y orthogonal.
struct OneSidedJacobi {
  /// X's unit columns one after another; zeros where the value is zero.
  private(set) var left: [Double]
  /// Y's columns one after another.
  private(set) var right: [Double]
  /// In the order of the columns, not sorted.
  private(set) var values: [Double]
  private(set) var sweeps = 0

  /// Columns whose cosine is below this are orthogonal.
  private static let tolerance = 0x1p-50
  /// Some ten suffice; more mean that rounding keeps turning tiny columns.
  private static let sweepLimit = 60

  /// Decomposes a matrix of `size` rows (at least one), given row after row.
  init(rowMajor elements: [Double], size k: Int) throws(LinearAlgebraError) {
    left = Array(repeating: 0, count: k * k)
    right = Array(repeating: 0, count: k * k)
    values = Array(repeating: 0, count: k)
    for i in 0..<k {
      right[i * k + i] = 1
      for j in 0..<k { left[j * k + i] = elements[i * k + j] }
    }
    let scale = elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let noise = scale * 0x1p-52 * 0x1p-20
    var isDone = false
    while !isDone {
      guard sweeps < Self.sweepLimit else {
        throw .noConvergence(
          algorithm: "the Jacobi iteration", rows: k, columns: k, iterations: sweeps)
      }
      sweeps += 1
      isDone = true
      for p in 0..<(k - 1) {
        for q in (p + 1)..<k where orthogonalize(p, q, k, noise: noise) { isDone = false }
      }
    }
    for j in 0..<k {
      values[j] = left.withWindow { window in
        // Safety: column j of k numbers.
        let column = unsafe window.start + j * k
        let norm = unsafe DoubleRuns.dot(column, column, k).squareRoot()
        if norm > 0 { unsafe DoubleRuns.scale(column, by: 1 / norm, k) }
        return norm
      }
    }
  }

  /// Rotates two columns until they are orthogonal; whether they were not.
  private mutating func orthogonalize(_ p: Int, _ q: Int, _ k: Int, noise: Double) -> Bool {
    left.withWindow { left in
      // Safety: columns p ≠ q of k numbers, here and for `right`.
      let (x, y) = unsafe (left.start + p * k, left.start + q * k)
      let a = unsafe DoubleRuns.dot(x, x, k)
      let b = unsafe DoubleRuns.dot(y, y, k)
      let c = unsafe DoubleRuns.dot(x, y, k)
      // A column of rounding errors of rounding errors is as good as zero.
      if c.magnitude <= Self.tolerance * (a * b).squareRoot() || min(a, b) <= noise * noise {
        return false
      }
      let zeta = (b - a) / (2 * c)
      let root = (1 + zeta * zeta).squareRoot()
      let tangent = (zeta >= 0 ? 1 : -1) / (zeta.magnitude + root)
      let cosine = 1 / (1 + tangent * tangent).squareRoot()
      let sine = cosine * tangent
      unsafe DoubleRuns.rotate(x, y, k, cosine: cosine, sine: sine)
      right.withWindow { right in
        unsafe DoubleRuns.rotate(
          right.start + p * k, right.start + q * k, k, cosine: cosine, sine: sine)
      }
      return true
    }
  }
}
