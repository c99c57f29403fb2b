// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

@Suite struct LinearAlgebraDecompositionTests {
  @Test func `QR is orthonormal, triangular and gives the matrix back`() throws {
    for (m, n) in TestMatrix.shapes {
      let a = TestMatrix.random(m, n)
      let qr = try QRDecomposition(a)
      #expect(TestMatrix.columnDefect(qr.q) < 1e-6, "\(m) × \(n)")
      #expect(TestMatrix.distance(Matrix.product(qr.q, qr.r), a) < 2e-6, "\(m) × \(n)")
      for i in 0..<qr.r.rows {
        for j in 0..<min(i, n) { #expect(qr.r[i, j] == 0) }
        #expect(qr.r[i, i] >= 0)
      }
    }
  }

  @Test func `QR of dependent columns still has an orthonormal basis`() throws {
    var a = TestMatrix.random(30, 6)
    for i in 0..<30 {
      a[i, 2] = a[i, 0]
      a[i, 4] = 0
    }
    let qr = try QRDecomposition(a)
    #expect(TestMatrix.columnDefect(qr.q) < 1e-6)
    #expect(TestMatrix.distance(Matrix.product(qr.q, qr.r), a) < 1e-6)
    #expect(TestMatrix.columnDefect(try QRDecomposition(Matrix(rows: 5, columns: 3)).q) == 0)
  }

  @Test func `the eigenvalues of a constructed matrix come back, largest first`() throws {
    for n in [1, 2, 3, 10, 60] {
      let wanted = (0..<n).map { Double($0 * $0) - 7 }
      let q = try QRDecomposition(TestMatrix.random(n, n)).q
      var elements = [Double](repeating: 0, count: n * n)
      for i in 0..<n {
        for j in 0..<n {
          for l in 0..<n { elements[i * n + j] += Double(q[i, l]) * wanted[l] * Double(q[j, l]) }
        }
      }
      let eigen = try SymmetricEigen(size: n, elements: elements)
      let scale = Double(n * n)
      for (found, value) in zip(eigen.values, wanted.reversed()) {
        #expect((found - value).magnitude < 1e-6 * scale)  // Q itself is rounded to floats.
      }
      for i in 0..<n {
        let v = eigen.vector(i)
        for row in 0..<n {
          let product = (0..<n).reduce(0.0) { $0 + elements[row * n + $1] * v[$1] }
          #expect((product - eigen.values[i] * v[row]).magnitude < 1e-12 * scale)
        }
        for j in 0...i {
          let inner = zip(v, eigen.vector(j)).reduce(0.0) { $0 + $1.0 * $1.1 }
          #expect((inner - (i == j ? 1 : 0)).magnitude < 1e-12)
        }
      }
      let bare = try SymmetricEigen(size: n, elements: elements, wantsVectors: false)
      #expect(bare.values == eigen.values)
    }
  }

  @Test func `eigenvalues of diagonal, zero, repeated and empty matrices`() throws {
    #expect(
      try SymmetricEigen(size: 3, elements: [2, 0, 0, 0, -1, 0, 0, 0, 5]).values == [5, 2, -1])
    #expect(try SymmetricEigen(size: 0, elements: []).values == [])
    #expect(
      try SymmetricEigen(size: 4, elements: .init(repeating: 0, count: 16)).values
        == [0, 0, 0, 0])
    let ones = try SymmetricEigen(size: 4, elements: .init(repeating: 1, count: 16))
    #expect((ones.values[0] - 4).magnitude < 1e-14)
    #expect(ones.values.dropFirst().allSatisfy { $0.magnitude < 1e-14 })
  }

  @Test func `eigenvectors have the same bytes for any thread count`() throws {
    let n = 600  // Above the size from which threads work.
    let a = TestMatrix.random(n, n)
    let elements = a.values.map(Double.init)
    let one = try SymmetricEigen(size: n, elements: elements, threads: 1)
    let three = try SymmetricEigen(size: n, elements: elements, threads: 3)
    #expect(one.values == three.values && one.vectors == three.vectors)
    let trace = (0..<n).reduce(0.0) { $0 + elements[$1 * n + $1] }
    #expect((one.values.reduce(0, +) - trace).magnitude < 1e-10)
  }

  @Test func `numbers that are not finite are refused by name`() throws {
    let bad = Matrix(rows: 2, columns: 3, values: [0, 1, .nan, 2, 3, 4])
    let expected = LinearAlgebraError.notFinite(rows: 2, columns: 3)
    #expect(throws: expected) { try QRDecomposition(bad) }
    #expect(throws: expected) { try SingularValueDecomposition.jacobi(bad) }
    #expect(throws: expected) { try SingularValueDecomposition.gram(bad) }
    #expect(throws: expected) { try SingularValueDecomposition.truncated(bad, rank: 1) }
    #expect(throws: expected) { try bad.orthogonalized() }
    #expect(throws: LinearAlgebraError.notFinite(rows: 1, columns: 1)) {
      try SymmetricEigen(size: 1, elements: [.infinity])
    }
    #expect("\(expected)" == "a matrix of 2 × 3 holds numbers that are not finite")
  }
}

@Suite struct LinearAlgebraSVDTests {
  enum Way: CaseIterable { case jacobi, gram, truncated }

  private func decompose(
    _ a: Matrix, _ way: Way, threads: Int? = nil
  ) throws -> SingularValueDecomposition {
    switch way {
    case .jacobi: try .jacobi(a)
    case .gram: try .gram(a, threads: threads)
    case .truncated: try .truncated(a, rank: min(a.rows, a.columns), threads: threads)
    }
  }

  @Test(arguments: Way.allCases)
  func `every shape is given back by orthonormal factors`(way: Way) throws {
    for (m, n) in TestMatrix.shapes {
      let a = TestMatrix.random(m, n)
      let svd = try decompose(a, way)
      #expect(svd.rank == min(m, n))
      #expect(TestMatrix.columnDefect(svd.u) < 2e-6, "\(m) × \(n)")
      #expect(TestMatrix.rowDefect(svd.vt) < 2e-6, "\(m) × \(n)")
      #expect(TestMatrix.distance(svd.product(), a) < 5e-6, "\(m) × \(n)")
      #expect(zip(svd.values, svd.values.dropFirst()).allSatisfy { $0 >= $1 && $1 >= 0 })
      #expect(svd.isConverged)
      #expect(svd.tailEnergy <= 3e-6 * svd.energy + 1e-30)
    }
  }

  @Test(arguments: Way.allCases)
  func `constructed singular values come back`(way: Way) throws {
    let wanted: [Float] = [100, 10, 9.5, 1, 0.1, 0.01]
    for (m, n) in [(50, 20), (20, 50), (6, 6)] {
      let svd = try decompose(
        TestMatrix.withValues(wanted, rows: m, columns: n), way)
      for (found, value) in zip(svd.values, wanted) {
        // The construction rounds to floats: 10⁻⁷ of the largest.
        #expect((found - Double(value)).magnitude < 3e-5, "\(m) × \(n)")
      }
      #expect(svd.values.dropFirst(wanted.count).allSatisfy { $0 < 3e-5 })
    }
  }

  @Test(arguments: Way.allCases)
  func `rank deficiency leaves the factors orthonormal`(way: Way) throws {
    for a in [
      try TestMatrix.withValues([3, 2], rows: 17, columns: 9),
      Matrix(rows: 4, columns: 7),
      Matrix(rows: 5, columns: 5, values: .init(repeating: 1, count: 25)),
    ] {
      let svd = try decompose(a, way)
      #expect(TestMatrix.columnDefect(svd.u) < 2e-6)
      #expect(TestMatrix.rowDefect(svd.vt) < 2e-6)
      #expect(TestMatrix.distance(svd.product(), a) < 3e-6)
    }
  }

  @Test func `the Jacobi method keeps tiny values that squaring loses`() throws {
    let a = Matrix(rows: 2, columns: 2, values: [1, 0, 0, 1e-12])
    #expect(try SingularValueDecomposition.jacobi(a).values == [1, Double(Float(1e-12))])
    #expect(try SingularValueDecomposition.gram(a).values == [1, 0])
  }

  @Test func `the largest values of a large matrix agree with the reference`() throws {
    // A spectrum that falls like 1/i, as those of fine-tuning do.
    let spectrum = (1...150).map { 1 / Float($0) }
    for (m, n) in [(220, 150), (150, 220)] {
      let a = try TestMatrix.withValues(spectrum, rows: m, columns: n)
      let reference = try SingularValueDecomposition.jacobi(a)
      let svd = try SingularValueDecomposition.truncated(a, rank: 12)
      #expect(svd.isConverged && svd.iterations < 20)
      #expect(svd.rank == 12 && svd.u.columns == 12 && svd.vt.rows == 12)
      for i in 0..<12 { #expect((svd.values[i] - reference.values[i]).magnitude < 2e-4) }
      let least = reference.prefix(12).tailEnergy
      #expect(svd.tailEnergy >= least * (1 - 1e-5))
      #expect(svd.tailEnergy <= least * (1 + 1e-3))
      // What is said of the tail is what is missing.
      var missing = a
      let kept = svd.product()
      for i in missing.values.indices { missing.values[i] -= kept.values[i] }
      #expect((missing.squaredNorm() / svd.tailEnergy - 1).magnitude < 1e-3)
      // The signs are fixed, so equal vectors are equal.
      for i in 0..<6 {
        let same = (0..<n).reduce(0.0) {
          $0 + Double(svd.vt[i, $1]) * Double(reference.vt[i, $1])
        }
        #expect(same > 0.999)
      }
    }
  }

  @Test func `a matrix of lower rank than asked for is caught whole in two steps`() throws {
    let a = try TestMatrix.withValues([5, 4, 3], rows: 200, columns: 180)
    let svd = try SingularValueDecomposition.truncated(a, rank: 8)
    #expect(svd.iterations <= 3 && svd.isConverged)
    #expect(svd.tailEnergy < 1e-5 * svd.energy)
    #expect(svd.values.dropFirst(3).allSatisfy { $0 < 1e-5 })
  }

  @Test func `an iteration that is cut short says so`() throws {
    let svd = try SingularValueDecomposition.truncated(
      TestMatrix.random(150, 150), rank: 10,
      options: TruncationOptions(oversampling: 0, tolerance: 0, iterationLimit: 2))
    #expect(!svd.isConverged && svd.iterations == 2)
    #expect(TestMatrix.columnDefect(svd.u) < 2e-6)
  }

  @Test func `the choice of a way follows size and rank`() throws {
    let a = TestMatrix.random(140, 130)
    #expect(try SingularValueDecomposition.of(a).rank == 130)
    #expect(try SingularValueDecomposition.of(a, rank: 0).rank == 0)
    #expect(try SingularValueDecomposition.of(a, rank: 500).rank == 130)
    let few = try SingularValueDecomposition.of(a, rank: 4)
    let all = try SingularValueDecomposition.of(a, rank: 100)
    #expect(few.rank == 4 && all.rank == 100)
    for i in 0..<4 { #expect((few.values[i] - all.values[i]).magnitude < 0.02) }
    #expect(all.u.columns == 100 && all.vt.rows == 100)
  }

  @Test func `decompositions have the same bytes for any thread count`() throws {
    let a = TestMatrix.random(700, 520)
    let one = try SingularValueDecomposition.truncated(a, rank: 20, threads: 1)
    let four = try SingularValueDecomposition.truncated(a, rank: 20, threads: 4)
    #expect(one.u == four.u && one.values == four.values && one.vt == four.vt)
    let whole = try SingularValueDecomposition.gram(a, threads: 1)
    let again = try SingularValueDecomposition.gram(a, threads: 3)
    #expect(whole.u == again.u && whole.values == again.values && whole.vt == again.vt)
  }

  @Test func `another seed finds the same values`() throws {
    let a = try TestMatrix.withValues([9, 5, 2, 1], rows: 300, columns: 120)
    let one = try SingularValueDecomposition.truncated(
      a, rank: 3, options: TruncationOptions(seed: 1))
    let two = try SingularValueDecomposition.truncated(
      a, rank: 3, options: TruncationOptions(seed: 2))
    for i in 0..<3 { #expect((one.values[i] - two.values[i]).magnitude < 1e-5) }
  }
}

@Suite struct LinearAlgebraOrthogonalizationTests {
  @Test func `both ways find the nearest orthogonal matrix`() throws {
    for (m, n) in [(1, 1), (1, 9), (9, 1), (8, 8), (30, 12), (12, 30), (120, 110)] {
      let values = (0..<min(m, n)).map { 1 + Float($0) / 10 }
      let a = try TestMatrix.withValues(values, rows: m, columns: n)
      let exact = try a.orthogonalized()
      let iterated = try a.orthogonalized(by: .newtonSchulz())
      #expect(TestMatrix.distance(exact, iterated) < 2e-5, "\(m) × \(n)")
      let defect = m >= n ? TestMatrix.columnDefect(exact) : TestMatrix.rowDefect(exact)
      #expect(defect < 5e-6)
      // Aᵀ·O is symmetric and positive: the polar factor, not just any orthogonal matrix.
      let stretch = Matrix.product(a, exact, transposingFirst: true, accumulation: .double)
      #expect(TestMatrix.distance(stretch, stretch.transposed()) < 1e-4)
      let trace = (0..<n).reduce(Float(0)) { $0 + stretch[$1, $1] }
      #expect((trace - values.reduce(0, +)).magnitude < 1e-3)
    }
  }

  @Test func `an orthogonal matrix stays and an empty one too`() throws {
    let q = try QRDecomposition(TestMatrix.random(20, 20)).q
    #expect(TestMatrix.distance(try q.orthogonalized(), q) < 2e-6)
    let empty = Matrix(rows: 0, columns: 4)
    #expect(try empty.orthogonalized() == empty)
    #expect(try empty.orthogonalized(by: .newtonSchulz()) == empty)
  }

  @Test func `a rank-deficient matrix is completed by one way and refused by the other`() throws {
    let a = try TestMatrix.withValues([2, 1], rows: 6, columns: 6)
    #expect(TestMatrix.columnDefect(try a.orthogonalized()) < 5e-6)
    let zero = Matrix(rows: 3, columns: 3)
    #expect(
      throws: LinearAlgebraError.noConvergence(
        algorithm: "the Newton–Schulz iteration", rows: 3, columns: 3, iterations: 60)
    ) { try zero.orthogonalized(by: .newtonSchulz()) }
  }
}
