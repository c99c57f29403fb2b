// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Templates
import Tokenization

@testable import Corpora

/// A byte-level tokenizer for tests: ids 0–255 are bytes in the order of their characters, then come
/// merges and special tokens.
struct ChatTokenizer {
  let tokenizer: Tokenizer
  static let specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>"]

  init(
    merges: [(String, String)] = [], opensTexts: Bool = false, normalizer: JSON = nil
  ) throws {
    var others: UInt32 = 0
    let alphabet = (0..<256).map { byte -> String in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return String(UnicodeScalar(UInt8(byte)))
      default:
        defer { others += 1 }
        return String(Unicode.Scalar(0x100 + others) ?? " ")
      }
    }
    func spelled(_ text: String) -> String { text.utf8.map { alphabet[Int($0)] }.joined() }
    var vocabulary = JSONObject()
    for letter in alphabet { vocabulary[letter] = JSON(vocabulary.count) }
    var rules: [JSON] = []
    for (left, right) in merges {
      rules.append([JSON(spelled(left)), JSON(spelled(right))])
      vocabulary[spelled(left + right)] = JSON(vocabulary.count)
    }
    let first = vocabulary.count
    let added = Self.specials.enumerated().map { index, token -> JSON in
      [
        "id": JSON(first + index), "content": JSON(token), "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true,
      ]
    }
    let opening: JSON = [
      "type": "TemplateProcessing",
      "single": [
        ["SpecialToken": ["id": "<s>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]],
      ],
      "pair": [["Sequence": ["id": "A", "type_id": 0]], ["Sequence": ["id": "B", "type_id": 1]]],
      "special_tokens": ["<s>": ["id": "<s>", "ids": [JSON(first + 3)], "tokens": ["<s>"]]],
    ]
    let byteLevel: JSON = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    ]
    tokenizer = try Tokenizer(
      json: [
        "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(added),
        "normalizer": normalizer, "pre_tokenizer": byteLevel,
        "post_processor": opensTexts ? opening : nil, "decoder": byteLevel,
        "model": [
          "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
          "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
          "vocab": .object(vocabulary), "merges": JSON(rules),
        ],
        // As many models have it: the padding token is the end of text.
      ], roles: .init(bos: opensTexts ? "<s>" : nil, eos: "<|endoftext|>", pad: "<|endoftext|>"),
      origin: "a tokenizer in memory")
  }

  var endOfText: Int32 { tokenizer.eosID ?? -1 }

  static var specialTokens: JSONObject {
    var tokens = JSONObject()
    tokens["bos_token"] = "<s>"
    tokens["eos_token"] = "<|endoftext|>"
    return tokens
  }

  static func template(
    _ text: String, _ specialTokens: JSONObject = JSONObject()
  ) throws -> ChatTemplate {
    ChatTemplate(try JinjaTemplate(text, name: "test"), specialTokens: specialTokens)
  }

  static func known(_ name: String) throws -> ChatTemplate {
    try template(KnownTemplates.text(name) ?? "", specialTokens)
  }

  /// The text of an example with what is trained in brackets.
  func shown(_ example: EncodedExample) -> String {
    let window = Window(
      tokens: example.tokens, weights: Array(example.weights.dropFirst()),
      segments: example.tokens.map { _ in 0 })
    var text = ""
    var isOpen = false
    for token in WindowDescription(window, tokenizer: tokenizer, sourceNames: []).tokens {
      if token.isTrained != isOpen {
        text += isOpen ? "]" : "["
        isOpen.toggle()
      }
      text += token.text
    }
    return text + (isOpen ? "]" : "")
  }
}

extension ExampleRow {
  static func chat(_ turns: [(String, String)], tools: JSON = nil) -> ExampleRow {
    ExampleRow(
      content: .messages(turns.map { ChatMessage(role: $0.0, content: $0.1) }, tools: tools),
      file: "chat.jsonl", line: 3)
  }

  static func pair(_ prompt: String, _ completion: String) -> ExampleRow {
    ExampleRow(
      content: .promptCompletion(prompt: prompt, completion: completion), file: "pairs.jsonl",
      line: 1)
  }

  static func text(_ text: String) -> ExampleRow {
    ExampleRow(content: .text(text), file: "texts.jsonl", line: 1)
  }
}
