// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A = Q·R with orthonormal columns of Q and R upper triangular, its diagonal not negative.
///
/// Shapes for A of m × n and k = min(m, n): Q is m × k, R is k × n. Householder reflections in
/// double precision, so QᵀQ = I to the rounding of floats even where A's columns are dependent (a
/// Gram–Schmidt process fails there); the columns of Q that A does not determine complete the basis.
/// Cost: 4·m·n·k operations, 8 bytes per element; deterministic for any thread count.
public struct QRDecomposition: Sendable {
  public let q: Matrix
  public let r: Matrix

  /// Decomposes `matrix`, which may be empty; throws ``LinearAlgebraError/notFinite(rows:columns:)``.
  public init(_ matrix: Matrix, threads: Int? = nil) throws(LinearAlgebraError) {
    guard matrix.isFinite else {
      throw .notFinite(rows: matrix.rows, columns: matrix.columns)
    }
    var columns = matrix.columnMajor
    let (m, n) = (matrix.rows, matrix.columns)
    let r = Householder.orthonormalize(&columns, rows: m, columns: n, threads: threads)
    let k = min(m, n)
    q = Matrix(rows: m, columns: k, columnMajor: columns)
    self.r = Matrix(rows: k, columns: n, values: r.map { Float($0) })
  }
}

/// The decomposition on doubles, in place.
enum Householder {
  /// Replaces the columns of an m × n matrix by its k = min(m, n) orthonormal ones and returns R,
  /// k × n, row after row. The numbers must be finite.
  static func orthonormalize(
    _ data: inout [Double], rows m: Int, columns n: Int, threads: Int?
  ) -> [Double] {
    let k = min(m, n)
    var r = [Double](repeating: 0, count: k * n)
    guard k > 0 else {
      data = []
      return r
    }
    // β of each reflection H = I − β·v·vᵀ, whose v takes the place of the column below the diagonal.
    var factors = [Double](repeating: 0, count: k)
    var diagonal = [Double](repeating: 0, count: k)
    data.withWindow { window in
      for j in 0..<k {
        let length = m - j
        // Safety, here and below: column c has m numbers from c·m on, and all c are below n.
        let v = unsafe window.start + j * m + j
        let norm = unsafe DoubleRuns.dot(v, v, length).squareRoot()
        if norm == 0 { continue }
        let alpha = unsafe v[0] > 0 ? -norm : norm
        unsafe v[0] -= alpha
        // |v|² = 2·norm·(norm + |x₀|), which is never 0 here.
        let factor = unsafe 2 / DoubleRuns.dot(v, v, length)
        factors[j] = factor
        diagonal[j] = alpha
        reflect(window, m: m, row: j, factor, columns: (j + 1)..<n, threads: threads)
      }
    }
    for j in 0..<n {
      for i in 0..<min(j, k) { r[i * n + j] = data[j * m + i] }
      if j < k { r[j * n + j] = diagonal[j] }
    }
    data = basis(data, m: m, k: k, factors: factors, threads: threads)
    for i in 0..<k where r[i * n + i] < 0 {
      for j in i..<n { r[i * n + j] = -r[i * n + j] }
      for x in (i * m)..<((i + 1) * m) { data[x] = -data[x] }
    }
    return r
  }

  /// The first k columns of the product of the reflections.
  private static func basis(
    _ reflections: [Double], m: Int, k: Int, factors: [Double], threads: Int?
  ) -> [Double] {
    var result = [Double](repeating: 0, count: m * k)
    for j in 0..<k { result[j * m + j] = 1 }
    var vectors = reflections
    vectors.withWindow { vectors in
      result.withWindow { result in
        for j in (0..<k).reversed() where factors[j] != 0 {
          reflect(
            result, m: m, row: j, factors[j], columns: j..<k, threads: threads, vector: vectors)
        }
      }
    }
    return result
  }

  /// Applies the reflection whose vector stands in column `row` of `vector` (or of the window
  /// itself), from `row` down, to some columns.
  private static func reflect(
    _ window: DoubleWindow, m: Int, row: Int, _ factor: Double, columns: Range<Int>, threads: Int?,
    vector: DoubleWindow? = nil
  ) {
    let length = m - row
    let source = vector ?? window
    // Threads pay off from about a hundred microseconds of work on.
    let isSmall = length * columns.count < 1 << 18
    let share = isSmall ? max(1, columns.count) : 8
    Parallel.forEach(
      count: (columns.count + share - 1) / share, threads: isSmall ? 1 : threads
    ) { index in
      let first = columns.lowerBound + index * share
      // Safety: columns are disjoint runs of m numbers inside the window; `v` is only read, and
      // `columns` does not hold the column it stands in.
      let v = unsafe source.start + row * m + row
      for column in first..<min(columns.upperBound, first + share) {
        let target = unsafe window.start + column * m + row
        let inner = unsafe DoubleRuns.dot(v, target, length)
        unsafe DoubleRuns.add(-factor * inner, v, to: target, length)
      }
    }
  }
}
