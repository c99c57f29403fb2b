// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Testing

@testable import Evaluation

@Suite struct EncodingTests {
  /// The tokenizer of make_golden.py: one id per code point, four pairs merged, first come first
  /// served.
  static func encode(_ text: String, bos: Bool) -> [Int32] {
    let merges = [" s": 900_001, "th": 900_002, ": ": 900_003, "ab": 900_004]
    let scalars = Array(text.unicodeScalars)
    var ids: [Int32] = bos ? [1] : []
    var i = 0
    while i < scalars.count {
      let pair = i + 1 < scalars.count ? "\(scalars[i])\(scalars[i + 1])" : ""
      if let id = merges.first(where: { $0.key.unicodeScalars.elementsEqual(pair.unicodeScalars) })
      {
        ids.append(Int32(id.value))
        i += 2
      } else {
        ids.append(Int32(scalars[i].value))
        i += 1
      }
    }
    return ids
  }

  @Test func `pairs get the ids that lm-eval gives them`() throws {
    let cases = try Golden.read("pairs").array.orThrow("pairs")
    #expect(cases.count == 22)
    for item in cases {
      let adds = try item.at("adds_bos").bool.orThrow("adds_bos")
      func encode() throws -> PairEncoding {
        try PairEncoding.encode(
          context: item.text("context"), continuation: item.text("continuation"),
          encode: { text, specials in Self.encode(text, bos: specials && adds) }, prefixToken: 1)
      }
      if try item.list("tail").isEmpty {
        // A merge swallowed the continuation: lm-eval's models stop at an assertion there.
        #expect(throws: EvaluationError.self) { try encode() }
        continue
      }
      let pair = try encode()
      #expect(pair.context == (try item.ids("head")), "\(item)")
      #expect(pair.continuation == (try item.ids("tail")), "\(item)")
      for (length, _) in try item.at("inputs").object.orThrow("inputs").members {
        let input = try pair.input(maximumLength: Int(length).orThrow(length))
        #expect(input == (try item.at("inputs").ids(length)), "\(item)")
      }
    }
  }

  @Test func `a context of blanks only counts as empty`() throws {
    let pair = try PairEncoding.encode(
      context: " \n", continuation: "x", encode: { text, _ in Self.encode(text, bos: false) },
      prefixToken: 7)
    #expect(pair == PairEncoding(context: [7], continuation: [32, 10, 120]))
  }

  @Test func `a continuation without tokens is an error that says so`() {
    let message = lines {
      _ = try PairEncoding.encode(
        context: "Topic:", continuation: "", encode: { text, _ in Self.encode(text, bos: false) },
        prefixToken: 7)
    }
    #expect(
      message == """
        The continuation `` has no token of its own to score.
        after the context `Topic:`
        Check the choice and `target_delimiter`; a choice must add at least one token.
        """)
  }

  @Test func `a continuation longer than the model is an error`() {
    let pair = PairEncoding(context: [1], continuation: [1, 2, 3])
    #expect(
      lines { _ = try pair.input(maximumLength: 2) }.hasPrefix("A continuation of 3 tokens exceeds")
    )
  }

  @Test func `windows are lm-eval's`() throws {
    let cases = try Golden.read("windows").array.orThrow("windows")
    #expect(cases.count == 12)
    for item in cases {
      let count = Int32(try item.whole("count"))
      let windows = RollingWindows.windows(
        tokens: Array(100..<(100 + count)), prefixToken: 7, maxLength: try item.whole("length"),
        contextLength: try item.whole("context"))
      let expected = try item.list("windows").map { pair in
        let parts = pair.array ?? []
        return PairEncoding(
          context: (parts[0].array ?? []).compactMap { $0.int.map(Int32.init) },
          continuation: (parts[1].array ?? []).compactMap { $0.int.map(Int32.init) })
      }
      #expect(windows == expected, "\(item)")
    }
  }

  @Test func `windows predict every token once, and fit`() throws {
    var random = SeededRandom(seed: 3, name: "windows")  // seed 3
    for _ in 0..<200 {
      let count = 1 + random.below(60)
      let length = 1 + random.below(20)
      let context = 1 + random.below(length)
      let tokens = (0..<Int32(count)).map { $0 }
      let windows = RollingWindows.windows(
        tokens: tokens, prefixToken: -1, maxLength: length, contextLength: context)
      let note: Comment = "\(count) tokens, length \(length), context \(context)"
      #expect(windows.flatMap(\.continuation) == tokens, note)
      for window in windows {
        #expect(try window.input(maximumLength: length).count <= length, note)
        #expect(!window.context.isEmpty, note)
      }
    }
  }
}

@Suite struct TemplateTests {
  @Test func `templates render as Jinja does`() throws {
    let row = try Golden.read("template_row").object.orThrow("row")
    let columns = Dictionary(
      uniqueKeysWithValues: row.members.map { ($0.key, $0.value.string ?? "") })
    for item in try Golden.read("templates").array.orThrow("templates") {
      let template = try Template(item.text("template"))
      #expect(try template.render(columns) == item.text("text"))
    }
  }

  @Test func `a text that names a column means the column`() throws {
    #expect(try Template("label").render(["label": "x"]) == "x")
    #expect(try Template("label ").render(["label": "x"]) == "label ")
  }

  @Test(arguments: [
    ("{{text|upper}}", "`{{text|upper}}` is not the name of a column"),
    ("{{doc.text}}", "`{{doc.text}}` is not the name of a column"),
    ("{{}}", "`{{}}` is not the name of a column"),
    ("{% if x %}", "`{%` is not supported; only {{column}} is"),
    ("a {# note #}", "`{#` is not supported; only {{column}} is"),
    ("a {{text", "`{{` without `}}`"),
  ])
  func `more than columns is an error`(template: String, problem: String) {
    #expect(
      lines { _ = try Template(template) } == """
        The template cannot be read: \(problem).
        template `\(template)`
        Use plain text and {{column}}, for example `{{text}}`.
        """)
  }

  @Test func `an unknown column is an error with the nearest`() {
    let message = lines { _ = try Template("{{txet}}").render(["text": "", "label": ""]) }
    #expect(
      message == """
        The template asks for `txet`, a column the documents do not have.
        template `{{txet}}`
        Did you mean `text`?
        """)
  }
}
