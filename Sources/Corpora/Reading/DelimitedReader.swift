// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The rows of a table with separators, one at a time: RFC 4180, with commas or tabs.
///
/// A field that begins with a double quote goes to the next lone one and may hold separators, line
/// ends and doubled quotes; a quote inside another field stands for itself. Rows end at `\n` or
/// `\r\n`, empty lines are none. Memory: one block and one row.
///
/// Between tabs a quote that does not open a whole field stands for itself as well: half of such
/// tables are written without quoting, and speech begins with a quote. There a quoted field of several
/// lines has no tabs after its first.
///
/// - Departs: RFC 4180 allows no quotes in unquoted fields; spreadsheets write them.
final class DelimitedReader {
  /// What stands between the fields of a row.
  enum Separation {
    case commas
    /// Quoted fields may go over several lines, as spreadsheets write them.
    case tabs
    /// Every row is one line.
    case tabsInLines

    /// The separation of a format's tables with a header.
    init(_ format: CorpusFormat) { self = format == .csv ? .commas : .tabs }

    /// The separation of a format's tables of segments, without a header.
    init(segments format: CorpusFormat) { self = format == .csv ? .commas : .tabsInLines }

    fileprivate var byte: UInt8 { self == .commas ? UInt8(ascii: ",") : UInt8(ascii: "\t") }
  }

  /// A longer row is an error: a quote that nothing closes would else take in the whole file.
  static let maximumRowBytes = 1 << 28

  private static let blockBytes = 1 << 17

  /// The line on which the row last returned began, from 1.
  private(set) var rowLine = 0
  /// Fields that were not UTF-8 and had parts replaced by U+FFFD.
  private(set) var invalidCount = 0

  private let source: ByteSource
  private let separation: Separation
  private let separator: UInt8
  private let invalidUTF8: CorpusSettings.InvalidUTF8
  private var block = [UInt8](repeating: 0, count: blockBytes)
  private var position = 0
  private var end = 0
  private var blockOffset = 0
  private var line = 1
  private var isAtStart = true

  init(
    path: String, separation: Separation, invalidUTF8: CorpusSettings.InvalidUTF8 = .refuse
  ) throws {
    source = try ByteSource(path: path)
    self.separation = separation
    separator = separation.byte
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
        let isQuoted = try peek() == 34 && (separation == .commas || opensField())
        isLast = isQuoted ? try quoted(into: &bytes) : try plain(into: &bytes, from: first)
        fields.append(Field(range: first..<bytes.count, offset: place.0, line: place.1))
      }
      if fields.count == 1, bytes.isEmpty { continue }
      return try fields.map { try text(bytes[$0.range], $0) }
    }
  }

  /// Takes an unquoted field, whose bytes begin at `first`, and what ends it; whether that ends the
  /// row.
  private func plain(into bytes: inout [UInt8], from first: Int) throws -> Bool {
    while let byte = try peek() {
      position += 1
      if byte == separator { return false }
      if byte == 10 {
        line += 1
        if bytes.count > first, bytes.last == 13 { bytes.removeLast() }
        return true
      }
      bytes.append(byte)
      if bytes.count > Self.maximumRowBytes { throw tooLong() }
    }
    return true
  }

  /// Whether the quote at the place of reading and a lone one after it hold a whole field between
  /// tabs; the place stays.
  private func opensField() throws -> Bool {
    let start = position
    let startOffset = blockOffset
    var passed: [UInt8] = []
    // Blocks that were passed stand before the last one again.
    defer {
      if blockOffset == startOffset {
        position = start
      } else {
        block = passed + block[..<end]
        (position, end, blockOffset) = (0, block.count, startOffset + start)
        block.append(contentsOf: repeatElement(0, count: max(0, Self.blockBytes - end)))
      }
    }
    func nextByte() throws -> UInt8? {
      position += 1
      if position == end { passed += block[(blockOffset == startOffset ? start : 0)..<end] }
      return try peek()
    }
    var isOneLine = true
    while let byte = try nextByte() {
      if blockOffset + position - startOffset - start > Self.maximumRowBytes { throw tooLong() }
      switch byte {
      case separator where separation == .tabsInLines || !isOneLine: return false
      case 10 where separation == .tabsInLines: return false
      case 10: isOneLine = false
      case 34:
        var after = try nextByte()
        if after == 34 { continue }
        if after == 13 { after = try nextByte() == 10 ? 10 : 13 }
        return after == nil || after == separator || after == 10
      default: break
      }
    }
    return false
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
