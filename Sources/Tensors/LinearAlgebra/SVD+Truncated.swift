// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How the largest singular values of a large matrix are sought.
public struct TruncationOptions: Sendable, Equatable {
  /// Vectors iterated beyond the rank asked for; more make each step dearer and steps fewer.
  public var oversampling = 16
  /// The iteration ends when a step adds at most this share to the energy caught, Σσᵢ² over the
  /// rank. Floats carry no information below some 10⁻⁷.
  public var tolerance = 1e-6
  /// The most steps; a flat spectrum, where no subspace stands out, may reach it.
  public var iterationLimit = 40
  /// The seed of the starting vectors.
  public var seed: UInt64 = 0

  public init(
    oversampling: Int = 16, tolerance: Double = 1e-6, iterationLimit: Int = 40, seed: UInt64 = 0
  ) {
    self.oversampling = oversampling
    self.tolerance = tolerance
    self.iterationLimit = iterationLimit
    self.seed = seed
  }
}

extension SingularValueDecomposition {
  /// The largest `rank` values (fewer where the matrix has fewer) by subspace iteration.
  ///
  /// l = rank + oversampling normally distributed vectors, multiplied by A and Aᵀ in turn and made
  /// orthonormal in double precision after each product, until the caught energy stands still. Each
  /// step shrinks the error of direction i by (σ_{l}/σᵢ)²; the values converge twice as fast as the
  /// vectors. ``tailEnergy`` says what is left out, whether or not that is the least possible.
  ///
  /// Products accumulate in floats, so values below some 10⁻⁶·σ₀ are noise. Cost: 4·m·n·l + 8·(m +
  /// n)·l² operations a step, typically 3 to 15 steps; memory 16·(m + n)·l bytes.
  /// - Source: Halko, Martinsson and Tropp 2011, arXiv:0909.4061, algorithms 4.4 and 5.1.
  /// - Departs: steps until a tolerance instead of a fixed number; random numbers are a function of
  ///   seed and index (``CounterRandom``).
  /// - Throws: ``LinearAlgebraError``.
  public static func truncated(
    _ matrix: Matrix, rank: Int, options: TruncationOptions = TruncationOptions(),
    threads: Int? = nil
  ) throws(LinearAlgebraError) -> SingularValueDecomposition {
    precondition(
      rank >= 0 && options.oversampling >= 0 && options.iterationLimit > 0, "a rank of \(rank)")
    let (m, n) = (matrix.rows, matrix.columns)
    guard matrix.isFinite else { throw .notFinite(rows: m, columns: n) }
    let side = min(m, n)
    let wanted = min(rank, side)
    let energy = matrix.squaredNorm(threads: threads)
    guard wanted > 0, energy > 0 else {
      // Of a zero matrix every orthonormal basis is right.
      return try jacobi(Matrix(rows: m, columns: n)).prefix(wanted)
    }
    let l = min(side, wanted + options.oversampling)
    var right = start(rows: n, columns: l, seed: options.seed, threads: threads)
    _ = Householder.orthonormalize(&right, rows: n, columns: l, threads: threads)
    var left: [Double] = []
    var core: [Double] = []
    var caught = 0.0
    var steps = 0
    var isConverged = false
    while !isConverged, steps < options.iterationLimit {
      steps += 1
      left = doubles(
        Matrix.product(
          matrix, Matrix(rows: n, columns: l, columnMajor: right), threads: threads))
      _ = Householder.orthonormalize(&left, rows: m, columns: l, threads: threads)
      right = doubles(
        Matrix.product(
          matrix, Matrix(rows: m, columns: l, columnMajor: left), transposingFirst: true,
          threads: threads))
      // AᵀQ = V·R, so QᵀA = Rᵀ·Vᵀ has R's singular values.
      core = Householder.orthonormalize(&right, rows: n, columns: l, threads: threads)
      let squares = try SymmetricEigen(
        size: l, elements: gram(core, l), wantsVectors: false, threads: threads)
      let now = squares.values.prefix(wanted).reduce(0) { $0 + max(0, $1) }
      isConverged = (now - caught).magnitude <= options.tolerance * now || l == side
      caught = now
    }
    // R = X·Σ·Yᵀ, so A ≈ Q·Rᵀ·Vᵀ = (Q·Y)·Σ·(V·X)ᵀ.
    let small = try OneSidedJacobi(rowMajor: core, size: l)
    return SingularValueDecomposition(
      rows: m, columns: n, left: combine(left, small.right, rows: m, l, threads),
      values: small.values, right: combine(right, small.left, rows: n, l, threads),
      energy: energy, iterations: steps, isConverged: isConverged, negligible: 1e-14,
      threads: threads
    ).prefix(wanted)
  }

  /// Normally distributed numbers, column after column.
  private static func start(rows: Int, columns: Int, seed: UInt64, threads: Int?) -> [Double] {
    let random = CounterRandom(seed: seed, stream: "subspace iteration")
    var numbers = [Double](repeating: 0, count: rows * columns)
    numbers.withWindow { window in
      Parallel.forEach(count: columns, threads: threads) { column in
        // Safety: columns are disjoint.
        for i in (column * rows)..<((column + 1) * rows) {
          unsafe window.start[i] = random.normal(at: i)
        }
      }
    }
    return numbers
  }

  private static func doubles(_ matrix: Matrix) -> [Double] { matrix.columnMajor }

  /// R·Rᵀ of a square matrix given row after row.
  private static func gram(_ r: [Double], _ l: Int) -> [Double] {
    var r = r
    var result = [Double](repeating: 0, count: l * l)
    r.withWindow { window in
      for i in 0..<l {
        for j in 0...i {
          // Safety: rows of l numbers, l of them.
          let value = unsafe DoubleRuns.dot(window.start + i * l, window.start + j * l, l)
          result[i * l + j] = value
          result[j * l + i] = value
        }
      }
    }
    return result
  }

  /// The columns of basis · mix, for `l` columns on both sides.
  private static func combine(
    _ basis: [Double], _ mix: [Double], rows: Int, _ l: Int, _ threads: Int?
  ) -> [Double] {
    var basis = basis
    var result = [Double](repeating: 0, count: rows * l)
    basis.withWindow { basis in
      result.withWindow { result in
        Parallel.forEach(count: l, threads: threads) { j in
          for i in 0..<l {
            // Safety: columns of `rows` numbers; each task writes its own.
            unsafe DoubleRuns.add(
              mix[j * l + i], basis.start + i * rows, to: result.start + j * rows, rows)
          }
        }
      }
    }
    return result
  }
}
