// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Which repeated texts of a corpus are dropped; the first in reading order stays.
///
/// A document is compared with those before it in its corpus and in the corpora named before it,
/// as far as these keep the same kind of trace (exact documents, exact lines, equal `near`).
public struct DeduplicationSettings: Equatable, Sendable {
  /// Near duplicates, found by MinHash; see ``NearDuplicateIndex``.
  public struct Near: Hashable, Sendable {
    /// What shingles are made of.
    public enum Unit: String, CaseIterable, Sendable {
      /// n-grams of words.
      case word
      /// n-grams of Unicode scalars, white space as one space: for scripts without spaces.
      case character
    }

    /// From which estimated Jaccard similarity on two documents count as the same.
    public var threshold = 0.8
    /// Hash functions; the standard error of the similarity s is √(s(1 − s) / permutations).
    public var permutations = 128
    /// Units in a shingle.
    public var ngram = 5
    /// What shingles are made of.
    public var unit = Unit.word

    /// The defaults.
    public init() {}
  }

  /// Whether documents equal to an earlier one go.
  public var exactDocuments = true
  /// From how many UTF-8 bytes on a line equal to an earlier line goes; `nil` keeps all lines.
  public var exactLines: Int?
  /// Near duplicates; `nil` keeps them.
  public var near: Near?

  /// Exact duplicates of documents go.
  public init() {}

  /// From how many bytes on repeated lines go where nothing else is said: shorter ones ("Yes.")
  /// belong to running text.
  static let usualLineBytes = 40

  /// Reads `deduplicate`: `false`, or a mapping with `exact` (`document`, `line`, both or `off`),
  /// `min_line_bytes` and `near`.
  init(in settings: inout Settings) throws(DocumentError) {
    guard let node = settings.node("deduplicate") else { return }
    if case .scalar = node.content {
      if try settings.bool("deduplicate", default: true) { return }
      exactDocuments = false
      return
    }
    var child = try settings.child("deduplicate")
    if let units = try child.optionalStrings("exact") {
      for unit in units where !["document", "line", "off"].contains(unit) {
        throw child.wrong("exact", expected: "document, line, both or off", found: "`\(unit)`")
      }
      exactDocuments = units.contains("document")
      if units.contains("line") { exactLines = Self.usualLineBytes }
    }
    if let bytes = try child.optionalInt("min_line_bytes", in: 0...Int.max) {
      guard exactLines != nil else {
        throw child.wrong(
          "min_line_bytes", expected: "given beside `exact: line`", found: "\(bytes)")
      }
      exactLines = bytes
    }
    if let node = child.node("near") {
      if case .scalar = node.content {
        if try child.bool("near", default: false) { near = Near() }
      } else {
        near = try Near(child.child("near"))
      }
    }
    try child.finish()
  }

  var identity: JSON {
    [
      "documents": JSON(exactDocuments), "lines": exactLines.map { JSON($0) } ?? .null,
      "near": near?.identity ?? .null,
    ]
  }
}

extension DeduplicationSettings.Near {
  fileprivate init(_ settings: Settings) throws(DocumentError) {
    var settings = settings
    threshold = try settings.double("threshold", default: threshold, in: 0.05...1)
    permutations = try settings.int("permutations", default: permutations, in: 8...2048)
    ngram = try settings.int("ngram", default: ngram, in: 1...100)
    let chosen = try settings.choice(
      "unit", default: unit.rawValue, of: Unit.allCases.map(\.rawValue))
    unit = Unit(rawValue: chosen) ?? unit
    guard permutations % 8 == 0 else {
      throw settings.wrong("permutations", expected: "a multiple of 8", found: "\(permutations)")
    }
    try settings.finish()
  }

  var identity: JSON {
    [
      "threshold": JSON(threshold), "permutations": JSON(permutations), "ngram": JSON(ngram),
      "unit": .string(unit.rawValue),
    ]
  }
}

/// Text for measuring that must not be learnt.
public struct DecontaminationSettings: Equatable, Sendable {
  /// Files, folders and patterns, read as a corpus is: held-out texts, test rows.
  public var files: [String]
  /// A document goes when it shares so many consecutive words with one of them; texts for measuring
  /// that are shorter are looked for whole.
  ///
  /// - Source: Brown et al. 2020 (GPT-3), arXiv:2005.14165, appendix C: 13 words.
  public var minimumWords: Int
  /// The column or member that holds the text.
  public var textField: String

  /// Makes settings.
  public init(files: [String], minimumWords: Int = 13, textField: String = "text") {
    self.files = files
    self.minimumWords = minimumWords
    self.textField = textField
  }

  /// Reads `decontaminate`: files, or a mapping with `files`, `ngram` and `text_field`.
  init?(in settings: inout Settings) throws(DocumentError) {
    guard let node = settings.node("decontaminate") else { return nil }
    guard case .mapping = node.content else {
      self.init(files: try settings.strings("decontaminate"))
      return
    }
    var child = try settings.child("decontaminate")
    self.init(
      files: try child.strings("files"),
      minimumWords: try child.int("ngram", default: 13, in: 1...1000),
      textField: try child.string("text_field", default: "text"))
    guard !files.isEmpty else {
      throw .missingKey("files", path: child.path, line: child.line, origin: child.origin)
    }
    try child.finish()
  }
}
