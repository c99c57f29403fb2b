// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Templates
import Testing
import Tokenization

@testable import Corpora

@Suite struct ExampleEncoderTests {
  private let plain: ChatTokenizer
  init() throws { plain = try ChatTokenizer() }

  private func encoder(
    _ template: ChatTemplate?, length: Int = 200, _ tokenizer: ChatTokenizer? = nil,
    _ change: (inout ExampleSettings) -> Void = { _ in }
  ) -> ExampleEncoder {
    var settings = ExampleSettings(files: ["chat.jsonl"])
    change(&settings)
    let tokenizer = tokenizer ?? plain
    return ExampleEncoder(
      settings, tokenizer: tokenizer.tokenizer, template: template, windowLength: length,
      endOfText: tokenizer.endOfText)
  }

  private func shown(_ encoder: ExampleEncoder, _ row: ExampleRow) throws -> [String] {
    guard case .examples(let examples, _) = try encoder.encode(row) else { return [] }
    return examples.map(plain.shown)
  }

  private let turns = [
    ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "So long"),
  ]

  // MARK: Conversations

  @Test func `every turn of the assistant is trained with the token that ends it`() throws {
    let encoder = encoder(try ChatTokenizer.known("chatml"))
    #expect(
      try shown(encoder, .chat(turns)) == [
        """
        <|im_start|>user
        Hi<|im_end|>
        <|im_start|>assistant
        [Hello<|im_end|>]
        <|im_start|>user
        Bye<|im_end|>
        <|im_start|>assistant
        [So long<|im_end|>]
        """
      ])
  }

  @Test func `generation blocks decide where a template has them, and the end token is added`()
    throws
  {
    let head = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    let tail = "{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
    let inside = "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}"
    let outside = "{% generation %}{{ m.content }}{% endgeneration %}<|im_end|>"
    for block in [inside, outside] {
      let template = try ChatTokenizer.template(head + block + tail)
      #expect(template.marksGenerations)
      let text = try shown(encoder(template), .chat(turns))[0]
      #expect(text.contains("[Hello<|im_end|>]") && text.hasSuffix("[So long<|im_end|>]"))
    }
  }

  @Test func `only the last turn is trained on request`() throws {
    let encoder = encoder(try ChatTokenizer.known("chatml")) { $0.assistant = .last }
    let text = try shown(encoder, .chat(turns))[0]
    #expect(text.contains("\nHello<|im_end|>\n") && text.hasSuffix("\n[So long<|im_end|>]"))
  }

  @Test func `a message of weight 0 is read only`() throws {
    var first = ExampleMessage(role: "assistant", content: "No")
    first.json["weight"] = 0
    let row = ExampleRow(
      content: .messages(
        [
          ExampleMessage(role: "user", content: "a"), first,
          ExampleMessage(role: "user", content: "b"),
          ExampleMessage(role: "assistant", content: "Yes"),
        ], tools: nil), file: "chat.jsonl", line: 1)
    let text = try shown(encoder(try ChatTokenizer.known("chatml")), row)[0]
    #expect(text.contains("\nNo<|im_end|>") && text.hasSuffix("[Yes<|im_end|>]"))
  }

  @Test func `a template without end tokens is ended with end-of-text`() throws {
    let text = try shown(encoder(try ChatTokenizer.known("alpaca")), .chat([turns[0], turns[1]]))[0]
    #expect(text == "### Instruction:\nHi\n\n### Response:\n[Hello\n\n<|endoftext|>]")
  }

  @Test func `text after the last answer is cut off unless prompts have a weight`() throws {
    let row = ExampleRow.chat(Array(turns[..<3]))
    let template = try ChatTokenizer.known("chatml")
    #expect(try shown(encoder(template), row)[0].hasSuffix("[Hello<|im_end|>]"))
    let weighted = encoder(template) { $0.promptWeight = 0.25 }
    guard case .examples(let examples, _) = try weighted.encode(row) else { return }
    #expect(examples[0].weights.dropFirst().allSatisfy { $0 == 0.25 || $0 == 1 })
    #expect(examples[0].weights.count { $0 == 1 } == 6)
    #expect(plain.tokenizer.decode(examples[0].tokens).contains("Bye"))
  }

  @Test(arguments: [
    "chatml", "chatml-generation", "llama31", "qwen25", "zephyr", "gemma", "llama2", "mistral1",
    "phi3", "vicuna",
  ]) func `templates of real models train exactly the answers and what ends them`(
    name: String
  ) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/templates/families/\(name).jinja")
    let source = try String(contentsOf: file, encoding: .utf8)
    let template = try ChatTokenizer.template(source, ChatTokenizer.specialTokens)
    let text = try shown(encoder(template, length: 2000), .chat(turns))[0]
    let trained = text.split(separator: "[").dropFirst().map { String($0.prefix { $0 != "]" }) }
    // Brackets of the template itself (Mistral's, Llama's) are no marks of ours.
    let answers = trained.filter { $0.contains("Hello") || $0.contains("So long") }
    #expect(answers.count == 2, "\(text)")
    // Something ends the last answer: a token of the template's, or end-of-text.
    #expect(!text.hasSuffix("So long]") && text.hasSuffix(">]"), "\(text)")
    for answer in answers { #expect(!answer.contains("Hi") && !answer.contains("Bye"), "\(text)") }
  }

  @Test func `a template that renders a prefix otherwise is refused, not masked wrongly`() throws {
    let template = try ChatTokenizer.template(
      "{{ messages | length }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
    let message = lines { _ = try encoder(template).encode(.chat(turns)) }
    #expect(message.hasPrefix("The example cannot be trained: Where the assistant's turn begins"))
    #expect(message.contains("\nchat.jsonl, line 3\n"))
  }

  @Test func `a template that treats the last turn otherwise can still train that one`() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/templates/families/qwen3.jinja")
    let template = try ChatTokenizer.template(String(contentsOf: file, encoding: .utf8))
    #expect(throws: CorpusError.self) { try encoder(template).encode(.chat(turns)) }
    let last = encoder(template, length: 2000) { $0.assistant = .last }
    #expect(try shown(last, .chat(turns))[0].hasSuffix("So long<|im_end|>]"))
    #expect(try shown(last, .chat(turns))[0].contains("\nHello<|im_end|>"))
  }

  @Test
  func `each turn can be an example of its own, also where earlier ones lose their reasoning`()
    throws
  {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/templates/families/qwen3.jinja")
    let template = try ChatTokenizer.template(String(contentsOf: file, encoding: .utf8))
    let thought = [
      ("user", "Hi"), ("assistant", "<think>\ngreet\n</think>\n\nHello"), ("user", "Bye"),
      ("assistant", "<think>\npart\n</think>\n\nSo long"),
    ]
    // What is refused says how it could be trained.
    let message = lines { _ = try encoder(template, length: 2000).encode(.chat(thought)) }
    #expect(message.contains("`assistant: each`") && message.contains("`assistant: last`"))
    let each = encoder(template, length: 2000) { $0.assistant = .each }
    let texts = try shown(each, .chat(thought))
    try #require(texts.count == 2)
    // The reasoning of the turn is trained where it is the last, and gone where it is not.
    #expect(texts[0].hasSuffix("assistant\n[<think>\ngreet\n</think>\n\nHello<|im_end|>]"))
    #expect(texts[1].hasSuffix("assistant\n[<think>\npart\n</think>\n\nSo long<|im_end|>]"))
    #expect(texts[1].contains("assistant\nHello<|im_end|>") && !texts[1].contains("greet"))
    // Each is what `last` makes of the conversation up to it.
    let last = encoder(template, length: 2000) { $0.assistant = .last }
    #expect(try shown(last, .chat(Array(thought.prefix(2)))) == [texts[0]])
    #expect(try shown(last, .chat(thought)) == [texts[1]])
  }

  @Test func `of each turn only those that are trained and fit become examples`() throws {
    let template = try ChatTokenizer.known("chatml")
    let each = encoder(template) { $0.assistant = .each }
    var first = ExampleMessage(role: "assistant", content: "No")
    first.json["weight"] = 0
    func row(_ answer: ExampleMessage) -> ExampleRow {
      ExampleRow(
        content: .messages(
          [
            ExampleMessage(role: "user", content: "a"), first,
            ExampleMessage(role: "user", content: "b"), answer,
          ], tools: nil), file: "chat.jsonl", line: 1)
    }
    let texts = try shown(each, row(ExampleMessage(role: "assistant", content: "Yes")))
    #expect(texts.count == 1 && texts[0].contains("\nNo<|im_end|>"))
    #expect(texts[0].hasSuffix("[Yes<|im_end|>]"))
    let message = lines { _ = try each.encode(row(first)) }
    #expect(message.contains("nothing in it would be trained"))
    let dropping = encoder(template) {
      $0.assistant = .each
      $0.untrained = .drop
    }
    #expect(try dropping.encode(row(first)) == .untrained)
    // The second turn does not fit and is dropped; the first stays.
    guard case .examples(let both, _) = try each.encode(.chat(turns)) else { return }
    try #require(both.count == 2)
    let short = encoder(template, length: both[1].tokens.count - 2) {
      $0.assistant = .each
      $0.overLong = .drop
    }
    guard case .examples(let made, let isTruncated) = try short.encode(.chat(turns)) else {
      Issue.record("the first turn fits")
      return
    }
    #expect(made == [both[0]] && isTruncated)
    let none = encoder(template, length: 8) {
      $0.assistant = .each
      $0.overLong = .drop
    }
    #expect(try none.encode(.chat(turns)) == .overLong)
  }

  @Test func `a conversation without a template is an error`() throws {
    let message = lines { _ = try encoder(nil).encode(.chat(turns)) }
    #expect(message.contains("there is no chat template"))
  }

  @Test func `a normaliser that changes the text leaves the masks exact`() throws {
    let upper = try ChatTokenizer(
      normalizer: ["type": "Replace", "pattern": ["String": "l"], "content": "LL"])
    let row = ExampleRow.chat(turns)
    let template = try ChatTokenizer.known("chatml")
    guard case .examples(let examples, _) = try encoder(template, upper).encode(row) else { return }
    #expect(upper.shown(examples[0]).contains("[HeLLLLo<|im_end|>]\n<|im_start|>user"))
    #expect(upper.shown(examples[0]).hasSuffix("\n[So LLong<|im_end|>]"))
  }

  // MARK: Prompts, completions, texts

  @Test func `a completion begins where the prompt's own tokens end`() throws {
    let merged = try ChatTokenizer(merges: [(" ", "y"), ("e", "s"), (" y", "es"), ("Q", ":")])
    let encoder = encoder(nil, merged)
    func shown(_ row: ExampleRow) throws -> String {
      guard case .examples(let examples, _) = try encoder.encode(row) else { return "" }
      return merged.shown(examples[0])
    }
    #expect(try shown(.pair("Q: ", "yes")) == "Q:[ yes<|endoftext|>]")
    #expect(try shown(.pair("Q:", " yes")) == "Q:[ yes<|endoftext|>]")
    #expect(try shown(.pair("Q:\n", "yes")) == "Q:\n[yes<|endoftext|>]")
    // The tokens of `Q` and `:` become one: it says part of the completion.
    #expect(try shown(.pair("a Q", ": b")) == "a [Q: b<|endoftext|>]")
    #expect(try shown(.pair("", "yes")) == "<|endoftext|>[yes<|endoftext|>]")
  }

  @Test func `a tokenizer's opening stands before prompts and texts`() throws {
    let opening = try ChatTokenizer(opensTexts: true)
    for row in [ExampleRow.pair("a", "b"), .text("ab")] {
      guard case .examples(let examples, _) = try encoder(nil, opening).encode(row) else { return }
      #expect(examples[0].tokens.first == opening.tokenizer.bosID)
      #expect(examples[0].tokens.count == 4)
    }
  }

  @Test func `a prompt goes through a template that is named`() throws {
    let encoder = encoder(try ChatTokenizer.known("chatml")) { $0.chatTemplate = "default" }
    #expect(
      try shown(encoder, .pair("a", "b"))
        == ["<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<|im_end|>]"])
  }

  @Test func `a text is trained whole and ended once`() throws {
    let encoder = encoder(nil)
    #expect(try shown(encoder, .text("abc")) == ["<|endoftext|>[abc<|endoftext|>]"])
    #expect(try shown(encoder, .text("abc<|endoftext|>")) == ["<|endoftext|>[abc<|endoftext|>]"])
  }

  // MARK: Too long

  @Test func `a prompt that is too long loses its start`() throws {
    let encoder = encoder(nil, length: 9)
    guard
      case .examples(let examples, let isTruncated) = try encoder.encode(.pair("abcdefghij", "xyz"))
    else { return }
    #expect(isTruncated)
    #expect(plain.shown(examples[0]) == "efghij[xyz<|endoftext|>]")
  }

  @Test func `an answer that no window holds with a token before it drops the example`() throws {
    let encoder = encoder(nil, length: 9)
    #expect(try encoder.encode(.pair("ab", "0123456789")) == .overLong)
    #expect(try encoder.encode(.pair("ab", "012345678")) == .overLong)
    guard case .examples(let kept, _) = try encoder.encode(.pair("ab", "01234567")) else { return }
    #expect(plain.shown(kept[0]) == "b[01234567<|endoftext|>]")
  }

  @Test func `the beginning-of-text token survives, and drop and error do as they say`() throws {
    let opening = try ChatTokenizer(opensTexts: true)
    guard
      case .examples(let examples, _) = try encoder(nil, length: 7, opening)
        .encode(.pair("abcdefghij", "xyz"))
    else { return }
    #expect(opening.shown(examples[0]) == "<s>hij[xyz<|endoftext|>]")
    #expect(
      try encoder(nil, length: 7) { $0.overLong = .drop }.encode(.pair("abcdefg", "xyz"))
        == .overLong)
    let message = lines {
      _ = try encoder(nil, length: 7) { $0.overLong = .error }.encode(.pair("abcdefg", "xyz"))
    }
    #expect(message.hasPrefix("The example cannot be trained: it has 11 tokens, a window holds 8."))
  }

  @Test func `a long text is cut in pieces that train each token once`() throws {
    let encoder = encoder(nil, length: 4)
    guard case .examples(let pieces, true) = try encoder.encode(.text("abcdefghij")) else {
      Issue.record("not cut")
      return
    }
    #expect(pieces.map(plain.shown) == ["<|endoftext|>[abcd]", "d[efgh]", "h[ij<|endoftext|>]"])
    #expect(pieces.reduce(0) { $0 + $1.byteCount } == 10)
  }

  // MARK: Files

  @Test func `a set of files is read, encoded and counted`() throws {
    let folder = try TestFolder()
    let long = String(repeating: "x", count: 300)
    try folder.write(
      "pairs.jsonl",
      """
      {"prompt": "a", "completion": "b"}
      {"prompt": "\(long)", "completion": "b"}
      {"prompt": "a", "completion": "\(long)"}
      {"prompt": "a", "completion": ""}
      """)
    var settings = ExampleSettings(files: ["pairs.jsonl"])
    settings.untrained = .drop
    func set() throws -> ExampleSet {
      try ExampleSet(
        settings, name: "pairs", tokenizer: plain.tokenizer,
        templates: ChatTemplates([:], origin: "none"), windowLength: 40,
        endOfText: plain.endOfText, relativeTo: folder.path)
    }
    let report = try set().report
    #expect(report.records == 4 && report.examples == 2 && report.truncated == 1)
    #expect(report.droppedOverLong == 1 && report.droppedUntrained == 1)
    #expect(report.trainedTokens == 4 && report.tokens == 3 + 41)
    settings.untrained = .error
    #expect(
      lines { _ = try set() }.hasPrefix(
        "The example cannot be trained: nothing in it would be trained."))
    settings.maxExamples = 1
    #expect(try set().report.records == 1)
    settings.chatTemplate = "chatlm"
    #expect(lines { _ = try set() }.hasSuffix("Did you mean `chatml`?"))
  }

  @Test func `settings of examples are read strictly`() throws {
    func read(_ yaml: String) throws -> ExampleSettings {
      var settings = try Settings(YAML.parse(yaml, origin: "c.yaml"), origin: "c.yaml")
      let result = try ExampleSettings(&settings)
      try settings.finish()
      return result
    }
    let settings = try read(
      "{files: a.jsonl, kind: messages, prompt_weight: 0.1, assistant: last, packing: none}")
    #expect(settings.kind == .messages && settings.promptWeight == 0.1)
    #expect(settings.assistant == .last && settings.packing == .none)
    #expect(try read("files: a.jsonl").kind == nil)
    #expect(lines { _ = try read("kind: text") }.contains("one or more files"))
    #expect(lines { _ = try read("{files: a, prompt_weight: 1.5}") }.contains("prompt_weight"))
    #expect(lines { _ = try read("{files: a, pakcing: none}") }.contains("Did you mean `packing`?"))
  }
}
