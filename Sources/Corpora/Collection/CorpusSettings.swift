// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Where one corpus comes from, and what is done to its text before it is tokenized.
///
/// Read from a mapping under `text:`, keyed by a free name. See docs/corpora.md.
public struct CorpusSettings: Equatable, Sendable {
  /// What to do about bytes that are not UTF-8.
  public enum InvalidUTF8: String, CaseIterable, Sendable {
    /// An error with file, line and byte.
    case refuse = "error"
    /// Each ill-formed part becomes U+FFFD; lines changed so are counted.
    case replace
  }

  /// The free name: of reports, weights of a mixture, files of a cache.
  public var name: String
  /// Files, folders and patterns with `*`, `?` and `**`; see ``CorpusFiles``.
  public var files: [String]
  /// The format of all files; `nil` goes by each file's ending.
  public var format: CorpusFormat?
  /// The column of a table or the member of a record that holds the text.
  public var textField: String
  /// Where a document of a plain text file ends.
  public var boundary: DocumentBoundary
  /// The language the text is meant to be in, by the label of an identifier (`fao_Latn`).
  public var language: String?
  /// At most so many bytes of text are kept, in reading order; 0 for all.
  public var maximumBytes: Int
  /// What to do about bytes that are not UTF-8.
  public var invalidUTF8: InvalidUTF8
  /// Whether segments are brought into one form (``TextCleaner``): controls, NFC, outer spaces,
  /// empty lines. Code wants its lines as they stand.
  public var cleansLines: Bool
  /// What is dropped for what it looks like.
  public var filters: TextFilterSettings
  /// What is dropped because it was there before.
  public var deduplication: DeduplicationSettings
  /// What is dropped because texts for measuring hold it; `nil` for nothing.
  public var decontamination: DecontaminationSettings?
  /// Documents with more tokens are cut to so many, and counted; 0 never cuts.
  public var maximumDocumentTokens: Int

  /// How pairs of segments become documents, where the files are parallel ones; `files` then holds
  /// theirs, sources before targets.
  public var parallel: ParallelSettings?
  /// How words of the text that stays are replaced by translations; `nil` for not at all.
  public var codeSwitch: CodeSwitchSettings?

  /// Makes settings that read `files` and drop exact duplicates of documents.
  public init(name: String, files: [String]) {
    self.name = name
    self.files = files
    format = nil
    textField = "text"
    boundary = .automatic
    language = nil
    maximumBytes = 0
    invalidUTF8 = .refuse
    cleansLines = true
    filters = TextFilterSettings()
    deduplication = DeduplicationSettings()
    decontamination = nil
    maximumDocumentTokens = 0
    parallel = nil
    codeSwitch = nil
  }

  /// Reads the keys of one corpus. Does not call `finish`. The mappings inside are finished.
  ///
  /// - Parameter name: the key that the mapping stands under.
  public init(_ settings: inout Settings, name: String = "text") throws(DocumentError) {
    self.init(name: name, files: try settings.strings("files"))
    if var child = try settings.optionalChild("parallel") {
      let pairs = try ParallelSettings(&child)
      try child.finish()
      guard files.isEmpty else {
        throw settings.wrong(
          "files", expected: "no files beside those of `parallel`", found: "both")
      }
      parallel = pairs
      files = pairs.allFiles
    }
    if var child = try settings.optionalChild("code_switch") {
      codeSwitch = try CodeSwitchSettings(&child)
      try child.finish()
    }
    guard !files.isEmpty, !files.contains("") else {
      throw settings.wrong(
        "files", expected: "at least one file, folder or pattern",
        found: files.isEmpty ? "none" : "an empty name")
    }
    let chosen = try settings.choice(
      "format", default: "auto", of: ["auto"] + CorpusFormat.allCases.map(\.rawValue))
    format = CorpusFormat(rawValue: chosen)
    textField = try settings.string("text_field", default: textField)
    let end = try settings.choice(
      "documents", default: boundary.rawValue, of: DocumentBoundary.allCases.map(\.rawValue))
    boundary = DocumentBoundary(rawValue: end) ?? boundary
    language = try settings.optionalString("language")
    maximumBytes = try settings.int("max_bytes", default: 0, in: 0...Int.max)
    let invalid = try settings.choice(
      "invalid_utf8", default: invalidUTF8.rawValue, of: InvalidUTF8.allCases.map(\.rawValue))
    invalidUTF8 = InvalidUTF8(rawValue: invalid) ?? invalidUTF8
    cleansLines = try settings.bool("clean", default: cleansLines)
    if var child = try settings.optionalChild("filters") {
      filters = try TextFilterSettings(&child, language: language)
      try child.finish()
    }
    deduplication = try DeduplicationSettings(in: &settings)
    decontamination = try DecontaminationSettings(in: &settings)
    maximumDocumentTokens = try settings.int("max_document_tokens", default: 0, in: 0...Int.max)
  }

  /// What of these settings decides the kept text, for keys of caches: not the names of files, whose
  /// contents count instead.
  package var identity: JSON {
    var identity: JSON = [
      "schema": 1, "format": .string(format?.rawValue ?? "auto"), "text_field": .string(textField),
      "documents": .string(boundary.rawValue), "max_bytes": JSON(maximumBytes),
      "invalid_utf8": .string(invalidUTF8.rawValue), "clean": JSON(cleansLines),
      "filters": filters.identity, "deduplicate": deduplication.identity,
      "decontaminate": decontamination.map { JSON($0.minimumWords) } ?? .null,
      "max_document_tokens": JSON(maximumDocumentTokens),
    ]
    if let parallel { identity["parallel"] = parallel.identity }
    if let codeSwitch { identity["code_switch"] = codeSwitch.identity }
    return identity
  }
}

/// How a file holds texts.
public enum CorpusFormat: String, CaseIterable, Sendable {
  /// Lines of text.
  case txt
  /// A JSON object a line.
  case jsonl
  /// Columns separated by commas (RFC 4180), with a header.
  case csv
  /// The same with tabs.
  case tsv
  /// Apache Parquet.
  case parquet

  /// Endings of packed files that may follow the format's own.
  static let packings = [".gz", ".zst"]

  /// The format that a name's ending says, a packing aside; `nil` for an unknown one. `.json` is
  /// not one of them: it usually is a single value over many lines.
  public init?(path: String) {
    var name = path.lowercased()
    if let packing = Self.packings.first(where: { name.hasSuffix($0) }) {
      name.removeLast(packing.count)
      // Columns of Parquet are packed inside.
      if name.hasSuffix(".parquet") { return nil }
    }
    if name.hasSuffix(".ndjson") {
      self = .jsonl
      return
    }
    guard let format = Self.allCases.first(where: { name.hasSuffix("." + $0.rawValue) }) else {
      return nil
    }
    self = format
  }

  /// The endings that are known, for messages.
  static let endings =
    allCases.flatMap { format in
      ([""] + (format == .parquet ? [] : packings)).map { ".\(format.rawValue)\($0)" }
    }
}
