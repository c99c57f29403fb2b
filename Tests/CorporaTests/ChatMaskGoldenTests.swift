// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Templates
import Testing
import Tokenization

@testable import Corpora

/// Against transformers' `return_assistant_tokens_mask`; see Tests/Golden/examples/make.py.
@Suite struct ChatMaskGoldenTests {
  private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden")

  @Test func `ids and masks are those of transformers, but for white space behind end tokens`()
    throws
  {
    let file = Self.golden.appending(path: "examples/masks.json")
    let rows = try #require(
      try JSON.parse(Array(Data(contentsOf: file)), origin: "masks.json")["rows"]?.array)
    let tokenizerFile = Self.golden.appending(path: "examples/tokenizer.json")
    let tokenizer = try Tokenizer(
      json: JSON.parse(Array(Data(contentsOf: tokenizerFile)), origin: "tokenizer.json"),
      roles: .init(eos: "<|endoftext|>", pad: "<|endoftext|>"), origin: "tokenizer.json")
    let end = try #require(tokenizer.id(of: "<|im_end|>"))
    var masks: [String: [Bool]] = [:]
    #expect(rows.count == 8)
    for row in rows {
      let family = try #require(row["family"]?.string)
      let source = try String(
        contentsOf: Self.golden.appending(path: "templates/families/\(family).jinja"),
        encoding: .utf8)
      let encoder = ExampleEncoder(
        ExampleSettings(files: []), tokenizer: tokenizer,
        template: ChatTemplate(try JinjaTemplate(source, name: family)), windowLength: 500,
        endOfText: try #require(tokenizer.eosID))
      let messages = try #require(row["messages"]?.array)
      let content = try messages.map { message in
        ChatMessage(
          role: try #require(message["role"]?.string),
          content: try #require(message["content"]?.string))
      }
      let outcome = try encoder.encode(
        ExampleRow(content: .messages(content, tools: nil), file: "golden", line: 1))
      guard case .examples(let examples, false) = outcome else {
        Issue.record("\(outcome)")
        continue
      }
      let ids = try #require(row["ids"]?.array).compactMap(\.int).map(Int32.init)
      #expect(examples[0].tokens == Array(ids.prefix(examples[0].tokens.count)))
      let trained = examples[0].weights.map { $0 == 1 }
      #expect(examples[0].tokens.last == end)
      if let mask = row["mask"]?.array {
        var expected = mask.map { $0.int == 1 }
        for place in expected.indices.dropFirst()
        where expected[place] && ids[place - 1] == end { expected[place] = false }
        #expect(trained == Array(expected.prefix(trained.count)))
        #expect(!expected.dropFirst(trained.count).contains(true))
        masks[JSON.array(messages).serialized()] = trained
      } else {
        // The same conversation without generation blocks gives the same mask.
        #expect(masks[JSON.array(messages).serialized()] == trained)
      }
    }
  }
}
