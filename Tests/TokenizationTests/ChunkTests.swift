// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Tokenization

/// Texts cut into chunks against texts that go through the stages whole.
@Suite struct ChunkTests {
  let golden: GoldenData

  init() throws { golden = try GoldenData() }

  /// Text in which the places that matter for cutting are frequent.
  private func random(_ generator: inout SeededGenerator) -> String {
    let parts = [
      " ", " ", " ", "  ", "   ", "\n", "\r\n", "\t", "a", "the", "Góðan", "dag", "1", "24", "'s",
      "'LL",
      ".", ",", "(", "—", "é", "e\u{301}", "\u{301}", "\u{2581}", "\u{a0}", "\u{3000}", "\u{200b}",
      "\u{200d}", "हि", "न्", "བོད", "་", "\u{600}", "\u{6dd}", "\u{d4e}", "\u{110bd}", "日本", "👩‍💻", "🇫🇴",
      "\u{0}", "\u{7f}", "\u{1c}", "<|endoftext|>", "<s>", "</s>", "<unk>", "<0x41>", "ﬁ", "Å", "각",
      String(repeating: "x", count: 97), "\u{10ffff}", "\u{e0100}",
    ]
    return (0..<Int.random(in: 0...14, using: &generator)).map { _ in
      parts[Int.random(in: parts.indices, using: &generator)]
    }.joined()
  }

  private func compare(_ tokenizer: Tokenizer, _ name: String) {
    var generator = SeededGenerator(seed: 44)
    let texts =
      golden.texts + golden.corpus + [golden.corpus.joined(separator: "\n")]
      + (0..<1500).map { _ in random(&generator) }
    // A second time, when the cache knows the chunks.
    for _ in 0..<2 {
      for text in texts {
        let whole = tokenizer.encodePlainly(text)
        #expect(tokenizer.encode(text) == whole, "\(name): \(text.unicodeScalars.map(\.value))")
      }
    }
  }

  @Test(arguments: SplitPattern.allCases)
  func `byte-level texts in chunks have the ids of whole texts`(pattern: SplitPattern) throws {
    let tokenizer = try golden.trained(pattern)
    #expect(tokenizer.chunkPlan != nil)
    compare(tokenizer, "\(pattern)")
  }

  @Test func `texts of characters in chunks have the ids of whole texts`() throws {
    for tokenizer in [
      try BPETrainer.byteFallback(vocabularySize: 600).train(golden.corpus),
      try UnigramTrainer(vocabularySize: 600).train(golden.corpus),
    ] {
      #expect(tokenizer.chunkPlan?.dropsSpace == true)
      compare(tokenizer, "characters")
    }
  }

  @Test(arguments: ["gpt2", "gpt-neox-20b", "phi-3-mini", "t5-small"])
  func `real tokenizers give chunks the ids of whole texts`(name: String) throws {
    guard let data = dataFolder(for: "chunks of \(name)") else { return }
    let tokenizer = try Tokenizer.load(directory: "\(data)/tokenizers/\(name)")
    #expect(tokenizer.chunkPlan != nil)
    compare(tokenizer, name)
  }

  @Test func `tokenizers whose chunks may differ have no plan`() throws {
    let bytes = try golden.trained(.gpt2).json
    let characters = try BPETrainer.byteFallback(vocabularySize: 600).train(golden.corpus).json
    func plan(_ json: JSON, _ changes: [String: JSON]) throws -> ChunkPlan? {
      var json = json
      for (key, value) in changes { json[key] = value }
      return try Tokenizer(json: json).chunkPlan
    }
    #expect(try plan(bytes, [:]) != nil)
    let addsSpace: JSON = [
      "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    ]
    #expect(try plan(bytes, ["pre_tokenizer": addsSpace]) == nil)
    #expect(try plan(bytes, ["pre_tokenizer": .null]) == nil)
    let strip: JSON = ["type": "Strip", "strip_left": true, "strip_right": true]
    #expect(try plan(bytes, ["normalizer": strip]) == nil)
    // A token that swallows the space behind it, and one with a space inside.
    for (content, stripsRight) in [("<r>", true), ("New York", false)] {
      let token: JSON = [
        "id": JSON(560), "content": .string(content), "single_word": false, "lstrip": false,
        "rstrip": .bool(stripsRight), "normalized": true, "special": false,
      ]
      let added = (bytes["added_tokens"]?.array ?? []) + [token]
      #expect(try plan(bytes, ["added_tokens": .array(added)]) == nil)
    }
    #expect(try plan(characters, [:]) != nil)
    // Spaces are replaced, but none is put before the text.
    let replace: JSON = ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"]
    #expect(try plan(characters, ["normalizer": replace]) == nil)
    // A merge across a space.
    var model = try #require(characters["model"])
    var vocabulary = try #require(model["vocab"]?.object)
    vocabulary["a\u{2581}"] = JSON(600)
    model["vocab"] = .object(vocabulary)
    model["merges"] = .array((model["merges"]?.array ?? []) + [["a", "\u{2581}"]])
    #expect(try plan(characters, ["model": model]) == nil)
  }

  @Test func `a full cache starts again and changes no ids`() throws {
    let tokenizer = try golden.trained(.gpt2)
    var text = ""
    for number in 0..<120_000 { text += " w\(number)" }
    let ids = tokenizer.encode(text)
    #expect(ids == tokenizer.encode(text))
    #expect(tokenizer.decode(ids) == text)
    #expect(ids.suffix(40) == tokenizer.encodePlainly(text).suffix(40))
  }

  @Test func `a batch has the ids of its texts one by one`() throws {
    let tokenizer = try golden.trained(.marksAsLetters)
    let texts = (0..<40).flatMap { _ in golden.corpus } + golden.texts
    #expect(tokenizer.encodeBatch(texts) == texts.map { tokenizer.encode($0) })
    #expect(tokenizer.encodeBatch([]).isEmpty)
  }
}
