// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Conversion {
  /// The index of the first of `count` encoded numbers that is NaN or infinite, or `nil`; of types
  /// without a full exponent to tell it by, always `nil`.
  package static func firstNonFinite(
    _ bytes: RawSpan, as type: ElementType, count: Int
  ) -> Int? {
    precondition(bytes.byteCount >= count * type.byteCount, "too few bytes to look at")
    // Safety: `count` numbers are readable, as checked; loads are unaligned.
    return unsafe bytes.withUnsafeBytes { source in
      switch type {
      case .float32: unsafe firstFull(source, count, exponent: 0x7F80_0000 as UInt32)
      case .bfloat16: unsafe firstFull(source, count, exponent: 0x7F80 as UInt16)
      case .float16: unsafe firstFull(source, count, exponent: 0x7C00 as UInt16)
      default: nil
      }
    }
  }

  /// - Parameter exponent: the bits that all are set in what is not finite.
  private static func firstFull<Bits: FixedWidthInteger & UnsignedInteger & SIMDScalar>(
    _ source: UnsafeRawBufferPointer, _ count: Int, exponent: Bits
  ) -> Int? {
    // Adding the exponent's lowest bit to a full one carries into the sign.
    let unit = exponent & (~exponent &+ 1)
    let sign: Bits = 1 << Bits(Bits.bitWidth - 1)
    let (magnitude, carry) = (SIMD16(repeating: ~sign), SIMD16(repeating: unit))
    let run = 1024
    var begin = 0
    while begin < count {
      let end = min(count, begin + run)
      var carries = SIMD16<Bits>()
      var i = begin
      while i + 16 <= end {
        let bits = unsafe source.loadUnaligned(
          fromByteOffset: i * MemoryLayout<Bits>.size, as: SIMD16<Bits>.self)
        carries |= (bits & magnitude) &+ carry
        i += 16
      }
      // One by one what is there, or what is left of it.
      for i in (carries.max() >= sign ? begin : i)..<end {
        let bits = unsafe source.loadUnaligned(
          fromByteOffset: i * MemoryLayout<Bits>.size, as: Bits.self)
        if bits & exponent == exponent { return i }
      }
      begin = end
    }
    return nil
  }
}
