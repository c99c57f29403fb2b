// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Templates

/// Renderings of whole conversations beside those of transformers.
struct ChatGolden {
  let golden: JSON
  let template: (String) throws -> String
  var counts = (rendered: 0, refused: 0)

  /// What differs in a row, or `nil`.
  mutating func difference(_ row: JSON) throws -> String? {
    let name = row["template"]?.string ?? ""
    let label =
      "\(name), \(row["conversation"]?.string ?? ""), "
      + (row["options"]?.serialized() ?? "")
    let expected = row["text"]?.string
    do {
      let chat = ChatTemplate(
        try JinjaTemplate(try template(name), name: name),
        specialTokens: golden["special_tokens"]?.object ?? JSONObject())
      let made = try chat.render(conversation(row), clock: TemplateGolden.clock)
      guard let expected else { return "\(label): rendered, but transformers fails" }
      guard Array(made.text.utf8) == Array(expected.utf8) else {
        return "\(label):\n\(made.text.debugDescription), not\n\(expected.debugDescription)"
      }
      let spans = (row["spans"]?.array ?? []).compactMap { span in
        span.array.map { ($0[0].int ?? 0)..<($0[1].int ?? 0) }
      }
      if row["spans"] != nil, spans != made.generations {
        return "\(label): \(made.generations), not \(spans)"
      }
      counts.rendered += 1
    } catch let error as TemplateError {
      if expected != nil { return "\(label): \(error)" }
      let reason = row["error"]?.string ?? ""
      if !reason.isEmpty {
        guard case .raised(_, _, let message) = error, message == reason else {
          return "\(label): \(error), not `\(reason)`"
        }
      }
      counts.refused += 1
    }
    return nil
  }

  private func conversation(_ row: JSON) -> Conversation {
    let source = golden["conversations"]?[row["conversation"]?.string ?? ""]
    var conversation = Conversation(
      messages: source?["messages"]?.array ?? [], tools: source?["tools"]?.array,
      documents: source?["documents"]?.array)
    for (name, value) in row["options"]?.object?.members ?? [] {
      switch name {
      case "add_generation_prompt": conversation.addsGenerationPrompt = value == true
      case "continue_final_message": conversation.continuedField = "content"
      default: conversation.variables[name] = value
      }
    }
    return conversation
  }
}

struct ChatGoldenTests {
  @Test func `conversations of every family are rendered as by transformers`() throws {
    var chats = ChatGolden(golden: try TemplateGolden.json("chats.json")) { name in
      try TemplateGolden.text("families/\(name).jinja")
    }
    let rows = try #require(chats.golden["rows"]?.array)
    for row in rows {
      let difference = try chats.difference(row)
      #expect(difference == nil, "\(difference ?? "")")
    }
    #expect(chats.counts.rendered > 400)
    #expect(chats.counts.refused > 50)
  }

  @Test(arguments: KnownTemplates.names)
  func `a known template is the one of the golden files`(_ name: String) throws {
    #expect(KnownTemplates.text(name) == (try TemplateGolden.text("known/\(name).jinja")))
  }

  @Test(arguments: KnownTemplates.names)
  func `a known template renders conversations as by transformers`(_ name: String) throws {
    var chats = ChatGolden(golden: try TemplateGolden.json("known.json")) {
      try #require(KnownTemplates.text($0))
    }
    let rows = try #require(chats.golden["rows"]?.array?.filter { $0["template"]?.string == name })
    #expect(Set(rows.compactMap { $0["conversation"]?.string }).count == 7)
    for row in rows {
      let difference = try chats.difference(row)
      #expect(difference == nil, "\(difference ?? "")")
    }
    #expect(chats.counts.rendered >= 14)
  }

  @Test func `known are five names, and no other`() {
    #expect(KnownTemplates.names == ["alpaca", "chatml", "exaone", "llama3", "mistral"])
    #expect(KnownTemplates.text("ChatML") == nil)
    #expect(KnownTemplates.text("default") == nil)
  }
}
