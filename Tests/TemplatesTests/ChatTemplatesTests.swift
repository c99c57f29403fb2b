// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Templates

struct ChatTemplatesTests {
  private func templates(_ files: [String: String]) throws -> ChatTemplates {
    try ChatTemplates(files: files.mapValues { Array($0.utf8) }, origin: "model")
  }

  private let hello = Conversation(messages: [["role": "user", "content": "Hi"]])

  @Test func `the file wins over the configuration, tokens come from both places`() throws {
    let read = try templates([
      "chat_template.jinja": "{{ bos_token }}file{{ eos_token }}{{ image_token }}",
      "tokenizer_config.json":
        #"{"chat_template": "config", "bos_token": {"content": "<b>"}, "add_bos_token": true, "#
        + #""extra_special_tokens": {"image_token": "<i>"}}"#,
      "special_tokens_map.json": #"{"bos_token": "<x>", "eos_token": "<e>"}"#,
    ])
    #expect(read.names == ["default"])
    #expect(try read.template().render(hello).text == "<b>file<e><i>")
  }

  @Test func `a list of templates is chosen from by name and by tools`() throws {
    let read = try templates([
      "tokenizer_config.json": #"""
      {"chat_template": [{"name": "rag", "template": "R"}, {"name": "default", "template": "D"},
        {"name": "tool_use", "template": "T"}]}
      """#
    ])
    #expect(read.names == ["default", "rag", "tool_use"])
    #expect(try read.template().render(hello).text == "D")
    #expect(try read.template(named: "rag", hasTools: true).render(hello).text == "R")
    #expect(try read.template(hasTools: true).render(hello).text == "T")
    #expect(
      throws: TemplateError.noSuchTemplate(
        origin: "model", name: "rga", names: ["default", "rag", "tool_use"])
    ) { try read.template(named: "rga") }
    let extra = try templates(["additional_chat_templates/rag.jinja": "R"])
    #expect(throws: TemplateError.noSuchTemplate(origin: "model", name: nil, names: ["rag"])) {
      try extra.template()
    }
  }

  @Test func `a folder without a template is an error that says what to do`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "koine-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let place = folder.path(percentEncoded: false)
    #expect(throws: TemplateError.noTemplate(origin: place)) {
      try ChatTemplates(folder: folder).template()
    }
    #expect(
      TemplateError.noTemplate(origin: "m").description == """
        The model has no chat template.
        m
        Put a chat_template.jinja into the folder, or name a template; none is guessed.
        """)
    let made = ChatTemplates(["default": "D{{ bos_token }}", "rag": "R"], origin: "made")
    for file in try made.files(configuration: ["bos_token": "<s>", "k": 1]) {
      let url = folder.appending(path: file.name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(file.contents).write(to: url)
    }
    let read = try ChatTemplates(folder: folder)
    #expect(read.names == ["default", "rag"])
    #expect(try read.template().render(hello).text == "D<s>")
    // The copy in the configuration says the same.
    for name in ["chat_template.jinja", "additional_chat_templates/rag.jinja"] {
      try FileManager.default.removeItem(at: folder.appending(path: name))
    }
    let copy = try ChatTemplates(folder: folder)
    #expect(copy["default"] == "D{{ bos_token }}" && copy["rag"] == "R")
    #expect(throws: TemplateError.file("made", problem: "`../x` cannot name a template's file")) {
      try ChatTemplates(["../x": ""], origin: "made").files(configuration: nil)
    }
  }

  @Test(arguments: [
    ("tokenizer_config.json", "{"), ("tokenizer_config.json", "[]"),
    ("tokenizer_config.json", #"{"chat_template": 1}"#),
    ("tokenizer_config.json", #"{"chat_template": [{"name": "a"}]}"#),
    (
      "tokenizer_config.json",
      #"{"chat_template": [{"name": "a", "template": ""}, {"name": "a", "template": ""}]}"#
    ),
  ])
  func `files of another form are refused`(_ name: String, _ text: String) {
    let error = #expect(throws: TemplateError.self) { try templates([name: text]) }
    #expect(error?.diagnosis.where == "model/\(name)")
  }

  @Test func `conversations that no template renders are refused`() throws {
    let chat = ChatTemplate(try JinjaTemplate("{{ messages[-1].content }}", name: "t"))
    var both = hello
    both.addsGenerationPrompt = true
    both.continuedField = "content"
    var other = hello
    other.continuedField = "thoughts"
    var reserved = hello
    reserved.variables["messages"] = []
    var twice = hello
    twice.continuedField = "content"
    let repeating = ChatTemplate(
      try JinjaTemplate("{{ messages[-1].content * 2 }}", name: "t"))
    let dropping = ChatTemplate(try JinjaTemplate("{# content #}x", name: "t"))
    for (chat, conversation, problem) in [
      (chat, Conversation(messages: []), "The conversation has no messages."),
      (chat, Conversation(messages: ["Hi"]), "A message should be an object, not a string."),
      (
        chat, Conversation(messages: hello.messages, tools: [1]),
        "An element of `tools` should be an object, not a number."
      ),
      (
        chat, both,
        "A conversation either goes on with its last message or begins an answer, not both."
      ),
      (chat, other, "The last message has no `thoughts` to go on with."),
      (chat, reserved, "`messages` is no further variable."),
      (repeating, twice, "The template writes the last message more than once."),
      (
        dropping, twice,
        "The template changes the last message, so that its end is not found in the text."
      ),
      (
        chat, Conversation(messages: [["content": .number(try number("12345678901234567890"))]]),
        "An integer in the conversation has more than 64 bits."
      ),
    ] as [(ChatTemplate, Conversation, String)] {
      let error = #expect(throws: TemplateError.self) { try chat.render(conversation) }
      #expect(error?.diagnosis.what == problem)
    }
  }

  private func number(_ text: String) throws -> JSONNumber {
    guard case .number(let number) = try JSON.parse(text, origin: "n") else {
      throw TemplateError.noTemplate(origin: "")
    }
    return number
  }

  @Test func `reasoning goes under all its names and null keys are dropped`() throws {
    let chat = ChatTemplate(
      try JinjaTemplate("{{ messages[0] | tojson }}{{ messages[0].x is defined }}", name: "t"))
    let text = try chat.render(
      Conversation(messages: [["role": "assistant", "reasoning": "r", "x": nil]])
    ).text
    #expect(
      text == #"{"thinking": "r", "role": "assistant", "reasoning": "r", "reasoning_content": "r"}"#
        + "False")
  }

  @Test func `assistant spans are those of generation blocks, else of prefixes`() throws {
    let turns = Conversation(messages: [
      ["role": "user", "content": "é🐎"], ["role": "assistant", "content": "one"],
      ["role": "user", "content": "more"], ["role": "assistant", "content": "twö"],
    ])
    func spans(_ name: String) throws -> [String] {
      let chat = ChatTemplate(
        try JinjaTemplate(try TemplateGolden.text("families/\(name).jinja"), name: name),
        specialTokens: ["eos_token": "</s>", "bos_token": "<s>"])
      let scalars = Array(try chat.render(turns).text.unicodeScalars)
      return try chat.assistantSpans(turns).map {
        String(String.UnicodeScalarView(scalars[$0]))
      }
    }
    #expect(try spans("chatml") == ["one<|im_end|>\n", "twö<|im_end|>\n"])
    #expect(try spans("chatml-generation") == ["one<|im_end|>\n", "twö<|im_end|>\n"])
    #expect(try spans("mistral1") == ["one</s>", "twö</s>"])
    #expect(try spans("olmo2") == ["one</s>", "twö</s>"])
    // It writes reasoning for the last turn only.
    #expect(throws: TemplateError.self) { try spans("qwen3") }
    let text = RenderedText(text: "é🐎ab", generations: [1..<3, 4..<4])
    #expect(text.generationBytes == [2..<7, 8..<8])
  }

  @Test func `the same template renders the same from many threads at once`() async throws {
    let chat = ChatTemplate(
      try JinjaTemplate(try TemplateGolden.text("families/chatml.jinja"), name: "t"))
    let expected = try chat.render(hello).text
    try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<32 { group.addTask { try chat.render(hello).text } }
      for try await text in group { #expect(text == expected) }
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self.init()
    for (key, value) in elements { self[key] = value }
  }
}
