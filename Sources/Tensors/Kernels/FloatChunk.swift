// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A read-only window on floats that somebody else owns.
///
/// A window is lent to a closure and must not outlive the call that lent it: it neither owns nor
/// retains the memory. Indices are checked in debug builds; in release builds the loop bounds of
/// the kernels are the check, so that loops vectorise.
// Safety: whoever makes a window (this module's `lend` functions) keeps the memory alive and
// unmoved until the closure returns; the initializer is `unsafe` to say so.
@safe public struct FloatChunk: @unchecked Sendable {
  // Sendable: a window is read-only, and its memory is not written while it is lent.
  @usableFromInline let pointer: UnsafePointer<Float>
  /// How many floats the window shows.
  public let count: Int

  @unsafe @inlinable public init(pointer: UnsafePointer<Float>, count: Int) {
    unsafe self.pointer = unsafe pointer
    self.count = count
  }

  /// `0 ..< count`.
  @inlinable public var indices: Range<Int> { 0..<count }

  @inlinable public subscript(index: Int) -> Float {
    assert(index >= 0 && index < count, "index \(index) outside a chunk of \(count)")
    // Safety: the index lies inside the lent memory, as asserted above.
    return unsafe pointer[index]
  }

  /// The part of the window at `range`.
  @inlinable public subscript(range: Range<Int>) -> FloatChunk {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the chunk")
    // Safety: the range lies inside the lent memory, as checked above.
    return unsafe FloatChunk(pointer: pointer + range.lowerBound, count: range.count)
  }

  /// The eight floats from `index` on, which must lie in the window.
  @inline(__always) func vector(at index: Int) -> SIMD8<Float> {
    assert(index >= 0 && index + 8 <= count, "index \(index) outside a chunk of \(count)")
    // Safety: inside the lent memory, as asserted; the load needs no alignment.
    return unsafe UnsafeRawPointer(pointer + index).loadUnaligned(as: SIMD8<Float>.self)
  }

  /// The patterns of the eight floats from `index` on, which must lie in the window.
  @inline(__always) func bits(at index: Int) -> SIMD8<Int32> {
    assert(index >= 0 && index + 8 <= count, "index \(index) outside a chunk of \(count)")
    // Safety: as above; every float's bits are an integer's.
    return unsafe UnsafeRawPointer(pointer + index).loadUnaligned(as: SIMD8<Int32>.self)
  }

  /// Copies the floats out.
  public func array() -> [Float] {
    // Safety: `count` floats are readable at `pointer` while the window is lent.
    unsafe Array(UnsafeBufferPointer(start: pointer, count: count))
  }
}

/// A writable window on floats that somebody else owns; the rules of ``FloatChunk`` apply, and no
/// two threads hold overlapping writable windows.
@safe public struct MutableFloatChunk: @unchecked Sendable {
  // Sendable: the maker hands disjoint windows to different threads.
  @usableFromInline let pointer: UnsafeMutablePointer<Float>
  /// How many floats the window covers.
  public let count: Int

  @unsafe @inlinable public init(pointer: UnsafeMutablePointer<Float>, count: Int) {
    unsafe self.pointer = unsafe pointer
    self.count = count
  }

  /// `0 ..< count`.
  @inlinable public var indices: Range<Int> { 0..<count }

  @inlinable public subscript(index: Int) -> Float {
    get {
      assert(index >= 0 && index < count, "index \(index) outside a chunk of \(count)")
      // Safety: the index lies inside the lent memory, as asserted above.
      return unsafe pointer[index]
    }
    nonmutating set {
      assert(index >= 0 && index < count, "index \(index) outside a chunk of \(count)")
      // Safety: as above, and nobody else writes this window.
      unsafe pointer[index] = newValue
    }
  }

  /// The part of the window at `range`.
  @inlinable public subscript(range: Range<Int>) -> MutableFloatChunk {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the chunk")
    // Safety: the range lies inside the lent memory, as checked above.
    return unsafe MutableFloatChunk(pointer: pointer + range.lowerBound, count: range.count)
  }

  /// The eight floats from `index` on, which must lie in the window.
  @inline(__always) func vector(at index: Int) -> SIMD8<Float> { reading.vector(at: index) }

  /// Sets the eight floats from `index` on, which must lie in the window.
  @inline(__always) func setVector(_ value: SIMD8<Float>, at index: Int) {
    assert(index >= 0 && index + 8 <= count, "index \(index) outside a chunk of \(count)")
    // Safety: inside the lent memory, as asserted; the store needs no alignment.
    unsafe UnsafeMutableRawPointer(pointer + index).storeBytes(of: value, as: SIMD8<Float>.self)
  }

  /// Sets the eight floats from `index` on, which must lie in the window, by their patterns.
  @inline(__always) func setBits(_ bits: SIMD8<Int32>, at index: Int) {
    assert(index >= 0 && index + 8 <= count, "index \(index) outside a chunk of \(count)")
    // Safety: as above; every integer's bits are a float's.
    unsafe UnsafeMutableRawPointer(pointer + index).storeBytes(of: bits, as: SIMD8<Int32>.self)
  }

  /// The same memory for reading.
  @inlinable public var reading: FloatChunk {
    // Safety: the same memory, lent for the same time.
    unsafe FloatChunk(pointer: UnsafePointer(pointer), count: count)
  }

  /// Copies `source`, which has the same length.
  public func assign(_ source: FloatChunk) {
    precondition(source.count == count, "a chunk of \(source.count) does not fit \(count)")
    // Safety: both windows hold `count` floats; `update` permits overlap.
    unsafe pointer.update(from: source.pointer, count: count)
  }

  /// Sets every float to `value`.
  public func fill(_ value: Float) {
    // Safety: `count` floats are writable at `pointer`.
    unsafe pointer.update(repeating: value, count: count)
  }
}

extension Array where Element == Float {
  /// Lends the array's floats for the duration of `body`.
  public func withChunk<R, E: Error>(_ body: (FloatChunk) throws(E) -> R) throws(E) -> R {
    // Safety: the array is retained and unmoved until `body` returns. An empty array may have no
    // base address; any pointer serves for zero elements.
    unsafe try withUnsafeBufferPointer { (buffer) throws(E) -> R in
      guard let start = buffer.baseAddress else {
        return try withScratch(count: 0) {
          (empty) throws(E) -> R in try body(empty.reading)
        }
      }
      return try body(unsafe FloatChunk(pointer: start, count: buffer.count))
    }
  }

  /// Lends the array's floats for writing for the duration of `body`.
  public mutating func withMutableChunk<R, E: Error>(
    _ body: (MutableFloatChunk) throws(E) -> R
  ) throws(E) -> R {
    // Safety: exclusive access to the array lasts until `body` returns.
    unsafe try withUnsafeMutableBufferPointer { (buffer) throws(E) -> R in
      guard let start = buffer.baseAddress else { return try withScratch(count: 0, body) }
      return try body(unsafe MutableFloatChunk(pointer: start, count: buffer.count))
    }
  }
}
