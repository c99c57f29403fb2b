// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Reads the wire format of protocol buffers, of which a SentencePiece model is made.
///
/// Nothing is trusted: lengths are checked against what is left, numbers against their width.
struct ProtobufReader {
  /// A field's content by wire type.
  enum Value {
    case number(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private let file: String

  init(_ bytes: ArraySlice<UInt8>, file: String) {
    self.bytes = bytes
    position = bytes.startIndex
    self.file = file
  }

  /// The next field, or `nil` at the end.
  mutating func next() throws(TokenizationError) -> (number: Int, value: Value)? {
    guard position < bytes.endIndex else { return nil }
    let start = position
    let tag = try varint()
    let number = Int(tag >> 3)
    guard number > 0, tag >> 3 <= 0x1FFF_FFFF else {
      throw damaged(start, "a field without number")
    }
    switch tag & 7 {
    case 0: return (number, .number(try varint()))
    case 1: return (number, .fixed64(try fixed(8)))
    case 2:
      let length = try varint()
      guard length <= UInt64(bytes.endIndex - position) else {
        throw damaged(
          start, "a field of \(length) bytes where \(bytes.endIndex - position) are left")
      }
      let end = position + Int(length)
      defer { position = end }
      return (number, .bytes(bytes[position..<end]))
    case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw damaged(start, "a field of the unknown wire type \(tag & 7)")
    }
  }

  private mutating func varint() throws(TokenizationError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard position < bytes.endIndex else { throw damaged(start, "it ends inside a number") }
      let byte = bytes[position]
      position += 1
      // The tenth byte has one bit to give.
      guard shift < 63 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw damaged(start, "a number of more than 64 bits")
  }

  private mutating func fixed(_ count: Int) throws(TokenizationError) -> UInt64 {
    guard bytes.endIndex - position >= count else {
      throw damaged(position, "it ends inside a number")
    }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    position += count
    return value
  }

  private func damaged(_ place: Int, _ reason: String) -> TokenizationError {
    .malformed(file: file, place: "byte \(place)", reason: reason)
  }
}
