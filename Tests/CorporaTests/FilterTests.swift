// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Corpora

/// What documents are dropped for what they look like.
struct FilterTests {
  private func filter(_ yaml: String) throws -> TextFilter {
    var settings = try Settings(YAML.parse(yaml, origin: "f.yaml"), origin: "f.yaml")
    let filters = try TextFilterSettings(&settings, language: "qaa")
    try settings.finish()
    return try TextFilter(filters)
  }

  private func verdict(_ yaml: String, _ lines: [String]) throws -> String {
    switch try filter(yaml).judge(Document(segments: lines)) {
    case .keep(let document, _, _): "keep \(document.segments.count)"
    case .drop(let reason, let detail): "\(reason): \(detail)"
    }
  }

  @Test func `measures are those of the definitions`() {
    let measures = TextMeasures(
      Document(segments: ["• Góðan dag, 12 …", "a1 -- x...", "  ", "नमस्ते"]))
    #expect(measures.characters == 17 + 10 + 2 + 6 + 3)
    #expect(measures.words == 5 + 3 + 1)
    // Góðan 5, dag 3, a, x, नमस्ते 6 with its marks.
    #expect(measures.letters == 16)
    #expect(measures.digits == 3)
    // •  ,  …  --  ...
    #expect(measures.symbols == 8)
    #expect(measures.visible == 16 + 3 + 8)
    #expect(measures[.wordsWithLettersShare] == 5.0 / 9)
    #expect(measures[.bulletLinesShare] == 1.0 / 3)
    #expect(measures[.ellipsisLinesShare] == 2.0 / 3)
    #expect(measures[.meanWordLength] == 3)
    let nothing = TextMeasures(Document(segments: []))
    for measure in TextFilterSettings.Measure.allCases { #expect(nothing[measure] == 0) }
  }

  @Test(arguments: [
    ("{min_characters: 6}", "hallo", "characters: 5 < 6"),
    ("{max_words: 1}", "ein tvey", "words: 2 > 1"),
    ("{min_letters_share: 0.7}", "abc 123", "letters_share: 0.5 < 0.7"),
    ("{max_digits_share: 0.4}", "abc 123", "digits_share: 0.5 > 0.4"),
    ("{max_symbols_share: 0.2}", "a, b, c,", "symbols_share: 0.5 > 0.2"),
    ("{max_mean_word_length: 10}", "aaaaaaaaaaaa", "mean_word_length: 12 > 10"),
    ("{script: {codes: Latn, min_share: 0.6}}", "abc где", "script: 0.5 < 0.6"),
    ("{script: {codes: [Latn, Cyrl]}}", "abc где 1 2 3", "keep 1"),
    ("{min_characters: 5, max_characters: 5}", "hallo", "keep 1"),
    ("{}", "", "keep 1"),
  ])
  func `a document outside a range goes with what was measured`(
    yaml: String, text: String, expected: String
  ) throws {
    #expect(try verdict(yaml, [text]) == expected)
  }

  // MARK: Repetition

  @Test func `Gopher's limits drop what repeats itself and keep running text`() throws {
    let text = (0..<40).map { "This sentence is number \(Self.word($0)) of \(Self.word($0 + 7))." }
    #expect(
      try verdict("{max_repetition: gopher}", ["The quick brown fox jumps over it."]) == "keep 1")
    #expect(
      try verdict("{max_repetition: gopher}", ["a b", "c d", "a b", "a b", "e f"])
        == "repetition.duplicate_lines: 0.4 > 0.3")
    #expect(try verdict("{max_repetition: off}", Array(repeating: "same", count: 9)) == "keep 9")
    // Its lines differ, its words are always the same: "sentence is", 16 of each 32 or so letters.
    #expect(
      try verdict("{max_repetition: gopher}", text).hasPrefix("repetition.top_2gram: 0."))
  }

  /// Words that share no part, for text that only repeats where it is told to.
  private static func word(_ number: Int) -> String {
    let letters = Array("bcdfghjklmnpqrst")
    return "\(letters[number / 16 % 16])a\(letters[number % 16])o"
  }

  @Test func `lines that repeat are counted in letters too`() throws {
    // One line of four repeats, but it has most of the letters.
    let long = (0..<20).map(Self.word).joined(separator: " ")
    let found = try verdict(
      "{max_repetition: {duplicate_lines: 0.3}}", [long, "ein", "tvey", long])
    #expect(found.hasPrefix("repetition.duplicate_line_characters: 0.4"))
  }

  @Test func `n-grams that repeat count each letter once`() throws {
    let only5 =
      "{max_repetition: {duplicate_lines: 1, duplicate_line_characters: 1, top_2gram: 1, "
      + "top_3gram: 1, top_4gram: 1, duplicate_5gram: 0}}"
    // Six words, four letters each, come twice among twelve others: two 5-grams repeat and cover
    // six words of 24.
    let phrase = (100..<106).map(Self.word)
    let words = phrase + (0..<6).map(Self.word) + phrase + (6..<12).map(Self.word)
    #expect(
      try verdict(only5, [words.joined(separator: " ")])
        == "repetition.duplicate_5gram: 0.25 > 0")
    // The same over line ends.
    #expect(
      try verdict(only5, words.map { $0 }) == "repetition.duplicate_5gram: 0.25 > 0")
    let different = (0..<24).map(Self.word).joined(separator: " ")
    #expect(try verdict(only5, [different]) == "keep 1")
  }

  @Test func `the share of the top n-gram is its count times its length`() throws {
    // "baca" … 12 words of 4; the pair comes 3 times: 3 · 8 of 48.
    let pair = [Self.word(200), Self.word(201)]
    let words =
      pair + [Self.word(0), Self.word(1)] + pair + [Self.word(2), Self.word(3)] + pair
      + [Self.word(4), Self.word(5)]
    #expect(
      try verdict("{max_repetition: gopher}", [words.joined(separator: " ")])
        == "repetition.top_2gram: 0.5 > 0.2")
    // A short text whose pairs come once is no repetition.
    #expect(try verdict("{max_repetition: gopher}", ["ein tvey"]) == "keep 1")
  }

  // MARK: Language

  private static let identifier = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden/identification/softmax.bin").path

  @Test func `documents and lines in another language go`() throws {
    let model = try LanguageIdentifier(path: Self.identifier)
    let path = URL(fileURLWithPath: Self.identifier).deletingLastPathComponent()
      .appending(path: "lines.txt").path
    // Training lines are `__label__qaa words`.
    var texts: [String: String] = [:]
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      let label = String(parts[0].dropFirst("__label__".count))
      let text = String(parts[1])
      if try model.probability(of: label, in: text) > 0.9 { texts[label] = text }
    }
    let (own, other) = (try #require(texts["qaa"]), try #require(texts["qac"]))
    let yaml = "{language: {identifier: \(Self.identifier), unit: UNIT, min_probability: 0.5}}"
    let document = yaml.replacing("UNIT", with: "document")
    let segment = yaml.replacing("UNIT", with: "segment")
    #expect(try verdict(document, [own]) == "keep 1")
    #expect(
      try verdict(document, [other]).hasPrefix("language: qac 0.9")
        || verdict(document, [other]) == "language: qac 1")
    #expect(try verdict(segment, [own, other, own]) == "keep 2")
    #expect(try verdict(segment, [other]).hasPrefix("language: "))
    guard
      case .keep(let kept, let lineCount, let bytes) = try filter(segment).judge(
        Document(segments: [other, own]))
    else {
      Issue.record("dropped")
      return
    }
    #expect(kept.segments == [own])
    #expect(lineCount == 1 && bytes == other.utf8.count + 1)
    #expect(
      lines {
        _ = try filter("{language: {identifier: \(Self.identifier), label: qzz}}")
      }.hasPrefix("The identifier has no single label for the language `qzz`."))
  }

  @Test(arguments: [
    (
      "{min_letter_share: 1}", "Unknown key `min_letter_share`.",
      "Did you mean `min_letters_share`?"
    ),
    ("{min_words: 5, max_words: 4}", "`max_words` should be at least min_words, found 4.0.", ""),
    ("{max_digits_share: 2}", "`max_digits_share` should be a number from 0.0 to 1.0", ""),
    ("{max_repetition: gofer}", "`max_repetition` should be one of gopher, off", ""),
    ("{max_repetition: {top_5gram: 1}}", "Unknown key `top_5gram`", ""),
    ("{language: {label: qaa}}", "The key `identifier` is missing", ""),
    ("{script: {codes: Latin}}", "`script.codes` should be ISO 15924 codes", ""),
    ("{script: {min_share: 1}}", "The key `codes` is missing", ""),
  ])
  func `settings that cannot be are told`(yaml: String, what: String, next: String) throws {
    let found = lines { _ = try filter(yaml) }
    #expect(found.hasPrefix(what))
    #expect(next.isEmpty || found.contains(next))
  }
}
