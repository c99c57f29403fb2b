// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tensors

/// A format written down as its definition says, to check the fast code against.
private struct Format {
  let exponentBits: Int
  let mantissaBits: Int
  let hasInfinity: Bool

  var width: Int { 1 + exponentBits + mantissaBits }
  private var bias: Int { (1 << (exponentBits - 1)) - 1 }

  /// The value of a code by the definition; `nil` for NaN.
  func value(_ code: Int) -> Double? {
    let mantissa = code & ((1 << mantissaBits) - 1)
    let exponent = (code >> mantissaBits) & ((1 << exponentBits) - 1)
    let sign: Double = code >> (exponentBits + mantissaBits) == 0 ? 1 : -1
    let top = (1 << exponentBits) - 1
    if hasInfinity, exponent == top { return mantissa == 0 ? sign * .infinity : nil }
    if !hasInfinity, exponent == top, mantissa == (1 << mantissaBits) - 1 { return nil }
    let fraction = Double(mantissa) / Double(1 << mantissaBits)
    let power = Double(sign: .plus, exponent: max(exponent, 1) - bias, significand: 1)
    return sign * power * (exponent == 0 ? fraction : 1 + fraction)
  }

  /// All finite values that are not negative, ascending; the index is the code.
  var ladder: [Double] {
    (0..<(1 << (width - 1))).compactMap { value($0) }.filter(\.isFinite)
  }
}

@Suite struct RoundingTests {
  private static let formats: [(ElementType, Format)] = [
    (.bfloat16, Format(exponentBits: 8, mantissaBits: 7, hasInfinity: true)),
    (.float16, Format(exponentBits: 5, mantissaBits: 10, hasInfinity: true)),
    (.float8E4M3, Format(exponentBits: 4, mantissaBits: 3, hasInfinity: false)),
    (.float8E5M2, Format(exponentBits: 5, mantissaBits: 2, hasInfinity: true)),
  ]

  private func decode(_ code: Int, _ type: ElementType) -> Float {
    switch type {
    case .bfloat16: Rounding.float(bfloat16: UInt16(code))
    case .float16: Rounding.float(float16: UInt16(code))
    case .float8E4M3: Rounding.float8E4M3Values[code]
    default: Rounding.float8E5M2Values[code]
    }
  }

  private func encode(_ value: Float, _ type: ElementType) -> Int {
    switch type {
    case .bfloat16: Int(Rounding.bfloat16(value))
    case .float16: Int(Rounding.float16(value))
    case .float8E4M3: Int(Rounding.float8E4M3(value))
    default: Int(Rounding.float8E5M2(value))
    }
  }

  @Test func `every code has the value its format defines, and goes back to itself`() {
    for (type, format) in Self.formats {
      for code in 0..<(1 << format.width) {
        let value = decode(code, type)
        if let expected = format.value(code) {
          #expect(
            Double(value) == expected && (value.sign == .minus) == (code >> (format.width - 1) == 1)
          )
          #expect(encode(value, type) == code, "\(type) \(code)")
        } else {
          #expect(value.isNaN)
          #expect(decode(encode(value, type), type).isNaN)
        }
      }
    }
  }

  @Test func `midpoints go to the even code and their neighbours to the nearest`() {
    for (type, format) in Self.formats {
      let ladder = format.ladder
      var wrong = 0
      for code in 0..<(ladder.count - 1) {
        let middle = Float((ladder[code] + ladder[code + 1]) / 2)
        // The midpoint of two neighbours of a 16-bit format is a float, exactly.
        guard Double(middle) == (ladder[code] + ladder[code + 1]) / 2 else {
          wrong += 1
          continue
        }
        let even = code.isMultiple(of: 2) ? code : code + 1
        let sign = 1 << (format.width - 1)
        if encode(middle, type) != even { wrong += 1 }
        if encode(middle.nextDown, type) != code { wrong += 1 }
        if encode(middle.nextUp, type) != code + 1 { wrong += 1 }
        if encode(-middle, type) != even | sign { wrong += 1 }
        if encode((-middle).nextUp, type) != code | sign { wrong += 1 }
      }
      #expect(wrong == 0, "\(type)")
    }
  }

  @Test func `what is too large becomes infinity, or NaN where there is none`() {
    #expect(Rounding.float(bfloat16: Rounding.bfloat16(.greatestFiniteMagnitude)) == .infinity)
    #expect(Rounding.float(float16: Rounding.float16(65_519.996)) == 65_504)
    #expect(Rounding.float(float16: Rounding.float16(65_520)) == .infinity)
    #expect(Rounding.float8E5M2(61_440) == 0x7C)
    #expect(Rounding.float8E5M2(Float(61_440).nextDown) == 0x7B)
    #expect(Rounding.float8E5M2(-.infinity) == 0xFC)
    #expect(Rounding.float8E4M3(464) == 0x7E)
    #expect(Rounding.float8E4M3(Float(464).nextUp) == 0x7F)
    #expect(Rounding.float8E4M3(-.infinity) == 0xFF)
  }

  @Test func `a NaN stays one whatever its payload`() {
    for payload: UInt32 in [1, 0x7FFF, 0x8000, 0x3FFFFF, 0x400000, 0x7FFFFF] {
      for sign: UInt32 in [0, 0x8000_0000] {
        let value = Float(bitPattern: 0x7F80_0000 | payload | sign)
        for (type, _) in Self.formats { #expect(decode(encode(value, type), type).isNaN) }
      }
    }
  }

  @Test func `doubles reach narrow types by one rounding`() {
    // Just above a bfloat16 midpoint by less than a float can tell.
    let above = 1 + 0x1p-8 + 0x1p-40
    #expect(Rounding.bfloat16(Float(above)) == 0x3F80)
    #expect(Rounding.bfloat16(Rounding.toOdd(above)) == 0x3F81)
    let below = 1 + 3 * 0x1p-8 - 0x1p-40
    #expect(Rounding.bfloat16(Float(below)) == 0x3F82)
    #expect(Rounding.bfloat16(Rounding.toOdd(below)) == 0x3F81)
    #expect(Rounding.toOdd(0.5) == 0.5)
    #expect(Rounding.toOdd(-.infinity) == -.infinity)
    #expect(Rounding.toOdd(1e300) == .greatestFiniteMagnitude)
    #expect(Rounding.toOdd(.nan).isNaN)
  }

  @Test func `toOdd then narrow equals the nearest of two neighbours`() {
    let seed: UInt64 = 11
    let random = CounterRandom(seed: seed, stream: "to odd")
    let ladder = Format(exponentBits: 8, mantissaBits: 7, hasInfinity: true).ladder
    for index in 0..<2000 {
      let code = Int(random.bits(at: 2 * index)) % (ladder.count - 1)
      let (low, high) = (ladder[code], ladder[code + 1])
      let value = low + (high - low) * Double(random.bits(at: 2 * index + 1)) / 0x1p32
      let expected = value - low < high - value ? code : code + 1
      if value - low == high - value { continue }
      #expect(
        Int(Rounding.bfloat16(Rounding.toOdd(value))) == expected, "seed \(seed), index \(index)")
    }
  }
}

@Suite struct ConversionTests {
  @Test(arguments: ElementType.allCases.filter(\.isFloatingPoint))
  func `runs of elements convert as single ones do`(type: ElementType) {
    let values: [Float] = [0, -0.0, 1, -1.5, 0.3, 1e-7, -300, 448]
    for count in 0...values.count {
      let part = Array(values.prefix(count))
      // One byte before the data, so that nothing is aligned.
      var bytes = [UInt8](repeating: 0xAA, count: 1 + count * type.byteCount + 1)
      part.withChunk { chunk in
        var span = bytes.mutableSpan
        var all = span.mutableBytes
        var target = all._mutatingExtracting(1..<(1 + count * type.byteCount))
        Conversion.encode(chunk, as: type, into: &target)
      }
      #expect(bytes.first == 0xAA && bytes.last == 0xAA)
      var back = [Float](repeating: .nan, count: count)
      back.withMutableChunk { output in
        Conversion.decode(bytes.span.bytes.extracting(1...), as: type, into: output)
      }
      var rounded = part
      rounded.withMutableChunk { Conversion.round($0, to: type) }
      #expect(back == rounded)
    }
  }

  @Test func `integers and booleans decode to the nearest float`() {
    func decode(_ bytes: [UInt8], _ type: ElementType) -> [Float] {
      var output = [Float](repeating: .nan, count: bytes.count / type.byteCount)
      output.withMutableChunk { Conversion.decode(bytes.span.bytes, as: type, into: $0) }
      return output
    }
    #expect(decode([0xFF, 0x7F], .int8) == [-1, 127])
    #expect(decode([0xFF, 0x7F], .uint8) == [255, 127])
    #expect(decode([0xFE, 0xFF], .int16) == [-2])
    #expect(decode([0xFE, 0xFF], .uint16) == [65_534])
    #expect(decode([0, 0, 0, 0x80], .int32) == [-0x1p31])
    #expect(decode([0, 0, 0, 0x80], .uint32) == [0x1p31])
    #expect(decode([0, 0, 0, 0, 0, 0, 0, 0x80], .int64) == [-0x1p63])
    #expect(decode([0, 0, 0, 0, 0, 0, 0, 0x80], .uint64) == [0x1p63])
    #expect(decode([0, 1, 2], .bool) == [0, 1, 1])
  }
}
