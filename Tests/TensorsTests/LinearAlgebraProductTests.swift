// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

/// Matrices for the tests of linear algebra.
enum TestMatrix {
  /// Uniform elements in [−1, 1).
  static func random(_ rows: Int, _ columns: Int, seed: UInt64 = 1) -> Matrix {
    let random = CounterRandom(seed: seed, stream: "\(rows) x \(columns)")
    return Matrix(
      rows: rows, columns: columns,
      values: (0..<(rows * columns)).map { 2 * random.uniform(at: $0) - 1 })
  }

  /// U·diag(values)·Vᵀ of random orthonormal U and V.
  static func withValues(
    _ values: [Float], rows: Int, columns: Int, seed: UInt64 = 1
  ) throws -> Matrix {
    var u = try QRDecomposition(random(rows, values.count, seed: seed)).q
    let v = try QRDecomposition(random(columns, values.count, seed: seed + 1)).q
    for i in 0..<rows {
      for j in values.indices { u[i, j] *= values[j] }
    }
    return Matrix.product(u, v, transposingSecond: true, accumulation: .double)
  }

  /// The largest |aᵢⱼ − bᵢⱼ|; infinite for different shapes.
  static func distance(_ a: Matrix, _ b: Matrix) -> Float {
    guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
    return zip(a.values, b.values).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
  }

  /// How far the columns are from orthonormal.
  static func columnDefect(_ a: Matrix) -> Float {
    distance(
      Matrix.product(a, a, transposingFirst: true, accumulation: .double), .identity(a.columns))
  }

  /// How far the rows are from orthonormal.
  static func rowDefect(_ a: Matrix) -> Float { columnDefect(a.transposed()) }

  /// Extents around the edges of tiles and blocks, and degenerate ones.
  static let shapes: [(Int, Int)] = [
    (0, 0), (0, 3), (3, 0), (1, 1), (1, 9), (9, 1), (5, 5), (6, 16), (7, 17), (40, 13), (13, 40),
    (97, 97),
  ]
}

@Suite struct LinearAlgebraProductTests {
  @Test func `products equal the definition at every edge of a block`() {
    for (m, k, n) in [
      (0, 3, 2), (2, 0, 3), (3, 2, 0), (1, 1, 1), (1, 300, 1), (5, 7, 15), (6, 256, 16),
      (7, 257, 17), (193, 3, 257), (13, 513, 31),
    ] {
      let (a, b) = (TestMatrix.random(m, k), TestMatrix.random(k, n, seed: 2))
      var expected = Matrix(rows: m, columns: n)
      for i in 0..<m {
        for j in 0..<n {
          expected[i, j] = Float((0..<k).reduce(0.0) { $0 + Double(a[i, $1]) * Double(b[$1, j]) })
        }
      }
      let (at, bt) = (a.transposed(), b.transposed())
      for accumulation in [Matrix.Accumulation.single, .double] {
        // Double: one rounding of a sum below k; single: some more.
        let tolerance = Float(max(1, k)) * (accumulation == .single ? 1e-7 : 6e-8)
        for (first, second, flips) in [
          (a, b, (false, false)), (at, b, (true, false)), (a, bt, (false, true)),
          (at, bt, (true, true)),
        ] {
          let product = Matrix.product(
            first, second, transposingFirst: flips.0, transposingSecond: flips.1,
            accumulation: accumulation)
          #expect(TestMatrix.distance(product, expected) <= tolerance, "\(m) \(k) \(n) \(flips)")
        }
      }
    }
  }

  @Test func `a product's bytes depend neither on threads nor on what stands beside them`() {
    let (a, b) = (TestMatrix.random(400, 300), TestMatrix.random(300, 530, seed: 2))
    let one = Matrix.product(a, b, threads: 1)
    for threads in [2, 3, 7] { #expect(Matrix.product(a, b, threads: threads) == one) }
    // A part of the rows gives the same rows, though it is cut into other blocks.
    let part = Matrix.product(a.prefix(rows: 7), b)
    #expect(part == one.prefix(rows: 7))
    let precise = Matrix.product(a, b, accumulation: .double, threads: 1)
    #expect(Matrix.product(a, b, accumulation: .double, threads: 5) == precise)
  }

  @Test func `sums in doubles survive cancellation that floats do not`() {
    let a = Matrix(rows: 1, columns: 3, values: [1e8, 1, -1e8])
    let ones = Matrix(rows: 3, columns: 1, values: [1, 1, 1])
    #expect(Matrix.product(a, ones, accumulation: .double).values == [1])
    #expect(Matrix.product(a, ones).values == [0])
  }

  @Test func `NaN and infinity spread as in the definition`() {
    let a = Matrix(rows: 2, columns: 2, values: [.nan, 1, 2, 3])
    let product = Matrix.product(a, .identity(2))
    #expect(product[0, 0].isNaN && product[0, 1].isNaN)
    #expect(Array(product.values[2...]) == [2, 3])
    #expect(!a.isFinite && !Matrix(rows: 1, columns: 1, values: [.infinity]).isFinite)
  }

  @Test func `transposing twice gives the matrix back`() {
    for (m, n) in TestMatrix.shapes {
      let a = TestMatrix.random(m, n)
      #expect(a.transposed().transposed() == a)
      for i in 0..<m { for j in 0..<n { #expect(a.transposed()[j, i] == a[i, j]) } }
    }
  }

  @Test func `the squared norm is exact where doubles are`() {
    let a = Matrix(rows: 2, columns: 2, values: [3, -4, 12, 0])
    #expect(a.squaredNorm() == 169)
    #expect(Matrix(rows: 0, columns: 4).squaredNorm() == 0)
    let large = TestMatrix.random(300, 100)
    #expect(large.squaredNorm(threads: 1) == large.squaredNorm(threads: 4))
  }

  @Test func `a thin product added to any run is that of the whole`() {
    for (m, r, n) in [(1, 1, 1), (9, 3, 5), (7, 2, 16), (6, 4, 17), (11, 1, 40), (3, 0, 4)] {
      let (left, right) = (TestMatrix.random(m, r), TestMatrix.random(r, n, seed: 2))
      let product = Matrix.product(left, right, accumulation: .double)
      var whole = [Float](repeating: 1, count: m * n)
      whole.withMutableChunk { chunk in
        LowRank.add(
          left: left.values, firstRow: 0, right: right, scale: 0.5, start: 0, to: chunk)
      }
      for i in whole.indices {
        #expect((whole[i] - 1 - 0.5 * product.values[i]).magnitude < 1e-6)
      }
      for start in stride(from: 0, to: m * n, by: 3) {
        let end = min(m * n, start + 2 * n + 1)
        let first = start / n
        let last = (end - 1) / n
        var part = [Float](repeating: 1, count: end - start)
        part.withMutableChunk { chunk in
          LowRank.add(
            left: Array(left.values[(first * r)..<((last + 1) * r)]), firstRow: first,
            right: right, scale: 0.5, start: start, to: chunk)
        }
        #expect(part == Array(whole[start..<end]), "\(m) \(r) \(n) from \(start)")
      }
    }
  }
}
