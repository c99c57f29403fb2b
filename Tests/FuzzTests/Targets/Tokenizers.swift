// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

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
    FuzzTarget(name: "sentencepiece", usualCount: 4_000, parts: ["model", "text"]) { seed in
      (
        FuzzMutator(
          seeds: [sentencePieceModel(type: 1), sentencePieceModel(type: 2)].map {
            [$0, Array("ab a  b<s>[A]é\n".utf8)]
          }, tokens: ["\n", "\u{2581}", "<0x41>", "[A]"], seed: seed),
        { input in
          try use(Tokenizer.sentencePiece(input[0], origin: "tokenizer.model"), on: input[1])
        }
      )
    },
    FuzzTarget(name: "tiktoken", usualCount: 1_000, parts: ["tiktoken", "text"]) { seed in
      let ranks = (0..<256).map { "\(Data([UInt8($0)]).base64EncodedString()) \($0)\n" }.joined()
      return (
        FuzzMutator(
          seeds: [[ranks + "YWI= 256\nYWJi 257\n", "abb Ab's 123 \n "].map { Array($0.utf8) }],
          tokens: ["YWI= ", " 256", "\n", "=", "\r\n"], seed: seed),
        { input in
          try use(
            Tokenizer.tiktoken(
              input[0], origin: "x", family: Tokenizer.TiktokenFamily.all.randomByCount(input[1])),
            on: input[1])
        }
      )
    },
    FuzzTarget(name: "charsmap", usualCount: 8_000, parts: ["charsmap", "text"]) { seed in
      (
        FuzzMutator(
          seeds: [[charactersMap, Array("aab e\u{301} ab".utf8)]], tokens: ["\0", "a", "ab"],
          seed: seed),
        { input in
          for takesLongest in [false, true] {
            let normalizer = try PrecompiledNormalizer(
              table: input[0], takesLongest: takesLongest, path: "precompiled_charsmap",
              origin: "tokenizer.json")
            _ = normalizer.normalize(String(decoding: input[1], as: UTF8.self))
          }
        }
      )
    },
  ]

  /// A SentencePiece model by hand: pieces of every kind and the settings that matter.
  private static func sentencePieceModel(type: UInt8) -> [UInt8] {
    // Lengths below 16,384 in two bytes of seven bits.
    func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
      [number << 3 | 2, UInt8(bytes.count & 0x7F) | 0x80, UInt8(bytes.count >> 7)] + bytes
    }
    var result: [UInt8] = []
    let pieces: [(String, UInt8)] = [
      ("<unk>", 2), ("<s>", 3), ("[A]", 4), ("\u{2581}", 1), ("a", 1), ("b", 1), ("ab", 1),
      ("\u{2581}a", 1), ("\u{2581}ab", 1),
    ]
    for (index, (text, kind)) in pieces.enumerated() {
      // -2, -3, … as 32-bit floats.
      let bits = (-Float(index + 2)).bitPattern
      let score = (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32(8 * $0)) }
      result += field(1, field(1, Array(text.utf8)) + [0x15] + score + [0x18, kind])
    }
    // model_type; then the table, add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces.
    result += field(2, [0x18, type])
    return result + field(3, field(2, charactersMap) + [0x18, 1, 0x20, 1, 0x28, 1])
  }

  /// A table with one entry: `a` becomes `b`.
  private static let charactersMap: [UInt8] = {
    // The root sends `a` (0x61) to unit 0x61 ^ 1, which has a leaf one unit on.
    var units = [UInt32](repeating: 0, count: 128)
    units[0] = 1 << 10
    units[0x60] = 2 << 10 | 1 << 8 | 0x61
    units[0x62] = 1 << 31
    let trie = units.flatMap { unit in
      (0..<4).map { UInt8(truncatingIfNeeded: unit >> UInt32(8 * $0)) }
    }
    return [0x00, 0x02, 0x00, 0x00] + trie + [0x62, 0x00]
  }()

  private static let tokenizerTokens = [
    "\"type\":\"Sequence\"", "\"type\":\"NFC\"", "\"type\":\"Split\"", "\"type\":\"ByteLevel\"",
    "\"add_prefix_space\":true", "\"pattern\":{\"Regex\":\"\\\\s+\"}", "\"behavior\":\"Isolated\"",
    "\"invert\":true", "\"unk_token\":\"a\"", "\"special\":true", "\"lstrip\":true",
    "\"normalized\":true", "\"single_word\":true", "\"ignore_merges\":true", "[\"a\",\"b\"]",
    "\"added_tokens\":[]", "\"id\":",
  ]

  private static let tokenizerTexts =
    [mergeTokenizer] + otherModels + [
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

  private static let otherModels = [
    """
    {"version": "1.0", "added_tokens": [], "normalizer": {"type": "Sequence", "normalizers": [
       {"type": "NFKC"}, {"type": "Prepend", "prepend": "▁"},
       {"type": "Replace", "pattern": {"Regex": " {2,}|x+$"}, "content": "▁"},
       {"type": "Strip", "strip_left": true, "strip_right": false}, {"type": "Nmt"},
       {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
        "strip_accents": null, "lowercase": true}]},
     "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first",
       "split": false},
     "post_processor": {"type": "TemplateProcessing",
       "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
         {"Sequence": {"id": "A", "type_id": 0}}],
       "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
       "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
     "decoder": {"type": "Sequence", "decoders": [
       {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
       {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
     "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true,
       "vocab": [["<unk>", 0.0], ["<s>", 0.0], ["▁", -2.5], ["a", -3], ["b", -3.5], ["▁ab", -2],
         ["<0x63>", -9]]}}
    """,
    """
    {"version": "1.0", "added_tokens": [{"id": 0, "content": "[UNK]", "single_word": false,
       "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
     "normalizer": {"type": "Lowercase"},
     "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
       {"type": "Punctuation", "behavior": "MergedWithNext"},
       {"type": "Digits", "individual_digits": true}, {"type": "FixedLength", "length": 4},
       {"type": "Split", "pattern": {"Regex": "(?<=a)b+|\\\\s"}, "behavior": "Contiguous",
        "invert": false}, {"type": "UnicodeScripts"}]},
     "post_processor": {"type": "BertProcessing", "sep": ["[UNK]", 0], "cls": ["a", 1]},
     "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
     "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
       "max_input_chars_per_word": 100,
       "vocab": {"[UNK]": 0, "a": 1, "##b": 2, "ab": 3, "##12": 4, "x": 5}}}
    """,
    """
    {"version": "1.0", "pre_tokenizer": {"type": "Whitespace"},
     "decoder": {"type": "CTC", "pad_token": "b", "word_delimiter_token": "|", "cleanup": true},
     "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "ab": 1, "b": 7}}}
    """,
    """
    {"version": "1.0", "pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": " "},
     "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
     "model": {"type": "BPE", "unk_token": "a@", "continuing_subword_prefix": "##",
       "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": true,
       "vocab": {"a@": 0, "a": 1, "##b": 2, "ab": 3, "##b</w>": 4, "ab</w>": 5, "<0x63>": 6},
       "merges": [["a", "##b"], ["a", "##b</w>"]]}}
    """,
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

extension [Tokenizer.TiktokenFamily] {
  /// One of them, chosen by an input.
  fileprivate func randomByCount(_ bytes: [UInt8]) -> Element { self[bytes.count % count] }
}
