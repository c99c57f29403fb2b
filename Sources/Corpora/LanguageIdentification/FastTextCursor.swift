// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Reads the numbers of a fastText file in order; little-endian, unaligned, every read checked.
struct FastTextCursor {
  private let data: Data
  private let path: String
  /// Bytes from the start of the file.
  private(set) var position = 0

  init(_ data: Data, path: String) {
    self.data = data
    self.path = path
  }

  var remaining: Int { data.count - position }

  func damaged(_ problem: String) -> CorpusError {
    .identifier(path, byte: position, problem: problem)
  }

  private mutating func load<T: FixedWidthInteger>(
    _ type: T.Type, _ field: String
  ) throws(CorpusError) -> T {
    let size = MemoryLayout<T>.size
    guard remaining >= size else { throw damaged("it ends inside the \(field)") }
    let start = position
    position += size
    // Safety: `size` bytes from `start` lie inside the data.
    return data.withUnsafeBytes {
      T(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: T.self))
    }
  }

  mutating func int32(_ field: String) throws(CorpusError) -> Int {
    Int(try load(Int32.self, field))
  }

  mutating func int64(_ field: String) throws(CorpusError) -> Int {
    Int(try load(Int64.self, field))
  }

  /// A whole number in a range.
  mutating func count(
    _ field: String, _ range: ClosedRange<Int>, wide: Bool = false
  ) throws(CorpusError) -> Int {
    let value = wide ? try int64(field) : try int32(field)
    guard range.contains(value) else {
      throw damaged(
        "the \(field) should be \(range.lowerBound) to \(range.upperBound), it is \(value)")
    }
    return value
  }

  mutating func flag(_ field: String) throws(CorpusError) -> Bool {
    let value = try load(UInt8.self, field)
    guard value <= 1 else { throw damaged("the flag \(field) should be 0 or 1, it is \(value)") }
    return value == 1
  }

  mutating func byte(_ field: String) throws(CorpusError) -> UInt8 {
    try load(UInt8.self, field)
  }

  mutating func skip(_ byteCount: Int, _ field: String) throws(CorpusError) {
    guard byteCount >= 0, remaining >= byteCount else {
      throw damaged("it ends inside the \(field)")
    }
    position += byteCount
  }

  /// The bytes up to a NUL, which is passed over.
  mutating func text(_ field: String) throws(CorpusError) -> [UInt8] {
    let rest = data[data.startIndex + position..<data.endIndex]
    guard let end = rest.firstIndex(of: 0) else { throw damaged("it ends inside the \(field)") }
    position += end - rest.startIndex + 1
    return Array(rest[..<end])
  }

  /// Where `count` floats start, all of them finite.
  mutating func floats(_ count: Int, _ field: String) throws(CorpusError) -> Int {
    let start = position
    guard count <= remaining / 4 else { throw damaged("it ends inside the \(field)") }
    // Safety: `count` floats from `start` lie inside the data.
    let bad = data.withUnsafeBytes { bytes in
      (0..<count).first {
        let bits = UInt32(
          littleEndian: bytes.loadUnaligned(fromByteOffset: start + 4 * $0, as: UInt32.self))
        return bits & 0x7F80_0000 == 0x7F80_0000
      }
    }
    if let bad {
      position += 4 * bad
      throw damaged("a number of the \(field) is not finite")
    }
    position += 4 * count
    return start
  }
}
