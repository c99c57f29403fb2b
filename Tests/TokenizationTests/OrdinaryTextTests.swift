// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Tokenization

/// Text of strangers: however a special token is spelled in it, it stays text.
struct OrdinaryTextTests {
  private func tokenizer(_ model: JSON, special: [(String, Int)]) throws -> Tokenizer {
    try Tokenizer(json: [
      "version": "1.0", "truncation": nil, "padding": nil,
      "added_tokens": .array(
        special.map { ["id": JSON($0.1), "content": JSON($0.0), "special": true] }),
      "normalizer": nil, "pre_tokenizer": ["type": "WhitespaceSplit"], "post_processor": nil,
      "decoder": nil, "model": model,
    ])
  }

  @Test func `models do not find special tokens among their own`() throws {
    let unigram = try tokenizer(
      [
        "type": "Unigram", "unk_id": 0, "byte_fallback": false,
        "vocab": [
          ["<unk>", 0], ["</s>", 0], ["<", -3], ["/", -3], ["s", -3], [">", -3], ["a", -3],
        ],
      ], special: [("<unk>", 0), ("</s>", 1)])
    #expect(unigram.encode("a</s>") == [6, 1])
    #expect(unigram.encodeOrdinary("a</s>") == [6, 2, 3, 4, 5])
    // What one way of encoding remembers is not what the other gives.
    #expect(unigram.encode("a</s>") == [6, 1])
    #expect(unigram.encodeOrdinary("</s> a") == [2, 3, 4, 5, 6])
    let words = try tokenizer(
      ["type": "WordLevel", "unk_token": "[UNK]", "vocab": ["[UNK]": 0, "[END]": 1, "a": 2]],
      special: [("[END]", 1)])
    #expect(words.encode("a [END] b") == [2, 1, 0])
    #expect(words.encodeOrdinary("a [END] b") == [2, 0, 0])
    let pieces = try tokenizer(
      [
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": ["[UNK]": 0, "[END]": 1, "a": 2],
      ], special: [("[END]", 1)])
    #expect(pieces.encodeOrdinary("a [END] b") == [2, 0, 0])
    let wholeWords = try tokenizer(
      [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
        "vocab": ["<": 0, "e": 1, ">": 2, "<e>": 3], "merges": [],
      ], special: [("<e>", 3)])
    #expect(wholeWords.encode("<e>") == [3])
    #expect(wholeWords.encodeOrdinary("<e>") == [0, 1, 2])
  }
}
