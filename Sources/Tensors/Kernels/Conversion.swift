// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Conversions between stored bytes and floats, a run of elements at a time.
public enum Conversion {
  /// Reads `output.count` elements of `type` from the start of `bytes`.
  ///
  /// Exact for all float types but `F64`, which is rounded once; integers are rounded to the
  /// nearest float and booleans become 0 or 1. `bytes` needs no alignment.
  /// Cost: one pass; traps if `bytes` is shorter than the elements asked for.
  public static func decode(
    _ bytes: RawSpan, as type: ElementType, into output: MutableFloatChunk
  ) {
    precondition(bytes.byteCount >= output.count * type.byteCount, "too few bytes to decode")
    // Safety: the check above covers every load below, which read element i at i × byteCount for
    // i < output.count; loads are unaligned; the span outlives the closure.
    unsafe bytes.withUnsafeBytes { source in
      switch type {
      case .float32: unsafe decode(source, UInt32.self, output) { Float(bitPattern: $0) }
      case .float64:
        unsafe decode(source, UInt64.self, output) { Float(Double(bitPattern: $0)) }
      case .bfloat16: unsafe decode(source, UInt16.self, output) { Rounding.float(bfloat16: $0) }
      case .float16: unsafe decode(source, UInt16.self, output) { Rounding.float(float16: $0) }
      case .float8E4M3:
        let values = Rounding.float8E4M3Values
        unsafe decode(source, UInt8.self, output) { values[Int($0)] }
      case .float8E5M2:
        let values = Rounding.float8E5M2Values
        unsafe decode(source, UInt8.self, output) { values[Int($0)] }
      case .int64: unsafe decode(source, Int64.self, output) { Float($0) }
      case .int32: unsafe decode(source, Int32.self, output) { Float($0) }
      case .int16: unsafe decode(source, Int16.self, output) { Float($0) }
      case .int8: unsafe decode(source, Int8.self, output) { Float($0) }
      case .uint64: unsafe decode(source, UInt64.self, output) { Float($0) }
      case .uint32: unsafe decode(source, UInt32.self, output) { Float($0) }
      case .uint16: unsafe decode(source, UInt16.self, output) { Float($0) }
      case .uint8: unsafe decode(source, UInt8.self, output) { Float($0) }
      case .bool: unsafe decode(source, UInt8.self, output) { $0 == 0 ? 0 : 1 }
      }
    }
  }

  /// Writes `floats` as elements of `type`, which must be a float type, each rounded once to the
  /// nearest value, ties to even.
  ///
  /// The first becomes the element at `offset` of `bytes`. Traps when `type` is not a float or
  /// `bytes` too short.
  public static func encode(
    _ floats: FloatChunk, as type: ElementType, into bytes: inout MutableRawSpan,
    at offset: Int = 0
  ) {
    precondition(
      offset >= 0 && bytes.byteCount >= (offset + floats.count) * type.byteCount,
      "too little room to encode")
    // Safety: the check above covers every store below; stores are unaligned.
    unsafe bytes.withUnsafeMutableBytes { whole in
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: whole[(offset * type.byteCount)...])
      switch type {
      case .float32: unsafe encode(floats, target) { $0.bitPattern }
      case .float64: unsafe encode(floats, target) { Double($0).bitPattern }
      case .bfloat16: unsafe encodeBFloat16(floats, target)
      case .float16: unsafe encode(floats, target) { Rounding.float16($0) }
      case .float8E4M3: unsafe encode(floats, target) { Rounding.float8E4M3($0) }
      case .float8E5M2: unsafe encode(floats, target) { Rounding.float8E5M2($0) }
      default: preconditionFailure("floats are not written as \(type.rawValue)")
      }
    }
  }

  /// Converts `count` stored elements of a float type to another float type with one rounding,
  /// also from `F64`.
  public static func convert(
    _ source: RawSpan, from sourceType: ElementType, to targetType: ElementType, count: Int,
    into target: inout MutableRawSpan
  ) {
    precondition(source.byteCount >= count * sourceType.byteCount, "too few bytes to convert")
    if sourceType == targetType {
      precondition(target.byteCount >= count * targetType.byteCount, "too little room")
      // Safety: both sides hold the bytes copied, as checked.
      unsafe target.withUnsafeMutableBytes { bytes in
        unsafe source.withUnsafeBytes { from in
          unsafe bytes.copyMemory(from: .init(rebasing: from[..<(count * sourceType.byteCount)]))
        }
      }
      return
    }
    withScratch(count: count) { floats in
      if sourceType == .float64, targetType != .float32 {
        // Safety: `count` doubles are readable, as checked.
        unsafe source.withUnsafeBytes { from in
          unsafe decode(from, UInt64.self, floats) { Rounding.toOdd(Double(bitPattern: $0)) }
        }
      } else {
        decode(source, as: sourceType, into: floats)
      }
      encode(floats.reading, as: targetType, into: &target)
    }
  }

  /// `floats`, each replaced by the nearest value that `type` has.
  public static func round(_ floats: MutableFloatChunk, to type: ElementType) {
    switch type {
    case .float32, .float64: break
    case .bfloat16:
      for i in floats.indices { floats[i] = Rounding.float(bfloat16: Rounding.bfloat16(floats[i])) }
    case .float16:
      for i in floats.indices { floats[i] = Rounding.float(float16: Rounding.float16(floats[i])) }
    case .float8E4M3:
      let values = Rounding.float8E4M3Values
      for i in floats.indices { floats[i] = values[Int(Rounding.float8E4M3(floats[i]))] }
    case .float8E5M2:
      let values = Rounding.float8E5M2Values
      for i in floats.indices { floats[i] = values[Int(Rounding.float8E5M2(floats[i]))] }
    default: preconditionFailure("floats are not rounded to \(type.rawValue)")
    }
  }

  @inline(__always) @unsafe private static func decode<Stored: BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, _: Stored.Type, _ output: MutableFloatChunk,
    _ value: (Stored) -> Float
  ) {
    guard output.count > 0, let start = source.baseAddress else { return }
    for i in output.indices {
      // Safety: the public caller has checked that element i lies inside the buffer.
      output[i] = value(
        unsafe start.loadUnaligned(
          fromByteOffset: i &* MemoryLayout<Stored>.size, as: Stored.self))
    }
  }

  /// ``Rounding/bfloat16(_:)`` eight at a time.
  @unsafe private static func encodeBFloat16(
    _ floats: FloatChunk, _ target: UnsafeMutableRawBufferPointer
  ) {
    let whole = floats.count & ~7
    if whole > 0, let start = target.baseAddress {
      let (infinity, quiet) = (SIMD8<Int32>(repeating: 0x7F80_0000), SIMD8<Int32>(repeating: 0x40))
      var i = 0
      while i < whole {
        let bits = floats.bits(at: i)
        // As signed numbers the patterns wrap where those of `Rounding` do.
        let upper = bits &>> 16
        let rounded = (bits &+ 0x7FFF &+ (upper & 1)) &>> 16
        let isNaN = (bits & 0x7FFF_FFFF) .> infinity
        let codes = rounded.replacing(with: upper | quiet, where: isNaN)
        // Safety: the public caller has checked that element i + 7 lies inside the buffer.
        unsafe start.storeBytes(
          of: SIMD8<UInt16>(truncatingIfNeeded: codes), toByteOffset: 2 &* i,
          as: SIMD8<UInt16>.self)
        i &+= 8
      }
    }
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[(2 * whole)...])
    unsafe encode(floats[whole..<floats.count], rest) { Rounding.bfloat16($0) }
  }

  @inline(__always) @unsafe private static func encode<Stored: BitwiseCopyable>(
    _ floats: FloatChunk, _ target: UnsafeMutableRawBufferPointer, _ code: (Float) -> Stored
  ) {
    guard floats.count > 0, let start = target.baseAddress else { return }
    for i in floats.indices {
      // Safety: the public caller has checked that element i lies inside the buffer.
      unsafe start.storeBytes(
        of: code(floats[i]), toByteOffset: i &* MemoryLayout<Stored>.size, as: Stored.self)
    }
  }
}
