// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Reads Thrift's compact protocol, in which Parquet's footer and page headers are written.
///
/// Knows no schema: the caller says what it wants of each field, and what it does not want is
/// skipped. Every length is checked against what is left.
struct ThriftCompactReader {
  /// The types of fields; of a list's elements, the same but that both of the first two are a byte.
  enum Kind: UInt8 {
    case yes = 1
    case no, byte, int16, int32, int64, double, binary, list, set, map, structure
  }

  struct Field {
    var id: Int
    var kind: Kind
  }

  /// What is wrong and where, for the file's error.
  struct Fault: Error {
    var offset: Int
    var problem: String
  }

  private let bytes: [UInt8]
  /// Bytes read.
  private(set) var position: Int
  private static let maximumDepth = 32

  init(_ bytes: [UInt8], at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  private func fault(_ problem: String) -> Fault { Fault(offset: position, problem: problem) }

  private mutating func byte() throws(Fault) -> UInt8 {
    guard position < bytes.count else { throw fault("it ends inside a header") }
    position += 1
    return bytes[position - 1]
  }

  private mutating func unsigned() throws(Fault) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
      let next = try byte()
      if shift == 63, next > 1 { break }
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return value }
    }
    throw fault("a number has more than 64 bits")
  }

  /// A signed whole number of any width.
  mutating func int() throws(Fault) -> Int {
    let value = try unsigned()
    return Int(truncatingIfNeeded: value >> 1) ^ -Int(value & 1)
  }

  /// A whole number that fits a kind; other kinds are an error.
  mutating func int(_ field: Field) throws(Fault) -> Int {
    switch field.kind {
    case .int16, .int32, .int64: return try int()
    case .byte: return Int(Int8(bitPattern: try byte()))
    default: throw fault("field \(field.id) is no whole number")
    }
  }

  mutating func text(_ field: Field) throws(Fault) -> String {
    guard field.kind == .binary else { throw fault("field \(field.id) is no text") }
    return try text()
  }

  mutating func text() throws(Fault) -> String {
    let count = try length()
    defer { position += count }
    return String(decoding: bytes[position..<position + count], as: UTF8.self)
  }

  private mutating func length() throws(Fault) -> Int {
    let count = try unsigned()
    guard count <= UInt64(bytes.count - position) else {
      throw fault("something of \(count) bytes does not fit into what is left")
    }
    return Int(count)
  }

  /// Calls `body` for each field of a structure; what `body` leaves unread by returning false is
  /// skipped.
  mutating func structure(
    _ body: (inout Self, Field) throws(Fault) -> Bool
  ) throws(Fault) {
    var id = 0
    while true {
      let head = try byte()
      if head == 0 { return }
      guard let kind = Kind(rawValue: head & 0x0F) else {
        throw fault("a field has the unknown type \(head & 0x0F)")
      }
      let step = Int(head >> 4)
      let (next, overflows) = step == 0 ? (try int(), false) : id.addingReportingOverflow(step)
      guard !overflows else { throw fault("a field's number is too large") }
      id = next
      let field = Field(id: id, kind: kind)
      if try !body(&self, field) { try skip(kind, depth: 0) }
    }
  }

  /// Calls `body` for each structure of a list. An element takes a byte at least.
  mutating func structures(
    _ field: Field, _ body: (inout Self) throws(Fault) -> Void
  ) throws(Fault) {
    let (count, kind) = try list(field)
    guard count == 0 || kind == .structure else {
      throw fault("field \(field.id) is no list of structures")
    }
    for _ in 0..<count { try body(&self) }
  }

  mutating func texts(_ field: Field) throws(Fault) -> [String] {
    let (count, kind) = try list(field)
    guard count == 0 || kind == .binary else {
      throw fault("field \(field.id) is no list of texts")
    }
    var texts: [String] = []
    for _ in 0..<count { texts.append(try text()) }
    return texts
  }

  private mutating func list(_ field: Field) throws(Fault) -> (count: Int, kind: Kind) {
    guard field.kind == .list else { throw fault("field \(field.id) is no list") }
    return try listHead()
  }

  private mutating func listHead() throws(Fault) -> (count: Int, kind: Kind) {
    let head = try byte()
    let count = head >> 4 == 15 ? try length() : Int(head >> 4)
    guard count <= bytes.count - position else { throw fault("a list is longer than the file") }
    guard let kind = Kind(rawValue: head & 0x0F) else {
      throw fault("a list has elements of the unknown type \(head & 0x0F)")
    }
    return (count, kind)
  }

  private mutating func skip(_ kind: Kind, depth: Int, inList: Bool = false) throws(Fault) {
    guard depth < Self.maximumDepth else { throw fault("structures are too deep in each other") }
    switch kind {
    case .yes, .no: if inList { _ = try byte() }
    case .byte: _ = try byte()
    case .int16, .int32, .int64: _ = try unsigned()
    case .double:
      guard bytes.count - position >= 8 else { throw fault("it ends inside a header") }
      position += 8
    case .binary: position += try length()
    case .list, .set:
      let (count, element) = try listHead()
      for _ in 0..<count { try skip(element, depth: depth + 1, inList: true) }
    case .map:
      let count = try length()
      guard count > 0 else { return }
      let kinds = try byte()
      guard let key = Kind(rawValue: kinds >> 4), let value = Kind(rawValue: kinds & 0x0F) else {
        throw fault("a map has elements of an unknown type")
      }
      for _ in 0..<count {
        try skip(key, depth: depth + 1, inList: true)
        try skip(value, depth: depth + 1, inList: true)
      }
    case .structure:
      while true {
        let head = try byte()
        if head == 0 { return }
        guard let kind = Kind(rawValue: head & 0x0F) else {
          throw fault("a field has the unknown type \(head & 0x0F)")
        }
        if head >> 4 == 0 { _ = try unsigned() }
        try skip(kind, depth: depth + 1)
      }
    }
  }
}
