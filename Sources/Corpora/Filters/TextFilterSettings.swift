// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tokenization

/// Which documents are dropped for what they look like. Nothing is, unless asked.
///
/// Characters are Unicode scalars, words are runs of scalars other than white space, shares are of
/// the scalars other than white space.
public struct TextFilterSettings: Equatable, Sendable {
  /// A number that is measured on each document and must lie in a range.
  public enum Measure: String, CaseIterable, Sendable {
    /// Unicode scalars, newlines included.
    case characters
    /// Words.
    case words
    /// Mean scalars of a word.
    case meanWordLength = "mean_word_length"
    /// Letters and the marks that belong to them (general categories L and M).
    case lettersShare = "letters_share"
    /// Digits (N).
    case digitsShare = "digits_share"
    /// Punctuation and symbols (P and S).
    case symbolsShare = "symbols_share"
    /// Words that hold at least one letter, of all words.
    case wordsWithLettersShare = "words_with_letters_share"
    /// Lines that begin with a bullet, of all lines.
    case bulletLinesShare = "bullet_lines_share"
    /// Lines that end with an ellipsis, of all lines.
    case ellipsisLinesShare = "ellipsis_lines_share"
  }

  /// A line of the text must be in a language.
  public struct Language: Equatable, Sendable {
    /// What is asked about.
    public enum Unit: String, CaseIterable, Sendable {
      /// The whole document, which is kept or dropped.
      case document
      /// Each line; those in other languages go, and a document without lines.
      case segment
    }

    /// A file of fastText's format; see ``LanguageIdentifier``.
    public var identifier: String
    /// The label, or the beginning of the only label that continues it with `_`.
    public var label: String
    /// From 0 to 1.
    public var minimumProbability: Double
    /// What is asked about.
    public var unit: Unit
  }

  /// Enough of the text must be in a script.
  public struct Script: Equatable, Sendable {
    /// ISO 15924 codes.
    public var codes: [String]
    /// The least share of letters in one of the scripts.
    public var minimumShare: Double
  }

  /// The allowed range of each measure that is asked for.
  public var ranges: [Measure: ClosedRange<Double>] = [:]
  /// Limits on repetition; `nil` measures none.
  public var repetition: RepetitionLimits?
  /// The language; `nil` for any.
  public var language: Language?
  /// The script; `nil` for any.
  public var script: Script?

  /// Settings that drop nothing.
  public init() {}

  /// Reads `filters`. Does not call `finish`.
  ///
  /// - Parameter language: of the corpus, the default of `language.label`.
  public init(_ settings: inout Settings, language corpus: String?) throws(DocumentError) {
    for measure in Measure.allCases {
      let bounds: ClosedRange<Double> =
        measure.rawValue.hasSuffix("share") ? 0...1 : 0...Double(Int32.max)
      let low = try settings.optionalDouble("min_\(measure.rawValue)", in: bounds)
      let high = try settings.optionalDouble("max_\(measure.rawValue)", in: bounds)
      guard low != nil || high != nil else { continue }
      guard (low ?? 0) <= (high ?? .infinity) else {
        throw settings.wrong(
          "max_\(measure.rawValue)", expected: "at least min_\(measure.rawValue)",
          found: "\(high ?? 0)")
      }
      ranges[measure] = (low ?? 0)...(high ?? .infinity)
    }
    repetition = try RepetitionLimits(in: &settings)
    if var child = try settings.optionalChild("language") {
      let identifier = try child.string("identifier")
      guard let label = try child.optionalString("label") ?? corpus else {
        throw .missingKey("label", path: child.path, line: child.line, origin: child.origin)
      }
      let unit = try child.choice(
        "unit", default: "document", of: Language.Unit.allCases.map(\.rawValue))
      language = Language(
        identifier: identifier, label: label,
        minimumProbability: try child.double("min_probability", default: 0.5, in: 0...1),
        unit: Language.Unit(rawValue: unit) ?? .document)
      try child.finish()
    }
    if var child = try settings.optionalChild("script") {
      let codes = try child.strings("codes")
      do { _ = try ScriptSet(codes) } catch {
        throw child.wrong(
          "codes", expected: "ISO 15924 codes such as Latn", found: codes.joined(separator: ", "))
      }
      guard !codes.isEmpty else {
        throw .missingKey("codes", path: child.path, line: child.line, origin: child.origin)
      }
      script = Script(
        codes: codes, minimumShare: try child.double("min_share", default: 0.5, in: 0...1))
      try child.finish()
    }
  }

  /// Whether nothing can be dropped.
  public var isEmpty: Bool {
    ranges.isEmpty && repetition == nil && language == nil && script == nil
  }

  /// What decides the result, but the identifier's bytes.
  var identity: JSON {
    var object = JSONObject()
    for measure in Measure.allCases {
      guard let range = ranges[measure] else { continue }
      object[measure.rawValue] = [JSON(range.lowerBound), JSON(range.upperBound)]
    }
    if let repetition { object["max_repetition"] = repetition.identity }
    if let language {
      object["language"] = [
        "label": .string(language.label), "min_probability": JSON(language.minimumProbability),
        "unit": .string(language.unit.rawValue),
      ]
    }
    if let script {
      object["script"] = [
        "codes": JSON(script.codes.map { JSON($0) }), "min_share": JSON(script.minimumShare),
      ]
    }
    return .object(object)
  }
}

/// The most repetition a document may have, as shares; a limit of 1 allows all.
///
/// - Source: Rae et al. 2021 (Gopher), arXiv:2112.11446, table A1: the defaults.
/// - Departs: words are cut at white space; n-grams hold words and not the line ends between them.
public struct RepetitionLimits: Equatable, Sendable {
  /// Lines equal to an earlier line, of all lines.
  public var duplicateLines = 0.30
  /// Scalars in lines equal to an earlier line, of all scalars.
  public var duplicateLineCharacters = 0.20
  /// Scalars covered by the most frequent n-gram of words, n = 2, 3, 4.
  public var topNgrams = [2: 0.20, 3: 0.18, 4: 0.16]
  /// Scalars covered by n-grams of words that occur more than once, n = 5 … 10, none counted twice.
  public var duplicateNgrams = [5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10]

  /// Gopher's limits.
  public init() {}

  /// Reads `max_repetition`: `gopher`, `off`, or a mapping of limits over Gopher's.
  init?(in settings: inout Settings) throws(DocumentError) {
    guard let node = settings.node("max_repetition") else { return nil }
    self.init()
    if case .scalar = node.content {
      if try settings.choice("max_repetition", of: ["gopher", "off"]) == "off" { return nil }
      return
    }
    var child = try settings.child("max_repetition")
    duplicateLines = try child.double("duplicate_lines", default: duplicateLines, in: 0...1)
    duplicateLineCharacters = try child.double(
      "duplicate_line_characters", default: duplicateLineCharacters, in: 0...1)
    for (n, limit) in topNgrams.sorted(by: { $0.key < $1.key }) {
      topNgrams[n] = try child.double("top_\(n)gram", default: limit, in: 0...1)
    }
    for (n, limit) in duplicateNgrams.sorted(by: { $0.key < $1.key }) {
      duplicateNgrams[n] = try child.double("duplicate_\(n)gram", default: limit, in: 0...1)
    }
    try child.finish()
  }

  var identity: JSON {
    var object: JSONObject = JSONObject()
    object["duplicate_lines"] = JSON(duplicateLines)
    object["duplicate_line_characters"] = JSON(duplicateLineCharacters)
    for n in topNgrams.keys.sorted() { object["top_\(n)gram"] = JSON(topNgrams[n] ?? 1) }
    for n in duplicateNgrams.keys.sorted() {
      object["duplicate_\(n)gram"] = JSON(duplicateNgrams[n] ?? 1)
    }
    return .object(object)
  }
}
