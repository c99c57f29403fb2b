// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The sizes of a block of work: a tile of the result stays in registers, a panel of the first
/// factor in the first-level cache, one of the second in the second-level cache.
private let tileRows = 6
private let blockRows = 192
private let blockColumns = 256
private let blockDepth = 256

extension Matrix {
  /// In which precision the terms of a product are added.
  public enum Accumulation: Sendable {
    /// Multiply-add in floats: relative error of about 10⁻⁷ · √k of Σ|a||b|.
    case single
    /// Products and sums in doubles, rounded to floats at the end; half the speed.
    case double
  }

  /// The matrix product op(A) · op(B), (m × k) · (k × n), where op transposes if asked to.
  ///
  /// An element's terms are added in a fixed order: fused multiply-adds along 256 terms at a time,
  /// these partial sums in order. So the bytes depend on neither threads nor the other elements.
  /// Cost: 2·m·n·k operations, no copy of the factors. Traps when the inner extents differ.
  /// - Parameter threads: the most that compute; `nil` for one per processor.
  public static func product(
    _ a: Matrix, _ b: Matrix, transposingFirst: Bool = false, transposingSecond: Bool = false,
    accumulation: Accumulation = .single, threads: Int? = nil
  ) -> Matrix {
    let factors = ProductFactors(a, b, transposingFirst, transposingSecond)
    let values: [Float] =
      switch accumulation {
      case .single: multiply(factors, threads: threads) as [Float]
      case .double: (multiply(factors, threads: threads) as [Double]).map { Float($0) }
      }
    return Matrix(rows: factors.rows, columns: factors.columns, values: values)
  }

  /// The product in double precision, row after row; see ``product(_:_:transposingFirst:transposingSecond:accumulation:threads:)``.
  static func productInDouble(
    _ a: Matrix, _ b: Matrix, transposingFirst: Bool = false, transposingSecond: Bool = false,
    threads: Int? = nil
  ) -> [Double] {
    multiply(ProductFactors(a, b, transposingFirst, transposingSecond), threads: threads)
  }
}

/// Two factors, and how to step through them.
private struct ProductFactors: Sendable {
  let a, b: [Float]
  let rows, columns, depth: Int
  /// Distance in memory between op(A)'s rows and between its columns; likewise for op(B).
  let aRow, aColumn, bRow, bColumn: Int

  init(_ a: Matrix, _ b: Matrix, _ transposingFirst: Bool, _ transposingSecond: Bool) {
    rows = transposingFirst ? a.columns : a.rows
    depth = transposingFirst ? a.rows : a.columns
    columns = transposingSecond ? b.rows : b.columns
    let other = transposingSecond ? b.columns : b.rows
    precondition(depth == other, "a product of \(rows) × \(depth) and \(other) × \(columns)")
    (aRow, aColumn) = transposingFirst ? (1, a.columns) : (a.columns, 1)
    (bRow, bColumn) = transposingSecond ? (1, b.columns) : (b.columns, 1)
    self.a = a.values
    self.b = b.values
  }
}

/// A type to accumulate in: its multiply-add on a tile of the result.
private protocol ProductScalar: BinaryFloatingPoint, Sendable {
  /// Columns of a tile, which has ``tileRows`` rows.
  static var tileColumns: Int { get }

  /// out ← Σₖ aₖ · bₖᵀ with aₖ of ``tileRows`` numbers and bₖ of ``tileColumns``.
  @unsafe static func multiplyTile(
    depth: Int, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>,
    into out: UnsafeMutablePointer<Self>)
}

/// The result's memory, shared between threads that write disjoint blocks.
// Safety: `multiply` keeps the array alive and unmoved, and each task writes its own block only.
@safe private struct ProductTarget<S>: @unchecked Sendable {
  let start: UnsafeMutablePointer<S>
}

/// op(A)·op(B), row after row, block by block of the result.
private func multiply<S: ProductScalar>(_ factors: ProductFactors, threads: Int?) -> [S] {
  let (m, n) = (factors.rows, factors.columns)
  var result = [S](repeating: 0, count: m * n)
  guard m > 0, n > 0, factors.depth > 0 else { return result }
  let across = (n + blockColumns - 1) / blockColumns
  let down = (m + blockRows - 1) / blockRows
  // Starting threads costs more than a small product.
  let isSmall = Double(m) * Double(n) * Double(factors.depth) < 262_144
  unsafe result.withUnsafeMutableBufferPointer { buffer in
    guard let start = buffer.baseAddress else { return }
    let target = unsafe ProductTarget(start: start)
    Parallel.forEach(count: across * down, threads: isSmall ? 1 : threads) { index in
      let top = index / across * blockRows
      let left = index % across * blockColumns
      unsafe multiplyBlock(
        factors, rows: top..<min(m, top + blockRows), columns: left..<min(n, left + blockColumns),
        into: target.start)
    }
  }
  return result
}

/// One block of the result: packs strips of both factors so that the tile loop reads them in order.
@unsafe private func multiplyBlock<S: ProductScalar>(
  _ factors: ProductFactors, rows: Range<Int>, columns: Range<Int>,
  into target: UnsafeMutablePointer<S>
) {
  let width = S.tileColumns
  let strips = (rows.count + tileRows - 1) / tileRows
  let panels = (columns.count + width - 1) / width
  let depthLimit = min(blockDepth, factors.depth)
  // Safety: the packed strips and the tile are allocated here with the sizes the loops below run
  // over; indices into the factors stay inside their shapes, which their arrays cover.
  let packedA = UnsafeMutablePointer<S>.allocate(capacity: strips * tileRows * depthLimit)
  let packedB = UnsafeMutablePointer<S>.allocate(capacity: panels * width * depthLimit)
  let tile = UnsafeMutablePointer<S>.allocate(capacity: tileRows * width)
  unsafe packedA.initialize(repeating: 0, count: strips * tileRows * depthLimit)
  unsafe packedB.initialize(repeating: 0, count: panels * width * depthLimit)
  unsafe tile.initialize(repeating: 0, count: tileRows * width)
  defer {
    unsafe packedA.deallocate()
    unsafe packedB.deallocate()
    unsafe tile.deallocate()
  }
  for from in stride(from: 0, to: factors.depth, by: blockDepth) {
    let depth = min(blockDepth, factors.depth - from)
    unsafe pack(
      factors.a, origin: rows.lowerBound * factors.aRow + from * factors.aColumn,
      count: rows.count, step: factors.aRow, depth: depth, deep: factors.aColumn,
      width: tileRows, into: packedA)
    unsafe pack(
      factors.b, origin: columns.lowerBound * factors.bColumn + from * factors.bRow,
      count: columns.count, step: factors.bColumn, depth: depth, deep: factors.bRow,
      width: width, into: packedB)
    for panel in 0..<panels {
      let left = columns.lowerBound + panel * width
      let wide = min(width, columns.upperBound - left)
      for strip in 0..<strips {
        unsafe S.multiplyTile(
          depth: depth, packedA + strip * tileRows * depth, packedB + panel * width * depth,
          into: tile)
        let top = rows.lowerBound + strip * tileRows
        for i in 0..<min(tileRows, rows.upperBound - top) {
          let row = unsafe target + (top + i) * factors.columns + left
          for j in 0..<wide { unsafe row[j] += tile[i * width + j] }
        }
      }
    }
  }
}

/// Copies `count` vectors of `depth` numbers into strips of `width` vectors, the strip's numbers of
/// one depth side by side; missing vectors of the last strip are zeros.
@unsafe private func pack<S: ProductScalar>(
  _ source: [Float], origin: Int, count: Int, step: Int, depth: Int, deep: Int, width: Int,
  into target: UnsafeMutablePointer<S>
) {
  unsafe source.withUnsafeBufferPointer { source in
    for first in stride(from: 0, to: count, by: width) {
      let present = min(width, count - first)
      let strip = unsafe target + first * depth
      for k in 0..<depth {
        let start = origin + first * step + k * deep
        for i in 0..<present { unsafe strip[k * width + i] = S(source[start + i * step]) }
        for i in present..<width { unsafe strip[k * width + i] = 0 }
      }
    }
  }
}

extension Float: ProductScalar {
  fileprivate static let tileColumns = 16

  @unsafe fileprivate static func multiplyTile(
    depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    typealias Vector = SIMD8<Float>
    var (c00, c01) = (Vector(), Vector())
    var (c10, c11) = (Vector(), Vector())
    var (c20, c21) = (Vector(), Vector())
    var (c30, c31) = (Vector(), Vector())
    var (c40, c41) = (Vector(), Vector())
    var (c50, c51) = (Vector(), Vector())
    for k in 0..<depth {
      let left = unsafe UnsafeRawPointer(b + k &* 16).loadUnaligned(as: Vector.self)
      let right = unsafe UnsafeRawPointer(b + k &* 16 + 8).loadUnaligned(as: Vector.self)
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
    let target = UnsafeMutableRawPointer(out)
    let size = MemoryLayout<Vector>.size
    unsafe target.storeBytes(of: c00, toByteOffset: 0 * size, as: Vector.self)
    unsafe target.storeBytes(of: c01, toByteOffset: 1 * size, as: Vector.self)
    unsafe target.storeBytes(of: c10, toByteOffset: 2 * size, as: Vector.self)
    unsafe target.storeBytes(of: c11, toByteOffset: 3 * size, as: Vector.self)
    unsafe target.storeBytes(of: c20, toByteOffset: 4 * size, as: Vector.self)
    unsafe target.storeBytes(of: c21, toByteOffset: 5 * size, as: Vector.self)
    unsafe target.storeBytes(of: c30, toByteOffset: 6 * size, as: Vector.self)
    unsafe target.storeBytes(of: c31, toByteOffset: 7 * size, as: Vector.self)
    unsafe target.storeBytes(of: c40, toByteOffset: 8 * size, as: Vector.self)
    unsafe target.storeBytes(of: c41, toByteOffset: 9 * size, as: Vector.self)
    unsafe target.storeBytes(of: c50, toByteOffset: 10 * size, as: Vector.self)
    unsafe target.storeBytes(of: c51, toByteOffset: 11 * size, as: Vector.self)
  }
}

extension Double: ProductScalar {
  fileprivate static let tileColumns = 8

  @unsafe fileprivate static func multiplyTile(
    depth: Int, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
    into out: UnsafeMutablePointer<Double>
  ) {
    typealias Vector = SIMD4<Double>
    var (c00, c01) = (Vector(), Vector())
    var (c10, c11) = (Vector(), Vector())
    var (c20, c21) = (Vector(), Vector())
    var (c30, c31) = (Vector(), Vector())
    var (c40, c41) = (Vector(), Vector())
    var (c50, c51) = (Vector(), Vector())
    for k in 0..<depth {
      let left = unsafe UnsafeRawPointer(b + k &* 8).loadUnaligned(as: Vector.self)
      let right = unsafe UnsafeRawPointer(b + k &* 8 + 4).loadUnaligned(as: Vector.self)
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
    let target = UnsafeMutableRawPointer(out)
    let size = MemoryLayout<Vector>.size
    unsafe target.storeBytes(of: c00, toByteOffset: 0 * size, as: Vector.self)
    unsafe target.storeBytes(of: c01, toByteOffset: 1 * size, as: Vector.self)
    unsafe target.storeBytes(of: c10, toByteOffset: 2 * size, as: Vector.self)
    unsafe target.storeBytes(of: c11, toByteOffset: 3 * size, as: Vector.self)
    unsafe target.storeBytes(of: c20, toByteOffset: 4 * size, as: Vector.self)
    unsafe target.storeBytes(of: c21, toByteOffset: 5 * size, as: Vector.self)
    unsafe target.storeBytes(of: c30, toByteOffset: 6 * size, as: Vector.self)
    unsafe target.storeBytes(of: c31, toByteOffset: 7 * size, as: Vector.self)
    unsafe target.storeBytes(of: c40, toByteOffset: 8 * size, as: Vector.self)
    unsafe target.storeBytes(of: c41, toByteOffset: 9 * size, as: Vector.self)
    unsafe target.storeBytes(of: c50, toByteOffset: 10 * size, as: Vector.self)
    unsafe target.storeBytes(of: c51, toByteOffset: 11 * size, as: Vector.self)
  }
}
