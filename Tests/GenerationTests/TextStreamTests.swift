// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing
import Tokenization

@testable import Generation

struct TextStreamTests {
  private func pieces(_ text: String, _ tokenizer: Tokenizer) -> [String] {
    var stream = TextStream(tokenizer, after: [])
    return tokenizer.encode(text).map { stream.add($0) } + [stream.finish()]
  }

  @Test(arguments: [
    "plain words", "Góðan dag, 日本 😀 e\u{301} नमस्ते", "\u{1F469}\u{200D}\u{1F52C}x", "", "é",
    String(repeating: "ಅæ日😀 and long ", count: 40),
  ])
  func `pieces are whole characters and together the text`(text: String) throws {
    // "and", the beginning of 日, its end with the beginning of 😀.
    let tokenizer = try Support.tokenizer(merges: [
      (Array("a".utf8), Array("n".utf8)), (Array("an".utf8), Array("d".utf8)), ([0xE6], [0x97]),
      ([0xA5], [0xF0]),
    ])
    let pieces = pieces(text, tokenizer)
    #expect(pieces.joined().utf8.elementsEqual(text.utf8))
    for piece in pieces { #expect(!piece.contains("\u{FFFD}")) }
    // Each character comes with its last byte, not later.
    #expect(pieces.last == "")
  }

  @Test func `a text that ends inside a character shows it at the end`() throws {
    let tokenizer = try Support.tokenizer()
    var stream = TextStream(tokenizer, after: [])
    #expect(stream.add(0x61) == "a")
    #expect(stream.add(0xE6) == "")
    #expect(stream.add(0x97) == "")
    #expect(stream.finish() == "\u{FFFD}")
  }

  @Test func `bytes that are no characters do not hold the text back for ever`() throws {
    let tokenizer = try Support.tokenizer()
    var stream = TextStream(tokenizer, after: [])
    var text = ""
    for _ in 0..<100 { text += stream.add(0x80) }
    #expect(text.unicodeScalars.count >= 96)
    text += stream.add(0x61)
    #expect(text.hasSuffix("a"))
    #expect(text.unicodeScalars.count == 101)
  }

  @Test func `a character written out as a replacement character is text`() throws {
    let tokenizer = try Support.tokenizer()
    #expect(pieces("a\u{FFFD}b\u{FFFD}", tokenizer).joined() == "a\u{FFFD}b\u{FFFD}")
  }

  @Test func `a prompt is not part of the text, also when it ends inside a character`() throws {
    let tokenizer = try Support.tokenizer()
    var stream = TextStream(tokenizer, after: [0x61, 0xC3])
    #expect(stream.add(0xA9) == "é")
    #expect(stream.add(0x62) == "b")
  }

  @Test func `special tokens are not text`() throws {
    let tokenizer = try Support.tokenizer()
    var stream = TextStream(tokenizer, after: [0x61])
    #expect(stream.add(256) == "")
    #expect(stream.add(0x62) == "b")
  }

  private func run(_ stops: [String], _ pieces: [String]) -> (shown: [String], isFound: Bool) {
    var matcher = StopTexts(stops)
    var shown: [String] = []
    for piece in pieces { shown.append(matcher.add(piece)) }
    shown.append(matcher.finish())
    return (shown, matcher.isFound)
  }

  @Test func `a stop text over several pieces is found and never shown`() {
    #expect(run(["END"], ["ab", "cE", "N", "D and"]).shown == ["ab", "c", "", "", ""])
    #expect(run(["END"], ["ab", "cE", "N", "D and"]).isFound)
    #expect(run(["\n\n"], ["a\n", "b\n", "\nc"]).shown == ["a", "\nb", "", ""])
  }

  @Test func `what turns out to be no stop text is shown as soon as that is known`() {
    #expect(run(["END"], ["E", "N", "X", "EN"]).shown == ["", "", "ENX", "", "EN"])
    #expect(run(["aab"], ["a", "a", "a", "a", "c"]).shown == ["", "", "a", "a", "aac", ""])
    #expect(!run(["END"], ["E", "N", "X", "EN"]).isFound)
  }

  @Test func `the first of several stop texts counts`() {
    #expect(run(["dog", "cat"], ["a cat and a dog"]).shown == ["a ", ""])
    #expect(run(["cd", "bcde"], ["abc", "de"]).shown.joined() == "a")
    #expect(run(["", "x"], ["abxc"]).shown == ["ab", ""])
    #expect(run([], ["ab", "c"]).shown == ["ab", "c", ""])
  }

  @Test func `stop texts are compared byte by byte`() {
    // The same to a reader, other bytes.
    #expect(!run(["e\u{301}"], ["caf\u{E9}"]).isFound)
    #expect(run(["é"], ["ê", "é!"]).shown == ["ê", "", ""])
  }
}
