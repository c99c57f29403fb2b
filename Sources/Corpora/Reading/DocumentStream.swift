// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A document and where it was read.
public struct SourceDocument: Equatable, Sendable {
  /// The text.
  public var document: Document
  /// The file.
  public var file: String
  /// The line or, in Parquet, the row it begins on, from 1.
  public var line: Int
}

/// The documents of files, one at a time, in the order of the files and within them.
///
/// Text: one segment a line, documents as the boundary says. JSONL, tables and Parquet: the text
/// field of each record is one document, whose lines are the segments; a record with an empty or
/// null text is counted and left out. Parallel files: see ``PairDocuments``; pairs that lack one
/// side are counted as records without text. Memory: one document and a block. A plain text whose
/// boundary is automatic is looked through for an empty line before it is read.
///
///     let stream = DocumentStream(files: try CorpusFiles.expand(settings.files), settings)
///     while let found = try stream.next() { … }
public final class DocumentStream {
  /// Records whose text was null or empty.
  public private(set) var emptyRecordCount = 0
  /// Documents returned so far.
  public private(set) var documentCount = 0

  private let files: [String]
  private let settings: CorpusSettings
  private var nextFile = 0
  private var current: Source?
  private var finishedInvalid = 0
  private var finishedPacked = 0

  private enum Source {
    case pairs(PairDocuments)
    case lines(TextDocuments)
    case records(RecordReader)
  }

  /// Makes a stream over files that ``CorpusFiles`` has found.
  public init(files: [String], _ settings: CorpusSettings) {
    self.files = files
    self.settings = settings
  }

  /// Lines or values that were not UTF-8 and had parts replaced.
  public var invalidCount: Int {
    finishedInvalid
      + (current.map {
        switch $0 {
        case .pairs: 0
        case .lines(let reader): reader.reader.invalidLineCount
        case .records(let reader): reader.invalidCount
        }
      } ?? 0)
  }

  /// Bytes of the files read so far, as they lie on disk.
  public var packedCount: Int {
    finishedPacked
      + (current.map {
        switch $0 {
        case .pairs(let reader): reader.packedCount
        case .lines(let reader): reader.reader.packedCount
        case .records(let reader): reader.packedCount
        }
      } ?? 0)
  }

  /// The next document that holds any text, or `nil` after the last. Throws ``CorpusError``.
  public func next() throws -> SourceDocument? {
    while true {
      if current == nil {
        guard nextFile < files.count else { return nil }
        if let parallel = settings.parallel {
          current = .pairs(try PairDocuments(parallel, files: files))
          nextFile = files.count
        } else {
          current = try open(files[nextFile])
          nextFile += 1
        }
      }
      let found =
        switch current {
        case .pairs(let reader): try reader.next().map { ($0.document, $0.file, $0.line) }
        case .lines(let reader): try reader.next().map { ($0, reader.path, reader.firstLine) }
        case .records(let reader): try document(reader)
        case nil: nil as (Document, String, Int)?
        }
      if let (document, file, line) = found {
        documentCount += 1
        return SourceDocument(document: document, file: file, line: line)
      }
      if case .pairs(let reader) = current { emptyRecordCount += reader.oneSidedCount }
      (finishedInvalid, finishedPacked) = (invalidCount, packedCount)
      current = nil
    }
  }

  private func open(_ path: String) throws -> Source {
    guard let format = settings.format ?? CorpusFormat(path: path) else {
      // A missing file is the more useful message than a strange name.
      _ = try ByteSource(path: path)
      throw CorpusError.unknownFormat(path, known: CorpusFormat.endings)
    }
    if format == .txt {
      return .lines(
        try TextDocuments(
          path: path, boundary: settings.boundary, invalidUTF8: settings.invalidUTF8))
    }
    let reader = try RecordReader(
      path: path, format: format, fields: [settings.textField], invalidUTF8: settings.invalidUTF8)
    if let columns = reader.columns, !columns.contains(settings.textField) {
      throw CorpusError.missingField(path, line: 1, field: settings.textField, found: columns)
    }
    return .records(reader)
  }

  private func document(
    _ reader: RecordReader
  ) throws -> (Document, String, Int)? {
    while let record = try reader.next() {
      let name = settings.textField
      guard let value = record.value[name] else {
        let keys = record.value.keys.map { "`\($0)`" }.joined(separator: ", ")
        throw CorpusError.badRecord(
          reader.path, line: record.line,
          problem: "it has no member `\(name)`, only \(keys.isEmpty ? "none" : keys)")
      }
      guard value.string != nil || value.isNull else {
        throw CorpusError.badRecord(
          reader.path, line: record.line, problem: "its member `\(name)` is not a string")
      }
      let segments = Self.segments(of: value.string ?? "", keepingEmpty: !settings.cleansLines)
      guard segments.contains(where: { !$0.isEmpty }) else {
        emptyRecordCount += 1
        continue
      }
      return (Document(segments: segments), reader.path, record.line)
    }
    return nil
  }

  /// The lines of a text: it ends at any newline of Unicode, or, where empty ones are kept, at `\n`.
  static func segments(of text: String, keepingEmpty: Bool) -> [String] {
    guard keepingEmpty else { return text.split(whereSeparator: \.isNewline).map(String.init) }
    var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}

/// The documents of a plain text file.
final class TextDocuments {
  let reader: LineReader
  private let endsAtLines: Bool
  private let endsAtEmptyLines: Bool
  /// The line on which the document last returned began.
  private(set) var firstLine = 0

  var path: String { reader.path }

  init(
    path: String, boundary: DocumentBoundary, invalidUTF8: CorpusSettings.InvalidUTF8
  ) throws {
    switch boundary {
    case .line: endsAtLines = true
    case .emptyLine: endsAtLines = false
    case .automatic: endsAtLines = try !Self.hasEmptyLineBetweenLines(path)
    }
    endsAtEmptyLines = !endsAtLines
    reader = try LineReader(path: path, invalidUTF8: invalidUTF8)
  }

  func next() throws -> Document? {
    var segments: [String] = []
    while let line = try reader.next() {
      if isBlank(line.utf8) {
        if endsAtEmptyLines, !segments.isEmpty { break }
        continue
      }
      if segments.isEmpty { firstLine = reader.lineNumber }
      segments.append(line)
      if endsAtLines { break }
    }
    return segments.isEmpty ? nil : Document(segments: segments)
  }

  /// Reads until the first line of text behind an empty one.
  private static func hasEmptyLineBetweenLines(_ path: String) throws -> Bool {
    let reader = try LineReader(path: path)
    var state = 0  // 0 nothing yet, 1 in text, 2 in empty lines behind text
    while let blank = try reader.nextBytes({ isBlank($0) }) {
      if blank {
        if state == 1 { state = 2 }
      } else {
        if state == 2 { return true }
        state = 1
      }
    }
    return false
  }
}

private func isBlank(_ bytes: some Sequence<UInt8>) -> Bool {
  bytes.allSatisfy { $0 == 32 || $0 == 9 }
}
