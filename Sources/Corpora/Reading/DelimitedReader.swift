// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The rows of a table with separators, one at a time: RFC 4180, with commas or tabs.
///
/// A field that begins with a double quote goes to the next lone one and may hold separators, line
/// ends and doubled quotes; a quote inside another field stands for itself. Rows end at `\n` or
/// `\r\n`, empty lines are none. Memory: one block and one row.
///
/// - Departs: RFC 4180 allows no quotes in unquoted fields; spreadsheets write them.
final class DelimitedReader {
  /// A longer row is an error: a quote that nothing closes would else take in the whole file.
  static let maximumRowBytes = 1 << 28

  /// The line on which the row last returned began, from 1.
  private(set) var rowLine = 0
  /// Fields that were not UTF-8 and had parts replaced by U+FFFD.
  private(set) var invalidCount = 0

  private let source: ByteSource
  private let separator: UInt8
  private let invalidUTF8: CorpusSettings.InvalidUTF8
  private var block = [UInt8](repeating: 0, count: 1 << 17)
  private var position = 0
  private var end = 0
  private var blockOffset = 0
  private var line = 1
  private var isAtStart = true

  init(path: String, separator: UInt8, invalidUTF8: CorpusSettings.InvalidUTF8) throws {
    source = try ByteSource(path: path)
    self.separator = separator
    self.invalidUTF8 = invalidUTF8
  }

  var packedCount: Int { source.packedCount }

  /// Where a field's bytes stand in the row's.
  private struct Field {
    var range: Range<Int>
    /// Of its first byte in the unpacked text.
    var offset: Int
    var line: Int
  }

  /// The fields of the next row, or `nil` after the last.
  func next() throws -> [String]? {
    while true {
      guard try peek() != nil else { return nil }
      rowLine = line
      var bytes: [UInt8] = []
      var fields: [Field] = []
      var isLast = false
      while !isLast {
        let first = bytes.count
        let place = (blockOffset + position, line)
        let isQuoted = try peek() == 34
        isLast = isQuoted ? try quoted(into: &bytes) : try plain(into: &bytes)
        fields.append(Field(range: first..<bytes.count, offset: place.0, line: place.1))
        if fields.count == 1, isLast, bytes.isEmpty, !isQuoted { break }
      }
      if fields.count == 1, bytes.isEmpty { continue }
      return try fields.map { try text(bytes[$0.range], $0) }
    }
  }

  /// Takes an unquoted field and what ends it; whether that ends the row.
  private func plain(into bytes: inout [UInt8]) throws -> Bool {
    while let byte = try peek() {
      position += 1
      if byte == separator { return false }
      if byte == 10 {
        line += 1
        if bytes.last == 13 { bytes.removeLast() }
        return true
      }
      bytes.append(byte)
      if bytes.count > Self.maximumRowBytes { throw tooLong() }
    }
    return true
  }

  private func quoted(into bytes: inout [UInt8]) throws -> Bool {
    position += 1
    let opening = line
    while let byte = try peek() {
      position += 1
      if byte == 34 {
        guard try peek() == 34 else { return try afterQuote() }
        position += 1
      } else if byte == 10 {
        line += 1
      }
      bytes.append(byte)
      if bytes.count > Self.maximumRowBytes { throw tooLong() }
    }
    throw CorpusError.damagedTable(
      source.path, line: opening, problem: "a quote is opened here and never closed")
  }

  private func afterQuote() throws -> Bool {
    guard let byte = try peek() else { return true }
    position += 1
    if byte == separator { return false }
    if byte == 13, try peek() == 10 {
      position += 1
    } else if byte != 10 {
      throw CorpusError.damagedTable(
        source.path, line: line, problem: "text follows a closing quote")
    }
    line += 1
    return true
  }

  private func tooLong() -> CorpusError {
    .damagedTable(
      source.path, line: rowLine, problem: "the row has more than \(Self.maximumRowBytes) bytes")
  }

  private func peek() throws -> UInt8? {
    if position == end {
      blockOffset += end
      position = 0
      end = try source.read(into: &block)
      if end == 0 { return nil }
      if isAtStart {
        isAtStart = false
        if block[..<end].starts(with: byteOrderMark) { position = byteOrderMark.count }
        if position == end { return try peek() }
      }
    }
    return block[position]
  }

  private func text(_ bytes: ArraySlice<UInt8>, _ field: Field) throws -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    if invalidUTF8 == .replace {
      invalidCount += 1
      return String(decoding: bytes, as: UTF8.self)
    }
    let wrong = firstInvalidUTF8(bytes) ?? 0
    let before = bytes.prefix(wrong)
    throw CorpusError.notUTF8(
      source.path, line: field.line + before.count(where: { $0 == 10 }), byte: field.offset + wrong,
      value: bytes[bytes.startIndex + min(wrong, bytes.count - 1)])
  }
}
