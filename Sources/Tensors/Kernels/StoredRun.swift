// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CPrefetch

/// A read-only window on stored elements of a float type that takes no more than a few instructions
/// to read: bfloat16, float16 or float32.
///
/// Reading such elements, asking whether they are finite and taking the base away is one loop here;
/// as three loops over floats it was half the time of a merge. The rules of ``FloatChunk`` apply: a
/// window is lent, and whoever lends it keeps the memory alive.
// Safety: whoever makes a window promises that `count` elements of `elementType` are readable at
// `start` while it is used, and that nobody writes them; the initializer is `unsafe` to say so.
@safe package struct StoredRun: @unchecked Sendable {
  private let start: UnsafeRawPointer
  /// How many elements the window shows.
  package let count: Int
  private let kind: Kind

  private enum Kind { case bfloat16, float16, float32 }

  /// `nil` for the types that are not read this way. `start` needs no alignment.
  @unsafe package init?(start: UnsafeRawPointer, count: Int, elementType: ElementType) {
    switch elementType {
    case .bfloat16: kind = .bfloat16
    case .float16: kind = .float16
    case .float32: kind = .float32
    default: return nil
    }
    unsafe self.start = unsafe start
    self.count = count
  }

  /// Fills `out`, of the same length, with the elements; exact.
  /// - Returns: whether all are finite.
  package func decode(into out: MutableFloatChunk) -> Bool {
    precondition(out.count == count, "a run of \(count) does not fit \(out.count)")
    return switch kind {
    case .bfloat16: decode(BFloat16Code.self, into: out)
    case .float16: decode(Float16Code.self, into: out)
    case .float32: decode(Float32Code.self, into: out)
    }
  }

  /// Fills `out` with element − base; all three have the same length.
  /// - Returns: whether all elements are finite; the differences need not be.
  package func subtract(_ base: FloatChunk, into out: MutableFloatChunk) -> Bool {
    precondition(
      out.count == count && base.count == count, "a run of \(count) beside \(base.count)")
    return switch kind {
    case .bfloat16: subtract(BFloat16Code.self, base, into: out)
    case .float16: subtract(Float16Code.self, base, into: out)
    case .float32: subtract(Float32Code.self, base, into: out)
    }
  }

  /// Whether all elements are finite.
  package var isFinite: Bool {
    switch kind {
    case .bfloat16: isFinite(BFloat16Code.self)
    case .float16: isFinite(Float16Code.self)
    case .float32: isFinite(Float32Code.self)
    }
  }

  /// How far ahead of what is read memory is asked for: a page. The processor itself sees only to the end
  /// of each page, and waiting at their borders was a third of the time of reading.
  private static let lead = 4096

  /// Calls `body` with the index of each whole vector of eight elements.
  @inline(__always) private func forEachVector<Code: StoredCode>(
    _: Code.Type, _ body: (Int) -> Void
  ) {
    let whole = count & ~7
    var i = 0
    while i < whole {
      // One line of memory, or two, for four vectors; what lies ahead may belong to nobody.
      let ahead = unsafe start + (Code.byteCount &* i &+ Self.lead)
      unsafe koine_prefetch(ahead)
      if Code.byteCount == 4 { unsafe koine_prefetch(ahead + 64) }
      let end = min(whole, i &+ 32)
      while i < end {
        body(i)
        i &+= 8
      }
    }
  }

  @inline(__always) private func isFinite<Code: StoredCode>(_: Code.Type) -> Bool {
    var carries = SIMD8<Int32>()
    // Safety: i + 8 ≤ count elements are readable.
    forEachVector(Code.self) { i in carries |= unsafe Self.carry(Code.bits(start, at: i)) }
    guard carries.min() >= 0 else { return false }
    return (count & ~7..<count).allSatisfy { unsafe Code.value(start, at: $0).isFinite }
  }

  @inline(__always) private func decode<Code: StoredCode>(
    _: Code.Type, into out: MutableFloatChunk
  ) -> Bool {
    var carries = SIMD8<Int32>()
    forEachVector(Code.self) { i in
      // Safety: i + 8 ≤ count elements are readable.
      let bits = unsafe Code.bits(start, at: i)
      carries |= Self.carry(bits)
      out.setBits(bits, at: i)
    }
    var isFinite = carries.min() >= 0
    var i = count & ~7
    while i < count {
      let value = unsafe Code.value(start, at: i)
      isFinite = isFinite && value.isFinite
      out[i] = value
      i &+= 1
    }
    return isFinite
  }

  @inline(__always) private func subtract<Code: StoredCode>(
    _: Code.Type, _ base: FloatChunk, into out: MutableFloatChunk
  ) -> Bool {
    var carries = SIMD8<Int32>()
    forEachVector(Code.self) { i in
      // Safety: as in `decode`.
      let bits = unsafe Code.bits(start, at: i)
      carries |= Self.carry(bits)
      // Safety: vectors of the same size; every pattern of bits is a float.
      let values = unsafe unsafeBitCast(bits, to: SIMD8<Float>.self)
      out.setVector(values - base.vector(at: i), at: i)
    }
    var isFinite = carries.min() >= 0
    var i = count & ~7
    while i < count {
      let value = unsafe Code.value(start, at: i)
      isFinite = isFinite && value.isFinite
      out[i] = value - base[i]
      i &+= 1
    }
    return isFinite
  }

  /// Adding 1 to a full exponent carries into the sign bit.
  @inline(__always) private static func carry(_ bits: SIMD8<Int32>) -> SIMD8<Int32> {
    (bits & 0x7FFF_FFFF) &+ 0x0080_0000
  }
}

/// How stored elements become floats, eight at a time and one at a time.
private protocol StoredCode {
  static var byteCount: Int { get }
  /// The patterns of the eight floats from `index` on, which are readable.
  @unsafe static func bits(_ start: UnsafeRawPointer, at index: Int) -> SIMD8<Int32>
  @unsafe static func value(_ start: UnsafeRawPointer, at index: Int) -> Float
}

private enum BFloat16Code: StoredCode {
  static let byteCount = 2

  @inline(__always) @unsafe
  static func bits(_ start: UnsafeRawPointer, at index: Int) -> SIMD8<Int32> {
    let codes = unsafe (start + 2 &* index).loadUnaligned(as: SIMD8<UInt16>.self)
    return SIMD8<Int32>(truncatingIfNeeded: codes) &<< 16
  }

  @inline(__always) @unsafe
  static func value(_ start: UnsafeRawPointer, at index: Int) -> Float {
    Rounding.float(
      bfloat16: unsafe start.loadUnaligned(fromByteOffset: 2 &* index, as: UInt16.self))
  }
}

private enum Float16Code: StoredCode {
  static let byteCount = 2

  @inline(__always) @unsafe
  static func bits(_ start: UnsafeRawPointer, at index: Int) -> SIMD8<Int32> {
    let halves = unsafe (start + 2 &* index).loadUnaligned(as: SIMD8<Float16>.self)
    // Safety: vectors of the same size; a float's bits are an integer's.
    return unsafe unsafeBitCast(SIMD8<Float>(halves), to: SIMD8<Int32>.self)
  }

  @inline(__always) @unsafe
  static func value(_ start: UnsafeRawPointer, at index: Int) -> Float {
    Rounding.float(
      float16: unsafe start.loadUnaligned(fromByteOffset: 2 &* index, as: UInt16.self))
  }
}

private enum Float32Code: StoredCode {
  static let byteCount = 4

  @inline(__always) @unsafe
  static func bits(_ start: UnsafeRawPointer, at index: Int) -> SIMD8<Int32> {
    unsafe (start + 4 &* index).loadUnaligned(as: SIMD8<Int32>.self)
  }

  @inline(__always) @unsafe
  static func value(_ start: UnsafeRawPointer, at index: Int) -> Float {
    Float(bitPattern: unsafe start.loadUnaligned(fromByteOffset: 4 &* index, as: UInt32.self))
  }
}
