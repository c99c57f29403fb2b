// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

/// Expressions that run on PCRE2, against what Oniguruma makes of them.
struct PatternTests {
  private func words(_ expression: String, _ text: String) throws -> [String] {
    var result = PreTokenizedText(Array(text.utf8))
    try SplitPreTokenizer(expression: expression).apply(to: &result)
    return result.words.map { String(decoding: result.bytes[$0], as: UTF8.self) }
  }

  /// The words are those of Hugging Face tokenizers 0.23.3.
  @Test func `a script's name means the property Script`() throws {
    let text = "漢字、々〆〇ー 漢"
    let wanted = ["漢字", "、", "々", "〆", "〇", "ー ", "漢"]
    for name in ["Han", "han", "Hani"] { #expect(try words(#"\p{\#(name)}+"#, text) == wanted) }
    #expect(try words(#"[\p{Han}]+"#, text) == wanted)
    #expect(try words(#"[^\p{Han}]+"#, text) == wanted)
    #expect(try words(#"\p{^Han}+"#, "漢字、a") == ["漢字", "、a"])
    #expect(try words(#"\P{Han}+"#, "漢字、a") == ["漢字", "、a"])
    #expect(try words(#"\p{Devanagari}+"#, "कि।॥ॐ१") == ["कि", "।॥", "ॐ१"])
    #expect(try words(#"\p{Arabic}+"#, "عربي، ١؟ــ") == ["عربي", "، ", "١", "؟ــ"])
    #expect(try words(#"\p{Common}+"#, "漢字、aひ\u{301}") == ["漢字", "、", "aひ\u{301}"])
    #expect(try words(#"\p{Inherited}+"#, "漢字、aひ\u{301}") == ["漢字、aひ", "\u{301}"])
    #expect(try words(#"\p{Lu}+|\p{^L}"#, "aBC1d") == ["a", "BC", "1", "d"])
  }

  /// The compiled form of PCRE2 has a small stack for its way back.
  @Test func `a long match of a group is one match`() throws {
    let text = String(repeating: "ab", count: 30_000)
    #expect(try words("(?:a|b)+", text + " " + text) == [text, " ", text])
  }

  @Test func `an expression of many braces is read in one pass`() {
    let expression = String(repeating: "}+", count: 200_000)
    #expect(throws: TokenizationError.self) { try words(expression, "a") }
    #expect(throws: TokenizationError.self) { try words("a{2,3}+", "a") }
    #expect(throws: TokenizationError.self) { try words(#"\p{Nosuch}"#, "a") }
    #expect(throws: TokenizationError.self) { try words(#"\p{Han"#, "a") }
    #expect(throws: TokenizationError.self) { try words(#"\p{"#, "a") }
  }
}
