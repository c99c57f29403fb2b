// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A segment and its translation.
public struct SegmentPair: Equatable, Sendable {
  public var source: String
  public var target: String

  /// Pairs two segments.
  public init(source: String, target: String) {
    self.source = source
    self.target = target
  }

  /// Whether neither side says anything: the end of a document.
  var isEmpty: Bool { source.isEmpty && target.isEmpty }
}

/// The pairs of parallel files, one at a time, with the place of each.
final class PairReader {
  /// A pair and where it stands; lines count from 1.
  struct Found {
    var pair: SegmentPair
    var file: String
    var line: Int
  }

  private enum Source {
    case lines(LineReader, LineReader)
    case columns(DelimitedReader, path: String, source: Int, target: Int)
    case records(RecordReader)
  }

  private let settings: ParallelSettings
  private let places: [(String, String?)]
  private var next = 0
  private var current: Source?
  private var finishedPacked = 0

  /// - Parameter files: those of the settings as they were found, sources before targets.
  init(_ settings: ParallelSettings, files: [String]) throws {
    self.settings = settings
    guard case .aligned = settings.files else {
      places = files.map { ($0, nil) }
      return
    }
    let half = files.count / 2
    guard files.count == 2 * half else {
      throw CorpusError.setting(
        "target_files", expected: "as many files as `source_files`, each named once",
        found: "\(files.count) files together")
    }
    places = zip(files[..<half], files[half...]).map { ($0, $1) }
  }

  /// Bytes read so far, as they lie on disk.
  var packedCount: Int {
    finishedPacked
      + (current.map { source in
        switch source {
        case .lines(let first, let second): first.packedCount + second.packedCount
        case .columns(let reader, _, _, _): reader.packedCount
        case .records(let reader): reader.packedCount
        }
      } ?? 0)
  }

  /// The next pair, or `nil` after the last. At the end of each file comes an empty pair, so that no
  /// document goes over two files. Throws ``CorpusError``.
  func nextPair() throws -> Found? {
    if current == nil {
      guard next < places.count else { return nil }
      current = try open(places[next].0, places[next].1)
      next += 1
    }
    if let current, let found = try read(current) { return found }
    finishedPacked = packedCount
    current = nil
    return Found(
      pair: SegmentPair(source: "", target: ""), file: places[next - 1].0, line: 0)
  }

  private func open(_ path: String, _ target: String?) throws -> Source {
    if let target { return .lines(try LineReader(path: path), try LineReader(path: target)) }
    guard let format = CorpusFormat(path: path), format != .txt else {
      _ = try ByteSource(path: path)
      throw CorpusError.unknownFormat(
        path, known: CorpusFormat.endings.filter { !$0.hasPrefix(".txt") })
    }
    if format == .tsv || format == .csv, let source = Int(settings.sourceField),
      let target = Int(settings.targetField), source > 0, target > 0
    {
      let reader = try DelimitedReader(path: path, separation: .init(segments: format))
      return .columns(reader, path: path, source: source, target: target)
    }
    let fields = [settings.sourceField, settings.targetField]
    let reader = try RecordReader(path: path, format: format, fields: fields)
    if let columns = reader.columns,
      let missing = fields.first(where: { !columns.contains($0) })
    {
      throw CorpusError.missingField(path, line: 1, field: missing, found: columns)
    }
    return .records(reader)
  }

  private func read(_ source: Source) throws -> Found? {
    switch source {
    case .lines(let first, let second):
      let (a, b) = (try first.next(), try second.next())
      guard let a, let b else {
        if a == nil, b == nil { return nil }
        throw CorpusError.notAligned(
          first.path, second.path, line: max(first.lineNumber, second.lineNumber),
          shorter: a == nil ? first.path : second.path)
      }
      return found(a, b, first.path, first.lineNumber)
    case .columns(let reader, let path, let source, let target):
      guard let row = try reader.next() else { return nil }
      guard max(source, target) <= row.count else {
        throw CorpusError.columns(
          path, line: reader.rowLine, expected: "at least \(max(source, target)) columns",
          found: row.count)
      }
      return found(row[source - 1], row[target - 1], path, reader.rowLine)
    case .records(let reader):
      guard let record = try reader.next() else { return nil }
      func text(_ name: String) throws -> String {
        guard let value = record.value[name] else {
          throw CorpusError.badRecord(
            reader.path, line: record.line, problem: "it has no member `\(name)`")
        }
        guard let text = value.string else {
          throw CorpusError.badRecord(
            reader.path, line: record.line, problem: "its member `\(name)` is not a string")
        }
        return text
      }
      return found(
        try text(settings.sourceField), try text(settings.targetField), reader.path, record.line)
    }
  }

  /// Segments are of one line, without spaces around.
  private func found(_ source: String, _ target: String, _ file: String, _ line: Int) -> Found {
    func segment(_ text: String) -> String {
      text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    return Found(
      pair: SegmentPair(source: segment(source), target: segment(target)), file: file, line: line)
  }
}
