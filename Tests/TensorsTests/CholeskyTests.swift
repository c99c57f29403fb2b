// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

@Suite struct CholeskyTests {
  private static let random = CounterRandom(seed: 4, stream: "cholesky")

  /// XᵀX of 2n + 3 random rows, in double precision.
  private func gram(_ n: Int) -> [Double] {
    let inputs = Matrix(
      rows: 2 * n + 3, columns: n,
      values: (0..<((2 * n + 3) * n)).map { Float(Self.random.normal(at: $0)) })
    return DoubleMatrix.product(inputs, inputs, transposingFirst: true).values
  }

  private func rows(_ count: Int, _ n: Int) -> [Double] {
    (0..<(count * n)).map { Self.random.normal(at: 1_000_000 + $0) }
  }

  /// x·A for a row-major A.
  private func multiply(_ rows: [Double], _ a: [Double], _ n: Int) -> [Double] {
    var result = [Double](repeating: 0, count: rows.count)
    for i in 0..<(n == 0 ? 0 : rows.count / n) {
      for k in 0..<n { for j in 0..<n { result[i * n + j] += rows[i * n + k] * a[k * n + j] } }
    }
    return result
  }

  /// Sizes around the tiles and blocks: three rows, four columns, 96, 256 terms.
  @Test(arguments: [0, 1, 2, 3, 4, 5, 7, 95, 96, 97, 191, 193, 300])
  func `solutions multiplied by the matrix are the right sides`(n: Int) throws {
    let a = gram(n)
    let factors = try Cholesky(size: n, elements: a)
    for count in [1, 2, 3, 4, 100] {
      let wanted = rows(count, n)
      var solved = multiply(wanted, a, n)
      factors.solve(&solved)
      for (x, y) in zip(solved, wanted) { #expect(abs(x - y) < 1e-9, "\(count) rows") }
    }
  }

  @Test func `a matrix of three columns is factored as by hand`() throws {
    // L = (2) (1 3) (−1 2 1)
    let factors = try Cholesky(size: 3, elements: [4, 0, 0, 2, 10, 0, -2, 5, 6])
    var identity: [Double] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    factors.solve(&identity)
    let product = multiply(identity, [4, 2, -2, 2, 10, 5, -2, 5, 6], 3)
    for (i, x) in product.enumerated() { #expect(abs(x - (i % 4 == 0 ? 1 : 0)) < 1e-14) }
  }

  @Test func `the bytes do not depend on the number of threads`() throws {
    let n = 300
    let a = gram(n)
    var expected: [Double] = []
    for threads in [1, 2, 5] {
      var solved = rows(211, n)
      try Cholesky(size: n, elements: a, threads: threads).solve(&solved, threads: threads)
      if expected.isEmpty { expected = solved }
      #expect(solved == expected, "\(threads) threads")
    }
  }

  @Test func `a matrix that is not positive definite is an error that names the column`() {
    #expect(throws: LinearAlgebraError.notPositiveDefinite(size: 2, column: 1)) {
      try Cholesky(size: 2, elements: [1, 2, 2, 1])
    }
    #expect(throws: LinearAlgebraError.notPositiveDefinite(size: 2, column: 0)) {
      try Cholesky(size: 2, elements: [.nan, 0, 0, 1])
    }
    // A pivot that is only rounding.
    #expect(throws: LinearAlgebraError.notPositiveDefinite(size: 2, column: 1)) {
      try Cholesky(size: 2, elements: [1, 1, 1, 1 + 0x1p-52])
    }
  }

  @Test func `what needs no ridge gets none`() throws {
    let a = gram(97)
    let (factors, ridge) = try Cholesky.regularized(size: 97, elements: a)
    #expect(ridge == 0)
    var one = rows(5, 97)
    var other = one
    factors.solve(&one)
    try Cholesky(size: 97, elements: a).solve(&other)
    #expect(one == other)
  }

  @Test func `a singular matrix gets the smallest ridge that helps`() throws {
    // One direction only, over more columns than a block.
    let n = 130
    let vector = rows(1, n)
    let a = (0..<(n * n)).map { vector[$0 / n] * vector[$0 % n] }
    let (factors, ridge) = try Cholesky.regularized(size: n, elements: a)
    #expect(ridge == 1e-7)
    // A right side that the matrix can give is nearly solved.
    let wanted = multiply(vector, a, n)
    var solved = wanted
    factors.solve(&solved)
    let scale = wanted.map { abs($0) }.max() ?? 1
    for (x, y) in zip(multiply(solved, a, n), wanted) { #expect(abs(x - y) < 1e-5 * scale) }
  }

  @Test func `columns of zeros take part in nothing`() throws {
    let (factors, ridge) = try Cholesky.regularized(
      size: 3, elements: [4, 0, 2, 0, 0, 0, 2, 0, 5])
    #expect(ridge == 0)
    var solved: [Double] = [8, 0, 9]
    factors.solve(&solved)
    for (x, y) in zip(solved, [11.0 / 8, 0, 5.0 / 4]) { #expect(abs(x - y) < 1e-14) }
  }

  @Test func `no ridge helps a negative diagonal or NaN`() {
    for elements in [[-1, 0, 0, 1], [1, .nan, .nan, 1], [.infinity, 0, 0, 1]] {
      #expect(throws: LinearAlgebraError.self) {
        try Cholesky.regularized(size: 2, elements: elements)
      }
    }
  }

  @Test func `running sums are exact where floats are not`() {
    let sums = RunningSums(count: 3)
    for values: [Float] in [[1e8, 1, 0x1p-70], [1, 2, 0x1p-70]] {
      values.withChunk { sums.addSquares($0) }
    }
    #expect(sums.arrayCount == 2)
    #expect(sums.scaled(by: 0.5) == [Float((1e16 + 1) / 2), 2.5, 0x1p-140])
    let long = RunningSums(count: 300_001)
    let values = (0..<300_001).map { Float($0) }
    for threads in [1, 4] { values.withChunk { long.add($0, threads: threads) } }
    #expect(long.scaled(by: 0.5) == values)
    [Float]().withChunk { RunningSums(count: 0).add($0) }
  }
}
