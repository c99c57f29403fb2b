// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Loops over floats, eight at a time.
///
/// Each does to every element what its plain form says, in the same order and with the same
/// roundings, so the bits are equal; a test compares them. They are written out in vectors because
/// the compiler leaves loops with a choice inside (is it finite? is it kept?) one element at a time,
/// which was most of the time of a merge.
package enum Elementwise {
  /// Whether no element is NaN or infinite.
  package static func isFinite(_ values: FloatChunk) -> Bool {
    // Adding 1 to a full exponent carries into the sign bit.
    var carries = SIMD8<Int32>()
    let whole = values.count & ~7
    var i = 0
    while i < whole {
      carries |= (values.bits(at: i) & 0x7FFF_FFFF) &+ 0x0080_0000
      i += 8
    }
    if carries.min() < 0 { return false }
    return isFinitePlain(values[whole..<values.count])
  }

  static func isFinitePlain(_ values: FloatChunk) -> Bool {
    values.indices.allSatisfy { values[$0].isFinite }
  }

  /// out = left − right.
  package static func subtract(
    _ left: FloatChunk, _ right: FloatChunk, into out: MutableFloatChunk
  ) {
    precondition(left.count >= out.count && right.count >= out.count, "chunks of unequal lengths")
    for i in out.indices { out[i] = left[i] - right[i] }
  }

  /// Sets to zero the values whose magnitude is below the one with this bit pattern.
  package static func trim(_ values: MutableFloatChunk, below pattern: UInt32) {
    // Patterns of magnitudes are below 2³¹, so their differences have a sign.
    guard pattern <= 0x7FFF_FFFF else { return values.fill(0) }
    let limit = SIMD8(repeating: Int32(pattern))
    let whole = values.count & ~7
    var i = 0
    while i < whole {
      let bits = values.reading.bits(at: i)
      let isBelow = ((bits & 0x7FFF_FFFF) &- limit) &>> 31
      values.setBits(bits & ~isBelow, at: i)
      i += 8
    }
    trimPlain(values[whole..<values.count], below: pattern)
  }

  static func trimPlain(_ values: MutableFloatChunk, below pattern: UInt32) {
    for i in values.indices where values[i].magnitude.bitPattern < pattern { values[i] = 0 }
  }

  /// How many values have exactly the magnitude with this bit pattern.
  package static func count(_ values: FloatChunk, equalTo pattern: UInt32) -> Int {
    guard pattern <= 0x7FFF_FFFF else { return 0 }
    let wanted = SIMD8(repeating: Int32(pattern))
    let (zero, one) = (SIMD8<Int32>(), SIMD8<Int32>(repeating: 1))
    var total = 0
    var i = 0
    while i + 8 <= values.count {
      // Counters of 32 bits are emptied long before they are full.
      var counts = SIMD8<Int32>()
      let end = min(values.count & ~7, i + 1 << 20)
      while i < end {
        let bits = values.bits(at: i) & 0x7FFF_FFFF
        counts &+= zero.replacing(with: one, where: bits .== wanted)
        i += 8
      }
      total += Int(counts.wrappedSum())
    }
    return total + countPlain(values[i..<values.count], equalTo: pattern)
  }

  static func countPlain(_ values: FloatChunk, equalTo pattern: UInt32) -> Int {
    values.indices.count { values[$0].magnitude.bitPattern == pattern }
  }
}
