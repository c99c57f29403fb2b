// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

struct JSONSyntaxTests {
  @Test(arguments: [
    ("", "byte 0: the text ends where a value should stand"),
    ("  ", "byte 2: the text ends where a value should stand"),
    ("[1,", "byte 3: the text ends where a value should stand"),
    ("1 2", "byte 2: text after the end of the value"),
    ("truex", "byte 4: text after the end of the value"),
    ("[1,]", "byte 3: no value can start here"),
    ("+1", "byte 0: no value can start here"),
    (".5", "byte 0: no value can start here"),
    ("'a'", "byte 0: no value can start here"),
    ("NaN", "byte 0: no value can start here; JSON has no `NaN` or `Infinity`"),
    ("[Infinity]", "byte 1: no value can start here; JSON has no `NaN` or `Infinity`"),
    ("tru", "byte 0: expected `true`"),
    ("[fals]", "byte 1: expected `false`"),
    ("nul", "byte 0: expected `null`"),
    ("-", "byte 1: a digit should follow"),
    ("-Infinity", "byte 1: a digit should follow"),
    ("01", "byte 1: a number with a leading zero"),
    ("1.", "byte 2: a digit should follow the point"),
    ("1.e3", "byte 2: a digit should follow the point"),
    ("1e", "byte 2: a digit should follow the exponent"),
    ("1e+", "byte 3: a digit should follow the exponent"),
    ("0x10", "byte 1: text after the end of the value"),
    ("[1", "byte 2: the text ends inside an array"),
    ("[1 2]", "byte 3: expected `,` or `]`"),
    ("{", "byte 1: expected a key in quotes"),
    ("{a:1}", "byte 1: expected a key in quotes"),
    ("{\"a\":1,}", "byte 7: expected a key in quotes"),
    ("{\"a\" 1}", "byte 5: expected `:`"),
    ("{\"a\":1", "byte 6: the text ends inside an object"),
    ("{\"a\":1;", "byte 6: expected `,` or `}`"),
    ("{\"a\":1,\"b\":2,\"a\":3}", "byte 13: the key `a` stands twice"),
    ("{\"a\":1,\"\\u0061\":3}", "byte 7: the key `a` stands twice"),
    ("\"a", "byte 2: the text ends inside a string"),
    ("\"\\n", "byte 3: the text ends inside a string"),
    ("\"\\", "byte 2: the text ends inside an escape"),
    ("\"a\\x\"", "byte 2: an unknown escape"),
    ("\"\\u12\"", "byte 3: four hex digits should follow"),
    ("\"\\u12g4\"", "byte 3: four hex digits should follow"),
    ("\"\\ud800\\u12\"", "byte 9: four hex digits should follow"),
    ("\"a\nb\"", "byte 2: a control character inside a string"),
    ("\"\\n\t\"", "byte 3: a control character inside a string"),
    ("\"\0\"", "byte 1: a control character inside a string"),
    ("\0", "byte 0: no value can start here"),
    (
      "\u{FEFF}{}",
      "byte 0: a byte order mark, which JSON forbids; save the file as UTF-8 without it"
    ),
    ("{\u{FEFF}}", "byte 1: expected a key in quotes"),
    ("\u{A0}1", "byte 0: no value can start here"),
  ])
  func `each fault is named at its byte`(text: String, expected: String) {
    let found = problem { () throws(DocumentError) in _ = try JSON.parse(text, origin: "x") }
    #expect(found == expected)
  }

  @Test(
    arguments: [
      ([0x22, 0xFF, 0x22], "byte 0: a string that is not valid UTF-8"),
      ([0x20, 0x22, 0x5C, 0x6E, 0xC3, 0x22], "byte 1: a string that is not valid UTF-8"),
      ([0x22, 0xED, 0xA0, 0x80, 0x22], "byte 0: a string that is not valid UTF-8"),
      ([0x22, 0xC0, 0x80, 0x22], "byte 0: a string that is not valid UTF-8"),
      ([0xFF, 0xFE, 0x7B, 0x00], "byte 0: the text is UTF-16; save it as UTF-8"),
      ([0xFE, 0xFF, 0x00, 0x7B], "byte 0: the text is UTF-16; save it as UTF-8"),
    ] as [([UInt8], String)])
  func `bytes that are not UTF-8 are refused`(bytes: [UInt8], expected: String) {
    let found = problem { () throws(DocumentError) in _ = try JSON.parse(bytes, origin: "x") }
    #expect(found == expected)
  }

  @Test func `a fault is told in three lines`() {
    #expect(
      lines { () throws(DocumentError) in
        _ = try JSON.parse(#"{"dim": 8, "dim": 9}"#, origin: "model/config.json")
      } == """
        The text is not well formed: the key `dim` stands twice.
        model/config.json, byte 11
        Correct the file there; an editor that checks its syntax helps.
        """)
    #expect(
      lines { () throws(DocumentError) in _ = try JSON.parse("[1,\n 2", origin: "a.json") } == """
        The text is not well formed: the text ends inside an array.
        a.json, byte 6
        Correct the file there; an editor that checks its syntax helps.
        """)
  }

  @Test func `names from a damaged file neither break the three lines nor flood them`() {
    let long = String(repeating: "x", count: 100_000)
    for key in ["a\\nb\\r\\u2028\\u0085", long] {
      let message = lines { () throws(DocumentError) in
        _ = try JSON.parse("{\"\(key)\":1,\"\(key)\":2}", origin: "a\nb.json")
      }
      #expect(message.split(whereSeparator: \.isNewline).count == 3)
      #expect(message.utf8.count < 300)
    }
  }

  @Test func `nesting is allowed up to the limit and no deeper`() throws {
    func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
    }
    for (open, close) in [("[", "]"), ("{\"k\":", "}")] {
      _ = try JSON.parse(nested(128, open, close), origin: "x")
      let found = problem { () throws(DocumentError) in
        _ = try JSON.parse(nested(129, open, close), origin: "x")
      }
      #expect(found == "byte \(129 * open.utf8.count): nested deeper than 128 levels")
    }
    _ = try JSON.parse("[[]]".utf8, origin: "x", maxDepth: 1)
    #expect(throws: DocumentError.self) { try JSON.parse("[[0]]".utf8, origin: "x", maxDepth: 1) }
    #expect(throws: DocumentError.self) {
      try JSON.parse(String(repeating: "[", count: 1_000_000), origin: "x")
    }
  }
}
