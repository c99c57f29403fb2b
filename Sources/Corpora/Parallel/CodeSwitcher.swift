// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How words of a text are replaced by their translations: the section `code_switch` of a text.
///
///     code_switch: {lexicon: [eng-fao.tsv.gz], share: 0.15}
public struct CodeSwitchSettings: Equatable, Sendable {
  /// Tables of words; see ``Lexicon``.
  public var lexicon: [String]
  /// Whether the second column is the text's language.
  public var isReversed = false
  /// The share of all words that are replaced, where the lexicon knows enough of them, in (0, 1].
  public var share = 0.15
  /// The share of documents that are touched at all, in (0, 1].
  public var documents = 1.0
  public var seed: UInt64 = 0

  /// Settings with the defaults.
  public init(lexicon: [String]) { self.lexicon = lexicon }

  /// Reads the section. Does not call `finish`.
  public init(_ settings: inout Settings) throws(DocumentError) {
    lexicon = try settings.strings("lexicon")
    guard !lexicon.isEmpty else {
      throw settings.wrong("lexicon", expected: "one or more files", found: "none")
    }
    isReversed = try settings.bool("reversed", default: false)
    share = try settings.double("share", default: share, in: 1e-6...1)
    documents = try settings.double("documents", default: documents, in: 1e-6...1)
    seed = UInt64(try settings.int("seed", default: 0, in: 0...Int.max))
  }

  /// What decides the text besides the bytes of the files.
  public var identity: JSON {
    [
      "schema": 1, "reversed": JSON(isReversed), "share": JSON(share),
      "documents": JSON(documents), "seed": JSON(String(seed)),
    ]
  }
}

/// Replaces words of documents by translations out of a lexicon.
///
/// Of a document with n words, share · n are replaced (the fraction is drawn), as far as the lexicon
/// knows so many; which, and by which of several translations, is drawn. Longer phrases of the
/// lexicon win over their words. Case is kept: of words in capitals, and of a capital at the start.
///
/// The result is a function of the document's text, the lexicon and the seed: the order of
/// documents says nothing.
///
/// **Source:** the replacement of aligned words of Kaji and Shah 2023 and of code-switched
/// pre-training in general. **Departs:** a lexicon instead of alignments, so words keep no
/// inflection; the share is met exactly in the mean instead of by a coin a word.
public struct CodeSwitcher: Sendable {
  /// What was replaced so far.
  public struct Report: Codable, Equatable, Sendable {
    public var documents = 0
    /// Words read, of touched documents and others.
    public var words = 0
    /// Words that the lexicon knows, alone or in a phrase.
    public var known = 0
    /// Words that were replaced.
    public var replaced = 0

    /// An empty report.
    public init() {}

    /// Adds the counts of another.
    public static func += (report: inout Self, other: Self) {
      report.documents += other.documents
      report.words += other.words
      report.known += other.known
      report.replaced += other.replaced
    }
  }

  public let settings: CodeSwitchSettings
  private let lexicon: Lexicon

  /// Reads the lexicon. Throws ``CorpusError``.
  public init(_ settings: CodeSwitchSettings, relativeTo folder: String? = nil) throws {
    self.init(
      settings,
      lexicon: try Lexicon(
        files: settings.lexicon, isReversed: settings.isReversed, relativeTo: folder))
  }

  /// Uses a lexicon at hand.
  public init(_ settings: CodeSwitchSettings, lexicon: Lexicon) {
    self.settings = settings
    self.lexicon = lexicon
  }

  private struct Phrase {
    var segment: Int
    var range: Range<Int>  // scalars
    var wordCount: Int
    var translations: [String]
  }

  /// The document with words replaced, and what was done.
  public func switched(_ document: Document) -> (document: Document, report: Report) {
    var report = Report()
    report.documents = 1
    let hash = ContentHash(document.text.utf8, seed: settings.seed)
    var random = SeededRandom(seed: settings.seed, name: "code switch " + hash.hex)
    let spans = document.segments.map { WordSpans($0) }
    report.words = spans.reduce(0) { $0 + $1.words.count }
    var phrases = spans.enumerated().flatMap { knownPhrases(of: $1, segment: $0) }
    report.known = phrases.reduce(0) { $0 + $1.wordCount }
    guard random.unit() < settings.documents else { return (document, report) }
    let wanted = settings.share * Double(report.words)
    // The fraction of a word by chance, so that short documents have their share too.
    var left = Int(wanted) + (random.chance(wanted - wanted.rounded(.down)) ? 1 : 0)
    random.shuffle(&phrases)
    var chosen: [[(range: Range<Int>, text: String)]] = document.segments.map { _ in [] }
    for phrase in phrases where phrase.wordCount <= left {
      left -= phrase.wordCount
      report.replaced += phrase.wordCount
      let original = WordSpans.text(spans[phrase.segment].scalars[phrase.range])
      chosen[phrase.segment].append(
        (phrase.range, Self.cased(random.pick(phrase.translations), like: original)))
    }
    var result = document
    for (index, replacements) in chosen.enumerated() where !replacements.isEmpty {
      var scalars = String.UnicodeScalarView()
      var last = 0
      for (range, text) in replacements.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
        scalars.append(contentsOf: spans[index].scalars[last..<range.lowerBound])
        scalars.append(contentsOf: text.unicodeScalars)
        last = range.upperBound
      }
      scalars.append(contentsOf: spans[index].scalars[last...])
      result.segments[index] = String(scalars)
    }
    return (result, report)
  }

  /// What the lexicon knows, from left to right, the longest first; words of a phrase are divided
  /// by spaces only.
  private func knownPhrases(of spans: WordSpans, segment: Int) -> [Phrase] {
    var found: [Phrase] = []
    var index = 0
    while index < spans.words.count {
      var length = min(lexicon.maximumWordCount, spans.words.count - index)
      while length > 0 {
        let isJoined = (index..<index + length - 1).allSatisfy { i in
          spans.scalars[spans.ranges[i].upperBound..<spans.ranges[i + 1].lowerBound]
            .allSatisfy { $0 == " " }
        }
        let translations =
          isJoined ? lexicon.translations(of: spans.words[index..<index + length]) : []
        if !translations.isEmpty {
          let end = spans.ranges[index + length - 1].upperBound
          found.append(
            Phrase(
              segment: segment, range: spans.ranges[index].lowerBound..<end, wordCount: length,
              translations: translations))
          break
        }
        length -= 1
      }
      index += max(1, length)
    }
    return found
  }

  /// A translation in the case of what it replaces.
  static func cased(_ translation: String, like original: String) -> String {
    let cased = original.filter(\.isCased)
    guard let first = original.first, first.isUppercase else { return translation }
    if cased.count > 1, cased.allSatisfy(\.isUppercase) { return translation.uppercased() }
    return translation.prefix(1).uppercased() + translation.dropFirst()
  }
}
