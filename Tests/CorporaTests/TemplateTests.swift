// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Testing

@Suite struct TemplateTests {
  private let row = TaskRow(id: "12", label: "sports", text: "They {won}.")

  @Test func `placeholders take one brace or two`() throws {
    let values = ["text": "T", "label": "L"]
    for source in ["{text} is {label}", "{{text}} is {{ label }}", "{ text } is {{label}}"] {
      let template = try PromptTemplate(source)
      #expect(try template.render(values) == "T is L")
      #expect(template.fields == ["text", "label"])
    }
    #expect(try PromptTemplate("").render(values) == "")
  }

  @Test func `an unknown placeholder is refused with the nearest`() {
    #expect(
      lines { _ = try PromptTemplate("Say {txt}") } == """
        The template names `txt`, the rows have `text`, `label`.
        template "Say {txt}"
        Did you mean `text`?
        """)
  }

  @Test(arguments: [("a {text", 3), ("a } b", 3), ("{{text}", 1), ("{a{text}", 1), ("{", 1)])
  func `braces must pair`(source: String, position: Int) {
    #expect(
      lines { _ = try PromptTemplate(source) } == """
        A brace at character \(position) opens or closes no placeholder.
        template "\(source)"
        Write placeholders as {text} or {{text}}; other braces are not allowed.
        """)
  }

  @Test func `a row becomes a prompt and its answer`() throws {
    let template = try TaskTemplate(
      prompt: "{text}\nTopic:",
      choices: [.init(label: "sports", answer: "sport"), .init(label: "travel")])
    let rendered = try template.render(row)
    #expect(rendered == RenderedRow(prompt: "They {won}.\nTopic:", answer: " sport"))
    let request = try template.request(row)
    #expect(request.answers == [" sport", " travel"] && request.gold == 0)
  }

  @Test func `an unknown label names row and choices`() throws {
    let template = try TaskTemplate(
      prompt: "{text}", choices: [.init(label: "sport"), .init(label: "travel")])
    #expect(
      lines { _ = try template.render(row) } == """
        The label `sports` is none of `sport`, `travel`.
        row 12
        Did you mean `sport`?
        """)
  }

  @Test func `the answer must not be in the prompt and choices must differ`() {
    let choices = [TaskTemplate.Choice(label: "a"), .init(label: "b")]
    #expect(throws: CorpusError.self) { try TaskTemplate(prompt: "{label}", choices: choices) }
    #expect(throws: CorpusError.self) {
      try TaskTemplate(
        prompt: "{text}", choices: [.init(label: "a"), .init(label: "b", answer: "a")])
    }
    #expect(throws: CorpusError.self) { try TaskTemplate(prompt: "{text}", choices: []) }
  }

  @Test func `an example is encoded as evaluation asks for it`() {
    // A tokenizer that gives a space and the letter after it one id.
    func encode(_ text: String) -> [Int32] {
      var ids: [Int32] = []
      var previous: UInt8 = 0
      for byte in text.utf8 {
        if previous == 32, byte != 32 {
          ids[ids.count - 1] = 1000 + Int32(byte)
        } else {
          ids.append(Int32(byte))
        }
        previous = byte
      }
      return ids
    }
    let expected = TrainingExample(prompt: [97, 58], answer: [1098, 99])
    #expect(TrainingExample(RenderedRow(prompt: "a:", answer: " bc"), encode: encode) == expected)
    // White space at the prompt's end belongs to the answer.
    #expect(TrainingExample(RenderedRow(prompt: "a: ", answer: "bc"), encode: encode) == expected)
  }
}
