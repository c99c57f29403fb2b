// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tokenization

/// Judges documents by ``TextFilterSettings``. A value; judging on several threads is safe.
public struct TextFilter: Sendable {
  /// What becomes of a document.
  public enum Verdict: Equatable, Sendable {
    /// It stays; of its lines, `droppedLines` with so many bytes went, newlines not counted.
    case keep(Document, droppedLines: Int, droppedBytes: Int)
    /// It goes; the reason is a key of the report, the detail what was measured.
    case drop(reason: String, detail: String)
  }

  /// The reasons, in the order in which they are looked at.
  public static let reasons: [String] =
    ["language"] + TextFilterSettings.Measure.allCases.map(\.rawValue) + ["script"]
    + ["repetition.duplicate_lines", "repetition.duplicate_line_characters"]
    + (2...4).map { "repetition.top_\($0)gram" }
    + (5...10).map { "repetition.duplicate_\($0)gram" }

  private let settings: TextFilterSettings
  private let identifier: LanguageIdentifier?
  private let label: String
  private let script: ScriptSet?

  /// Opens what the settings name. Throws ``CorpusError`` for an identifier or a language that
  /// cannot be.
  ///
  /// - Parameter folder: that a relative name of an identifier starts from.
  public init(_ settings: TextFilterSettings, relativeTo folder: String? = nil) throws {
    self.settings = settings
    identifier = try settings.language.map {
      try LanguageIdentifier(path: CorpusFiles.resolved($0.identifier, relativeTo: folder))
    }
    label = try identifier?.label(for: settings.language?.label ?? "") ?? ""
    script = try settings.script.map { try ScriptSet($0.codes) }
  }

  /// Judges one document.
  public func judge(_ document: Document) throws -> Verdict {
    var document = document
    var (droppedLines, droppedBytes) = (0, 0)
    if let language = settings.language {
      let before = document
      guard try keepLanguage(&document, language) else {
        return .drop(
          reason: "language",
          detail: try identifier?.predict(before.text).first.map {
            "\($0.label) \(Self.short($0.probability))"
          } ?? "no word that the identifier knows")
      }
      droppedLines = before.segments.count - document.segments.count
      // The newline of a dropped line goes with it.
      droppedBytes = before.byteCount - document.byteCount
    }
    if !settings.ranges.isEmpty {
      let measures = TextMeasures(document)
      for measure in TextFilterSettings.Measure.allCases {
        guard let range = settings.ranges[measure] else { continue }
        let value = measures[measure]
        guard !range.contains(value) else { continue }
        let isLow = value < range.lowerBound
        return .drop(
          reason: measure.rawValue,
          detail: isLow
            ? "\(Self.short(value)) < \(Self.short(range.lowerBound))"
            : "\(Self.short(value)) > \(Self.short(range.upperBound))")
      }
    }
    if let limit = settings.script, let script {
      let share = Self.share(of: script, in: document)
      if share < limit.minimumShare {
        return .drop(
          reason: "script", detail: "\(Self.short(share)) < \(Self.short(limit.minimumShare))")
      }
    }
    if let limits = settings.repetition {
      var repetition = Repetition(limits)
      if let (reason, share, limit) = repetition.excess(of: document) {
        return .drop(reason: reason, detail: "\(Self.short(share)) > \(Self.short(limit))")
      }
    }
    return .keep(document, droppedLines: droppedLines, droppedBytes: droppedBytes)
  }

  private func keepLanguage(
    _ document: inout Document, _ language: TextFilterSettings.Language
  ) throws -> Bool {
    guard let identifier else { return true }
    func isMeant(_ text: String) throws -> Bool {
      try identifier.probability(of: label, in: text) >= language.minimumProbability
    }
    switch language.unit {
    case .document: return try isMeant(document.text)
    case .segment:
      document.segments = try document.segments.filter(isMeant)
      return !document.segments.isEmpty
    }
  }

  /// The share of letters that are in a script; 0 without letters. What belongs to no script, as
  /// marks and digits do, says nothing.
  private static func share(of script: ScriptSet, in document: Document) -> Double {
    var (letters, inScript) = (0, 0)
    for segment in document.segments {
      for scalar in segment.unicodeScalars where ScalarKind(scalar) == .letter {
        letters += 1
        if script.contains(scalar) { inScript += 1 }
      }
    }
    return letters > 0 ? Double(inScript) / Double(letters) : 0
  }

  /// At most three decimals.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let rounded = (value * 1000).rounded() / 1000
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
  }
}
