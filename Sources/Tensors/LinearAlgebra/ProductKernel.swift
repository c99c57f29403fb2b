// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The sizes of a block of work: a tile of the result stays in registers, a panel of the first
/// factor in the first-level cache, one of the second in the second-level cache.
private let tileRows = 6
private let blockRows = 192
private let blockColumns = 256
private let blockDepth = 256

/// A factor of a product, and how to step through it.
struct ProductFactor<T: ProductScalar>: Sendable {
  let values: [T]
  let rows, columns: Int
  /// The place of the first element, and the distances of neighbours below and beside each other.
  let origin, down, across: Int

  /// op(A) of a matrix of `rows` × `columns` given row after row.
  init(_ values: [T], rows: Int, columns: Int, isTransposed: Bool) {
    self.values = values
    (self.rows, self.columns) = isTransposed ? (columns, rows) : (rows, columns)
    (down, across) = isTransposed ? (1, columns) : (columns, 1)
    origin = 0
  }
}

/// Doubles in memory that somebody else keeps alive, as a factor or as the target of a product.
// Safety: whoever makes one vouches for `rows` rows of `columns` numbers at these distances, and
// that a target is no factor of the same product.
@safe struct ProductView: @unchecked Sendable {
  let start: UnsafeMutablePointer<Double>
  let rows, columns: Int
  let down, across: Int

  @unsafe init(
    _ start: UnsafeMutablePointer<Double>, rows: Int, columns: Int, down: Int, across: Int = 1
  ) {
    unsafe self.start = start
    (self.rows, self.columns, self.down, self.across) = (rows, columns, down, across)
  }

  var transposed: ProductView {
    unsafe ProductView(start, rows: columns, columns: rows, down: across, across: down)
  }
}

/// The ways to multiply: what is summed in, and what comes out, row after row.
///
/// Each pair of types has a function of its own: a generic one would be compiled for none of them,
/// and be many times slower.
enum Product {
  static func single(
    _ a: ProductFactor<Float>, _ b: ProductFactor<Float>, threads: Int?
  ) -> [Float] {
    multiply(a, b, in: Float.self, threads: threads)
  }

  static func rounded(
    _ a: ProductFactor<Float>, _ b: ProductFactor<Float>, threads: Int?
  ) -> [Float] {
    multiply(a, b, in: Double.self, threads: threads)
  }

  static func rounded(
    _ a: ProductFactor<Float>, _ b: ProductFactor<Double>, threads: Int?
  ) -> [Float] {
    multiply(a, b, in: Double.self, threads: threads)
  }

  static func rounded(
    _ a: ProductFactor<Double>, _ b: ProductFactor<Float>, threads: Int?
  ) -> [Float] {
    multiply(a, b, in: Double.self, threads: threads)
  }

  static func double(
    _ a: ProductFactor<Float>, _ b: ProductFactor<Float>, threads: Int?
  ) -> [Double] {
    multiply(a, b, in: Double.self, threads: threads)
  }

  static func double(
    _ a: ProductFactor<Double>, _ b: ProductFactor<Double>, threads: Int?
  ) -> [Double] {
    multiply(a, b, in: Double.self, threads: threads)
  }

  static func double(
    _ a: ProductFactor<Double>, _ b: ProductFactor<Float>, threads: Int?
  ) -> [Double] {
    multiply(a, b, in: Double.self, threads: threads)
  }

  static func double(
    _ a: ProductFactor<Float>, _ b: ProductFactor<Double>, threads: Int?
  ) -> [Double] {
    multiply(a, b, in: Double.self, threads: threads)
  }

  /// A product that is known to be symmetric: one half is computed and mirrored.
  static func symmetric(
    _ a: ProductFactor<Float>, _ b: ProductFactor<Float>, threads: Int?
  ) -> [Double] {
    mirrored(multiply(a, b, in: Double.self, half: true, threads: threads), size: a.rows)
  }

  static func symmetric(
    _ a: ProductFactor<Double>, _ b: ProductFactor<Double>, threads: Int?
  ) -> [Double] {
    mirrored(multiply(a, b, in: Double.self, half: true, threads: threads), size: a.rows)
  }

  /// target ← target − A·B; with `upperHalf` at least on and above the diagonal, and perhaps, but
  /// in whole blocks, below it.
  static func subtract(
    _ a: ProductView, _ b: ProductView, from target: ProductView, upperHalf: Bool = false,
    threads: Int?
  ) {
    precondition(
      a.columns == b.rows && target.rows == a.rows && target.columns == b.columns
        && target.across == 1, "views that do not fit")
    let (first, second) = unsafe (
      Strided(start: a.start, down: a.down, across: a.across),
      Strided(start: b.start, down: b.down, across: b.across)
    )
    let result = unsafe ProductTarget(start: target.start, down: target.down)
    forEachBlock(
      rows: target.rows, columns: target.columns, depth: a.columns, half: upperHalf ? .upper : .all,
      threads: threads
    ) { rows, columns in
      unsafe multiplyBlock(first, second, depth: a.columns, rows, columns, in: Double.self) {
        row, column, sums, count in
        let place = unsafe result.start + row * result.down + column
        for j in 0..<count { unsafe place[j] -= sums[j] }
      }
    }
  }

  private static func multiply<S: ProductScalar, R: ProductScalar, A, B>(
    _ a: ProductFactor<A>, _ b: ProductFactor<B>, in _: S.Type, half: Bool = false, threads: Int?
  ) -> [R] {
    let (m, n, depth) = (a.rows, b.columns, a.columns)
    precondition(depth == b.rows, "a product of \(m) × \(depth) and \(b.rows) × \(n)")
    var result = [R](repeating: 0, count: m * n)
    guard m > 0, n > 0, depth > 0 else { return result }
    unsafe result.withUnsafeMutableBufferPointer { buffer in
      unsafe a.values.withUnsafeBufferPointer { first in
        unsafe b.values.withUnsafeBufferPointer { second in
          guard let start = buffer.baseAddress, let first = first.baseAddress,
            let second = second.baseAddress
          else { return }
          let target = unsafe ProductTarget(start: start, down: n)
          let left = unsafe Strided(start: first + a.origin, down: a.down, across: a.across)
          let right = unsafe Strided(start: second + b.origin, down: b.down, across: b.across)
          forEachBlock(
            rows: m, columns: n, depth: depth, half: half ? .lower : .all, threads: threads
          ) { rows, columns in
            unsafe multiplyBlock(left, right, depth: depth, rows, columns, in: S.self) {
              row, column, sums, count in
              let place = unsafe target.start + row * target.down + column
              for j in 0..<count { unsafe place[j] = R(sums[j]) }
            }
          }
        }
      }
    }
    return result
  }

  /// Copies what is below the diagonal above it.
  private static func mirrored(_ values: [Double], size n: Int) -> [Double] {
    var values = values
    let tile = 32
    guard n > 0 else { return values }
    values.withWindow { window in
      for top in stride(from: 0, to: n, by: tile) {
        for left in stride(from: 0, through: top, by: tile) {
          for i in top..<min(n, top + tile) {
            // Safety: both places lie in the n × n numbers.
            for j in left..<min(i, left + tile) {
              unsafe window.start[j * n + i] = window.start[i * n + j]
            }
          }
        }
      }
    }
    return values
  }

  private enum Half { case all, lower, upper }

  private static func forEachBlock(
    rows m: Int, columns n: Int, depth: Int, half: Half, threads: Int?,
    _ body: @escaping @Sendable (Range<Int>, Range<Int>) -> Void
  ) {
    guard m > 0, n > 0, depth > 0 else { return }
    let across = (n + blockColumns - 1) / blockColumns
    let down = (m + blockRows - 1) / blockRows
    // Starting threads costs more than a small product.
    let isSmall = Double(m) * Double(n) * Double(depth) < 1_048_576
    Parallel.forEach(count: across * down, threads: isSmall ? 1 : threads) { index in
      let top = index / across * blockRows
      let left = index % across * blockColumns
      let rows = top..<min(m, top + blockRows)
      let columns = left..<min(n, left + blockColumns)
      switch half {
      case .lower where columns.lowerBound >= rows.upperBound: return
      case .upper where columns.upperBound <= rows.lowerBound: return
      default: body(rows, columns)
      }
    }
  }
}

/// The result's memory, shared between threads that write disjoint blocks.
// Safety: the functions above keep the memory alive and unmoved while they run.
@safe private struct ProductTarget<R>: @unchecked Sendable {
  let start: UnsafeMutablePointer<R>
  let down: Int

  @unsafe init(start: UnsafeMutablePointer<R>, down: Int) {
    unsafe self.start = start
    self.down = down
  }
}

/// A factor's numbers in memory, read only.
// Safety: as for ``ProductTarget``.
@safe private struct Strided<T>: @unchecked Sendable {
  let start: UnsafePointer<T>
  let down, across: Int

  @unsafe init(start: UnsafePointer<T>, down: Int, across: Int) {
    unsafe self.start = start
    (self.down, self.across) = (down, across)
  }
}

/// One block of the result: packs strips of both factors so that the tile loop reads them in order,
/// and hands the sums over row by row.
@unsafe private func multiplyBlock<S: ProductScalar, A: ProductScalar, B: ProductScalar>(
  _ a: Strided<A>, _ b: Strided<B>, depth total: Int, _ rows: Range<Int>, _ columns: Range<Int>,
  in _: S.Type,
  store: (_ row: Int, _ column: Int, _ sums: UnsafePointer<S>, _ count: Int) -> Void
) {
  let width = 2 * S.Vector.scalarCount
  let strips = (rows.count + tileRows - 1) / tileRows
  let panels = (columns.count + width - 1) / width
  let depthLimit = min(blockDepth, total)
  let pitch = panels * width
  // Safety: the packed strips and the sums are allocated here with the sizes the loops below run
  // over; indices into the factors stay inside their shapes, which their memory covers.
  let packedA = UnsafeMutablePointer<S>.allocate(capacity: strips * tileRows * depthLimit)
  let packedB = UnsafeMutablePointer<S>.allocate(capacity: pitch * depthLimit)
  let sums = UnsafeMutablePointer<S>.allocate(capacity: strips * tileRows * pitch)
  unsafe sums.initialize(repeating: 0, count: strips * tileRows * pitch)
  defer {
    unsafe packedA.deallocate()
    unsafe packedB.deallocate()
    unsafe sums.deallocate()
  }
  for from in stride(from: 0, to: total, by: blockDepth) {
    let depth = min(blockDepth, total - from)
    unsafe pack(
      a.start + rows.lowerBound * a.down + from * a.across, count: rows.count, step: a.down,
      depth: depth, deep: a.across, width: tileRows, into: packedA)
    unsafe pack(
      b.start + columns.lowerBound * b.across + from * b.down, count: columns.count,
      step: b.across, depth: depth, deep: b.down, width: width, into: packedB)
    for panel in 0..<panels {
      for strip in 0..<strips {
        unsafe multiplyTile(
          depth: depth, packedA + strip * tileRows * depth, packedB + panel * width * depth,
          addingTo: sums + strip * tileRows * pitch + panel * width, pitch: pitch)
      }
    }
  }
  for row in rows {
    unsafe store(
      row, columns.lowerBound, UnsafePointer(sums + (row - rows.lowerBound) * pitch), columns.count)
  }
}

/// Copies `count` vectors of `depth` numbers into strips of `width` vectors, the strip's numbers of
/// one depth side by side; missing vectors of the last strip are zeros.
@unsafe private func pack<S: ProductScalar, T: ProductScalar>(
  _ source: UnsafePointer<T>, count: Int, step: Int, depth: Int, deep: Int, width: Int,
  into target: UnsafeMutablePointer<S>
) {
  for first in stride(from: 0, to: count, by: width) {
    let present = min(width, count - first)
    let strip = unsafe target + first * depth
    for k in 0..<depth {
      let start = unsafe source + first * step + k * deep
      for i in 0..<present { unsafe strip[k * width + i] = S(start[i * step]) }
      for i in present..<width { unsafe strip[k * width + i] = 0 }
    }
  }
}

/// A type to accumulate in: the vector of which a tile has two side by side.
protocol ProductScalar: BinaryFloatingPoint, BitwiseCopyable, Codable, Sendable {
  associatedtype Vector: SIMD, BitwiseCopyable where Vector.Scalar == Self
}

extension Float: ProductScalar {
  typealias Vector = SIMD8<Float>
}

extension Double: ProductScalar {
  typealias Vector = SIMD4<Double>
}

/// out ← out + Σₖ aₖ · bₖᵀ with aₖ of ``tileRows`` numbers and bₖ of two vectors; `pitch` is the
/// distance of rows of `out`.
@inline(__always) @unsafe private func multiplyTile<S: ProductScalar>(
  depth: Int, _ a: UnsafePointer<S>, _ b: UnsafePointer<S>, addingTo out: UnsafeMutablePointer<S>,
  pitch: Int
) {
  typealias Vector = S.Vector
  let lanes = Vector.scalarCount
  var (c00, c01) = (Vector(), Vector())
  var (c10, c11) = (Vector(), Vector())
  var (c20, c21) = (Vector(), Vector())
  var (c30, c31) = (Vector(), Vector())
  var (c40, c41) = (Vector(), Vector())
  var (c50, c51) = (Vector(), Vector())
  for k in 0..<depth {
    let left = unsafe UnsafeRawPointer(b + k &* (2 * lanes)).loadUnaligned(as: Vector.self)
    let right = unsafe UnsafeRawPointer(b + k &* (2 * lanes) + lanes).loadUnaligned(
      as: Vector.self)
    let column = unsafe a + k &* tileRows
    let a0 = unsafe Vector(repeating: column[0])
    c00.addProduct(a0, left)
    c01.addProduct(a0, right)
    let a1 = unsafe Vector(repeating: column[1])
    c10.addProduct(a1, left)
    c11.addProduct(a1, right)
    let a2 = unsafe Vector(repeating: column[2])
    c20.addProduct(a2, left)
    c21.addProduct(a2, right)
    let a3 = unsafe Vector(repeating: column[3])
    c30.addProduct(a3, left)
    c31.addProduct(a3, right)
    let a4 = unsafe Vector(repeating: column[4])
    c40.addProduct(a4, left)
    c41.addProduct(a4, right)
    let a5 = unsafe Vector(repeating: column[5])
    c50.addProduct(a5, left)
    c51.addProduct(a5, right)
  }
  unsafe add(c00, c01, to: out + 0 * pitch)
  unsafe add(c10, c11, to: out + 1 * pitch)
  unsafe add(c20, c21, to: out + 2 * pitch)
  unsafe add(c30, c31, to: out + 3 * pitch)
  unsafe add(c40, c41, to: out + 4 * pitch)
  unsafe add(c50, c51, to: out + 5 * pitch)
}

@inline(__always) @unsafe private func add<V: SIMD & BitwiseCopyable>(
  _ left: V, _ right: V, to out: UnsafeMutablePointer<V.Scalar>
) where V.Scalar: ProductScalar {
  let place = UnsafeMutableRawPointer(out)
  let size = MemoryLayout<V>.size
  unsafe place.storeBytes(of: place.loadUnaligned(as: V.self) + left, as: V.self)
  unsafe place.storeBytes(
    of: place.loadUnaligned(fromByteOffset: size, as: V.self) + right, toByteOffset: size,
    as: V.self)
}
