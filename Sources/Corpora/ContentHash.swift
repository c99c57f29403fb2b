// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A 128-bit fingerprint of bytes, the same on every machine: for finding duplicates and dividing
/// documents, not for security.
///
/// Two multiply–xor–shift lanes over 8-byte little-endian words, then the length; one
/// multiplication a lane and word.
public struct ContentHash: Hashable, Comparable, Sendable {
  /// The upper 64 bits.
  public let high: UInt64
  /// The lower 64 bits.
  public let low: UInt64

  /// The fingerprint of `bytes` under `seed`.
  public init(_ bytes: some Collection<UInt8>, seed: UInt64 = 0) {
    var hasher = ContentHasher(seed: seed)
    hasher.absorb(bytes)
    self = hasher.finish()
  }

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// 32 hexadecimal digits.
  public var hex: String {
    func digits(_ value: UInt64) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    return digits(high) + digits(low)
  }

  public static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

/// Makes a ``ContentHash`` of bytes that come in pieces; where they are cut does not matter.
struct ContentHasher {
  private var a: UInt64
  private var b: UInt64
  private var partial: UInt64 = 0  // the last count % 8 bytes
  private var count: UInt64 = 0

  init(seed: UInt64 = 0) {
    a = SeededRandom.mix(seed ^ 0x243F_6A88_85A3_08D3)  // the first digits of π
    b = SeededRandom.mix(seed ^ 0x1319_8A2E_0370_7344)  // and the following
  }

  mutating func absorb(_ bytes: some Collection<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ absorb(raw: UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { absorb(raw: $0) }
    }
  }

  mutating func absorb(raw bytes: UnsafeRawBufferPointer) {
    let shift = 8 * (count % 8)
    var offset = 0
    while offset + 8 <= bytes.count {
      // Safety: eight bytes from `offset` on are inside the buffer.
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      step(shift == 0 ? word : partial | word << shift)
      if shift > 0 { partial = word >> (64 - shift) }
      offset += 8
    }
    count += UInt64(offset)
    for k in offset..<bytes.count {
      partial |= UInt64(bytes[k]) << (8 * (count % 8))
      count += 1
      if count % 8 == 0 {
        step(partial)
        partial = 0
      }
    }
  }

  func finish() -> ContentHash {
    var last = self
    if count % 8 > 0 { last.step(partial) }
    return ContentHash(
      high: SeededRandom.mix(last.a ^ count), low: SeededRandom.mix(last.b &+ count))
  }

  private mutating func step(_ word: UInt64) {
    a = (a ^ word) &* 0x9FB2_1C65_1E98_DF25
    a ^= a >> 29
    b = (b &+ word) &* 0xD6E8_FEB8_6659_FD93
    b ^= b >> 32
  }
}
