// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// S = V·Λ·Vᵀ of a symmetric matrix: real eigenvalues, largest first, and orthonormal eigenvectors.
///
/// - Shapes: S is n × n; `values` has n numbers; ``vector(_:)`` gives n numbers.
/// - Precision: doubles; an eigenvalue's error is some 10⁻¹⁵ of the largest magnitude, so small
///   ones beside large ones have few right digits or none.
/// - Cost: about 9·n³ operations with vectors, 1.3·n³ without; 32 bytes per element.
/// - Determinism: the same bytes for any thread count. The sign of a vector is as it comes out.
/// - Source: Householder tridiagonalisation, several columns at a time, and the implicit QL
///   iteration with Wilkinson's shift (Golub and Van Loan, *Matrix Computations*, §8.3; Dongarra,
///   Sorensen and Hammarling 1989 for the columns). Departs: rotations are collected and applied
///   strip by strip to the vectors, which does not change a number.
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
    var matrix = elements
    for i in 0..<n {
      for j in 0..<i {
        // The algorithm looks at the upper half only.
        matrix[j * n + i] = (matrix[i * n + j] + matrix[j * n + i]) / 2
      }
    }
    try self.init(upper: matrix, size: n, wantsVectors: wantsVectors, threads: threads)
  }

  /// Decomposes a matrix whose halves are equal, such as a Gram matrix.
  package init(
    _ matrix: consuming DoubleMatrix, wantsVectors: Bool = true, threads: Int? = nil
  ) throws(LinearAlgebraError) {
    let size = matrix.rows
    precondition(size == matrix.columns, "\(size) × \(matrix.columns)")
    try self.init(
      upper: matrix.takeValues(), size: size, wantsVectors: wantsVectors, threads: threads)
  }

  private init(
    upper: consuming [Double], size n: Int, wantsVectors: Bool, threads: Int?
  ) throws(LinearAlgebraError) {
    var matrix = upper
    guard matrix.allSatisfy(\.isFinite) else { throw .notFinite(rows: n, columns: n) }
    size = n
    guard n > 0 else {
      (values, vectors) = ([], [])
      return
    }
    let form = Tridiagonal(&matrix, n: n, threads: threads)
    var strips: BasisStrips?
    if wantsVectors {
      strips = BasisStrips(form.basis(&matrix, threads: threads), size: n, threads: threads)
    }
    matrix = []
    var iteration = QLIteration(form)
    try iteration.run { sweeps in strips?.turn(by: sweeps, threads: threads) }
    let diagonal = iteration.diagonal
    let order = diagonal.indices.sorted { (diagonal[$1], $0) < (diagonal[$0], $1) }
    values = order.map { diagonal[$0] }
    vectors = strips?.columns(in: order, threads: threads) ?? []
  }
}

/// Rotations of neighbouring columns, sweep after sweep; each sweep turns the columns `last` − 1
/// and `last`, then the pair before, and so on.
struct RotationSweeps: Sendable {
  private(set) var sweeps: [(last: Int, count: Int)] = []
  private(set) var cosines: [Double] = []
  private(set) var sines: [Double] = []

  var count: Int { cosines.count }

  mutating func begin(at last: Int) { sweeps.append((last, 0)) }

  mutating func append(cosine: Double, sine: Double) {
    cosines.append(cosine)
    sines.append(sine)
    sweeps[sweeps.count - 1].count += 1
  }

  mutating func removeAll() {
    sweeps.removeAll(keepingCapacity: true)
    cosines.removeAll(keepingCapacity: true)
    sines.removeAll(keepingCapacity: true)
  }
}

/// QL sweeps over a tridiagonal matrix until nothing is left beside the diagonal.
private struct QLIteration {
  private(set) var diagonal: [Double]
  private var beside: [Double]
  private var pending = RotationSweeps()

  private static let sweepLimit = 60

  init(_ form: Tridiagonal) {
    diagonal = form.diagonal
    beside = form.beside
  }

  /// Hands the rotations to `turn`, some sweeps at a time.
  mutating func run(_ turn: (RotationSweeps) -> Void) throws(LinearAlgebraError) {
    let n = diagonal.count
    // Elements below this beside the diagonal are rounding of the largest ones. Without it the many
    // eigenvalues that a Gram matrix of low rank has near 0 are told apart by noise, perhaps never.
    let floor = (diagonal + beside).reduce(0) { max($0, $1.magnitude) } * 0x1p-53
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
        guard sweeps < Self.sweepLimit else {
          throw .noConvergence(
            algorithm: "the QL iteration", rows: n, columns: n, iterations: sweeps)
        }
        sweeps += 1
        sweep(first, last)
        if pending.count > 32 * n {
          turn(pending)
          pending.removeAll()
        }
      }
    }
    turn(pending)
  }

  /// One implicit step on the block `first ... last`, from its end upwards.
  private mutating func sweep(_ first: Int, _ last: Int) {
    // Wilkinson's shift: the eigenvalue of the first 2 × 2 block nearer to its corner.
    let slope = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first])
    let root = Self.length(slope, 1)
    let shift =
      diagonal[first] - beside[first] / (slope + (slope >= 0 ? root : -root))
    var g = diagonal[last] - shift
    var (sine, cosine, correction) = (1.0, 1.0, 0.0)
    pending.begin(at: last)
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
      pending.append(cosine: cosine, sine: sine)
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
}

/// The vectors as columns, cut into strips of sixteen rows that lie in memory by themselves: a strip
/// stays in the second-level cache while many sweeps turn its columns, and columns do not evict
/// each other as they would a power of two apart.
private struct BasisStrips {
  private let size: Int
  private var values: [Double]
  private static let height = 16

  private static func count(_ size: Int) -> Int { (size + height - 1) / height }

  /// Cuts a basis of `size` columns, given row after row.
  init(_ rows: [Double], size n: Int, threads: Int?) {
    size = n
    var values = [Double](repeating: 0, count: Self.count(n) * n * Self.height)
    rows.withReadingWindow { rows in
      values.withWindow { values in
        Parallel.forEach(count: Self.count(n), threads: n < 512 ? 1 : threads) { strip in
          // Safety: a strip is n · height numbers; its rows lie below n.
          let target = unsafe values.start + strip * n * Self.height
          for lane in 0..<min(Self.height, n - strip * Self.height) {
            let source = unsafe rows.start + (strip * Self.height + lane) * n
            for column in 0..<n {
              unsafe target[column * Self.height + lane] = source[column]
            }
          }
        }
      }
    }
    self.values = values
  }

  mutating func turn(by sweeps: RotationSweeps, threads: Int?) {
    if sweeps.count == 0 { return }
    let n = size
    values.withWindow { values in
      Parallel.forEach(
        count: Self.count(n), threads: sweeps.count * n < 1 << 20 ? 1 : threads
      ) { strip in
        // Safety: strips are disjoint.
        unsafe Self.turn(values.start + strip * n * Self.height, by: sweeps)
      }
    }
  }

  @unsafe private static func turn(_ strip: UnsafeMutablePointer<Double>, by all: RotationSweeps) {
    typealias Vector = SIMD16<Double>
    unsafe all.cosines.withUnsafeBufferPointer { cosines in
      unsafe all.sines.withUnsafeBufferPointer { sines in
        var index = 0
        for (last, count) in all.sweeps where count > 0 {
          // Safety: columns last − count ... last of the strip, and as many rotations as counted.
          var place = unsafe UnsafeMutableRawPointer(strip + last * height)
          let size = MemoryLayout<Vector>.size
          var carried = unsafe place.loadUnaligned(as: Vector.self)
          for _ in 0..<count {
            let before = unsafe (place - size).loadUnaligned(as: Vector.self)
            let (cosine, sine) = unsafe (cosines[index], sines[index])
            unsafe place.storeBytes(
              of: (sine * before).addingProduct(cosine, carried), as: Vector.self)
            carried = (cosine * before).addingProduct(-sine, carried)
            unsafe place -= size
            index += 1
          }
          unsafe place.storeBytes(of: carried, as: Vector.self)
        }
      }
    }
  }

  /// Columns one after another, in an order.
  func columns(in order: [Int], threads: Int?) -> [Double] {
    let n = size
    var result = [Double](repeating: 0, count: n * n)
    values.withReadingWindow { values in
      result.withWindow { result in
        Parallel.forEach(count: n, threads: n < 512 ? 1 : threads) { place in
          for row in 0..<n {
            let (strip, lane) = (row / Self.height, row % Self.height)
            // Safety: as above; each task writes n numbers of its own.
            unsafe result.start[place * n + row] =
              values.start[(strip * n + order[place]) * Self.height + lane]
          }
        }
      }
    }
    return result
  }
}
