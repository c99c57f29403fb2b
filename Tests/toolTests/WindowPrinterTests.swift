// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Runs
import Testing
import Tokenization

@testable import koine

@Suite struct WindowPrinterTests {
  private func description() throws -> WindowDescription {
    var vocabulary = JSONObject()
    for (id, token) in ["a", "b", "Ã", "©", "Ċ", "</s>"].enumerated() {
      vocabulary[token] = JSON(id)
    }
    let byteLevel: JSON = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    ]
    let tokenizer = try Tokenizer(
      json: [
        "version": "1.0", "truncation": nil, "padding": nil,
        "added_tokens": [
          [
            "id": 5, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
          ]
        ],
        "normalizer": nil, "pre_tokenizer": byteLevel, "post_processor": nil,
        "decoder": byteLevel,
        "model": [
          "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
          "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
          "vocab": .object(vocabulary), "merges": [],
        ],
      ], roles: .init(eos: "</s>"), origin: "a tokenizer in memory")
    let window = Window(
      tokens: [0, 4, 1, 5, 1, 2, 3, 5, 5], weights: [0.1, 1, 1, 0, 0.1, 1, 1, 0],
      segments: [0, 0, 0, 0, 1, 1, 1, 1, -1], sources: [1, 0])
    return WindowDescription(window, tokenizer: tokenizer, sourceNames: ["chat", "fao"])
  }

  @Test func `without colours, brackets show what is trained and numbers its weight`() throws {
    let text = WindowPrinter(TerminalStyle()).text(try description(), title: "window 1")
    #expect(
      text == """
        window 1: 9 tokens, 6 trained, 1 padding
        ── segment 0 · fao · 4 tokens, 3 trained
        a{0.1:⏎
        }[b</s>]
        ── segment 1 · chat · 4 tokens, 3 trained
        b{0.1:<0xC3>}[<0xA9></s>]
        ── padding × 1

        """)
  }

  @Test func `on a terminal colours do, and end at each line's end`() throws {
    let text = WindowPrinter(TerminalStyle(isStyled: true)).text(try description(), title: "w")
    #expect(text.contains("\u{1B}[2ma\u{1B}[0m\u{1B}[33m⏎\u{1B}[0m\n\u{1B}[32mb</s>\u{1B}[0m\n"))
    #expect(!text.contains("{0.1"))
  }

  @Test func `as JSON every token has its weight, segment, position and source`() throws {
    let tokens = try #require(try description().json.array)
    #expect(tokens.count == 9)
    #expect(tokens[0]["weight"]?.isNull == true && tokens[0]["source"]?.string == "fao")
    #expect(tokens[5]["position"]?.int == 1 && tokens[5]["segment"]?.int == 1)
    #expect(tokens[5]["weight"]?.double == Double(Float(0.1)))
    #expect(tokens[8]["segment"]?.int == -1)
  }
}
