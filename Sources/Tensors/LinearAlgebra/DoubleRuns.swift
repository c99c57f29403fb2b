// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Loops over runs of doubles that the algorithms of this folder share. Each sums in a fixed order,
/// so results depend on the numbers alone.
// Safety, for all of them: the caller vouches for `count` elements at each pointer, and that a
// written run is written by nobody else meanwhile.
enum DoubleRuns {
  /// Σ xᵢ·yᵢ in four vectors of four lanes.
  @unsafe static func dot(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ count: Int
  ) -> Double {
    var sums = (SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>())
    let whole = count & ~15
    var i = 0
    while i < whole {
      unsafe sums.0 += load(x, i) * load(y, i)
      unsafe sums.1 += load(x, i + 4) * load(y, i + 4)
      unsafe sums.2 += load(x, i + 8) * load(y, i + 8)
      unsafe sums.3 += load(x, i + 12) * load(y, i + 12)
      i += 16
    }
    var rest = 0.0
    while i < count {
      unsafe rest += x[i] * y[i]
      i += 1
    }
    return ((sums.0 + sums.1) + (sums.2 + sums.3)).sum() + rest
  }

  /// Σ xᵢ·vᵢ, summed as by ``dot(_:_:_:)``, and y ← y + a·x with one reading of x.
  @unsafe static func dotAdding(
    _ x: UnsafePointer<Double>, _ v: UnsafePointer<Double>, _ a: Double,
    to y: UnsafeMutablePointer<Double>, _ count: Int
  ) -> Double {
    var sums = (SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>())
    let whole = count & ~15
    let factor = SIMD4<Double>(repeating: a)
    var i = 0
    while i < whole {
      unsafe step(x, v, factor, y, i, &sums.0)
      unsafe step(x, v, factor, y, i + 4, &sums.1)
      unsafe step(x, v, factor, y, i + 8, &sums.2)
      unsafe step(x, v, factor, y, i + 12, &sums.3)
      i += 16
    }
    var rest = 0.0
    while i < count {
      unsafe rest += x[i] * v[i]
      unsafe y[i] += a * x[i]
      i += 1
    }
    return ((sums.0 + sums.1) + (sums.2 + sums.3)).sum() + rest
  }

  @inline(__always) @unsafe private static func step(
    _ x: UnsafePointer<Double>, _ v: UnsafePointer<Double>, _ a: SIMD4<Double>,
    _ y: UnsafeMutablePointer<Double>, _ i: Int, _ sum: inout SIMD4<Double>
  ) {
    let part = unsafe load(x, i)
    unsafe sum += part * load(v, i)
    unsafe UnsafeMutableRawPointer(y + i).storeBytes(
      of: load(y, i) + a * part, as: SIMD4<Double>.self)
  }

  /// y ← y + a·x.
  @unsafe static func add(
    _ a: Double, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>, _ count: Int
  ) {
    for i in 0..<count { unsafe y[i] += a * x[i] }
  }

  /// y ← a·y.
  @unsafe static func scale(_ y: UnsafeMutablePointer<Double>, by a: Double, _ count: Int) {
    for i in 0..<count { unsafe y[i] *= a }
  }

  /// (x, y) ← (c·x − s·y, s·x + c·y): a plane rotation of two runs.
  @unsafe static func rotate(
    _ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>, _ count: Int,
    cosine c: Double, sine s: Double
  ) {
    for i in 0..<count {
      let (a, b) = unsafe (x[i], y[i])
      unsafe x[i] = c * a - s * b
      unsafe y[i] = s * a + c * b
    }
  }

  @inline(__always) @unsafe private static func load(
    _ pointer: UnsafePointer<Double>, _ i: Int
  ) -> SIMD4<Double> {
    unsafe UnsafeRawPointer(pointer + i).loadUnaligned(as: SIMD4<Double>.self)
  }
}

/// Doubles lent to parallel loops, which write disjoint parts; the rules of ``MutableFloatChunk``.
// Safety: whoever lends a window keeps its memory alive and unmoved until the closure returns, and
// lets no two threads write the same part.
@safe struct DoubleWindow: @unchecked Sendable {
  let start: UnsafeMutablePointer<Double>
  let count: Int

  @unsafe init(start: UnsafeMutablePointer<Double>, count: Int) {
    unsafe self.start = unsafe start
    self.count = count
  }
}

extension Array where Element == Double {
  /// Lends the doubles, of which there is at least one, for reading alone.
  func withReadingWindow<R, E: Error>(_ body: (DoubleWindow) throws(E) -> R) throws(E) -> R {
    // Safety: the array outlives the call; its users write nothing.
    unsafe try withUnsafeBufferPointer { (buffer) throws(E) -> R in
      guard let start = buffer.baseAddress else { preconditionFailure("a window on no numbers") }
      return try body(
        unsafe DoubleWindow(start: UnsafeMutablePointer(mutating: start), count: buffer.count))
    }
  }

  /// Lends the doubles, of which there is at least one, for the duration of `body`.
  mutating func withWindow<R, E: Error>(_ body: (DoubleWindow) throws(E) -> R) throws(E) -> R {
    // Safety: exclusive access to the array lasts until `body` returns.
    unsafe try withUnsafeMutableBufferPointer { (buffer) throws(E) -> R in
      guard let start = buffer.baseAddress else { preconditionFailure("a window on no numbers") }
      return try body(unsafe DoubleWindow(start: start, count: buffer.count))
    }
  }
}
