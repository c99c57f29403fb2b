// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Tokenization

@Suite struct BadTokenizerFilesTests {
  static let small: JSON = [
    "version": "1.0", "truncation": nil, "padding": nil,
    "added_tokens": [
      [
        "id": 3, "content": "<|e|>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true,
      ]
    ],
    "normalizer": ["type": "NFC"],
    "pre_tokenizer": [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    ],
    "post_processor": nil,
    "decoder": [
      "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    ],
    "model": [
      "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
      "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
      "ignore_merges": false, "vocab": ["a": 0, "b": 1, "ab": 2], "merges": [["a", "b"]],
    ],
  ]

  private func message(_ change: (inout JSON) -> Void) -> String? {
    var json = Self.small
    change(&json)
    do {
      _ = try Tokenizer(json: json)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `the small tokenizer itself is fine`() throws {
    #expect(message { _ in } == nil)
    let tokenizer = try Tokenizer(json: Self.small)
    #expect(tokenizer.encode("ab<|e|>b") == [2, 3, 1])
    #expect(tokenizer.json == Self.small)
  }

  @Test func `missing merges`() {
    #expect(
      message { $0["model"]?["merges"] = nil } == """
        `model.merges` should be an array, found nothing.
        tokenizer.json
        The file is damaged or not a tokenizer.json; fetch it again.
        """)
  }

  @Test func `a merge of an unknown token`() {
    #expect(
      message { $0["model"]?["merges"] = [["a", "b"], ["ab", "c"]] } == """
        Merge 1 (`ab` with `c`) needs the token `c`, which the vocabulary lacks.
        tokenizer.json
        Vocabulary and merges belong to different models; fetch both again.
        """)
    #expect(
      message { $0["model"]?["merges"] = ["b a"] } == """
        Merge 0 (`b` with `a`) needs the token `ba`, which the vocabulary lacks.
        tokenizer.json
        Vocabulary and merges belong to different models; fetch both again.
        """)
  }

  @Test func `merges that are no pairs`() {
    let bad: [JSON] = ["ab", "a  b", "a b c", ["a"], ["a", 1], 3, nil, " "]
    for merge in bad {
      #expect(
        message { $0["model"]?["merges"] = [merge] } == """
          `model.merges[0]` should be two tokens, found \(merge.serialized()).
          tokenizer.json
          The file is damaged or not a tokenizer.json; fetch it again.
          """)
    }
  }

  @Test func `ids that two tokens share`() {
    #expect(
      message { $0["model"]?["vocab"] = ["a": 0, "b": 1, "ab": 1] } == """
        The tokens `b` and `ab` both have id 1.
        tokenizer.json
        Give every token an id of its own, from 0 without gaps.
        """)
  }

  @Test func `ids with a hole`() {
    #expect(
      message { $0["model"]?["vocab"] = ["a": 0, "b": 1, "ab": 7] } == """
        No token has id 2, although there are 4 tokens.
        tokenizer.json
        Ids must run from 0 to 3 without gaps; number the tokens again.
        """)
  }

  @Test func `an added token with another id than in the vocabulary`() {
    #expect(
      message { $0["added_tokens"] = [["id": 3, "content": "ab"]] } == """
        The token `ab` has the ids 2 and 3.
        tokenizer.json
        Keep one of the two entries.
        """)
  }

  @Test func `ids that are no ids`() {
    for value: JSON in [-1, 1.5, "1", nil, 4_294_967_296] {
      #expect(
        message { $0["model"]?["vocab"] = ["a": value] } == """
          `model.vocab[`a`]` should be an id from 0, found \(value.serialized()).
          tokenizer.json
          The file is damaged or not a tokenizer.json; fetch it again.
          """)
    }
  }

  @Test func `wrong types are named`() {
    #expect(
      message { $0["model"] = [] }?.hasPrefix("`model` should be an object, found an array.")
        == true)
    #expect(
      message { $0["model"] = nil }?.hasPrefix("`model` should be an object, found nothing.")
        == true)
    #expect(
      message { $0["added_tokens"] = 3 }?.hasPrefix("`added_tokens` should be an array") == true)
    #expect(
      message { $0["decoder"] = "x" }?.hasPrefix("`decoder` should be an object, found a string")
        == true)
    #expect(
      message { $0["normalizer"] = [:] }?.hasPrefix(
        "`normalizer.type` should be the component's name, found nothing") == true)
    #expect(
      message { $0["pre_tokenizer"]?["use_regex"] = 1 }?.hasPrefix(
        "`pre_tokenizer.use_regex` should be true or false, found a number") == true)
    #expect(
      message { $0["model"]?["vocab"] = ["a"] }?.hasPrefix(
        "`model.vocab` should be an object of tokens and ids, found an array") == true)
    #expect(message { $0["version"] = "2.0" }?.hasPrefix("`version` is `2.0`") == true)
  }

  @Test func `a component this version lacks is named with those it has`() {
    #expect(
      message { $0["normalizer"] = ["type": "Sequence", "normalizers": [["type": "Lowercase"]]] }
        == """
        `normalizer.normalizers[0]` is `Lowercase`, which this version cannot do exactly.
        tokenizer.json
        Supported there: `NFC`, `Sequence`.
        """)
    #expect(
      message { $0["pre_tokenizer"] = ["type": "Metaspace"] } == """
        `pre_tokenizer` is `Metaspace`, which this version cannot do exactly.
        tokenizer.json
        Supported there: `ByteLevel`, `Split`, `Sequence`.
        """)
    #expect(
      message { $0["model"]?["type"] = "Unigram" } == """
        `model` is `Unigram`, which this version cannot do exactly.
        tokenizer.json
        Supported there: `BPE`.
        """)
    #expect(
      message { $0["post_processor"] = ["type": "BertProcessing"] }?.contains("`ByteLevel`") == true
    )
    #expect(message { $0["decoder"] = ["type": "WordPiece"] }?.contains("`ByteLevel`") == true)
  }

  @Test func `a setting this version cannot follow is refused, never ignored`() {
    #expect(
      message { $0["model"]?["dropout"] = 0.1 } == """
        `model.dropout` is 0.1, which this version cannot do exactly.
        tokenizer.json
        Supported there: null, 0.
        """)
    #expect(
      message { $0["model"]?["byte_fallback"] = true }?.contains("`model.byte_fallback` is true")
        == true)
    #expect(message { $0["model"]?["end_of_word_suffix"] = "</w>" }?.contains("`</w>`") == true)
    #expect(
      message { $0["pre_tokenizer"]?["add_prefix_space"] = true }?.contains(
        "add_prefix_space` is true") == true)
    #expect(message { $0["normalizer"]?["form"] = "odd" }?.contains("the setting `form`") == true)
    let split: JSON = [
      "type": "Split", "pattern": ["Regex": "\\w+"], "behavior": "Isolated", "invert": false,
    ]
    #expect(message { $0["pre_tokenizer"] = split }?.contains(#"{"Regex":"\\w+"}"#) == true)
  }

  @Test func `roles must name tokens`() {
    let error = #expect(throws: TokenizationError.self) {
      try Tokenizer(json: Self.small, roles: Tokenizer.Roles(eos: "</s>"))
    }
    #expect(
      error?.description == """
        eos_token is `</s>`, which is not a token.
        tokenizer.json
        Name a token of tokenizer.json there, or remove the entry.
        """)
  }

  @Test func `files that are missing, cut short, or not UTF-8`() throws {
    let folder = try TemporaryFolder()
    func failure() -> TokenizationError? {
      #expect(throws: TokenizationError.self) { try Tokenizer.load(directory: folder.path) }
    }
    #expect(
      failure()?.description == """
        A tokenizer file cannot be read: there is no such file.
        \(folder.path)/tokenizer.json
        A model folder needs tokenizer.json, or vocab.json with merges.txt; copy it there.
        """)
    let text = Self.small.serialized()
    try folder.write(String(text.prefix(text.count / 2)), "tokenizer.json")
    #expect(failure()?.description.contains("not well formed") == true)
    var bytes = Data(text.utf8)
    bytes[bytes.firstRange(of: Data("NFC".utf8))?.lowerBound ?? 0] = 0xFF
    try bytes.write(to: URL(fileURLWithPath: "\(folder.path)/tokenizer.json"))
    #expect(failure()?.description.contains("UTF-8") == true)
    try folder.write(text, "tokenizer.json")
    try folder.write("[]", "tokenizer_config.json")
    #expect(failure()?.description.contains("tokenizer_config.json") == true)
    try folder.write(#"{"eos_token": "<|e|>"}"#, "tokenizer_config.json")
    #expect(try Tokenizer.load(directory: folder.path).eosID == 3)
  }

  @Test func `bad lines of merges.txt are named`() throws {
    let folder = try TemporaryFolder()
    try folder.write(#"{"a":0,"b":1,"ab":2}"#, "vocab.json")
    try folder.write("#version: 0.2\na b\nab\n", "merges.txt")
    let error = #expect(throws: TokenizationError.self) {
      try Tokenizer.load(directory: folder.path)
    }
    #expect(
      error?.description == """
        `line 3` should be two tokens, found `ab`.
        \(folder.path)/merges.txt
        The file is damaged or not a tokenizer.json; fetch it again.
        """)
    try Data([0x61, 0x20, 0xFF]).write(to: URL(fileURLWithPath: "\(folder.path)/merges.txt"))
    #expect(
      throws: TokenizationError.unreadable(
        file: "\(folder.path)/merges.txt", reason: "it is not UTF-8")
    ) { try Tokenizer.load(directory: folder.path) }
  }

  @Test func `an unwritable folder is a failure of the work, not of the input`() throws {
    let folder = try TemporaryFolder()
    try folder.write("a file", "taken")
    let error = #expect(throws: TokenizationError.self) {
      try Tokenizer(json: Self.small).save(to: "\(folder.path)/taken")
    }
    #expect(error?.diagnosis.kind == .failed)
  }

  @Test(arguments: 1...4)
  func `thousands of mutated files are read or refused, and never crash`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let original = Array(Self.small.serialized().utf8)
    let fragments = [
      "null", "-1", "1e99", "\"\"", "[]", "{}", "true", "\\u0000", "\"ab\"", "99999999999",
    ]
    var readable = 0
    for _ in 0..<1500 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(bytes[Int.random(in: bytes.indices, using: &random)], at: place)
        case 3:
          bytes.insert(contentsOf: (fragments.randomElement(using: &random) ?? "").utf8, at: place)
        default:
          let end = min(bytes.count, place + Int.random(in: 1...20, using: &random))
          bytes.replaceSubrange(
            place..<end, with: (fragments.randomElement(using: &random) ?? "").utf8)
        }
      }
      guard let json = try? JSON.parse(bytes, origin: "mutated"),
        let tokenizer = try? Tokenizer(json: json)
      else { continue }
      readable += 1
      let ids = tokenizer.encode("ab <|e|> a\u{301}b\r\n\0 क्ष 'll")
      #expect(throws: Never.self) { try tokenizer.validate(ids) }
      _ = tokenizer.decode(ids)
      #expect((try? Tokenizer(json: tokenizer.json)) != nil, "seed \(seed)")
    }
    #expect(readable > 0, "seed \(seed)")
  }
}
