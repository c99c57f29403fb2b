// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

struct SettingsTests {
  private func settings(_ text: String) throws(DocumentError) -> Settings {
    try Settings(YAML.parse(text, origin: "recipe.yaml"), origin: "recipe.yaml")
  }

  private func fault<Value>(
    _ text: String, _ read: (inout Settings) throws(DocumentError) -> Value
  ) -> String {
    lines { () throws(DocumentError) in
      var reader = try settings(text)
      _ = try read(&reader)
    }
  }

  private func what<Value>(
    _ value: String, _ read: (inout Settings) throws(DocumentError) -> Value
  ) -> String {
    fault("k: \(value)", read).split(separator: "\n").first.map(String.init) ?? ""
  }

  @Test func `values are read with their defaults`() throws {
    var reader = try settings(
      "name: x\nsteps: 1_000\nrate: 3e-4\nflag: True\nlist: [a, 1]\none: b\n"
        + "numbers: [1, .5, +2, 1e3]\nnone: ~"
    )
    #expect(try reader.string("name") == "x" && reader.string("other", default: "y") == "y")
    #expect(try reader.int("steps") == 1000 && reader.int("other", default: 7) == 7)
    #expect(try reader.double("rate") == 3e-4 && reader.double("steps") == 1000)
    #expect(try reader.bool("flag", default: false) && reader.bool("other", default: true))
    #expect(try reader.strings("list") == ["a", "1"] && reader.strings("one") == ["b"])
    #expect(try reader.optionalDoubles("numbers") == [1, 0.5, 2, 1000])
    #expect(try reader.optionalDoubles("steps") == [1000] && reader.strings("other") == [])
    #expect(try reader.choice("name", of: ["w", "x"]) == "x")
    #expect(try reader.choice("other", default: "w", of: ["w", "x"]) == "w")
    #expect(try reader.optionalInt("none") == nil && reader.node("none") == nil)
    #expect(reader.keys == ["name", "steps", "rate", "flag", "list", "one", "numbers", "none"])
    try reader.finish()
  }

  @Test func `an unknown key is named with its line and the nearest known one`() {
    let text = "steps: 5\n\nlerning_rate:\n  - 1"
    #expect(
      fault(text) { reader throws(DocumentError) in
        _ = try reader.int("steps")
        _ = try reader.double("learning_rate", default: 1)
        try reader.finish()
      } == """
        Unknown key `lerning_rate`.
        recipe.yaml, line 3
        Did you mean `learning_rate`?
        """)
    #expect(
      fault("zebra: 1") { reader throws(DocumentError) in try reader.finish(known: ["steps"]) }
        == """
        Unknown key `zebra`.
        recipe.yaml, line 1
        Remove it; the documentation lists the known keys.
        """)
    #expect(
      fault("zebra: 1") { reader throws(DocumentError) in try reader.finish(known: ["zebra"]) }
        == "")
  }

  @Test func `a key that only looks like a known one is unknown`() {
    // U+212A KELVIN SIGN is canonically equivalent to K.
    #expect(
      fault("\u{212A}: 1") { reader throws(DocumentError) in
        _ = try reader.int("K", default: 0)
        try reader.finish()
      }.hasPrefix("Unknown key"))
  }

  @Test func `the first unknown key of the file is the one reported`() {
    #expect(
      fault("b: 1\na: 2") { reader throws(DocumentError) in try reader.finish() }
        .hasPrefix("Unknown key `b`."))
  }

  @Test func `a missing key is named with its mapping`() {
    #expect(
      fault("a:\n  b:\n    c: 1") { reader throws(DocumentError) in
        var a = try reader.child("a")
        var b = try a.child("b")
        _ = try b.string("model")
      } == """
        The key `model` is missing in `a.b`.
        recipe.yaml, line 3
        Add `model`.
        """)
    #expect(
      fault("model:") { reader throws(DocumentError) in try reader.string("model") } == """
        The key `model` is missing.
        recipe.yaml, line 1
        Add `model`.
        """)
  }

  @Test func `a wrong value is named with its path and line`() {
    #expect(
      fault("models:\n  - weight: 1\n  - weight: heavy") { reader throws(DocumentError) in
        for var model in try reader.children("models") { _ = try model.double("weight") }
      } == """
        `models[1].weight` should be a number, found `heavy`.
        recipe.yaml, line 3
        Correct the value.
        """)
  }

  @Test func `whole numbers are strict`() {
    for text in [
      "1.0", "1e3", "x", "'1_'", "_1", "'1__0'", "", "99999999999999999999", "true", "--1", "0x",
    ] {
      guard !text.isEmpty else { continue }
      #expect(
        what(text) { reader throws(DocumentError) in try reader.int("k") }
          == "`k` should be a whole number, found `\(text.filter { $0 != "'" })`.")
    }
    #expect(
      what("[1]") { reader throws(DocumentError) in try reader.int("k") }
        == "`k` should be a whole number, found a list.")
    for (text, value) in [
      ("0x10", 16), ("0o10", 8), ("+1", 1), ("010", 8), ("'010'", 10), ("\"5\"", 5),
      ("-1_0", -10), ("1:30", 90), ("0b11", 3), ("08", 8),
    ] {
      #expect(
        (try? settings("k: \(text)")).flatMap {
          var s = $0
          return try? s.int("k")
        } == value)
    }
  }

  @Test func `a flag may be yes, no, on or off, as in Python's YAML`() throws {
    var reader = try settings("a: yes\nb: Off\nc: 'on'\nd: NO\ne: False")
    let flags = try ["a", "b", "c", "d", "e"].map { try reader.bool($0, default: true) }
    #expect(flags == [true, false, true, false, false])
    // A text stays one: Norway's code is no flag.
    var language = try settings("language: no")
    #expect(try language.string("language") == "no")
  }

  @Test func `ranges are told as a person would`() {
    func int(_ text: String, _ range: ClosedRange<Int>) -> String {
      what(text) { reader throws(DocumentError) in try reader.int("k", in: range) }
    }
    func double(_ text: String, _ range: ClosedRange<Double>) -> String {
      what(text) { reader throws(DocumentError) in try reader.double("k", in: range) }
    }
    #expect(int("0", 1...9) == "`k` should be a whole number from 1 to 9, found `0`.")
    #expect(int("0", 1...(.max)) == "`k` should be a whole number of at least 1, found `0`.")
    #expect(int("5", .min...4) == "`k` should be a whole number of at most 4, found `5`.")
    #expect(int("1", 1...9) == "" && int("9", 1...9) == "")
    #expect(double("2", 0...1) == "`k` should be a number from 0.0 to 1.0, found `2`.")
    #expect(double("-1", 0...(.infinity)) == "`k` should be a number of at least 0.0, found `-1`.")
    #expect(double("1", -.infinity...0) == "`k` should be a number of at most 0.0, found `1`.")
    for text in ["1e999", ".inf", ".nan", "nan", "inf", "0x1p3", "1.5.2", "half", "1,5"] {
      #expect(double(text, -.infinity...(.infinity)) == "`k` should be a number, found `\(text)`.")
    }
  }

  @Test func `wrong types are refused`() {
    #expect(
      what("maybe") { reader throws(DocumentError) in try reader.bool("k", default: true) }
        == "`k` should be true or false, found `maybe`.")
    #expect(
      what("{a: 1}") { reader throws(DocumentError) in try reader.string("k") }
        == "`k` should be a text, found a mapping.")
    #expect(
      what("liner") { reader throws(DocumentError) in
        try reader.choice("k", of: ["linear", "slerp"])
      } == "`k` should be one of linear, slerp, found `liner` (did you mean `linear`?).")
    #expect(
      what("x") { reader throws(DocumentError) in try reader.child("k") }
        == "`k` should be a mapping, found `x`.")
    #expect(
      what("{a: 1}") { reader throws(DocumentError) in try reader.children("k") }
        == "`k` should be a list, found a mapping.")
    #expect(
      what("[5]") { reader throws(DocumentError) in try reader.children("k") }
        == "`k[0]` should be a mapping, found `5`.")
    #expect(
      lines { () throws(DocumentError) in _ = try settings("- 1") } == """
        `the document` should be a mapping, found a list.
        recipe.yaml, line 1
        Correct the value.
        """)
  }

  @Test func `a wrong element of a list is named with its index and line`() {
    #expect(
      fault("k:\n  - a\n  - {b: 1}") { reader throws(DocumentError) in try reader.strings("k") }
        == """
        `k[1]` should be a text, found a mapping.
        recipe.yaml, line 3
        Correct the value.
        """)
    #expect(
      fault("k:\n  - 1\n  -\n  - 2") { reader throws(DocumentError) in
        try reader.optionalDoubles("k")
      }
      .hasPrefix("`k[1]` should be a number, found nothing."))
    #expect(
      what("[a, ~]") { reader throws(DocumentError) in try reader.strings("k") }
        == "`k[1]` should be a text, found nothing.")
    #expect(
      what("{a: 1}") { reader throws(DocumentError) in try reader.strings("k") }
        == "`k` should be a list of texts, found a mapping.")
    #expect(
      what("x") { reader throws(DocumentError) in try reader.optionalDoubles("k") }
        == "`k` should be a list of numbers, found `x`.")
    #expect(
      what("[1, 5]") { reader throws(DocumentError) in try reader.optionalInts("k", in: 0...4) }
        == "`k[1]` should be a whole number from 0 to 4, found `5`.")
    #expect(
      what("[1.5]") { reader throws(DocumentError) in try reader.optionalInts("k") }
        == "`k[0]` should be a whole number, found `1.5`.")
    #expect(
      what("6") { reader throws(DocumentError) in
        guard try reader.optionalInts("k") == [6], try reader.optionalInts("none") == nil else {
          return
        }
        _ = try reader.optionalInts("k", in: 0...4)
      } == "`k` should be a list of whole numbers, found `6`.")
  }

  @Test func `children know their paths`() throws {
    var root = try settings("a:\n  b:\n    - c: {d: 1}\n    - c:\nempty:")
    var a = try root.child("a")
    var second = try a.children("b")[1]
    let deepest = try second.child("c")
    #expect(a.path == "a" && second.path == "a.b[1]" && deepest.path == "a.b[1].c")
    #expect(deepest.path(of: "d") == "a.b[1].c.d" && root.path(of: "x") == "x" && root.path == "")
    #expect(deepest.keys == [] && deepest.origin == "recipe.yaml")
    #expect(try root.optionalChild("empty") == nil && root.children("none").isEmpty)
    #expect(try root.child("none").keys == [])
    try root.finish()
    try a.finish()
  }

  @Test func `long and broken values are shortened in messages`() {
    let long = String(repeating: "ab", count: 5_000)
    for value in [long, "\"a\\nb\""] {
      let message = fault("k: \(value)") { reader throws(DocumentError) in try reader.int("k") }
      #expect(message.split(separator: "\n").count == 3 && message.utf8.count < 200)
    }
  }
}
