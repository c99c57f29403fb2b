// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

/// Products of doubles, and what is made of Gram matrices.
@Suite struct LinearAlgebraFactorsTests {
  private func double(_ a: Matrix) -> DoubleMatrix {
    DoubleMatrix(rows: a.rows, columns: a.columns, values: a.values.map(Double.init))
  }

  private func distance(_ a: DoubleMatrix, _ b: DoubleMatrix) -> Double {
    guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
    return zip(a.values, b.values).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
  }

  private static let extents = [
    (1, 1, 1), (5, 7, 3), (6, 256, 8), (7, 257, 9), (193, 40, 257), (0, 3, 2), (2, 0, 3), (3, 2, 0),
  ]

  @Test(arguments: extents)
  func `products in doubles equal the definition, whatever the factors are`(
    m: Int, k: Int, n: Int
  ) {
    let (a, b) = (TestMatrix.random(m, k), TestMatrix.random(k, n, seed: 2))
    var expected = DoubleMatrix(rows: m, columns: n)
    for i in 0..<m {
      for j in 0..<n {
        for l in 0..<k { expected[i, j] += Double(a[i, l]) * Double(b[l, j]) }
      }
    }
    let (x, y) = (double(a), double(b))
    let (at, bt, xt, yt) = (
      a.transposed(), b.transposed(), double(a.transposed()), double(b.transposed())
    )
    let products: [DoubleMatrix] = [
      .product(a, b), .product(x, y), .product(a, y), .product(x, b),
      .product(at, bt, transposingFirst: true, transposingSecond: true),
      .product(xt, yt, transposingFirst: true, transposingSecond: true),
      .product(xt, b, transposingFirst: true), .product(a, yt, transposingSecond: true),
    ]
    for product in products { #expect(distance(product, expected) < 1e-13) }
    let rounded = Matrix(rounding: expected)
    for product in [Matrix.product(a, y), Matrix.product(x, b)] {
      #expect(TestMatrix.distance(product, rounded) <= 1e-7 * Float(max(1, k)).squareRoot())
    }
  }

  @Test func `Gram matrices are symmetric to the bit, and the product`() {
    for (m, n) in TestMatrix.shapes + [(300, 270), (40, 500)] {
      let a = TestMatrix.random(m, n)
      for ofRows in [false, true] {
        let gram = a.gram(ofRows: ofRows)
        let product: DoubleMatrix = .product(
          a, a, transposingFirst: !ofRows, transposingSecond: ofRows)
        #expect(gram == product, "\(m) × \(n)")
        for i in 0..<gram.rows {
          for j in 0..<i { #expect(gram[i, j] == gram[j, i]) }
        }
        #expect(a.gram(ofRows: ofRows, threads: 3) == gram)
      }
      #expect(double(a).gramOfRows() == a.gram(ofRows: true))
    }
  }

  /// Sizes around a panel of the reduction and a strip of the vectors.
  @Test(arguments: [2, 3, 15, 16, 17, 33, 34, 35, 64, 66, 67, 130, 300])
  func `eigenvectors of every size are orthonormal and give the matrix back`(n: Int) throws {
    let gram = TestMatrix.random(n, max(1, n - 1)).gram(ofRows: true)
    let eigen = try SymmetricEigen(gram)
    let vectors = DoubleMatrix(rows: n, columns: n, values: eigen.vectors)
    var identity = DoubleMatrix(rows: n, columns: n)
    for i in 0..<n { identity[i, i] = 1 }
    #expect(distance(vectors.gramOfRows(), identity) < 1e-12)
    var scaled = vectors
    scaled.scaleRows(by: eigen.values)
    let back = DoubleMatrix.product(scaled, vectors, transposingFirst: true)
    #expect(distance(back, gram) < 1e-13 * Double(n) * eigen.values[0])
    #expect(zip(eigen.values, eigen.values.dropFirst()).allSatisfy { $0 >= $1 })
    let bare = try SymmetricEigen(gram, wantsVectors: false)
    #expect(bare.values == eigen.values)
  }

  @Test func `eigenvalues that are all noise but for a few are found in time`() throws {
    // What is left of a matrix in floats without all but a tenth of its directions.
    for n in [120, 400] {
      let a = TestMatrix.random(n, n)
      let most = try GramFactors(a).directions(of: a, count: n - n / 10)
      let rest = most.removingLeft(from: TestMatrix.random(n, n, seed: 2))
      let factors = try GramFactors(rest)
      #expect(factors.rank == n / 10)
      let energy = factors.values.reduce(0) { $0 + $1 * $1 }
      #expect((energy / rest.squaredNorm() - 1).magnitude < 1e-9)
    }
  }

  @Test func `eigenvalues have the same bytes where threads share a column`() throws {
    let n = 1560  // Above the size from which threads work on one column.
    let random = CounterRandom(seed: 3, stream: "eigenvalues")
    let elements = (0..<(n * n)).map { Double(random.uniform(at: $0)) }
    let one = try SymmetricEigen(size: n, elements: elements, wantsVectors: false, threads: 1)
    let three = try SymmetricEigen(size: n, elements: elements, wantsVectors: false, threads: 3)
    #expect(one.values == three.values)
    let trace = (0..<n).reduce(0.0) { $0 + elements[$1 * n + $1] }
    #expect((one.values.reduce(0, +) - trace).magnitude < 1e-9)
  }

  // MARK: Functions of the singular values

  @Test func `values and rank come from the Gram matrix of the shorter side`() throws {
    let wanted: [Float] = [5, 3, 2, 0.5]
    for (m, n) in [(9, 4), (4, 9), (20, 30), (130, 60)] {
      let a = try TestMatrix.withValues(wanted, rows: m, columns: n)
      let factors = try GramFactors(a)
      #expect(factors.rank == 4 && factors.isTall == (m >= n))
      for (value, expected) in zip(factors.values, wanted) {
        #expect((value - Double(expected)).magnitude < 2e-6)
      }
    }
    #expect(try GramFactors(Matrix(rows: 4, columns: 3)).rank == 0)
    #expect(try GramFactors(Matrix(rows: 0, columns: 3)).rank == 0)
    let a = try TestMatrix.withValues(wanted, rows: 9, columns: 7)
    #expect(try GramFactors(a, floor: 2.5).rank == 2)
  }

  @Test func `a flattened matrix has equal values in the directions it had`() throws {
    for (m, n) in [(9, 5), (5, 9), (12, 12)] {
      let a = try TestMatrix.withValues([4, 2, 0.01], rows: m, columns: n)
      let flat = try GramFactors(a).flattened(a, to: 3)
      let values = try SingularValueDecomposition.jacobi(flat).values
      for value in values.prefix(3) { #expect((value - 3).magnitude < 1e-4) }
      for value in values.dropFirst(3) { #expect(value < 1e-4) }
      let svd = try SingularValueDecomposition.jacobi(a).prefix(3)
      var polar = Matrix.product(svd.u, svd.vt)
      for i in polar.values.indices { polar.values[i] *= 3 }
      #expect(TestMatrix.distance(flat, polar) < 1e-4)
    }
  }

  @Test func `directions of one matrix make it again`() throws {
    for (m, n) in [(9, 5), (5, 9), (12, 12), (1, 6), (6, 1)] {
      let a = TestMatrix.random(m, n)
      let all = try GramFactors(a).directions(of: a, count: 100)
      #expect(all.count == min(m, n))
      #expect(TestMatrix.distance(try all.orthogonalized(values: all.values), a) < 1e-6)
      let rest = all.removingLeft(from: a)
      #expect(rest.values.allSatisfy { $0.magnitude < 1e-6 })
      let two = try GramFactors(a).directions(of: a, count: 2)
      let cut = try SingularValueDecomposition.jacobi(a).prefix(2).product()
      #expect(TestMatrix.distance(try two.orthogonalized(values: two.values), cut) < 1e-6)
      let left = two.removingLeft(from: cut)
      #expect(left.values.allSatisfy { $0.magnitude < 1e-6 })
    }
    let none = SingularDirections(rows: 3, columns: 2)
    #expect(try none.orthogonalized(values: []) == Matrix(rows: 3, columns: 2))
    let a = TestMatrix.random(3, 2)
    #expect(none.removingLeft(from: a) == a)
  }

  @Test func `vectors that depend on each other share their direction`() throws {
    for (m, n) in [(9, 5), (5, 9)] {
      let a = try TestMatrix.withValues([4, 2], rows: m, columns: n)
      var twice = try GramFactors(a).directions(of: a, count: 2)
      twice.append(twice)
      #expect(twice.count == 4)
      #expect(TestMatrix.distance(try twice.orthogonalized(values: twice.values), a) < 1e-6)
    }
  }

  @Test func `a zero matrix has no mean to add to its diagonal`() {
    let zero = DoubleMatrix(rows: 2, columns: 2)
    var matrix = zero
    let isAdded = matrix.addToDiagonal(1, perMeanOf: 2)
    #expect(!isAdded && matrix == zero)
  }

  @Test func `the exponential is the C library's`() {
    #expect(Elementary.exp(0) == 1 && Elementary.exp(-.infinity) == 0)
    #expect((Elementary.exp(1) - 2.718281828459045).magnitude < 1e-15)
  }
}
