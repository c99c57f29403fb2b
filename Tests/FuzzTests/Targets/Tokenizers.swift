// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

@testable import Tokenization

extension FuzzTarget {
  static let tokenizers = [
    FuzzTarget(name: "tokenizer", usualCount: 4_000, parts: ["tokenizer.json", "text"]) { seed in
      (
        FuzzMutator(
          seeds: tokenizerTexts.map { [$0, "ab a  c, 12 x\n"].map { Array($0.utf8) } },
          tokens: jsonTokens + tokenizerTokens, seed: seed), readTokenizer
      )
    },
    FuzzTarget(name: "gpt2", usualCount: 8_000, parts: ["vocab.json", "merges.txt", "text"]) {
      seed in
      (
        FuzzMutator(
          seeds: [
            [
              #"{"a":0,"b":1,"c":2,"ab":3,"abc":4,"Ġ":5,"<|endoftext|>":6}"#,
              "#version: 0.2\na b\nab c\n", "abc<|endoftext|> ab",
            ].map { Array($0.utf8) }
          ], tokens: jsonTokens + ["a b", "\n", "\r\n", " ", "#version"], seed: seed),
        { input in
          let tokenizer = try Tokenizer.gpt2(
            vocabulary: JSON.parse(input[0], origin: "vocab.json"), origin: "vocab.json",
            merges: input[1], mergesOrigin: "merges.txt")
          try use(tokenizer, on: input[2])
        }
      )
    },
  ]

  private static let tokenizerTokens = [
    "\"type\":\"Sequence\"", "\"type\":\"NFC\"", "\"type\":\"Split\"", "\"type\":\"ByteLevel\"",
    "\"add_prefix_space\":true", "\"pattern\":{\"Regex\":\"\\\\s+\"}", "\"behavior\":\"Isolated\"",
    "\"invert\":true", "\"unk_token\":\"a\"", "\"special\":true", "\"lstrip\":true",
    "\"normalized\":true", "\"single_word\":true", "\"ignore_merges\":true", "[\"a\",\"b\"]",
    "\"added_tokens\":[]", "\"id\":",
  ]

  private static let tokenizerTexts =
    [mergeTokenizer] + [
      """
      {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [
        {"id": 4, "content": "<s>", "single_word": false, "lstrip": true, "rstrip": false,
         "normalized": false, "special": true},
        {"id": 5, "content": "x y", "single_word": true, "lstrip": false, "rstrip": true,
         "normalized": true, "special": false}],
       "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"},
          "behavior": "Isolated", "invert": false},
         {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
          "use_regex": false}]},
       "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false,
         "use_regex": true},
       "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
         "use_regex": true},
       "model": {"type": "BPE", "dropout": null, "unk_token": "a",
         "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": true,
         "byte_fallback": false, "ignore_merges": true,
         "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3}, "merges": [["a", "b"]]}}
      """
    ]

  private static func readTokenizer(_ input: FuzzInput) throws {
    let tokenizer = try Tokenizer(json: JSON.parse(input[0], origin: "tokenizer.json"))
    try use(tokenizer, on: input[1])
    let text = String(decoding: input[1], as: UTF8.self)
    let again = try Tokenizer(json: tokenizer.json)
    guard again.encode(text) == tokenizer.encode(text) else {
      throw FuzzViolation("other tokens after writing and reading")
    }
  }

  private static func use(_ tokenizer: Tokenizer, on bytes: [UInt8]) throws {
    let ids = tokenizer.encode(String(decoding: bytes, as: UTF8.self))
    try tokenizer.validate(ids)
    _ = tokenizer.decode(ids, skipSpecialTokens: true)
    _ = tokenizer.decode(ids, skipSpecialTokens: false)
  }
}
