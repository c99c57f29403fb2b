// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Tokenization

@Suite struct TokenizerFilesTests {
  @Test func `a saved tokenizer reads back the same and saves the same bytes`() throws {
    let golden = try GoldenData()
    let first = try TemporaryFolder()
    let second = try TemporaryFolder()
    var tokenizer = try golden.trained(.marksAsLetters)
    tokenizer.modelMaxLength = 256
    try tokenizer.save(to: first.path)
    let again = try Tokenizer.load(directory: first.path)
    #expect(again.roles == tokenizer.roles)
    #expect(again.modelMaxLength == 256)
    #expect(again.tokens == tokenizer.tokens)
    for text in golden.texts { #expect(again.encode(text) == tokenizer.encode(text)) }
    try again.save(to: second.path)
    for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"] {
      #expect(
        try Tokenizer.contents("\(first.path)/\(name)")
          == (try Tokenizer.contents("\(second.path)/\(name)")))
    }
  }

  @Test func `tokenizer_config.json says what transformers needs`() throws {
    let tokenizer = try BPETrainer(vocabularySize: 300).train(["hello hello"])
    #expect(
      tokenizer.configurationJSON.serialized() == #"{"add_bos_token":false,"#
        + #""bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","pad_token":"<|pad|>","#
        + #""clean_up_tokenization_spaces":false,"#
        + #""model_max_length":1000000000000000019884624838656,"#
        + #""tokenizer_class":"PreTrainedTokenizerFast"}"#)
  }

  @Test func `other keys of a tokenizer_config.json stay`() throws {
    let folder = try TemporaryFolder()
    try BPETrainer(vocabularySize: 300).train(["hello hello"]).save(to: folder.path)
    try folder.write(
      #"{"chat_template": "{{ x }}", "eos_token": {"content": "<|pad|>", "lstrip": false}}"#,
      "tokenizer_config.json")
    let tokenizer = try Tokenizer.load(directory: folder.path)
    #expect(tokenizer.eosID == 1)
    // The older file special_tokens_map.json fills in what the newer leaves out.
    #expect(tokenizer.bosID == 0)
    #expect(tokenizer.configurationJSON["chat_template"] == "{{ x }}")
    #expect(tokenizer.configurationJSON["eos_token"]?["content"] == "<|pad|>")
  }

  @Test(arguments: ["tokenizer_config.json", "special_tokens_map.json"])
  func `a role that is no token is told by the file that gives it`(file: String) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-roles-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Tokenizer(json: BadTokenizerFilesTests.small).save(to: folder)
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
      let text = name == file ? #"{"pad_token": {"content": "<nopad>"}}"# : "{}"
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }
    let error = #expect(throws: TokenizationError.self) { try Tokenizer.load(directory: folder) }
    #expect(
      error?.description == """
        pad_token is `<nopad>`, which is not a token.
        \(folder)/\(file)
        Name a token of the vocabulary there, or remove the entry.
        """)
  }

  @Test func `merges are read as pairs and as lines`() throws {
    let tokenizer = try GoldenData().trained(.gpt2)
    var old = tokenizer.json
    let lines = (old["model"]?["merges"]?.array ?? []).map { pair in
      JSON(GoldenData.strings(pair).joined(separator: " "))
    }
    #expect(lines.count > 200)
    old["model"]?["merges"] = .array(lines)
    #expect(try Tokenizer(json: old).json == tokenizer.json)
  }

  @Test func `other spellings of the same stages give the same ids and are kept`() throws {
    let golden = try GoldenData()
    let tokenizer = try golden.trained(.marksAsLetters)
    var json = tokenizer.json
    json["normalizer"] = ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "NFC"]]]
    var stages = json["pre_tokenizer"]?["pretokenizers"]?.array ?? []
    stages[0]["behavior"] = "Removed"
    stages[0]["invert"] = true
    json["pre_tokenizer"]?["pretokenizers"] = .array(stages)
    json["truncation"] = ["max_length": 4]
    let other = try Tokenizer(json: json)
    #expect(other.json == json)
    for text in golden.texts { #expect(other.encode(text) == tokenizer.encode(text)) }
  }

  @Test func `GPT-2's two files give the tokenizer that its tokenizer.json gives`() throws {
    let golden = try GoldenData()
    let trained = try golden.trained(.gpt2)
    let folder = try TemporaryFolder()
    try folder.write(trained.json["model"]?["vocab"]?.serialized() ?? "", "vocab.json")
    let merges = merges(of: trained).map {
      "\(trained.tokens[Int($0.left)]) \(trained.tokens[Int($0.right)])"
    }
    try folder.write("#version: 0.2\r\n" + merges.joined(separator: "\r\n") + "\n", "merges.txt")
    let tokenizer = try Tokenizer.load(directory: folder.path)
    #expect(tokenizer.bosID == 0)
    for text in golden.corpus { #expect(tokenizer.encode(text) == trained.encode(text)) }
  }

  @Test func `places and tokens cover the normalised text`() throws {
    let golden = try GoldenData()
    let tokenizer = try golden.trained(.marksAsLetters)
    for text in golden.texts {
      let (normalized, pieces) = tokenizer.pieces(of: text)
      #expect(Array(normalized.utf8) == Array(NFCNormalizer().normalize(text).utf8))
      #expect(pieces.map(\.id) == tokenizer.encode(text))
      var end = 0
      for piece in pieces {
        #expect(piece.byteRange.lowerBound == end)
        end = piece.byteRange.upperBound
        #expect(tokenizer.tokens[Int(piece.id)] == piece.token)
      }
      #expect(end == normalized.utf8.count)
    }
  }

  @Test func `ids outside the vocabulary are found, and decode to nothing`() throws {
    let tokenizer = try BPETrainer(vocabularySize: 300).train(["hello hello"])
    let ids = tokenizer.encode("hello") + [9999, -1]
    #expect(tokenizer.decode(ids) == "hello")
    #expect(throws: TokenizationError.idOutOfRange(9999, position: 1, vocabularySize: 262)) {
      try tokenizer.validate(ids)
    }
  }

  @Test func `special tokens decode only when asked for`() throws {
    let tokenizer = try BPETrainer(vocabularySize: 300).train(["hello hello"])
    let ids = tokenizer.encode("hello<|endoftext|>")
    #expect(ids.last == tokenizer.eosID)
    #expect(tokenizer.decode(ids) == "hello")
    #expect(tokenizer.decode(ids, skipSpecialTokens: false) == "hello<|endoftext|>")
  }

  @Test func `statistics count tokens, bytes, and words`() throws {
    let tokenizer = try BPETrainer(vocabularySize: 300).train(["hello hello world world"])
    let statistics = TokenizationStatistics(tokenizer, texts: ["hello  world\n", "é", ""])
    #expect(statistics.textCount == 3)
    #expect(statistics.wordCount == 3)
    #expect(statistics.byteCount == 15)
    // hello · two spaces apart: "Ġ", "Ġworld" · "Ċ" · two bytes of é
    #expect(statistics.tokenCount == 6)
    #expect(statistics.tokensPerWord == 2)
    #expect(statistics.bytesPerToken == 2.5)
    #expect(TokenizationStatistics().bytesPerToken == nil)
  }

  @Test func `many threads encode at once with one tokenizer`() async throws {
    let golden = try GoldenData()
    let tokenizer = try golden.trained(.marksAsLetters)
    let expected = golden.texts.map { tokenizer.encode($0) }
    let texts = golden.texts
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { texts.map { tokenizer.encode($0) } == expected }
      }
      for await isEqual in group { #expect(isEqual) }
    }
  }

  @Test func `the word cache forgets without changing ids`() throws {
    let tokenizer = try GoldenData().trained(.marksAsLetters)
    let many = (0..<40_000).map { "w\(String($0, radix: 5).map { "abcde"[$0] })" }
    let text = many.joined(separator: " ")
    let ids = tokenizer.encode(text)
    #expect(tokenizer.encode(text) == ids)
    #expect(tokenizer.decode(ids) == text)
    let last = many.suffix(200).joined(separator: " ")
    #expect(try GoldenData().trained(.marksAsLetters).encode(last) == tokenizer.encode(last))
  }
}

extension String {
  /// The letter at the place that a digit names.
  fileprivate subscript(digit: Character) -> Character {
    self[index(startIndex, offsetBy: digit.wholeNumberValue ?? 0)]
  }
}
