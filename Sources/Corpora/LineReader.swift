// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import CZlib
import Foundation

/// The lines of a plain or gzip-compressed UTF-8 file, one at a time.
///
/// A line ends at `\n`; a `\r` before it and a byte-order mark at the start of the file are
/// dropped. The last line needs no newline. Memory: one block and one line. gzip files may
/// have several members. A file that is one line with carriage returns inside is refused, as its
/// lines were meant to end there. Throws ``CorpusError`` when opening (missing, not gzip) and
/// reading (damaged gzip, not UTF-8, with line and byte).
public final class LineReader {
  /// The file, for messages.
  public let path: String
  /// The number of the line last returned, from 1.
  public private(set) var lineNumber = 0

  private let file: gzFile
  private var block = [UInt8](repeating: 0, count: 1 << 16)
  private var start = 0
  private var end = 0
  private var blockOffset = 0  // of block[0] in the unpacked text
  private var isAtEnd = false

  /// Opens `path`; a name ending in `.gz` must hold gzip.
  public init(path: String) throws {
    self.path = path
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CorpusError.missingFile(path)
    }
    guard !isDirectory.boolValue else {
      throw CorpusError.unreadable(path, reason: "it is a folder")
    }
    errno = 0
    guard let file = gzopen(path, "rb") else {
      throw CorpusError.unreadable(path, reason: String(cString: strerror(errno)))
    }
    self.file = file
    gzbuffer(file, 1 << 17)
    if path.hasSuffix(".gz") {
      try fill()
      if gzdirect(file) != 0 { throw CorpusError.notGzip(path) }
    }
  }

  deinit { gzclose(file) }

  /// The next line without its ending, or `nil` after the last.
  public func next() throws -> String? {
    var carried: [UInt8] = []
    let lineOffset = blockOffset + start
    while true {
      if start == end {
        if !isAtEnd { try fill() }
        if start == end {
          guard blockOffset + end > lineOffset || !carried.isEmpty else { return nil }
          let only = lineNumber == 0
          let text = try line(carried[...], at: lineOffset)
          if only, text.utf8.contains(13) { throw CorpusError.carriageReturns(path) }
          return text
        }
      }
      if let newline = block[start..<end].firstIndex(of: 10) {
        defer { start = newline + 1 }
        guard carried.isEmpty else {
          carried += block[start..<newline]
          return try line(carried[...], at: lineOffset)
        }
        return try line(block[start..<newline], at: lineOffset)
      }
      carried += block[start..<end]
      start = end
    }
  }

  private func fill() throws {
    blockOffset += end
    start = 0
    end = 0
    let count = block.withUnsafeMutableBytes { gzread(file, $0.baseAddress, UInt32($0.count)) }
    if count > 0 { end = Int(count) }
    var code: Int32 = 0
    let message = gzerror(file, &code).map { String(cString: $0) } ?? ""
    if count < 0 || code == Z_BUF_ERROR {
      if code == Z_ERRNO {
        throw CorpusError.unreadable(path, reason: String(cString: strerror(errno)))
      }
      let reason = code == Z_BUF_ERROR ? "it ends too early" : Self.reason(message)
      throw CorpusError.damagedGzip(path, byte: blockOffset + end, reason: reason)
    }
    if count == 0 { isAtEnd = true }
  }

  /// zlib puts the path before its reason, as "path: reason".
  private static func reason(_ message: String) -> String {
    message.range(of: ": ", options: .backwards).map { String(message[$0.upperBound...]) }
      ?? message
  }

  private func line(_ bytes: ArraySlice<UInt8>, at offset: Int) throws -> String {
    var bytes = bytes
    lineNumber += 1
    if bytes.last == 13 { bytes = bytes.dropLast() }
    let skipped = lineNumber == 1 && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    bytes = bytes.dropFirst(skipped)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    let wrong = firstInvalidUTF8(bytes) ?? 0
    throw CorpusError.notUTF8(
      path, line: lineNumber, byte: offset + skipped + wrong,
      value: bytes[bytes.startIndex + min(wrong, bytes.count - 1)])
  }
}

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
