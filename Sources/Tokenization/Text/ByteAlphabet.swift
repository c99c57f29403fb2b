// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The bijection between bytes and printable characters of byte-level tokenizers.
///
/// The bytes that print in Latin-1 (0x21…0x7E, 0xA1…0xAC, 0xAE…0xFF) stand for themselves; the
/// other 68 take U+0100…U+0143 in order. So a space is `Ġ` and a line feed `Ċ`.
///
/// **Source**: Radford et al. 2019 (GPT-2), `bytes_to_unicode`. **Departs**: nothing.
enum ByteAlphabet {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var others: UInt8 = 0
    return (UInt8.min...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { others += 1 }
        // U+0100 + n: two UTF-8 bytes like every scalar of Latin Extended-A.
        return Unicode.Scalar(UInt16(0x100) + UInt16(others)) ?? Unicode.Scalar(byte)
      }
    }
  }()

  /// The UTF-8 of each byte's character, one or two bytes.
  static let encoded: [[UInt8]] = scalars.map { Array(String($0).utf8) }

  /// The byte of each character below U+0144, or -1.
  private static let bytes: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
    return table
  }()

  /// The byte that a character stands for, or `nil` for characters outside the alphabet.
  static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    guard scalar.value < 0x144 else { return nil }
    let byte = bytes[Int(scalar.value)]
    return byte < 0 ? nil : UInt8(byte)
  }

  /// The bytes a token stands for; `nil` when one of its characters is outside the alphabet.
  static func bytes(of token: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard let byte = byte(of: scalar) else { return nil }
      result.append(byte)
    }
    return result
  }

  /// The characters that stand for `bytes`.
  static func token(of bytes: some Sequence<UInt8>) -> String {
    var result = String.UnicodeScalarView()
    for byte in bytes { result.append(scalars[Int(byte)]) }
    return String(result)
  }
}
