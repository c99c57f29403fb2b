// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The checksum of TFRecord frames: CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), rotated
/// right by 15 bits and shifted by a constant, so that a checksum of data with checksums in it
/// stays a good one.
///
/// **Source**: TensorFlow's `lib/hash/crc32c.h`; RFC 3720, appendix B.4, for the checksum itself.
enum MaskedChecksum {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in
      value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78
    }
  }

  static func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(UInt32.max) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 0xFF)] }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let sum = crc32c(bytes)
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}
