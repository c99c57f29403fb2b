// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Runs

struct LineEditorTests {
  /// What typing leads to; `|` in the result is the cursor.
  private func type(_ keys: String, history: [String] = []) -> String {
    var editor = LineEditor(history: history)
    for byte in keys.utf8 { _ = editor.feed(byte) }
    var shown = editor.characters
    shown.insert("|", at: editor.cursor)
    return String(shown)
  }

  private let left = "\u{1B}[D"
  private let right = "\u{1B}[C"
  private let up = "\u{1B}[A"
  private let down = "\u{1B}OB"

  @Test func `text of any script is typed and taken back by characters`() {
    #expect(type("Góðan dag") == "Góðan dag|")
    #expect(type("日本\u{7F}") == "日|")
    #expect(type("👩\u{200D}🔬x\u{7F}\u{7F}") == "|")
    #expect(type("e\u{301}\u{7F}a") == "a|")
    #expect(type("नमस्ते\u{7F}").hasPrefix("नम"))
    #expect(type("ab\(left)\u{301}") == "a\u{301}|b")
  }

  @Test func `the cursor moves and text is put in where it is`() {
    #expect(type("ac\(left)b") == "ab|c")
    #expect(type("ab\(left)\(left)\(left)x") == "x|ab")
    #expect(type("ab\u{01}x\u{05}y") == "xaby|")
    #expect(type("ab\(left)\(right)\(right)c") == "abc|")
    #expect(type("one two\u{1B}b\u{1B}[3~") == "one |wo")
    #expect(type("one two\u{1B}[1;5D\u{1B}[1;5D\u{1B}f!") == "one!| two")
    #expect(type("ab\u{1B}[H\u{1B}[3~\u{1B}[Fc") == "bc|")
  }

  @Test func `words and ends of lines are cut and put back`() {
    #expect(type("one two  \u{17}") == "one |")
    #expect(type("one two\u{17}\u{01}\u{19}") == "two|one ")
    #expect(type("abc\(left)\u{0B}") == "ab|")
    #expect(type("abc\(left)\u{15}") == "|c")
  }

  @Test func `earlier lines come back, and the new one is not lost`() {
    let history = ["first", "second"]
    #expect(type("new\(up)", history: history) == "second|")
    #expect(type("new\(up)\(up)\(up)", history: history) == "first|")
    #expect(type("new\(up)\(up)\(down)\(down)\(down)", history: history) == "new|")
    #expect(type("\(up)!\(up)\(down)", history: history) == "second|")
  }

  private func lastEvent(_ keys: String) -> LineEditor.Event {
    var editor = LineEditor()
    var event = LineEditor.Event.none
    for byte in keys.utf8 { event = editor.feed(byte) }
    return event
  }

  @Test func `keys that end a line`() {
    #expect(lastEvent("ab\r") == .submitted("ab"))
    #expect(lastEvent("\u{03}") == .interrupted)
    #expect(lastEvent("ab\u{03}") == .changed)
    #expect(lastEvent("ab\u{03}\u{03}") == .interrupted)
    #expect(lastEvent("\u{04}") == .ended)
    #expect(lastEvent("ab\u{04}") == .none)
    #expect(lastEvent("\u{0C}") == .clear)
  }

  @Test func `pasted text is one line, whatever is in it`() {
    #expect(lastEvent("\u{1B}[200~one\ntwo\u{03}\u{1B}[201~\r") == .submitted("one\ntwo"))
    #expect(type("\u{1B}[200~a\tb\u{1B}[201~") == "a\tb|")
  }

  @Test func `broken bytes and unknown keys change nothing`() {
    var editor = LineEditor()
    for byte: UInt8 in [0xFF, 0x80, 0xC3, 0x61, 0xE2, 0x82] { _ = editor.feed(byte) }
    #expect(editor.text == "a")
    #expect(type("a\u{1B}[99~\u{1B}[1;9Z\u{1B}zb") == "ab|")
    #expect(type("a\u{1B}[" + String(repeating: "1", count: 100) + "Ab").hasPrefix("a"))
  }

  @Test func `the line is shown in one row, scrolled so that the cursor is seen`() {
    func shown(_ text: String, left count: Int = 0, width: Int) -> String {
      var editor = LineEditor()
      for byte in (text + String(repeating: left, count: count)).utf8 { _ = editor.feed(byte) }
      return editor.rendering(prompt: "> ", width: width)
    }
    #expect(shown("abc", width: 20) == "\r> abc\u{1B}[K\r\u{1B}[5C")
    #expect(shown("abc", left: 2, width: 20) == "\r> abc\u{1B}[K\r\u{1B}[3C")
    #expect(shown("日本", left: 1, width: 20) == "\r> 日本\u{1B}[K\r\u{1B}[4C")
    // Seven cells of text and one for the cursor.
    #expect(shown("abcdefghij", width: 10) == "\r> defghij\u{1B}[K\r\u{1B}[9C")
    #expect(shown("abcdefghij", left: 10, width: 10) == "\r> abcdefg\u{1B}[K\r\u{1B}[2C")
    #expect(shown("日本語日本語", width: 10) == "\r> 日本語\u{1B}[K\r\u{1B}[8C")
    #expect(shown("\u{1B}[200~a\nb\u{1B}[201~", width: 20) == "\r> a↵b\u{1B}[K\r\u{1B}[5C")
  }

  @Test func `a pasted line end of two bytes is one`() {
    var editor = LineEditor()
    for byte in "\u{1B}[200~a\r\nb\n\nc\r\rd\u{1B}[201~".utf8 { _ = editor.feed(byte) }
    #expect(editor.text == "a\nb\n\nc\n\nd")
    // A carriage return that ends one paste says nothing of the next.
    for byte in "\u{1B}[200~e\r\u{1B}[201~\u{1B}[200~\nf\u{1B}[201~".utf8 {
      _ = editor.feed(byte)
    }
    #expect(editor.text == "a\nb\n\nc\n\nde\n\nf")
  }

  @Test func `the keys that stop and end a process are told, and leave the line`() {
    var editor = LineEditor()
    _ = editor.feed(UInt8(ascii: "a"))
    #expect(editor.feed(26) == .suspended)
    #expect(editor.feed(28) == .quit)
    #expect(editor.text == "a")
    for byte in "\u{1B}[200~".utf8 { _ = editor.feed(byte) }
    #expect(editor.feed(26) == .none && editor.feed(28) == .none, "pasted, they are nothing")
  }
}
