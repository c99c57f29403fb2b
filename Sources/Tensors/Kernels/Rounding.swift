// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Single conversions between `Float` and the narrow formats.
///
/// Goals in order: (1) the value nearest to the input, ties to the even code, after exactly one
/// rounding; (2) NaN stays NaN, infinities and signed zeros stay where the format has them;
/// (3) branch-free loops around them vectorise. Truncating the low bits of the pattern, the usual
/// shortcut for bfloat16, fails the first goal for half of all inputs.
@frozen public enum Rounding {
  /// The bfloat16 code nearest to `value`; overflow gives infinity.
  @inlinable public static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let rounded = (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16
    // A NaN's payload could carry into the exponent: keep its sign and make it quiet instead.
    return value.isNaN
      ? UInt16(truncatingIfNeeded: (bits >> 16) | 0x40)
      : UInt16(truncatingIfNeeded: rounded)
  }

  /// The value of a bfloat16 code, exactly.
  @inlinable public static func float(bfloat16 code: UInt16) -> Float {
    Float(bitPattern: UInt32(code) << 16)
  }

  /// The IEEE binary16 code nearest to `value`; overflow gives infinity.
  @inlinable public static func float16(_ value: Float) -> UInt16 {
    Float16(value).bitPattern
  }

  /// The value of a binary16 code, exactly.
  @inlinable public static func float(float16 code: UInt16) -> Float {
    Float(Float16(bitPattern: code))
  }

  /// The E4M3 ("fn") code nearest to `value`. The format has no infinity: what rounds beyond 448
  /// becomes NaN, as in PyTorch.
  public static func float8E4M3(_ value: Float) -> UInt8 {
    let code = narrow(value.magnitude, mantissaBits: 3, bias: 7)
    let sign: UInt8 = value.sign == .minus ? 0x80 : 0
    return sign | (value.isNaN || code > 0x7E ? 0x7F : UInt8(code))
  }

  /// The E5M2 code nearest to `value`; what rounds beyond 57,344 becomes infinity.
  public static func float8E5M2(_ value: Float) -> UInt8 {
    let code = narrow(value.magnitude, mantissaBits: 2, bias: 15)
    let sign: UInt8 = value.sign == .minus ? 0x80 : 0
    if value.isNaN { return sign | 0x7E }
    return sign | (code > 0x7B ? 0x7C : UInt8(code))
  }

  /// The value of each E4M3 code, indexed by the code.
  public static let float8E4M3Values: [Float] = (0..<256).map { code in
    code & 0x7F == 0x7F ? .nan : widen(UInt8(code), mantissaBits: 3, bias: 7)
  }

  /// The value of each E5M2 code, indexed by the code.
  public static let float8E5M2Values: [Float] = (0..<256).map { code in
    switch code & 0x7F {
    case 0x7C: code & 0x80 == 0 ? .infinity : -.infinity
    case 0x7D...: .nan
    default: widen(UInt8(code), mantissaBits: 2, bias: 15)
    }
  }

  /// Narrows a double to a float so that a second rounding to a format with at most 22 mantissa
  /// bits gives what one rounding would have given ("round to odd": an inexact result gets its
  /// last bit set, which remembers on which side of every coarser midpoint the double lay).
  @inlinable public static func toOdd(_ value: Double) -> Float {
    let nearest = Float(value)
    if Double(nearest) == value || value.isNaN { return nearest }
    if nearest.isInfinite {
      return nearest.sign == .minus ? -.greatestFiniteMagnitude : .greatestFiniteMagnitude
    }
    // Toward zero first, then set the last bit.
    let isBeyond = Double(nearest).magnitude > value.magnitude
    let truncated = isBeyond ? nearest.bitPattern - 1 : nearest.bitPattern
    return Float(bitPattern: truncated | 1)
  }

  /// Rounds a magnitude to a small format without regard to its upper end: the codes above the
  /// largest finite one are the caller's.
  static func narrow(_ magnitude: Float, mantissaBits: Int, bias: Int) -> UInt32 {
    if !magnitude.isFinite { return 0xFF }
    let smallestNormal = Float(sign: .plus, exponent: 1 - bias, significand: 1)
    if magnitude < smallestNormal {
      // Scaling by a power of two is exact here, so rounding happens once. The code after the
      // last subnormal is the first normal, so a carry needs no care.
      let scale = Float(sign: .plus, exponent: bias - 1 + mantissaBits, significand: 1)
      return UInt32((magnitude * scale).rounded(.toNearestOrEven))
    }
    let shift = UInt32(23 - mantissaBits)
    let bits = magnitude.bitPattern
    let rounded = bits + (1 << (shift - 1)) - 1 + ((bits >> shift) & 1)
    return (rounded >> shift) - (UInt32(127 - bias) << UInt32(mantissaBits))
  }

  private static func widen(_ code: UInt8, mantissaBits: Int, bias: Int) -> Float {
    let magnitude = Int(code & 0x7F)
    let exponent = magnitude >> mantissaBits
    let mantissa = magnitude & ((1 << mantissaBits) - 1)
    let unit = Float(sign: .plus, exponent: max(exponent, 1) - bias - mantissaBits, significand: 1)
    let value = Float(exponent == 0 ? mantissa : mantissa | (1 << mantissaBits)) * unit
    return code & 0x80 == 0 ? value : -value
  }
}
