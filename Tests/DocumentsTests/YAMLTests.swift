// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

struct YAMLTests {
  private func json(_ text: String) throws -> JSON { try YAML.parse(text, origin: "r.yaml").json }

  private func fault(_ text: String) -> String {
    problem { () throws(DocumentError) in _ = try YAML.parse(text, origin: "r.yaml") }
  }

  @Test func `values know their lines, whatever ends a line`() throws {
    for end in ["\n", "\r\n", "\r"] {
      let text = ["# ð", "a: 1", "b:", "  - x", "  - y: {z: 2}", "c: |", "  t", "  u", "d: e"]
        .joined(separator: end)
      let root = try YAML.parse(text, origin: "r.yaml")
      #expect(root.line == 2 && root["a"]?.line == 2 && root["b"]?.line == 4)
      #expect(root["b"]?.keyLine == 3 && root["c"]?.keyLine == 6 && root["d"]?.line == 9)
      guard case .sequence(let elements) = root["b"]?.content else {
        Issue.record("`b` is no list")
        return
      }
      #expect(elements.map(\.line) == [4, 5] && elements[1]["y"]?["z"]?.line == 5)
      #expect(root["c"]?.json == "t\nu\n")
    }
  }

  @Test func `unquoted scalars get the types of Python's YAML, and numbers those of YAML 1.2`()
    throws
  {
    let cases: [(String, JSON)] = [
      ("1", 1), ("+1", 1), ("-12", -12), ("007", 7), ("1_000", 1000), ("0x10", 16), ("0o17", 15),
      ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("-2.5E-1", -0.25), ("+1.5", 1.5), ("true", true),
      ("FALSE", false), ("~", nil), ("null", nil), ("", nil), ("yes", true), ("Off", false),
      ("y", "y"), ("017", 15), ("-012", -10), ("08", 8), ("0b1_1", 3), ("0b2", "0b2"), ("1:30", 90),
      ("-1:30.5", -90.5), ("1:60", "1:60"), ("01:30", "01:30"), ("'yes'", "yes"), ("'017'", "017"),
      ("tRUE", "tRUE"), (".inf", ".inf"), (".nan", ".nan"), ("nan", "nan"), ("1e999", "1e999"),
      ("0x1p3", "0x1p3"), ("0x", "0x"), ("0o8", "0o8"), ("-0x10", -16), ("_1", "_1"),
      ("1_", 1), ("1__0", 10), ("1_0.5", 10.5), ("1e", "1e"), (".", "."),
      ("1.2.3", "1.2.3"),
      ("e5", "e5"), ("2026-01-02", "2026-01-02"), ("12:30", 750), ("'1'", "1"), ("\"~\"", "~"),
      ("!!str 5", "5"), ("! 5", "5"), ("!!int '012'", 10), ("!!float 1", 1), ("!!bool yes", true),
      ("!!null ''", nil), ("\"\\0\\t\\u00e9\"", "\0\té"), ("'*'", "*"), ("a*b", "a*b"),
      ("-0", 0), ("fáir *", "fáir *"),
      ("\"\u{1F600}\u{FEFF}\u{2028}x\"", "\u{1F600}\u{FEFF}\u{2028}x"),
    ]
    for (text, expected) in cases { #expect(try json("k: \(text)")["k"] == expected, "\(text)") }
    let whole = try json("k: -0123456789_0123456789_0123456789")["k"]
    #expect(whole?.serialized() == "-12345678901234567890123456789")
  }

  @Test func `a byte order mark at the start is skipped`() throws {
    #expect(try json("\u{FEFF}a: 1") == ["a": 1])
  }

  @Test func `a line of a million characters is read`() throws {
    let long = String(repeating: "orð ", count: 250_000) + "*"
    #expect(try json("a: \"\(long)\"")["a"]?.string?.utf8.count == long.utf8.count)
    #expect(try YAML.parse("a: \(long)", origin: "r")["a"]?.found.utf8.count ?? 0 < 200)
  }

  @Test func `anchors and aliases are resolved in the order of the text`() throws {
    #expect(
      try json(
        "a: &x [1, &y {k: v}]\nb: *x\nc: *y\nd: &x 5\ne: *x\n*x : f\ng: {h: *x, i: [*y , *x]}")
        == [
          "a": [1, ["k": "v"]], "b": [1, ["k": "v"]], "c": ["k": "v"], "d": 5, "e": 5, "5": "f",
          "g": ["h": 5, "i": [["k": "v"], 5]],
        ])
    #expect(try YAML.parse("a: &x 1\nb: *x", origin: "r")["b"]?.line == 1)
  }

  @Test func `a merge key gives the members that a mapping lacks, as in Python's YAML`() throws {
    // What PyYAML 6.0 makes of these.
    let cases: [(String, JSON)] = [
      (
        "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3",
        ["a": ["k": 1, "l": 2], "b": ["k": 3, "l": 2]]
      ),
      ("b:\n  k: 3\n  <<: {k: 1, l: 2}", ["b": ["k": 3, "l": 2]]),
      ("b:\n  <<: [{k: 1}, {k: 2, l: 2}]", ["b": ["k": 1, "l": 2]]),
      ("b:\n  <<: {<<: {m: 1}, k: 2}", ["b": ["k": 2, "m": 1]]),
      ("b:\n  <<: []\n  k: 1", ["b": ["k": 1]]), ("b: {'<<': 1}", ["b": ["<<": 1]]),
    ]
    for (text, expected) in cases { #expect(try json(text) == expected, "\(text)") }
    let merged = try YAML.parse("a: &x\n  k: 1\nb:\n  <<: *x", origin: "r")
    #expect(merged["b"]?["k"]?.line == 2)
  }

  @Test func `documents are read as Python's YAML reads them`() throws {
    for row in try pythonRows("documents.json") {
      let text = try #require(row["yaml"]?.string)
      // Directives stand before a marker.
      #expect(Self.sorted(try json(text)) == Self.sorted(try #require(row["value"])), "\(text)")
    }
  }

  /// Keys in the order of their bytes, and numbers as floats.
  private static func sorted(_ value: JSON) -> JSON {
    switch value {
    case .object(let object):
      var result = JSONObject()
      for key in object.keys.sorted() { result[key] = object[key].map(sorted) }
      return .object(result)
    case .array(let elements): return .array(elements.map(sorted))
    case .number(let number): return JSON(number.double)
    default: return value
    }
  }

  @Test func `keys of different bytes are different keys`() throws {
    let root = try YAML.parse(
      "\u{C5}: 1\n\u{212B}: 2\n\"A\u{30A}\": 3\n\"\\u00E5\": 4\n\u{E5}e: 5", origin: "r")
    #expect(root["\u{C5}"]?.json == 1 && root["\u{212B}"]?.json == 2 && root["A\u{30A}"]?.json == 3)
    #expect(root["\u{E5}"]?.json == 4 && root["a\u{30A}"] == nil)
    #expect(root != (try YAML.parse("\u{212B}: 1\n\u{C5}: 2", origin: "r")))
  }

  @Test(arguments: [
    ("", "line 1: the document is empty"),
    ("# nothing\n", "line 1: the document is empty"),
    ("a: 1\nb: [1, 2\nc: 3", "line 3: did not find expected ',' or ']'"),
    ("a: 1\n\tb: 2", "line 2: found a tab character that violates indentation"),
    ("a: b: c", "line 1: mapping values are not allowed in this context"),
    ("a: 'x\n\n", "line 3: found unexpected end of stream"),
    ("a: \"\\q\"", "line 1: found unknown escape character"),
    ("a: 1\nb: 2\na: 3", "line 1: the key `a`, first here, stands twice"),
    ("x:\n  - ð: 1\n    ð: 2", "line 2: the key `ð`, first here, stands twice"),
    ("\"\\u00E9\": 1\né: 2", "line 1: the key `é`, first here, stands twice"),
    ("a: &k b\n*k : 1\nb: 2", "line 2: the key `b`, first here, stands twice"),
    ("a: 1\n---\nb: 2", "line 2: a second document begins, where one is expected"),
    ("a: *x", "line 1: the alias `*x` has no anchor before it"),
    ("a: &x [1, *x]", "line 1: the alias `*x` has no anchor before it"),
    ("a: 1\nb: *.txt", "line 2: `*.txt` is no alias; put a text that begins with `*` in quotes"),
    ("a: &x 1\nb: &y *x", "line 2: `*x` is no alias; put a text that begins with `*` in quotes"),
    ("a: *", "line 1: `*` is no alias; put a text that begins with `*` in quotes"),
    ("? [a]\n: 1", "line 1: a key that is not a single word or text"),
    ("a: &x [b]\n*x : 1", "line 2: a key that is not a single word or text"),
    (
      "a: &x [1]\nc:\n  <<: *x",
      "line 3: the merge key `<<` should have a mapping or a list of mappings below it"
    ),
    (
      "a: &x {b: 1}\nc:\n  <<: [*x, 2]",
      "line 3: the merge key `<<` should have a mapping or a list of mappings below it"
    ),
    (
      "c:\n  <<: none",
      "line 2: the merge key `<<` should have a mapping or a list of mappings below it"
    ),
    (
      "a: &x {b: 1}\nc:\n  <<: *x\n  <<: {d: 2}", "line 3: the key `<<`, first here, stands twice"
    ),
    ("a: !!binary aGk=", "line 1: the tag `!!binary` is not supported here"),
    ("a:\n  - !mine {b: 1}", "line 2: the tag `!mine` is not supported here"),
    ("a: 1\nb: !!int \"5.5\"", "line 2: `5.5` is not what its tag `!!int` says"),
    ("a: !!bool maybe", "line 1: `maybe` is not what its tag `!!bool` says"),
    ("a: 1\nb: \0", "line 2: the control character U+0000"),
    ("a: 1\r\nb: \u{7F}", "line 2: the control character U+007F"),
    ("a: \u{9F}", "line 1: the control character U+009F"),
    ("a: 1\rb: \u{FFFE}", "line 2: the control character U+FFFE"),
    ("a: \"\\U000F002A\"", "line 1: an escape of a private-use character, `\\U000F`"),
  ])
  func `each fault is named at its line`(text: String, expected: String) {
    #expect(fault(text) == expected)
  }

  @Test func `a fault is told in three lines`() {
    #expect(
      lines { () throws(DocumentError) in
        _ = try YAML.parse("steps: 1\nmix:\n  fo: 1\n  fo: 2", origin: "recipe.yaml")
      } == """
        The text is not well formed: the key `fo`, first here, stands twice.
        recipe.yaml, line 3
        Correct the file there; an editor that checks its syntax helps.
        """)
  }

  @Test func `nesting is allowed up to the limit and no deeper`() throws {
    func flow(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    func block(_ depth: Int) -> String {
      (0..<depth).map { String(repeating: " ", count: $0) + "k:\n" }.joined()
    }
    _ = try YAML.parse(flow(128), origin: "r")
    _ = try YAML.parse(block(127), origin: "r")
    let tooDeep = "nested deeper than 128 levels"
    for text in [flow(129), flow(999), flow(1_001), flow(20_000), block(128), block(1_200)] {
      #expect(fault(text).hasSuffix(tooDeep))
    }
    for opening in ["[", "{", "- ", "? ", "[?", "{a: ", "&a [", "!!seq ["] {
      #expect(fault(String(repeating: opening, count: 20_000)) != "")
    }
  }

  @Test func `aliases cannot multiply beyond a bound`() {
    let names = (0..<40).map { "a\($0)" }
    var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for (name, former) in zip(names.dropFirst(), names) {
      let uses = Array(repeating: "*\(former)", count: 9).joined(separator: ", ")
      bomb += "\(name): &\(name) [\(uses)]\n"
    }
    #expect(fault(bomb) == "line 7: aliases stand for more than 1000000 values")
    // Nothing compares or hashes the values of an alias that is used as a key either.
    #expect(fault(bomb + "*a39 : 1\n? [*a38 , *a38 ]\n: 2").hasPrefix("line 7: aliases"))
  }

  @Test func `aliases cannot stack up levels beyond the limit`() {
    let deep = String(repeating: "[", count: 100) + "*a" + String(repeating: "]", count: 100)
    #expect(fault("- &a [x]\n- \(deep)") == "")
    #expect(fault("- &a [x]\n- &a \(deep)\n- \(deep)") == "line 3: nested deeper than 128 levels")
  }
}
