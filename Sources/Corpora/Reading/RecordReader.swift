// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The records of a file, whatever its format: a line of text, a JSON object, a row of a table.
///
/// Tables and Parquet files give objects of texts (and nulls), so that what stands above knows one
/// kind of record. Memory: one record; of Parquet, one page of each column.
final class RecordReader {
  /// One record and the line (in Parquet, the row) it begins on, from 1.
  struct Record {
    var line: Int
    var value: JSONObject
  }

  private enum Source {
    case json(LineReader)
    case table(DelimitedReader, header: [String])
    case parquet(ParquetReader)
  }

  let path: String
  private let source: Source
  private var row = 0

  /// Opens a file of records.
  ///
  /// - Parameter fields: the columns that are wanted; of a Parquet file only these are read, and of
  ///   those only the ones that are there.
  init(
    path: String, format: CorpusFormat, fields: [String],
    invalidUTF8: CorpusSettings.InvalidUTF8 = .refuse
  ) throws {
    self.path = path
    switch format {
    case .jsonl, .txt: source = .json(try LineReader(path: path, invalidUTF8: invalidUTF8))
    case .csv, .tsv:
      let reader = try DelimitedReader(
        path: path, separation: .init(format), invalidUTF8: invalidUTF8)
      guard let header = try reader.next() else {
        throw CorpusError.emptyCorpus(path, reason: "not even a header")
      }
      var seen: Set<String> = []
      if let twice = header.first(where: { !seen.insert($0).inserted }) {
        throw CorpusError.damagedTable(
          path, line: reader.rowLine, problem: "the header has the column `\(twice)` twice")
      }
      source = .table(reader, header: header)
    case .parquet:
      source = .parquet(
        try ParquetReader(path: path, columns: fields, invalidUTF8: invalidUTF8))
    }
  }

  /// The names of a table's columns; `nil` for JSON, whose records each have their own.
  var columns: [String]? {
    switch source {
    case .json: nil
    case .table(_, let header): header
    case .parquet(let reader): reader.names
    }
  }

  /// Bytes of the file read so far, as it lies on disk.
  var packedCount: Int {
    switch source {
    case .json(let reader): reader.packedCount
    case .table(let reader, _): reader.packedCount
    case .parquet(let reader): reader.packedCount
    }
  }

  /// Texts that were not UTF-8 and had parts replaced.
  var invalidCount: Int {
    switch source {
    case .json(let reader): reader.invalidLineCount
    case .table(let reader, _): reader.invalidCount
    case .parquet(let reader): reader.invalidCount
    }
  }

  /// The next record, or `nil` after the last.
  func next() throws -> Record? {
    switch source {
    case .json(let reader): try nextObject(reader)
    case .table(let reader, let header): try nextRow(reader, header)
    case .parquet(let reader): try nextRow(reader)
    }
  }

  private func nextObject(_ reader: LineReader) throws -> Record? {
    while let line = try reader.next() {
      if line.utf8.allSatisfy({ $0 == 32 || $0 == 9 }) { continue }
      let record: JSON
      do {
        record = try JSON.parse(line, origin: path)
      } catch {
        var problem = "it is not JSON"
        if case .syntax(_, let position, let reason) = error { problem = "\(reason) (\(position))" }
        throw CorpusError.badRecord(path, line: reader.lineNumber, problem: problem)
      }
      guard let object = record.object else {
        throw CorpusError.badRecord(path, line: reader.lineNumber, problem: "it is not an object")
      }
      return Record(line: reader.lineNumber, value: object)
    }
    return nil
  }

  private func nextRow(_ reader: DelimitedReader, _ header: [String]) throws -> Record? {
    guard let row = try reader.next() else { return nil }
    guard row.count == header.count else {
      throw CorpusError.damagedTable(
        path, line: reader.rowLine,
        problem: "the row has \(row.count) fields, the header \(header.count)")
    }
    var object = JSONObject()
    for (name, value) in zip(header, row) { object[name] = .string(value) }
    return Record(line: reader.rowLine, value: object)
  }

  private func nextRow(_ reader: ParquetReader) throws -> Record? {
    guard let values = try reader.next() else { return nil }
    row += 1
    var object = JSONObject()
    for (name, value) in zip(reader.columns, values) {
      object[name] = value.map { .string($0) } ?? .null
    }
    return Record(line: row, value: object)
  }
}
