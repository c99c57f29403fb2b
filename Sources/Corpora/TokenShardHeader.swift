// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

// The header's bytes. All numbers are little-endian:
//   0 magic (8)  8 version u32  12 width of an id u32  16 vocabulary size i64  24 end-of-text i64
//  32 token count i64  40 document count i64  48 text bytes i64  56 fingerprint, high and low u64
//  72 tokenizer: length u64, then 64 bytes padded with zeros  144 reserved, zero
extension TokenShardHeader {
  static let byteCount = 152
  static let magic = Array("KOINETOK".utf8)
  static let version = 1

  var offsetsStart: Int { (Self.byteCount + tokenCount * tokenWidth + 7) & ~7 }

  var encoded: [UInt8] {
    var bytes = Self.magic
    func put(_ value: UInt64, _ width: Int = 8) {
      for k in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * k))) }
    }
    put(UInt64(Self.version), 4)
    put(UInt64(tokenWidth), 4)
    put(UInt64(vocabularySize))
    put(UInt64(endOfText))
    put(UInt64(tokenCount))
    put(UInt64(documentCount))
    put(UInt64(textByteCount))
    put(contentHash.high)
    put(contentHash.low)
    let name = Array(tokenizerHash.utf8)
    put(UInt64(name.count))
    bytes += name + [UInt8](repeating: 0, count: Self.byteCount - bytes.count - name.count)
    return bytes
  }

  /// The fingerprint that the bytes of a header hold, which are not checked otherwise.
  static func contentHash(in bytes: Data) -> String {
    func number(_ offset: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[bytes.startIndex + offset + $1]) << UInt64(8 * $1) }
    }
    return ContentHash(high: number(56), low: number(64)).hex
  }

  init(decoding data: Data, path: String) throws {
    func wrong(_ field: String, _ expected: String, _ found: String) -> CorpusError {
      .shard(path, field: field, expected: expected, found: found)
    }
    guard data.count >= Self.byteCount else {
      throw wrong("size", "at least \(Self.byteCount) bytes", "\(data.count)")
    }
    let bytes = [UInt8](data.prefix(Self.byteCount))
    func number(_ offset: Int, _ width: Int = 8) -> UInt64 {
      (0..<width).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
    guard Array(bytes[0..<8]) == Self.magic else {
      throw wrong("magic", "KOINETOK", String(decoding: bytes[0..<8], as: UTF8.self))
    }
    guard number(8, 4) == UInt64(Self.version) else {
      throw wrong("version", "\(Self.version)", "\(number(8, 4))")
    }
    let size = number(16)
    guard size > 0, size <= 1 << 31 else {
      throw wrong("vocabulary size", "between 1 and 2147483648", "\(size)")
    }
    let end = number(24)
    guard end < size else { throw wrong("end-of-text id", "below \(size)", "\(end)") }
    let nameLength = number(72)
    guard nameLength <= 64,
      let name = String(validating: bytes[80..<(80 + Int(nameLength))], as: UTF8.self)
    else { throw wrong("tokenizer", "at most 64 bytes of text", "\(nameLength) bytes") }
    self.init(vocabularySize: Int(size), endOfText: Int32(end), tokenizerHash: name)
    guard number(12, 4) == UInt64(tokenWidth) else {
      throw wrong("width of an id", "\(tokenWidth) bytes", "\(number(12, 4))")
    }
    // Both counts are bounded by the file's size before they are multiplied.
    let limit = UInt64(data.count)
    guard number(32) <= limit else {
      throw wrong("token count", "at most \(limit)", "\(number(32))")
    }
    guard number(40) <= number(32) else {
      throw wrong("document count", "at most \(number(32))", "\(number(40))")
    }
    guard number(48) <= UInt64(Int64.max) else {
      throw wrong("text size", "at most \(Int64.max) bytes", "\(number(48))")
    }
    tokenCount = Int(number(32))
    documentCount = Int(number(40))
    textByteCount = Int(number(48))
    contentHash = ContentHash(high: number(56), low: number(64))
    let expected = offsetsStart + 8 * (documentCount + 1)
    guard data.count == expected else {
      throw wrong("size", "\(expected) bytes", "\(data.count)")
    }
  }
}
