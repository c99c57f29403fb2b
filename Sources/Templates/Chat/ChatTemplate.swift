// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Turns conversations into the text that a model was trained on.
///
/// Equal to `apply_chat_template(tokenize=False)` of transformers 5 in text, and to its assistant
/// mask in the places of generation blocks.
public struct ChatTemplate: Sendable {
  /// The template.
  public let template: JinjaTemplate
  /// Names such as `bos_token` and their texts, which the template may use.
  public let specialTokens: JSONObject

  /// A template and the special tokens of its tokenizer.
  public init(_ template: JinjaTemplate, specialTokens: JSONObject = JSONObject()) {
    self.template = template
    self.specialTokens = specialTokens
  }

  /// Whether the template marks what the assistant says by `{% generation %}`.
  public var marksGenerations: Bool { template.hasGenerations }

  /// The conversation's text, and where generation blocks stand in it.
  /// - Throws: `TemplateError.conversation` for messages that no template could render, and what
  ///   ``JinjaTemplate/render(_:limits:clock:)`` throws.
  public func render(
    _ conversation: Conversation, limits: TemplateLimits = TemplateLimits(),
    clock: TemplateClock = .now
  ) throws(TemplateError) -> RenderedText {
    var messages = try conversation.prepared()
    var continued: String?
    if let field = conversation.continuedField {
      let marked = try conversation.marked(messages, field, source: template.source)
      (continued, messages) = (marked.text, marked.messages)
    }
    var context = JSONObject()
    context["messages"] = JSON(messages.map { JSON.object($0) })
    context["tools"] = conversation.tools.map { .array($0) } ?? .null
    context["documents"] = conversation.documents.map { .array($0) } ?? .null
    context["add_generation_prompt"] = JSON(conversation.addsGenerationPrompt)
    for (name, value) in specialTokens.members { context[name] = value }
    for (name, value) in conversation.variables.members { context[name] = value }
    let rendered = try template.render(context, limits: limits, clock: clock)
    guard let continued else { return rendered }
    let text = try Conversation.cut(rendered.text, after: continued)
    return RenderedText(text: text, generations: [])
  }

  /// The places of what the assistant says in `render(conversation).text`, in Unicode scalars.
  ///
  /// A template with generation blocks tells them itself. Of any other the conversation is
  /// rendered up to each assistant's message, once with the beginning of an answer and once with
  /// the message: between the two ends lies the turn, with all the template puts behind it (its
  /// end token, a line end), but for an end-of-text token that the template writes once, at the end
  /// of all. This holds only if each rendering begins as the whole one does;
  /// templates that drop earlier reasoning or put tools before the last message do not, and are
  /// refused rather than masked wrongly.
  ///
  /// - Parameter onlyLast: looks at the last of the assistant's turns alone, which more templates
  ///   allow: Qwen3's keeps reasoning in it and drops it from the others.
  /// - Throws: `TemplateError.conversation` where the renderings disagree.
  /// - Complexity: two renderings for each assistant's message, without generation blocks.
  public func assistantSpans(
    _ conversation: Conversation, onlyLast: Bool = false, limits: TemplateLimits = TemplateLimits(),
    clock: TemplateClock = .now
  ) throws(TemplateError) -> [Range<Int>] {
    let whole = try render(conversation, limits: limits, clock: clock)
    if marksGenerations { return onlyLast ? whole.generations.suffix(1) : whole.generations }
    func disagreement(_ index: Int) -> TemplateError {
      .conversation(
        problem: "Where the assistant's turn begins and ends cannot be told: the template renders "
          + "the messages up to it otherwise than all of them.",
        place: "message \(index)",
        next: "Use a template that marks the turns by {% generation %}.")
    }
    var spans: [Range<Int>] = []
    let turns = conversation.messages.indices.filter {
      conversation.messages[$0]["role"]?.string == "assistant"
    }
    for index in onlyLast ? turns.suffix(1) : turns {
      guard index > 0 else { throw disagreement(index) }
      var part = conversation
      part.continuedField = nil
      part.messages = Array(conversation.messages[..<index])
      part.addsGenerationPrompt = true
      let before = try render(part, limits: limits, clock: clock).text
      part.messages = Array(conversation.messages[...index])
      part.addsGenerationPrompt = false
      var with = try render(part, limits: limits, clock: clock).text
      // Phi-3's and others end every text, not every turn, with end-of-text.
      if let end = specialTokens["eos_token"]?.string, !end.isEmpty,
        !whole.text.utf8.starts(with: with.utf8),
        with.utf8.reversed().starts(with: end.utf8.reversed())
      {
        with = String(decoding: with.utf8.dropLast(end.utf8.count), as: UTF8.self)
      }
      guard with.utf8.starts(with: before.utf8), whole.text.utf8.starts(with: with.utf8),
        before.utf8.count < with.utf8.count
      else { throw disagreement(index) }
      spans.append(before.unicodeScalars.count..<with.unicodeScalars.count)
    }
    return spans
  }
}

extension JinjaTemplate {
  /// Whether a generation block stands anywhere in it.
  var hasGenerations: Bool { Self.hasGenerations(body) }

  private static func hasGenerations(_ statements: [Statement]) -> Bool {
    statements.contains { statement in
      switch statement {
      case .generation: true
      case .condition(let branches, let otherwise):
        branches.contains { hasGenerations($0.body) } || hasGenerations(otherwise)
      case .loop(let node): hasGenerations(node.body) || hasGenerations(node.otherwise)
      case .setBlock(_, _, let body, _), .filter(_, let body, _), .with(_, let body, _):
        hasGenerations(body)
      case .macro(let node), .call(_, let node, _): hasGenerations(node.body)
      case .text, .output, .set, .exit, .next: false
      }
    }
  }
}
