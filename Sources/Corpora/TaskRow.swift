// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// One labelled example of a text classification task.
public struct TaskRow: Equatable, Sendable {
  /// The row's name; the same sentence has the same id in all languages.
  public var id: String
  /// The class, as the file spells it.
  public var label: String
  /// The sentence.
  public var text: String

  /// Makes a row.
  public init(id: String, label: String, text: String) {
    self.id = id
    self.label = label
    self.text = text
  }
}

/// A sentence and its translation.
public struct ParallelPair: Equatable, Sendable {
  /// The sentence of the first column.
  public var source: String
  /// The sentence of the second column.
  public var target: String

  /// Makes a pair.
  public init(source: String, target: String) {
    self.source = source
    self.target = target
  }
}

/// Reads tables with tab-separated columns, plain or gzip.
///
/// A field that starts and ends with a double quote and doubles the ones inside is unquoted, as
/// pandas writes such tables (SIB-200); any other quote stands for itself. A row is one line.
public enum TableReader {
  /// The rows of a table with a header that names `index_id`, `category` and `text`, in any
  /// order and among others. Throws ``CorpusError`` for missing columns, short lines, no rows.
  public static func taskRows(at path: String) throws -> [TaskRow] {
    try numberedTaskRows(at: path).map(\.row)
  }

  /// The rows of ``taskRows(at:)`` with the lines they stand on, from 1.
  public static func numberedTaskRows(at path: String) throws -> [(line: Int, row: TaskRow)] {
    let reader = try LineReader(path: path)
    guard let header = try reader.next().map(fields) else {
      throw CorpusError.emptyCorpus(path, reason: "not even a header")
    }
    func column(_ name: String) throws -> Int {
      guard let index = header.firstIndex(of: name) else {
        throw CorpusError.missingColumn(path, column: name, found: header)
      }
      return index
    }
    let (id, label, text) = (try column("index_id"), try column("category"), try column("text"))
    var rows: [(line: Int, row: TaskRow)] = []
    while let line = try reader.next() {
      if line.isEmpty { continue }
      let row = fields(line)
      guard row.count == header.count else {
        throw CorpusError.columns(
          path, line: reader.lineNumber, expected: "\(header.count) columns", found: row.count)
      }
      rows.append(
        (reader.lineNumber, TaskRow(id: row[id], label: row[label], text: row[text])))
    }
    if rows.isEmpty { throw CorpusError.emptyCorpus(path, reason: "a header without rows") }
    return rows
  }

  /// The pairs of a table with two columns and no header. Throws ``CorpusError``.
  public static func parallelPairs(at path: String) throws -> [ParallelPair] {
    let reader = try LineReader(path: path)
    var pairs: [ParallelPair] = []
    while let line = try reader.next() {
      if line.isEmpty { continue }
      let row = fields(line)
      guard row.count == 2 else {
        throw CorpusError.columns(
          path, line: reader.lineNumber, expected: "2 columns", found: row.count)
      }
      pairs.append(ParallelPair(source: row[0], target: row[1]))
    }
    if pairs.isEmpty { throw CorpusError.emptyCorpus(path, reason: "no pairs") }
    return pairs
  }

  static func fields(_ line: String) -> [String] {
    line.split(separator: "\t", omittingEmptySubsequences: false).map { unquoted($0) }
  }

  private static func unquoted(_ field: Substring) -> String {
    let bytes = Array(field.utf8)
    guard bytes.count >= 2, bytes.first == 34, bytes.last == 34 else { return String(field) }
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var i = 1
    while i < bytes.count - 1 {
      if bytes[i] == 34 {
        guard i + 1 < bytes.count - 1, bytes[i + 1] == 34 else { return String(field) }
        i += 1
      }
      out.append(bytes[i])
      i += 1
    }
    return String(decoding: out, as: UTF8.self)
  }
}
