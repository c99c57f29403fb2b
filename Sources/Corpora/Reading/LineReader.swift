// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The lines of a UTF-8 file, one at a time; plain, gzip or Zstandard.
///
/// A line ends at `\n`; a `\r` before it and a byte-order mark at the start of the file are
/// dropped. The last line needs no newline. Memory: one block and one line. Packed files may
/// have several members. A file that is one line with carriage returns inside is refused, as its
/// lines were meant to end there. Throws ``CorpusError`` when opening (missing, not what the name says) and
/// reading (damaged, not UTF-8, with line and byte).
public final class LineReader {
  /// The file, for messages.
  public var path: String { source.path }
  /// The number of the line last returned, from 1.
  public private(set) var lineNumber = 0
  /// Lines that were not UTF-8 and had parts replaced by U+FFFD.
  public private(set) var invalidLineCount = 0

  private let source: ByteSource
  private let invalidUTF8: CorpusSettings.InvalidUTF8
  private var block = [UInt8](repeating: 0, count: 1 << 17)
  private var start = 0
  private var end = 0
  private var blockOffset = 0  // of block[0] in the unpacked text
  private var isAtEnd = false
  private var hadMark = false

  /// Opens `path`; a name ending in `.gz` must hold gzip, one in `.zst` Zstandard.
  public init(path: String, invalidUTF8: CorpusSettings.InvalidUTF8 = .refuse) throws {
    source = try ByteSource(path: path)
    self.invalidUTF8 = invalidUTF8
  }

  /// Bytes of the file read so far, as it lies on disk; may run ahead of the lines.
  public var packedCount: Int { source.packedCount }

  /// The next line without its ending, or `nil` after the last.
  public func next() throws -> String? {
    let offset = blockOffset + start
    let next = try nextBytes { try text(of: $0, at: offset) }
    // The only line, and no newline after it.
    if lineNumber == 1, isAtEnd, start == end, let next, next.utf8.contains(13) {
      throw CorpusError.carriageReturns(path)
    }
    return next
  }

  /// Calls `body` with the bytes of the next line, without its ending and byte-order mark, whatever
  /// they are; `nil` after the last line.
  func nextBytes<Output>(_ body: (UnsafeRawBufferPointer) throws -> Output) throws -> Output? {
    var carried: [UInt8] = []
    while true {
      if start == end {
        if !isAtEnd { try fill() }
        if start == end {
          if carried.isEmpty { return nil }
          return try carried.withUnsafeBytes { try line($0, body) }
        }
      }
      let newline = block.withUnsafeBytes { bytes in
        // Safety: start and end lie inside the block, start first.
        memchr(bytes.baseAddress! + start, 10, end - start).map { found in
          UnsafeRawPointer(found) - bytes.baseAddress!
        }
      }
      guard let newline else {
        carried += block[start..<end]
        start = end
        continue
      }
      let range = start..<newline
      start = newline + 1
      if carried.isEmpty {
        return try block.withUnsafeBytes {
          try line(UnsafeRawBufferPointer(rebasing: $0[range]), body)
        }
      }
      carried += block[range]
      return try carried.withUnsafeBytes { try line($0, body) }
    }
  }

  private func fill() throws {
    blockOffset += end
    start = 0
    end = try source.read(into: &block)
    if end == 0 { isAtEnd = true }
  }

  private func line<Output>(
    _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Output
  ) rethrows -> Output {
    lineNumber += 1
    var range = 0..<bytes.count
    if bytes.last == 13 { range = 0..<bytes.count - 1 }
    if lineNumber == 1, bytes[range].starts(with: byteOrderMark) {
      range = byteOrderMark.count..<range.upperBound
      hadMark = true
    }
    return try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// - Parameter offset: of the line in the unpacked text, its byte-order mark included.
  private func text(of bytes: UnsafeRawBufferPointer, at offset: Int) throws -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    if invalidUTF8 == .replace {
      invalidLineCount += 1
      return String(decoding: bytes, as: UTF8.self)
    }
    let wrong = firstInvalidUTF8(Array(bytes)[...]) ?? 0
    let skipped = lineNumber == 1 && hadMark ? byteOrderMark.count : 0
    throw CorpusError.notUTF8(
      path, line: lineNumber, byte: offset + skipped + wrong,
      value: bytes[min(wrong, bytes.count - 1)])
  }
}

/// U+FEFF in UTF-8.
let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

/// The position of the first byte that begins no well-formed UTF-8 sequence, or `nil`.
///
/// Well-formed is Unicode's table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
func firstInvalidUTF8(_ bytes: ArraySlice<UInt8>) -> Int? {
  let bytes = Array(bytes)
  var i = 0
  while i < bytes.count {
    let lead = bytes[i]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0x00...0x7F: length = 1
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return i
    }
    if i + length > bytes.count { return i }
    if length > 1, !second.contains(bytes[i + 1]) { return i }
    for k in stride(from: 2, to: length, by: 1) where !(0x80...0xBF).contains(bytes[i + k]) {
      return i
    }
    i += length
  }
  return nil
}
