// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Reads text files into documents: `.txt`, `.txt.gz`, `.jsonl`, `.jsonl.gz`.
public enum CorpusReader {
  static let endings = [".txt", ".txt.gz", ".jsonl", ".jsonl.gz"]

  /// The documents of one file, in its order, lines as they stand (see ``TextCleaner``).
  ///
  /// Text: one segment a line, documents as `boundary` says. JSONL: one object a line, its member
  /// `text` is one document whose lines are the segments. Empty segments and documents are left
  /// out. Throws ``CorpusError`` naming file and line; an empty file yields no documents.
  public static func documents(
    at path: String, boundary: DocumentBoundary = .automatic
  ) throws -> [Document] {
    guard let ending = endings.last(where: { path.hasSuffix($0) }) else {
      // A missing file is the more useful message than a strange name.
      _ = try LineReader(path: path)
      throw CorpusError.unknownFormat(path, known: endings)
    }
    let reader = try LineReader(path: path)
    return ending.hasPrefix(".jsonl")
      ? try records(reader) : try lines(reader, boundary: boundary)
  }

  /// The documents of several files, in the order given. Throws when together they hold none.
  public static func documents(
    at paths: [String], boundary: DocumentBoundary = .automatic
  ) throws -> [Document] {
    let all = try paths.flatMap { try documents(at: $0, boundary: boundary) }
    if all.isEmpty {
      throw CorpusError.emptyCorpus(
        paths.isEmpty ? "no files given" : paths.joined(separator: ", "),
        reason: "no line with text")
    }
    return all
  }

  private static func lines(
    _ reader: LineReader, boundary: DocumentBoundary
  ) throws -> [Document] {
    var groups: [Document] = []
    var isOpen = false
    while let line = try reader.next() {
      if isBlank(line) {
        isOpen = false
      } else if isOpen {
        groups[groups.count - 1].segments.append(line)
      } else {
        groups.append(Document(segments: [line]))
        isOpen = true
      }
    }
    if boundary == .line || boundary == .automatic && groups.count == 1 {
      return groups.flatMap { $0.segments.map { Document(segments: [$0]) } }
    }
    return groups
  }

  private static func records(_ reader: LineReader) throws -> [Document] {
    var documents: [Document] = []
    while let line = try reader.next() {
      if isBlank(line) { continue }
      let text = try text(ofRecord: line, in: reader)
      let segments = text.split(whereSeparator: \.isNewline).map(String.init)
      if !segments.isEmpty { documents.append(Document(segments: segments)) }
    }
    return documents
  }

  static func isBlank(_ line: String) -> Bool { line.utf8.allSatisfy { $0 == 32 || $0 == 9 } }

  /// The member `text` of the line that `reader` gave last.
  static func text(ofRecord line: String, in reader: LineReader) throws -> String {
    let record: JSON
    do {
      record = try JSON.parse(line, origin: reader.path)
    } catch {
      var problem = "it is not JSON"
      if case .syntax(_, let position, let reason) = error { problem = "\(reason) (\(position))" }
      throw CorpusError.badRecord(reader.path, line: reader.lineNumber, problem: problem)
    }
    guard let object = record.object else {
      throw CorpusError.badRecord(
        reader.path, line: reader.lineNumber, problem: "it is not an object")
    }
    guard let text = object["text"]?.string else {
      let keys = object.keys.map { "`\($0)`" }.joined(separator: ", ")
      throw CorpusError.badRecord(
        reader.path, line: reader.lineNumber,
        problem: object["text"] == nil
          ? "it has no member `text`, only \(keys.isEmpty ? "none" : keys)"
          : "its member `text` is not a string")
    }
    return text
  }
}
