// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Reads the documents of small files at once; see ``DocumentStream`` for large ones.
public enum CorpusReader {
  /// The documents of one file, in its order, lines as they stand (see ``TextCleaner``).
  ///
  /// Formats go by the ending (``CorpusFormat``); of records, the member or column `text` is
  /// read. Empty segments and documents are left out. Throws ``CorpusError`` naming file and line;
  /// an empty file yields no documents.
  public static func documents(
    at path: String, boundary: DocumentBoundary = .automatic
  ) throws -> [Document] {
    var settings = CorpusSettings(name: path, files: [path])
    settings.boundary = boundary
    let stream = DocumentStream(files: [path], settings)
    var documents: [Document] = []
    while let found = try stream.next() { documents.append(found.document) }
    return documents
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
}
