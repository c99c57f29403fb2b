// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Matrix {
  /// How the nearest orthogonal matrix is found.
  public enum Orthogonalization: Sendable, Equatable {
    /// U·Vᵀ of the singular value decomposition: exact for any matrix. Directions that the matrix
    /// does not have (σ = 0) are completed to a basis, in a deterministic but arbitrary way.
    case decomposition
    /// Newton–Schulz iteration until ‖X·Xᵀ − I‖ ≤ tolerance · √k, at most `limit` steps. Products
    /// only, so faster on large well-conditioned matrices; a value σ needs about log₁.₅(σ₀·√k/σ)
    /// steps, and a rank-deficient matrix never converges.
    case newtonSchulz(tolerance: Double = 1e-5, limit: Int = 60)
  }

  /// The matrix with orthonormal rows or columns (whichever are fewer) nearest to this one: U·Vᵀ for
  /// U·Σ·Vᵀ, the orthogonal factor of the polar decomposition.
  ///
  /// Same shape; empty stays empty.
  /// - Source: Higham, *Functions of Matrices*, 2008, §8.3, for the iteration X ← (3X − XXᵀX)/2.
  /// - Throws: ``LinearAlgebraError``; `noConvergence` for a rank-deficient matrix by Newton–Schulz.
  public func orthogonalized(
    by method: Orthogonalization = .decomposition, threads: Int? = nil
  ) throws(LinearAlgebraError) -> Matrix {
    guard isFinite else { throw .notFinite(rows: rows, columns: columns) }
    let k = min(rows, columns)
    if k == 0 { return self }
    switch method {
    case .decomposition:
      let svd = try SingularValueDecomposition.of(self, threads: threads)
      return Matrix.product(svd.u, svd.vt, threads: threads)
    case .newtonSchulz(let tolerance, let limit):
      return try newtonSchulz(tolerance: tolerance, limit: limit, threads: threads)
    }
  }

  private func newtonSchulz(
    tolerance: Double, limit: Int, threads: Int?
  ) throws(LinearAlgebraError) -> Matrix {
    let norm = squaredNorm(threads: threads).squareRoot()
    let isTall = rows > columns
    let k = min(rows, columns)
    // σ ≤ ‖A‖, so all values start in (0, 1], where the iteration converges.
    var x = self
    if norm > 0 { for i in x.values.indices { x.values[i] = Float(Double(x.values[i]) / norm) } }
    for _ in 0..<limit {
      let gram = Matrix.product(
        x, x, transposingFirst: isTall, transposingSecond: !isTall, threads: threads)
      var step = gram
      var distance = 0.0
      for i in 0..<k {
        for j in 0..<k {
          let unit: Float = i == j ? 1 : 0
          let error = Double(gram[i, j]) - Double(unit)
          distance += error * error
          step[i, j] = 1.5 * unit - 0.5 * gram[i, j]
        }
      }
      if distance.squareRoot() <= tolerance * Double(k).squareRoot() { return x }
      x =
        isTall
        ? Matrix.product(x, step, threads: threads) : Matrix.product(step, x, threads: threads)
    }
    throw .noConvergence(
      algorithm: "the Newton–Schulz iteration", rows: rows, columns: columns, iterations: limit)
  }
}
