// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The text as the YAML library gets it, and back.
///
/// Yams compares keys by canonical equivalence, so it refuses a mapping with `Å` (U+00C5) and `Å`
/// (U+212B), and it hashes keys with their aliases expanded, so that forty lines can keep it busy
/// for years. Therefore it sees neither: every `*` and every character beyond ASCII is moved, one
/// UTF-16 unit each, into the private-use plane 15, where no character is equivalent to another.
/// Aliases then arrive as plain scalars, and `YAML` resolves them within bounds. Lines stay
/// where they are. What is left to Yams' comparison are two keys of one mapping that are both
/// written as escapes in double quotes (`"\u00C5"`, `"\u212B"`); it refuses them as equal.
enum YAMLMask {
  private static let plane: UInt32 = 0xF0000

  /// Masks `text` without its byte order mark, after checking that YAML allows its characters.
  static func mask(
    _ text: String, origin: String, firstLine: Int = 1
  ) throws(DocumentError) -> String {
    var masked = String.UnicodeScalarView()
    var line = firstLine
    var previous: Unicode.Scalar = " "
    // How much of `\U000` stands just before the current character; `\U000F…` would name a
    // character of the plane that `unmask` takes for a masked one.
    let escape: [Unicode.Scalar] = ["\\", "U", "0", "0", "0"]
    var matched = 0
    var scalars = text.unicodeScalars[...]
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    for scalar in scalars {
      if scalar == "\r" || (scalar == "\n" && previous != "\r") { line += 1 }
      previous = scalar
      guard isAllowed(scalar) else {
        throw .syntax(
          origin: origin, position: "line \(line)",
          problem: "the control character U+\(hexadecimal(scalar))")
      }
      if matched == escape.count, scalar == "F" || scalar == "f" {
        throw .syntax(
          origin: origin, position: "line \(line)",
          problem: "an escape of a private-use character, `\\U000F`")
      }
      if matched < escape.count, scalar == escape[matched] {
        matched += 1
      } else {
        matched = scalar == "\\" ? 1 : 0
      }
      if scalar == "*" || scalar.value > 0x7F {
        for unit in String(scalar).utf16 {
          masked.append(Unicode.Scalar(plane + UInt32(unit)) ?? scalar)
        }
      } else {
        masked.append(scalar)
      }
    }
    return String(masked)
  }

  /// The text that was masked, with characters from escapes left alone.
  static func unmask(_ masked: String) -> String {
    // In UTF-8, the characters of plane 15 begin with this byte.
    guard masked.utf8.contains(0xF3) else { return masked }
    var units: [UInt16] = []
    for scalar in masked.unicodeScalars {
      if scalar.value >> 16 == plane >> 16 {
        units.append(UInt16(scalar.value & 0xFFFF))
      } else {
        units.append(contentsOf: String(scalar).utf16)
      }
    }
    return String(decoding: units, as: UTF16.self)
  }

  /// YAML 1.2.2, §5.1, `c-printable`.
  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xFFFD, 0x10000...0x10FFFF: true
    default: false
    }
  }

  private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
