// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A = L·Lᵀ of a symmetric positive definite matrix, with L lower triangular, in double precision.
///
/// Made for the normal equations of merging: thousands of columns, and thousands of right-hand sides
/// that are the rows of a weight. Goals in order: (1) the same bytes for every number of threads,
/// (2) the backward stability of Cholesky, (3) speed by blocks: all the work of third order is
/// inner products of runs of rows, three by four at a time, so nothing is packed or transposed but
/// the factor, once.
///
/// A column's pivot must stand out from the rounding of its own diagonal element, or the matrix
/// counts as not positive definite; scaling rows and columns alike therefore changes nothing.
///
/// Cost for n columns and r right-hand sides: n³/6 + r·n² multiply-adds; memory 8·n² bytes, those
/// of the matrix itself.
package struct Cholesky: Sendable {
  /// n
  package let size: Int
  /// Row after row: L below and on the diagonal, Lᵀ above it.
  private var factor: [Double]

  /// Columns of a block, and rows that one thread takes at a time.
  private static let blockLength = 96

  /// Factors `elements`, n × n, row after row, of which only what is on and below the diagonal is
  /// read.
  ///
  /// - Throws: ``LinearAlgebraError/notPositiveDefinite(size:column:)`` with the first column whose
  ///   pivot is lost, which is also what NaN leads to.
  package init(
    size: Int, elements: consuming [Double], threads: Int? = nil
  ) throws(LinearAlgebraError) {
    precondition(elements.count == size * size, "\(elements.count) numbers for \(size)² elements")
    var lower = elements
    if size > 0, let lost = lower.withWindow({ Self.decompose($0, size: size, threads: threads) }) {
      throw .notPositiveDefinite(size: size, column: lost)
    }
    self.init(size: size, lower: lower, threads: threads)
  }

  /// Factors a symmetric matrix that should be positive definite up to rounding, as sums of XᵀX are.
  ///
  /// A column whose diagonal element is 0 gets 1 there: in a positive semidefinite matrix all else
  /// in it is 0 too, so the other columns are not touched. If a pivot is lost, the diagonal is
  /// multiplied by 1 + ridge, the ridge being 10⁻⁷ at first (the rounding of elements that were
  /// floats) and ten times more at each further trial.
  /// - Parameter elements: n × n, all of them, symmetric.
  /// - Returns: the factors, and the ridge; 0 where none was needed.
  /// - Throws: ``LinearAlgebraError/notPositiveDefinite(size:column:)`` where even a ridge of 1 does
  ///   not help: a negative diagonal, or NaN.
  package static func regularized(
    size: Int, elements: consuming [Double], threads: Int? = nil
  ) throws(LinearAlgebraError) -> (factors: Cholesky, ridge: Double) {
    var elements = elements
    var diagonal = (0..<size).map { elements[$0 * size + $0] }
    for i in 0..<size where diagonal[i] == 0 {
      diagonal[i] = 1
      elements[i * size + i] = 1
    }
    var ridge = 0.0
    while true {
      guard size > 0,
        let lost = elements.withWindow({ decompose($0, size: size, threads: threads) })
      else { return (Cholesky(size: size, lower: elements, threads: threads), ridge) }
      ridge = ridge == 0 ? 1e-7 : 10 * ridge
      if ridge > 1 { throw .notPositiveDefinite(size: size, column: lost) }
      // What is above the diagonal is as it was.
      elements.withWindow { window in
        mirror(window, size: size, threads: threads, upward: false)
        for i in 0..<size { unsafe window.start[i * size + i] = diagonal[i] * (1 + ridge) }
      }
    }
  }

  private init(size: Int, lower: consuming [Double], threads: Int?) {
    self.size = size
    factor = lower
    if size > 0 { factor.withWindow { Self.mirror($0, size: size, threads: threads) } }
  }

  /// Replaces each row b of `rows`, n numbers each, by the x with x·A = b.
  package func solve(_ rows: inout [Double], threads: Int? = nil) {
    guard size > 0, !rows.isEmpty else { return }
    precondition(rows.count.isMultiple(of: size), "rows of \(size) numbers")
    let (n, count) = (size, rows.count / size)
    let share = min(Self.blockLength, max(3, (count + 63) / 64))
    rows.withWindow { rows in
      let factor = factor
      Parallel.forEach(count: (count + share - 1) / share, threads: threads) { index in
        let part = (index * share)..<min(count, (index + 1) * share)
        // Safety: `part` is inside the rows and no other index's; the factor is n × n and only read.
        unsafe factor.withUnsafeBufferPointer { buffer in
          guard let start = buffer.baseAddress else { return }
          unsafe Self.substitute(rows.start, part, factor: start, size: n)
        }
      }
    }
  }
}

// MARK: Factoring

extension Cholesky {
  /// Left-looking, a block of columns at a time: the diagonal block first, then the rows below it.
  /// Returns the column whose pivot is lost.
  private static func decompose(_ window: DoubleWindow, size n: Int, threads: Int?) -> Int? {
    for left in stride(from: 0, to: n, by: blockLength) {
      let right = min(n, left + blockLength)
      // Safety, here and below: rows and columns are below n, the window holds n² numbers.
      let lost = unsafe factorDiagonal(window.start, left..<right, size: n)
      if let lost { return lost }
      let below = n - right
      let share = min(blockLength, max(12, (below + 63) / 64))
      Parallel.forEach(
        count: (below + share - 1) / share, threads: below * right < 1 << 14 ? 1 : threads
      ) { index in
        let rows = (right + index * share)..<min(n, right + (index + 1) * share)
        unsafe forward(window.start, rows, columns: left..<right, factor: window.start, size: n)
      }
    }
    return nil
  }

  @unsafe private static func factorDiagonal(
    _ a: UnsafeMutablePointer<Double>, _ block: Range<Int>, size n: Int
  ) -> Int? {
    for j in block {
      let row = unsafe a + j * n
      let diagonal = unsafe row[j]
      for k in block.lowerBound..<j {
        let other = unsafe a + k * n
        let inner = unsafe DoubleRuns.dot(row, other, k)
        unsafe row[k] = (row[k] - inner) / other[k]
      }
      let pivot = diagonal - (unsafe DoubleRuns.dot(row, row, j))
      // Written so that NaN is lost too.
      guard pivot > Double(n) * 0x1p-52 * diagonal, pivot.isFinite else { return j }
      unsafe row[j] = pivot.squareRoot()
    }
    return nil
  }

  /// y·Lᵀ = b for some columns of some rows, whose earlier columns are solved already.
  @unsafe private static func forward(
    _ target: UnsafeMutablePointer<Double>, _ rows: Range<Int>, columns: Range<Int>,
    factor: UnsafePointer<Double>, size n: Int
  ) {
    unsafe subtractProducts(
      target, rows, columns: columns, factor: factor, terms: 0..<columns.lowerBound, size: n)
    let left = columns.lowerBound
    for i in rows {
      let row = unsafe target + i * n
      for j in columns {
        let inner = unsafe DoubleRuns.dot(row + left, factor + j * n + left, j - left)
        unsafe row[j] = (row[j] - inner) / factor[j * n + j]
      }
    }
  }

  /// Copies what is below the diagonal above it, or the reverse.
  private static func mirror(
    _ window: DoubleWindow, size n: Int, threads: Int?, upward: Bool = true
  ) {
    let bands = (n + blockLength - 1) / blockLength
    Parallel.forEach(count: bands, threads: n < 512 ? 1 : threads) { band in
      let columns = (band * blockLength)..<min(n, (band + 1) * blockLength)
      for top in stride(from: columns.lowerBound, to: n, by: 32) {
        for i in top..<min(n, top + 32) {
          for j in columns.lowerBound..<min(i, columns.upperBound) {
            // Safety: i and j are below n; the elements written are those of this band's columns
            // below the diagonal, or of its rows above it, which are no other band's.
            let (below, above) = (i * n + j, j * n + i)
            unsafe window.start[upward ? above : below] = window.start[upward ? below : above]
          }
        }
      }
    }
  }
}

// MARK: Solving

extension Cholesky {
  /// Both substitutions for some rows.
  @unsafe private static func substitute(
    _ target: UnsafeMutablePointer<Double>, _ rows: Range<Int>, factor: UnsafePointer<Double>,
    size n: Int
  ) {
    for left in stride(from: 0, to: n, by: blockLength) {
      unsafe forward(
        target, rows, columns: left..<min(n, left + blockLength), factor: factor, size: n)
    }
    for left in stride(from: 0, to: n, by: blockLength).reversed() {
      let columns = left..<min(n, left + blockLength)
      // x·L = y: the column j of L is the row j above the diagonal.
      unsafe subtractProducts(
        target, rows, columns: columns, factor: factor, terms: columns.upperBound..<n, size: n)
      for i in rows {
        let row = unsafe target + i * n
        for j in columns.reversed() {
          let length = columns.upperBound - j - 1
          let inner = unsafe DoubleRuns.dot(row + j + 1, factor + j * n + j + 1, length)
          unsafe row[j] = (row[j] - inner) / factor[j * n + j]
        }
      }
    }
  }

  /// target[i, j] ← target[i, j] − Σ target[i, k] · factor[j, k] over `terms`, which hold no column.
  ///
  /// An element's sum runs over pieces of 256 terms in order, each in four lanes, whatever tile the
  /// element is in.
  @unsafe private static func subtractProducts(
    _ target: UnsafeMutablePointer<Double>, _ rows: Range<Int>, columns: Range<Int>,
    factor: UnsafePointer<Double>, terms: Range<Int>, size n: Int
  ) {
    let depth = 256
    for first in stride(from: terms.lowerBound, to: terms.upperBound, by: depth) {
      let count = min(depth, terms.upperBound - first)
      for j in stride(from: columns.lowerBound, to: columns.upperBound, by: 4) {
        let wide = min(4, columns.upperBound - j)
        for i in stride(from: rows.lowerBound, to: rows.upperBound, by: 3) {
          let tall = min(3, rows.upperBound - i)
          // Rows and columns that a border lacks are replaced by its last, and not written.
          func left(_ row: Int) -> Run { unsafe Run(target) + min(row, i + tall - 1) * n + first }
          func right(_ row: Int) -> Run { unsafe factor + min(row, j + wide - 1) * n + first }
          let sums = unsafe tile(
            (left(i), left(i + 1), left(i + 2)),
            (right(j), right(j + 1), right(j + 2), right(j + 3)), count)
          for c in 0..<wide {
            unsafe target[i * n + j + c] -= sums.0[c]
            if tall > 1 { unsafe target[(i + 1) * n + j + c] -= sums.1[c] }
            if tall > 2 { unsafe target[(i + 2) * n + j + c] -= sums.2[c] }
          }
        }
      }
    }
  }

  private typealias Run = UnsafePointer<Double>
  private typealias Vector = SIMD4<Double>

  /// The inner products of three runs with four, each run of `count` numbers.
  @inline(__always) @unsafe private static func tile(
    _ a: (Run, Run, Run), _ b: (Run, Run, Run, Run), _ count: Int
  ) -> (Vector, Vector, Vector) {
    var (c00, c01, c02, c03) = (Vector(), Vector(), Vector(), Vector())
    var (c10, c11, c12, c13) = (Vector(), Vector(), Vector(), Vector())
    var (c20, c21, c22, c23) = (Vector(), Vector(), Vector(), Vector())
    let whole = count & ~3
    var k = 0
    while k < whole {
      let (x, y, z) = unsafe (load(a.0, k), load(a.1, k), load(a.2, k))
      let p = unsafe load(b.0, k)
      c00.addProduct(x, p)
      c10.addProduct(y, p)
      c20.addProduct(z, p)
      let q = unsafe load(b.1, k)
      c01.addProduct(x, q)
      c11.addProduct(y, q)
      c21.addProduct(z, q)
      let r = unsafe load(b.2, k)
      c02.addProduct(x, r)
      c12.addProduct(y, r)
      c22.addProduct(z, r)
      let s = unsafe load(b.3, k)
      c03.addProduct(x, s)
      c13.addProduct(y, s)
      c23.addProduct(z, s)
      k &+= 4
    }
    var first = Vector(c00.sum(), c01.sum(), c02.sum(), c03.sum())
    var second = Vector(c10.sum(), c11.sum(), c12.sum(), c13.sum())
    var third = Vector(c20.sum(), c21.sum(), c22.sum(), c23.sum())
    while k < count {
      let column = unsafe Vector(b.0[k], b.1[k], b.2[k], b.3[k])
      first += (unsafe a.0[k]) * column
      second += (unsafe a.1[k]) * column
      third += (unsafe a.2[k]) * column
      k &+= 1
    }
    return (first, second, third)
  }

  @inline(__always) @unsafe private static func load(_ run: Run, _ i: Int) -> Vector {
    unsafe UnsafeRawPointer(run + i).loadUnaligned(as: Vector.self)
  }
}
