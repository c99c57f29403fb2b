// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Corpora

/// Rows of supervised data.
struct ExampleReaderTests {
  let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private func rows(_ name: String, _ kind: ExampleKind? = nil) throws -> [ExampleRow] {
    let reader = ExampleReader(files: [folder.path(name)], kind: kind)
    var rows: [ExampleRow] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
  }

  @Test func `conversations keep roles, texts, tools and everything else`() throws {
    try folder.write(
      "a.jsonl",
      #"{"messages":[{"role":"user","content":"Hvat?"},{"role":"assistant","content":"#
        + #"[{"type":"text","text":"Tað "},{"type":"text","text":"er."}],"name":"x"}],"tools":"#
        + #"[{"type":"function"}]}"# + "\n\n"
        + #"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]}"#)
    let found = try rows("a.jsonl")
    #expect(found.map(\.line) == [1, 3])
    guard case .messages(let messages, let tools) = found[0].content else {
      Issue.record("not a conversation")
      return
    }
    #expect(messages.map(\.role) == ["user", "assistant"])
    #expect(messages.map(\.content) == ["Hvat?", "Tað er."])
    #expect(messages[1].json["name"] == "x")
    #expect(tools == [["type": "function"]])
    guard case .messages(let second, .null) = found[1].content else {
      Issue.record("tools without tools")
      return
    }
    #expect(second[0].content.isEmpty && second[0].json["tool_calls"] != nil)
  }

  @Test func `the first row decides the kind, a given kind wins`() throws {
    try folder.write(
      "a.jsonl",
      #"{"prompt":"p","completion":"c","text":"t"}"# + "\n"
        + #"{"completion":"d","prompt":"","text":"u"}"#)
    #expect(
      try rows("a.jsonl").map(\.content) == [
        .promptCompletion(prompt: "p", completion: "c"),
        .promptCompletion(prompt: "", completion: "d"),
      ])
    #expect(try rows("a.jsonl", .text).map(\.content) == [.text("t"), .text("u")])
    #expect(
      lines { _ = try rows("a.jsonl", .messages) } == """
        The example cannot be used: rows of this file have `messages`, this one `prompt`, \
        `completion`, `text`.
        \(folder.path("a.jsonl")), line 1
        Each row has `messages`, or `prompt` and `completion`, or `text`; all rows of a file are \
        of one kind.
        """)
  }

  @Test func `tables and Parquet are read alike`() throws {
    try folder.write(
      "a.csv", "prompt,completion\n\"Hvat,\nhvar?\",Her\n")
    #expect(
      try rows("a.csv").map(\.content) == [
        .promptCompletion(prompt: "Hvat,\nhvar?", completion: "Her")
      ])
    try folder.write(
      "b.tsv", "messages\n" + #""[{""role"":""user"",""content"":""a""}]""# + "\n")
    #expect(
      try rows("b.tsv").map(\.content) == [
        .messages([ExampleMessage(role: "user", content: "a")], tools: .null)
      ])
    let reader = ExampleReader(files: [ParquetTests.golden + "plain.parquet"])
    #expect(try reader.next()?.content != nil)
    #expect(reader.kind == .text)
  }

  @Test(arguments: [
    (#"{"a":1}"#, "it has `a`"),
    (#"{"messages":[]}"#, "`messages` is not a list of messages"),
    (#"{"messages":[{"content":"x"}]}"#, "message 1 has no `role`"),
    (#"{"messages":[{"role":"user"}]}"#, "message 1 has no `content`"),
    (#"{"messages":[{"role":"user","content":7}]}"#, "the `content` of message 1 is not a text"),
    (
      #"{"messages":[{"role":"user","content":[{"type":"image"}]}]}"#,
      "message 1 has content other than text"
    ),
    (#"{"messages":"[{]"}"#, "`messages` is a text that is not JSON"),
    (#"{"prompt":1,"completion":"a"}"#, "`prompt` is not a text"),
    (#"{"text":["a"]}"#, "`text` is not a text"),
  ])
  func `a row that is no example is told`(row: String, problem: String) throws {
    try folder.write("a.jsonl", row)
    let found = lines { _ = try rows("a.jsonl") }
    #expect(found.hasPrefix("The example cannot be used: \(problem).\n"))
    #expect(found.contains("a.jsonl, line 1"))
  }

  @Test func `plain text is no supervised data`() throws {
    try folder.write("a.txt", "x")
    #expect(lines { _ = try rows("a.txt") }.contains("The file's ending is none of .jsonl"))
  }
}
