// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The rows of a Parquet file's columns of text, one at a time.
///
/// Read are columns of BYTE_ARRAY directly below the root, required or optional; pages of version 1
/// and 2; the encodings PLAIN, RLE_DICTIONARY (and its older name), DELTA_LENGTH_BYTE_ARRAY and
/// DELTA_BYTE_ARRAY; pages as they are or packed by Snappy, gzip or Zstandard. All else is refused by
/// name. Nothing is built on what a file says before it was checked against the file's length.
///
/// - Source: the Apache Parquet format, version 2.10; checked against files that Arrow C++ wrote.
/// - Departs: checksums of pages and encrypted files are not read.
final class ParquetReader {
  let path: String
  /// The columns that are read: those asked for that the file has.
  let columns: [String]
  /// All columns below the root.
  let names: [String]
  /// Texts that were not UTF-8 and had parts replaced.
  private(set) var invalidCount = 0
  /// Rows of the file.
  let rowCount: Int

  private let data: Data
  private let invalidUTF8: CorpusSettings.InvalidUTF8
  private var readers: [ParquetColumn] = []
  private var row = 0

  convenience init(
    path: String, columns: [String], invalidUTF8: CorpusSettings.InvalidUTF8 = .refuse
  ) throws {
    guard FileManager.default.fileExists(atPath: path) else { throw CorpusError.missingFile(path) }
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw CorpusError.unreadable(path, reason: SystemReason.text(of: error))
    }
    try self.init(data, path: path, columns: columns, invalidUTF8: invalidUTF8)
  }

  /// Reads a file that is in memory.
  init(
    _ data: Data, path: String, columns wanted: [String],
    invalidUTF8: CorpusSettings.InvalidUTF8 = .refuse
  ) throws {
    self.path = path
    self.data = data
    self.invalidUTF8 = invalidUTF8
    let metadata = try Self.metadata(of: data, path: path)
    rowCount = metadata.rowCount
    names = metadata.topNames
    columns = wanted.filter(metadata.topNames.contains)
    guard metadata.groups.reduce(into: 0, { $0 = $0 &+ $1.rowCount }) == rowCount else {
      throw CorpusError.damagedParquet(
        path, place: "footer", problem: "its groups have not \(rowCount) rows together")
    }
    for name in columns {
      func unread(_ problem: String) -> CorpusError {
        .parquetFeature(path, place: "column `\(name)`", problem: problem)
      }
      guard
        let index = metadata.leaves.firstIndex(where: { $0.isTopLevel && $0.name == name })
      else { throw unread("columns inside this one (a list or a structure)") }
      let leaf = metadata.leaves[index]
      guard leaf.repetition != 2 else { throw unread("several values a row in this column") }
      guard leaf.type == 6 else { throw unread("values other than text in this column") }
      readers.append(
        ParquetColumn(
          data, path: path, leaf: leaf,
          chunks: metadata.groups.map { (chunk: $0.chunks[index], rows: $0.rowCount) }))
    }
  }

  /// Bytes up to the page that is being read.
  var packedCount: Int { row >= rowCount ? data.count : readers.map(\.position).max() ?? 0 }

  /// The values of the next row, one for each of ``columns``; `nil` after the last row.
  func next() throws -> [String?]? {
    guard row < rowCount, !readers.isEmpty else { return nil }
    row += 1
    var values: [String?] = []
    for index in readers.indices {
      let value = try readers[index].next()
      if let invalid = value?.invalid {
        guard invalidUTF8 == .replace else {
          throw CorpusError.notUTF8(
            path, line: row, byte: invalid.byte, value: invalid.value)
        }
        invalidCount += 1
      }
      values.append(value?.text)
    }
    return values
  }

  private static func metadata(of data: Data, path: String) throws -> ParquetMetadata {
    func damaged(_ problem: String) -> CorpusError {
      .damagedParquet(path, place: "footer", problem: problem)
    }
    let mark = Array("PAR1".utf8)
    let tail = [UInt8](data.suffix(8))
    guard data.count >= 12, Array(data.prefix(4)) == mark || Array(tail.suffix(4)) != mark else {
      throw damaged("it does not begin and end as a Parquet file does")
    }
    guard Array(tail.suffix(4)) == mark else {
      if Array(tail.suffix(4)) == Array("PARE".utf8) {
        throw CorpusError.parquetFeature(path, place: "footer", problem: "an encrypted footer")
      }
      throw damaged(
        Array(data.prefix(4)) == mark
          ? "its end is missing" : "it does not begin and end as a Parquet file does")
    }
    let length = (0..<4).reduce(0) { $0 | Int(tail[$1]) << (8 * $1) }
    guard length <= data.count - 12 else {
      throw damaged("a footer of \(length) bytes does not fit into the file")
    }
    let footer = [UInt8](data[data.endIndex - 8 - length..<data.endIndex - 8])
    do throws(ParquetMetadata.Fault) {
      return try ParquetMetadata(footer: footer)
    } catch {
      throw damaged("\(error.problem) (byte \(error.offset) of the footer)")
    }
  }
}
