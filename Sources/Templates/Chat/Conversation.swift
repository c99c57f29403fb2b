// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What a chat template renders, in the form that OpenAI's and Hugging Face's interfaces share.
public struct Conversation: Sendable, Equatable {
  /// Objects with `role`, `content` (a text, or a list of parts) and whatever the template reads:
  /// `tool_calls`, `name`, `reasoning_content` …
  public var messages: [JSON]
  /// JSON schemas of functions; `nil` for none.
  public var tools: [JSON]?
  /// Objects with `title` and `text`; `nil` for none.
  public var documents: [JSON]?
  /// Whether the text ends with the beginning of an assistant's turn.
  public var addsGenerationPrompt = false
  /// The field of the last message that the model is to go on with, such as `content`: the text
  /// then ends in it. Not together with `addsGenerationPrompt`.
  public var continuedField: String?
  /// Further variables of the template, such as `enable_thinking`; they win over special tokens.
  public var variables = JSONObject()

  /// A conversation of these messages.
  public init(messages: [JSON], tools: [JSON]? = nil, documents: [JSON]? = nil) {
    self.messages = messages
    self.tools = tools
    self.documents = documents
  }
}

extension Conversation {
  private static let reasoningFields = ["reasoning_content", "thinking", "reasoning"]
  /// What is put behind the text to go on with, to find its end in the rendering.
  static let mark = "KOINE_CONTINUES_HERE "

  private static func problem(_ problem: String, _ place: String, _ next: String) -> TemplateError {
    .conversation(problem: problem, place: place, next: next)
  }

  /// Messages as transformers gives them to a template: without keys that are null, and with the
  /// reasoning under all its names.
  func prepared() throws(TemplateError) -> [JSONObject] {
    guard !messages.isEmpty else {
      throw Self.problem(
        "The conversation has no messages.", "messages", "Give at least one message.")
    }
    guard continuedField == nil || !addsGenerationPrompt else {
      throw Self.problem(
        "A conversation either goes on with its last message or begins an answer, not both.",
        "the options", "Leave one of them out.")
    }
    for name in variables.keys
    where ["messages", "tools", "documents", "add_generation_prompt"].contains(name) {
      throw Self.problem(
        "`\(name)` is no further variable.", "the template's variables",
        "Give it as a part of the conversation.")
    }
    for (name, list) in [("tools", tools), ("documents", documents)] {
      for (index, element) in (list ?? []).enumerated() where element.object == nil {
        throw Self.problem(
          "An element of `\(name)` should be an object, not \(element.kindName).",
          "\(name), element \(index)", "Write it as an object.")
      }
    }
    var result: [JSONObject] = []
    for (index, message) in messages.enumerated() {
      guard let object = message.object else {
        throw Self.problem(
          "A message should be an object, not \(message.kindName).", "message \(index)",
          "Write it with `role` and `content`.")
      }
      let reasoning = Self.reasoningFields.lazy.compactMap { object[$0] }.first { !$0.isNull }
      var prepared = JSONObject()
      if let reasoning { prepared["thinking"] = reasoning }
      for (key, value) in object.members where !value.isNull { prepared[key] = value }
      if let reasoning { prepared["reasoning_content"] = reasoning }
      result.append(prepared)
    }
    return result
  }

  /// The text that the model goes on with, and the messages with the mark behind it.
  func marked(
    _ messages: [JSONObject], _ field: String, source: String
  ) throws(TemplateError) -> (text: String, messages: [JSONObject]) {
    let place = "message \(messages.count - 1)"
    guard var last = messages.last, let value = last[field] else {
      throw Self.problem(
        "The last message has no `\(field.excerpt)` to go on with.", place,
        "Give it one, or let the model begin an answer.")
    }
    var fields = [field]
    if Self.reasoningFields.contains(field) {
      fields = Self.reasoningFields.filter { last[$0] == value }
    }
    guard fields.contains(where: { source.contains($0) }) else {
      throw Self.problem(
        "The template does not read `\(field.excerpt)`.", place, "Go on with another field.")
    }
    var text: String?
    if var parts = value.array {
      for index in parts.indices.reversed() {
        guard let part = parts[index]["text"]?.string else { continue }
        text = part
        parts[index]["text"] = JSON(part + Self.mark)
        break
      }
      last[field] = .array(parts)
    } else if let whole = value.string {
      text = whole
      for name in fields { last[name] = JSON(whole + Self.mark) }
    }
    guard let text else {
      throw Self.problem(
        "The last message has no text in `\(field.excerpt)` to go on with.", place,
        "Give it a text, or let the model begin an answer.")
    }
    return (text, messages.dropLast() + [last])
  }

  /// The rendering up to the mark.
  static func cut(_ rendered: String, after text: String) throws(TemplateError) -> String {
    let bare = PythonText.stripped(mark, where: \.isPythonSpace)
    let wanted = PythonText.stripped(text, where: \.isPythonSpace)
    let bytes = Array(rendered.utf8)
    let reversed = PythonText.find(bare.utf8.reversed(), in: bytes.reversed(), from: 0)
    guard let reversed, PythonText.find(wanted, in: rendered, from: 0) != nil else {
      throw problem(
        "The template changes the last message, so that its end is not found in the text.",
        "the last message", "Let the model begin an answer, or use another template.")
    }
    let place = bytes.count - reversed - bare.utf8.count
    let start = String(decoding: bytes[..<place], as: UTF8.self)
    guard PythonText.find(bare, in: start, from: 0) == nil else {
      throw problem(
        "The template writes the last message more than once.", "the last message",
        "Let the model begin an answer, or use another template.")
    }
    if bytes[place...].starts(with: mark.utf8) { return start }
    return PythonText.stripped(start, left: false, where: \.isPythonSpace)
  }
}
