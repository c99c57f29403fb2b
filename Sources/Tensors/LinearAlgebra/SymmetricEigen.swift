// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// S = V·Λ·Vᵀ of a symmetric matrix: real eigenvalues, largest first, and orthonormal eigenvectors.
///
/// - Shapes: S is n × n; `values` has n numbers; ``vector(_:)`` gives n numbers.
/// - Precision: doubles; an eigenvalue's error is some 10⁻¹⁵ of the largest magnitude, so small
///   ones beside large ones have few right digits or none.
/// - Cost: about 9·n³ operations with vectors, 1.5·n³ without; 16 bytes per element.
/// - Determinism: the same bytes for any thread count. The sign of a vector is as it comes out.
/// - Source: Householder tridiagonalisation and the implicit QL iteration with Wilkinson's shift
///   (Golub and Van Loan, *Matrix Computations*, §8.3). Departs: rotations are collected and applied
///   to strips of the vectors in parallel, which does not change a number.
public struct SymmetricEigen: Sendable {
  /// n.
  public let size: Int
  /// λ₀ ≥ λ₁ ≥ …
  public let values: [Double]
  /// The vectors one after another, in the order of the values; empty when not asked for.
  let vectors: [Double]

  /// The unit vector of `values[index]`; traps when vectors were not asked for.
  public func vector(_ index: Int) -> [Double] {
    Array(vectors[(index * size)..<((index + 1) * size)])
  }

  /// Decomposes a matrix of `size` rows given row after row; of each pair above and below the
  /// diagonal the mean is used.
  public init(
    size n: Int, elements: [Double], wantsVectors: Bool = true, threads: Int? = nil
  ) throws(LinearAlgebraError) {
    precondition(elements.count == n * n, "\(elements.count) elements for \(n) × \(n)")
    guard elements.allSatisfy(\.isFinite) else { throw .notFinite(rows: n, columns: n) }
    size = n
    guard n > 0 else {
      (values, vectors) = ([], [])
      return
    }
    var matrix = elements
    for i in 0..<n {
      for j in 0..<i {
        let mean = (matrix[i * n + j] + matrix[j * n + i]) / 2
        matrix[i * n + j] = mean
        matrix[j * n + i] = mean
      }
    }
    var form = Tridiagonal(&matrix, n: n, wantsVectors: wantsVectors, threads: threads)
    try form.diagonalize(threads: threads)
    let (diagonal, basis) = (form.diagonal, form.basis)
    let order = diagonal.indices.sorted {
      (diagonal[$1], $0) < (diagonal[$0], $1)
    }
    values = order.map { diagonal[$0] }
    vectors = wantsVectors ? order.flatMap { basis[($0 * n)..<(($0 + 1) * n)] } : []
  }
}

/// T = QᵀSQ with non-zeros beside the diagonal only.
private struct Tridiagonal {
  let n: Int
  var diagonal: [Double]
  /// `beside[i]` couples i and i + 1; the last is 0.
  var beside: [Double]
  /// Q's columns one after another, later the eigenvectors; empty when not wanted.
  var basis: [Double]

  init(_ matrix: inout [Double], n: Int, wantsVectors: Bool, threads: Int?) {
    self.n = n
    diagonal = Array(repeating: 0, count: n)
    beside = Array(repeating: 0, count: n)
    basis = []
    var factors = [Double](repeating: 0, count: n)
    var product = [Double](repeating: 0, count: n)
    for k in 0..<max(0, n - 2) {
      let length = n - k - 1
      // Row k right of the diagonal becomes the reflection's vector v.
      let (norm, head) = matrix.withWindow { window in
        // Safety: `length` numbers from (k, k + 1) on.
        let v = unsafe window.start + k * n + k + 1
        return unsafe (DoubleRuns.dot(v, v, length).squareRoot(), v[0])
      }
      if norm == 0 { continue }
      let alpha = head > 0 ? -norm : norm
      matrix[k * n + k + 1] = head - alpha
      beside[k] = alpha
      factors[k] = Self.update(&matrix, &product, n: n, k: k, threads: threads)
    }
    for i in 0..<n { diagonal[i] = matrix[i * n + i] }
    if n > 1 { beside[n - 2] = matrix[(n - 2) * n + n - 1] }
    if wantsVectors { makeBasis(&matrix, factors, threads: threads) }
  }

  /// S ← H·S·H on the rows and columns after k, and the factor of H = I − β·v·vᵀ.
  private static func update(
    _ matrix: inout [Double], _ product: inout [Double], n: Int, k: Int, threads: Int?
  ) -> Double {
    let length = n - k - 1
    let isSmall = length < 512
    let share = isSmall ? length : 32
    let tasks = (length + share - 1) / share
    return matrix.withWindow { window in
      product.withWindow { product in
        // Safety: v is row k from column k + 1 on; row k + 1 + i from there on has `length` numbers
        // too; tasks write disjoint rows, and none writes v.
        let v = unsafe window.start + k * n + k + 1
        let factor = unsafe 2 / DoubleRuns.dot(v, v, length)
        let shared = unsafe DoubleWindow(start: v, count: length)
        Parallel.forEach(count: tasks, threads: isSmall ? 1 : threads) { task in
          for i in (task * share)..<min(length, (task + 1) * share) {
            let row = unsafe window.start + (k + 1 + i) * n + k + 1
            unsafe product.start[i] = factor * DoubleRuns.dot(row, shared.start, length)
          }
        }
        let half = unsafe factor / 2 * DoubleRuns.dot(product.start, v, length)
        unsafe DoubleRuns.add(-half, v, to: product.start, length)
        Parallel.forEach(count: tasks, threads: isSmall ? 1 : threads) { task in
          for i in (task * share)..<min(length, (task + 1) * share) {
            let row = unsafe window.start + (k + 1 + i) * n + k + 1
            unsafe DoubleRuns.add(-shared.start[i], product.start, to: row, length)
            unsafe DoubleRuns.add(-product.start[i], shared.start, to: row, length)
          }
        }
        return factor
      }
    }
  }

  /// Q, the product of the reflections, column after column.
  private mutating func makeBasis(
    _ matrix: inout [Double], _ factors: [Double], threads: Int?
  ) {
    let n = n
    basis = Array(repeating: 0, count: n * n)
    for i in 0..<n { basis[i * n + i] = 1 }
    matrix.withWindow { window in
      basis.withWindow { basis in
        for k in (0..<max(0, n - 2)).reversed() where factors[k] != 0 {
          let length = n - k - 1
          let share = length < 512 ? length : 32
          let factor = factors[k]
          Parallel.forEach(
            count: (length + share - 1) / share, threads: length < 512 ? 1 : threads
          ) { task in
            // Safety: as in `update`; columns of the basis are disjoint runs of n numbers.
            let v = unsafe window.start + k * n + k + 1
            for i in (task * share)..<min(length, (task + 1) * share) {
              let column = unsafe basis.start + (k + 1 + i) * n + k + 1
              let inner = unsafe DoubleRuns.dot(v, column, length)
              unsafe DoubleRuns.add(-factor * inner, v, to: column, length)
            }
          }
        }
      }
    }
  }

  /// A rotation of the basis columns `column` and `column + 1`.
  private struct Rotation {
    let column: Int
    let cosine, sine: Double
  }

  /// QL sweeps until nothing is left beside the diagonal.
  mutating func diagonalize(threads: Int?) throws(LinearAlgebraError) {
    var pending: [Rotation] = []
    let sweepLimit = 60
    // Elements below this beside the diagonal are rounding of the largest ones.
    let floor = diagonal.reduce(0) { max($0, $1.magnitude) } * 1e-300
    for first in 0..<n {
      var sweeps = 0
      while true {
        var last = first
        while last + 1 < n {
          let size = diagonal[last].magnitude + diagonal[last + 1].magnitude
          if beside[last].magnitude <= max(floor, size * 0x1p-53) { break }
          last += 1
        }
        if last == first { break }
        guard sweeps < sweepLimit else {
          throw .noConvergence(
            algorithm: "the QL iteration", rows: n, columns: n, iterations: sweeps)
        }
        sweeps += 1
        sweep(first, last, &pending)
        if pending.count > 32 * n { apply(&pending, threads: threads) }
      }
    }
    apply(&pending, threads: threads)
  }

  /// One implicit step on the block `first ... last`, from its end upwards.
  private mutating func sweep(_ first: Int, _ last: Int, _ pending: inout [Rotation]) {
    // Wilkinson's shift: the eigenvalue of the first 2 × 2 block nearer to its corner.
    let slope = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first])
    let root = Self.length(slope, 1)
    let shift =
      diagonal[first] - beside[first] / (slope + (slope >= 0 ? root : -root))
    var g = diagonal[last] - shift
    var (sine, cosine, correction) = (1.0, 1.0, 0.0)
    var i = last - 1
    while i >= first {
      let f = sine * beside[i]
      let b = cosine * beside[i]
      let r = Self.length(f, g)
      beside[i + 1] = r
      if r == 0 {
        // The block splits here; the next sweep sees its parts.
        diagonal[i + 1] -= correction
        beside[last] = 0
        return
      }
      sine = f / r
      cosine = g / r
      let rest = diagonal[i + 1] - correction
      let t = (diagonal[i] - rest) * sine + 2 * cosine * b
      correction = sine * t
      diagonal[i + 1] = rest + correction
      g = cosine * t - b
      if !basis.isEmpty { pending.append(Rotation(column: i, cosine: cosine, sine: sine)) }
      i -= 1
    }
    diagonal[first] -= correction
    beside[first] = g
    beside[last] = 0
  }

  /// √(x² + y²) without overflow.
  private static func length(_ x: Double, _ y: Double) -> Double {
    let (large, small) = (max(x.magnitude, y.magnitude), min(x.magnitude, y.magnitude))
    if large == 0 { return 0 }
    let ratio = small / large
    return large * (1 + ratio * ratio).squareRoot()
  }

  /// Turns the basis by the collected rotations, strip of rows by strip of rows.
  private mutating func apply(_ pending: inout [Rotation], threads: Int?) {
    let rotations = pending
    pending.removeAll(keepingCapacity: true)
    if rotations.isEmpty { return }
    let n = n
    let strip = 64
    basis.withWindow { basis in
      Parallel.forEach(
        count: (n + strip - 1) / strip, threads: rotations.count * n < 1 << 17 ? 1 : threads
      ) { task in
        let top = task * strip
        let height = min(strip, n - top)
        for rotation in rotations {
          // Safety: a strip of two neighbouring columns inside the basis; strips are disjoint.
          let left = unsafe basis.start + rotation.column * n + top
          unsafe DoubleRuns.rotate(
            left, left + n, height, cosine: rotation.cosine, sine: rotation.sine)
        }
      }
    }
  }
}
