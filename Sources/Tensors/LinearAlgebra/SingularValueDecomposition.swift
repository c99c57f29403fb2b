// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A ≈ U·Σ·Vᵀ: orthonormal columns of U, orthonormal rows of Vᵀ, singular values σ₀ ≥ σ₁ ≥ … ≥ 0.
///
/// Shapes for A of m × n and k values: U is m × k, Vᵀ is k × n; k ≤ min(m, n), and 0 for an empty
/// matrix. Three ways lead here:
///
/// | | for | relative accuracy of σᵢ | cost |
/// | --- | --- | --- | --- |
/// | ``jacobi(_:)`` | small matrices, reference | 10⁻¹⁵·σ₀/σᵢ | some 60·m·k², one thread |
/// | ``gram(_:threads:)`` | all values of a large matrix | 10⁻¹⁶·(σ₀/σᵢ)² | 4·m·n·k + 10·k³ |
/// | ``truncated(_:rank:options:threads:)`` | the largest values | stated, see there | 4·m·n·l a step |
///
/// All are deterministic: the same bytes whatever the thread count. The signs of a pair of vectors
/// are such that the largest element of each vᵢ is positive (the first of equals) where σᵢ is not 0.
public struct SingularValueDecomposition: Sendable {
  /// The left vectors, one per column.
  public let u: Matrix
  /// Largest first; doubles, because energies are sums of their squares.
  public let values: [Double]
  /// The right vectors, one per row.
  public let vt: Matrix
  /// ‖A‖²: the sum of the squares of all values, also those left out.
  public let energy: Double
  /// Steps taken: sweeps, subspace iterations, or 1.
  public let iterations: Int
  /// Whether the iteration met its tolerance; an unconverged truncation is orthonormal and usable,
  /// but catches a little less energy than the best of its rank.
  public let isConverged: Bool

  /// How many values there are.
  public var rank: Int { values.count }

  /// The energy of what is left out, ‖A − UΣVᵀ‖² = ‖A‖² − Σσᵢ²: exact up to the rounding of floats,
  /// about 10⁻⁶ of ‖A‖²; never negative.
  public var tailEnergy: Double { max(0, energy - values.reduce(0) { $0 + $1 * $1 }) }

  /// The largest `count` triples; all where there are fewer.
  public func prefix(_ count: Int) -> SingularValueDecomposition {
    let k = min(count, rank)
    if k == rank { return self }
    return SingularValueDecomposition(
      u: u.transposed().prefix(rows: k).transposed(), values: Array(values[..<k]),
      vt: vt.prefix(rows: k), energy: energy, iterations: iterations, isConverged: isConverged)
  }

  /// U·Σ·Vᵀ.
  public func product(threads: Int? = nil) -> Matrix {
    var scaled = u
    let factors = values.map { Float($0) }
    let k = rank
    for i in 0..<u.rows {
      for j in 0..<k { scaled.values[i * k + j] *= factors[j] }
    }
    return Matrix.product(scaled, vt, threads: threads)
  }

  /// Chooses a way: all values, or the largest `rank`.
  ///
  /// Subspace iteration where the rank is well below the smaller side; otherwise the Jacobi method
  /// up to 96 rows or columns, the Gram matrix beyond, cut to the rank.
  public static func of(
    _ matrix: Matrix, rank: Int? = nil, options: TruncationOptions = TruncationOptions(),
    threads: Int? = nil
  ) throws(LinearAlgebraError) -> SingularValueDecomposition {
    let side = min(matrix.rows, matrix.columns)
    let wanted = min(rank ?? side, side)
    precondition(wanted >= 0, "a rank of \(wanted)")
    if side <= 96 { return try jacobi(matrix).prefix(wanted) }
    if (wanted + options.oversampling) * 3 < side {
      return try truncated(matrix, rank: wanted, options: options, threads: threads)
    }
    return try gram(matrix, threads: threads).prefix(wanted)
  }

  /// Assembles a result from vectors on doubles, column after column, in any order and sign.
  ///
  /// Vectors are made orthonormal here; those of values that are nothing beside the largest complete
  /// the basis, whatever was given for them.
  init(
    rows m: Int, columns n: Int, left: [Double], values: [Double], right: [Double], energy: Double,
    iterations: Int, isConverged: Bool = true, negligible: Double, threads: Int?
  ) {
    let k = values.count
    let order = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
    let largest = order.first.map { values[$0] } ?? 0
    var u = [Double](repeating: 0, count: m * k)
    var v = [Double](repeating: 0, count: n * k)
    for (place, index) in order.enumerated() {
      let column = right[(index * n)..<((index + 1) * n)]
      var peak = 0.0
      for x in column where x.magnitude > peak.magnitude { peak = x }
      guard values[index] > largest * negligible else { continue }
      let sign = peak < 0 ? -1.0 : 1.0
      for (i, x) in column.enumerated() { v[place * n + i] = sign * x }
      for i in 0..<m { u[place * m + i] = sign * left[index * m + i] }
    }
    // R's diagonal is not negative, so columns that are orthonormal already keep their sign.
    _ = Householder.orthonormalize(&u, rows: m, columns: k, threads: threads)
    _ = Householder.orthonormalize(&v, rows: n, columns: k, threads: threads)
    self.u = Matrix(rows: m, columns: k, columnMajor: u)
    vt = Matrix(rows: k, columns: n, values: v.map { Float($0) })
    self.values = order.map { values[$0] }
    self.energy = energy
    self.iterations = iterations
    self.isConverged = isConverged
  }

  init(
    u: Matrix, values: [Double], vt: Matrix, energy: Double, iterations: Int, isConverged: Bool
  ) {
    (self.u, self.values, self.vt) = (u, values, vt)
    (self.energy, self.iterations, self.isConverged) = (energy, iterations, isConverged)
  }
}
