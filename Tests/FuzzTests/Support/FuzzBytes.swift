// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Edits that know nothing of a format: bits, bytes, stretches, binary numbers.
enum FuzzBytes {
  /// Numbers at the edges of types, as bit patterns.
  private static let awkward: [UInt64] = [
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE,
    0xFFFF_FFFF, 0x1_0000_0000, 1 << 46, 1 << 61, 1 << 62, .max >> 1, 1 << 63, .max - 7, .max,
  ]

  static func edit(_ bytes: inout [UInt8], donor: [UInt8], _ draw: inout FuzzDraw) {
    let place = draw.below(bytes.count)
    let stretch = draw.stretch(bytes)
    switch draw.below(10) {
    case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(draw.below(8))
    case 1 where !bytes.isEmpty: bytes[place] = UInt8(draw.below(256))
    case 2: bytes.removeSubrange(stretch)
    case 3: bytes.insert(contentsOf: Array(bytes[stretch]), at: draw.below(bytes.count + 1))
    case 4: bytes.removeSubrange(place...)
    case 5: bytes.insert(UInt8(draw.below(256)), at: place)
    case 6:
      bytes.replaceSubrange(stretch, with: donor[draw.stretch(donor)])
    default: editNumber(&bytes, at: place, &draw)
    }
  }

  /// A little-endian number replaced by an awkward one, or stepped by a little.
  private static func editNumber(_ bytes: inout [UInt8], at place: Int, _ draw: inout FuzzDraw) {
    let width = 1 << draw.below(4)
    guard place + width <= bytes.count else { return }
    var value: UInt64 = 0
    for i in 0..<width { value |= UInt64(bytes[place + i]) << UInt64(8 * i) }
    switch draw.below(3) {
    case 0: value = awkward[draw.below(awkward.count)]
    case 1: value &+= UInt64(1 + draw.below(16))
    default: value &-= UInt64(1 + draw.below(16))
    }
    for i in 0..<width { bytes[place + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
  }
}
