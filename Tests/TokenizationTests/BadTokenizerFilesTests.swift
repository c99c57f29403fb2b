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

  @Test func `ids may leave gaps, but no large ones`() throws {
    var json = Self.small
    json["model"]?["vocab"] = ["a": 0, "b": 1, "ab": 7]
    let tokenizer = try Tokenizer(json: json)
    #expect(tokenizer.vocabularySize == 8)
    #expect(tokenizer.encode("ab<|e|>b") == [7, 3, 1])
    #expect(tokenizer.decode([7, 5, 1]) == "abb")
    #expect(throws: TokenizationError.idOutOfRange(5, position: 1, vocabularySize: 8)) {
      try tokenizer.validate([7, 5])
    }
    #expect(
      message { $0["model"]?["vocab"] = ["a": 0, "b": 1, "ab": 2_000_000] } == """
        The token `ab` has the id 2000000; expected 0 to 1000003.
        tokenizer.json
        The file is damaged; fetch it again.
        """)
  }

  @Test func `an added token whose id no reader would give it`() {
    #expect(
      message { $0["added_tokens"] = [["id": 9, "content": "x"]] } == """
        The added token `x` has the id 9 in the file, but every reader gives it 3, the next after the \
        model's tokens.
        tokenizer.json
        Put the token into the model's vocabulary, or number it 3.
        """)
  }

  @Test func `regular expressions that cannot be used`() {
    func split(_ regex: String) -> String? {
      message {
        $0["pre_tokenizer"] = [
          "type": "Split", "pattern": ["Regex": .string(regex)], "behavior": "Isolated",
          "invert": false,
        ]
      }
    }
    #expect(split(#"\w+"#) == nil)
    #expect(
      split("(a") == """
        `pre_tokenizer.pattern` is no regular expression that can be used: missing closing parenthesis.
        tokenizer.json, `(a`
        Correct the pattern, or fetch the file again.
        """)
    for (regex, what) in [
      ("[a[b]]", "`[` inside a set"), ("[a&&b]", "`&&` inside a set"), ("(?m)a.", "`(?m)`"),
      ("a{1,2}+", "`+` after an interval"), (#"\Qa"#, #"`\Q`"#), (#"[\W]"#, #"`\W` inside a set"#),
    ] {
      #expect(split(regex)?.contains("\(what) has another meaning in PCRE2") == true, "\(regex)")
    }
    #expect(split(#"\p{L}+|a{2}|(?i:x)|[]a]"#) == nil)
  }

  @Test func `an expression that would take forever ends, and always in the same place`() throws {
    var json = Self.small
    json["pre_tokenizer"] = [
      "type": "Split", "pattern": ["Regex": "(a|aa)+$b|(a*)*c"], "behavior": "Isolated",
      "invert": false,
    ]
    let tokenizer = try Tokenizer(json: json)
    let text = String(repeating: "a", count: 3000)
    #expect(tokenizer.encode(text).count == 3000)
  }

  @Test func `settings of the other models that are wrong`() {
    #expect(
      message { $0["model"] = ["type": "Unigram", "unk_id": 4, "vocab": [["a", -1.0]]] }?.hasPrefix(
        "`model.unk_id` should be null or an id below 1, found 4.") == true)
    #expect(
      message { $0["model"] = ["type": "Unigram", "vocab": [["a", "x"]]] }?.hasPrefix(
        "`model.vocab[0]` should be a piece and its finite score") == true)
    #expect(
      message { $0["model"] = ["type": "Unigram", "vocab": [["a", -1.0], ["a", -2.0]]] }?.hasPrefix(
        "The token `a` has the ids 0 and 1.") == true)
    #expect(
      message {
        $0["added_tokens"] = []
        $0["model"] = [
          "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
          "max_input_chars_per_word": 100, "vocab": ["a": 0],
        ]
      }?.hasPrefix("model.unk_token is `[UNK]`, which is not a token.") == true)
    #expect(
      message { $0["model"]?["continuing_subword_prefix"] = "##" } == """
        Merge 0 ends in `b`, which does not begin with the model's prefix `##`.
        tokenizer.json
        Vocabulary and merges belong to different models; fetch both again.
        """)
    #expect(
      message { $0["normalizer"] = ["type": "Precompiled", "precompiled_charsmap": "AAAA"] }?
        .contains("a table of replacements (a size, a trie, texts)") == true)
    #expect(
      message {
        $0["post_processor"] = ["type": "BertProcessing", "sep": ["x", 7], "cls": ["x", 0]]
      }?
      .contains("found the id 7") == true)
    #expect(
      message {
        $0["pre_tokenizer"] = [
          "type": "Metaspace", "replacement": "_", "add_prefix_space": false,
          "prepend_scheme": "always",
        ]
      }?.contains("false with prepend_scheme `always`") == true)
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
      message { $0["normalizer"] = ["type": "Sequence", "normalizers": [["type": "Rot13"]]] }
        == """
        `normalizer.normalizers[0]` is `Rot13`, which this version cannot do exactly.
        tokenizer.json
        Supported there: `BertNormalizer`, `ByteLevel`, `Lowercase`, `NFC`, `NFD`, `NFKC`, `NFKD`, \
        `Nmt`, `Precompiled`, `Prepend`, `Replace`, `Sequence`, `Strip`, `StripAccents`.
        """)
    #expect(
      message { $0["pre_tokenizer"] = ["type": "Jieba"] } == """
        `pre_tokenizer` is `Jieba`, which this version cannot do exactly.
        tokenizer.json
        Supported there: `BertPreTokenizer`, `ByteLevel`, `CharDelimiterSplit`, `Digits`, \
        `FixedLength`, `Metaspace`, `Punctuation`, `Sequence`, `Split`, `UnicodeScripts`, \
        `Whitespace`, `WhitespaceSplit`.
        """)
    #expect(
      message { $0["model"]?["type"] = "Morfessor" } == """
        `model` is `Morfessor`, which this version cannot do exactly.
        tokenizer.json
        Supported there: `BPE`, `Unigram`, `WordPiece`, `WordLevel`.
        """)
    #expect(
      message { $0["post_processor"] = ["type": "X"] }?.contains("`TemplateProcessing`") == true)
    #expect(message { $0["decoder"] = ["type": "X"] }?.contains("`ByteFallback`") == true)
  }

  @Test func `a setting this version cannot follow is refused, never ignored`() {
    #expect(
      message { $0["model"]?["dropout"] = 0.1 } == """
        `model.dropout` is 0.1, which this version cannot do exactly.
        tokenizer.json
        Supported there: null, 0.
        """)
    #expect(message { $0["normalizer"]?["form"] = "odd" }?.contains("the setting `form`") == true)
    let split: JSON = [
      "type": "Split", "pattern": ["Regex": "\\w+"], "behavior": "Shuffled", "invert": false,
    ]
    #expect(message { $0["pre_tokenizer"] = split }?.contains("`Shuffled`") == true)
  }

  @Test func `roles must name tokens`() {
    let error = #expect(throws: TokenizationError.self) {
      try Tokenizer(json: Self.small, roles: Tokenizer.Roles(eos: "</s>"))
    }
    #expect(
      error?.description == """
        eos_token is `</s>`, which is not a token.
        tokenizer.json
        Name a token of the vocabulary there, or remove the entry.
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
        A model folder needs tokenizer.json, or one of tokenizer.model, vocab.json with merges.txt, \
        vocab.txt, *.tiktoken; copy it there.
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
