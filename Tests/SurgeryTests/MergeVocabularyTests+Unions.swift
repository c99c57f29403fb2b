// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing
import Tokenization

@testable import Surgery

/// Unions of vocabularies.
extension MergeVocabularyTests {
  // MARK: Unions

  private static let english = ["h", "u", "n", "d", "r", "e", "Ġ", "o", "hu", "nd", "hund"]
  private static let englishMerges = ["h u", "n d", "hu nd"]

  @Test func `a union adds tokens with their merges, and keeps what the base does`() throws {
    let a = try folders.model("a", Self.english, start: 0, merges: Self.englishMerges)
    let b = try folders.model(
      "b", ["r", "e", "d", "Ġ", "o", "re", "red", "Ġo"], start: 100,
      added: [added("<|x|>", 8)], merges: ["r e", "re d", "Ġ o"])
    let plan = try sum(
      [("a", a), ("b", b)], .init(source: .union), base: "a",
      options: .init(sampleTexts: ["hundhundo", "und"]))
    let document = try tokenizer(plan)
    #expect(
      document.entries.map(\.text) == Self.english + ["re", "red", "Ġo", "<|x|>"])
    let before = try Tokenizer(json: try #require(try TokenizerDocument(a)).json)
    let after = try Tokenizer(json: document.json)
    for text in ["hund", "hundhund", "undo", "nd"] {
      #expect(before.encode(text) == after.encode(text))
    }
    func pieces(_ text: String) -> [String] { after.encode(text).map { after.tokens[Int($0)] } }
    #expect(pieces("hundred o") == ["hund", "red", "Ġo"])
    // A special token keeps its settings.
    #expect(document.entries.last?.added?["lstrip"]?.bool == true)
    #expect(pieces("red<|x|>") == ["red", "<|x|>"])
    // re, red, Ġo and <|x|> are b's alone, and both have them now.
    let lent: [Float] = [210, 212, 214, 216]
    #expect(try Array(rows(plan).suffix(4)) == lent)
    #expect(plan.checkpoint.config["vocab_size"]?.int == 15)
    #expect(plan.notes.contains { $0.contains("0 of the donors' were left out") })
  }

  @Test func `new tokens that would divide a sample otherwise are left out`() throws {
    let a = try folders.model("a", Self.english, start: 0, merges: Self.englishMerges)
    let b = try folders.model(
      "b", ["r", "e", "re", "ree", "ro", "o"], start: 100, merges: ["r e", "re e", "r o"])
    let models = [("a", a), ("b", b)]
    let whole = try sum(models, .init(source: .union), base: "a")
    #expect(try tokenizer(whole).entries.map(\.text) == Self.english + ["re", "ree", "ro"])
    #expect(whole.notes.contains { $0.contains("--sample-text") })
    // "re" comes out in the sample; without it "ree" cannot be made.
    let plan = try sum(
      models, .init(source: .union), base: "a", options: .init(sampleTexts: ["hundred", "o r o"]))
    let document = try tokenizer(plan)
    #expect(document.entries.map(\.text) == Self.english + ["ro"])
    #expect(plan.notes.contains { $0.contains("adds 1 ordinary tokens; 1 of the donors'") })
    let before = try Tokenizer(json: try #require(try TokenizerDocument(a)).json)
    let after = try Tokenizer(json: document.json)
    #expect(before.encode("hundred") == after.encode("hundred"))
    #expect(after.encode("hundro") != before.encode("hundro"))
  }

  @Test func `what a tokenizer puts around a text has no part in a union`() throws {
    let models = [
      ("a", try folders.model("a", Self.english, start: 0, merges: Self.englishMerges)),
      ("b", try folders.model("b", ["r", "e", "re"], start: 100, merges: ["r e"])),
    ]
    for (name, _) in models {
      // The files are read when the merge is planned.
      let path = "\(folders.root)/\(name)/tokenizer.json"
      var json = try JSON.parse(
        try String(contentsOfFile: path, encoding: .utf8), origin: path)
      json["post_processor"] = ["type": "Sequence", "processors": []]
      try json.serialized().write(toFile: path, atomically: true, encoding: .utf8)
    }
    let document = try tokenizer(try sum(models, .init(source: .union), base: "a"))
    #expect(document.id(of: "re") != nil)
    // It stays the base's.
    #expect(document.json["post_processor"]?["type"]?.string == "Sequence")
  }

  @Test func `an added token that tears a sample refuses the union`() throws {
    let a = try folders.model("a", Self.english, start: 0, merges: Self.englishMerges)
    let b = try folders.model(
      "b", ["r", "e", "re"], start: 100, added: [added("dre", 3)], merges: ["r e"])
    let models = [("a", a), ("b", b)]
    #expect(
      lines {
        _ = try sum(
          models, .init(source: .union), base: "a", options: .init(sampleTexts: ["hundred"]))
      }[0]
        == "The union of the vocabularies divides the sample text `hundred` otherwise than the base "
        + "does, by tokens that are searched before all others.")
  }

  @Test func `tokens that the base's merges keep from coming out are counted`() throws {
    let a = try folders.model("a", Self.english, start: 0, merges: Self.englishMerges)
    // "und" needs u+nd, but the base merges h+u first only where h is there; "hun" never comes.
    let b = try folders.model(
      "b", ["h", "u", "n", "un", "hun"], start: 100, merges: ["u n", "h un"])
    let notes = try sum([("a", a), ("b", b)], .init(source: .union), base: "a").notes
    #expect(notes.contains { $0.hasPrefix("1 of the 2 new tokens do not come out") }, "\(notes)")
  }

  @Test func `a union is the same on every run, and special tokens alone need no BPE`() throws {
    func unigram(_ name: String, _ pieces: [String], _ special: String) throws -> Checkpoint {
      let file: JSON = [
        "added_tokens": [added(special, pieces.count)],
        "model": [
          "type": "Unigram", "unk_id": 0,
          "vocab": JSON(pieces.map { JSON([JSON($0), JSON(-1.0)]) }),
        ],
      ]
      return try folders.model(
        name, pieces, start: 0, rows: pieces.count + 1,
        files: ["tokenizer.json": file.serialized()])
    }
    let a = try unigram("a", ["x", "y"], "<a>")
    let b = try unigram("b", ["y", "x"], "<b>")
    let plans = try (0..<3).map { _ in
      try sum([("a", a), ("b", b)], .init(source: .union), base: "a")
    }
    #expect(try tokenizer(plans[0]).entries.map(\.text) == ["x", "y", "<a>", "<b>"])
    for plan in plans {
      #expect(
        try plan.checkpoint.tokenizerFiles.map { try $0.bytes() }
          == plans[0].checkpoint.tokenizerFiles.map { try $0.bytes() })
    }
    let c = try unigram("c", ["y", "q"], "<c>")
    let found = lines { _ = try sum([("a", a), ("c", c)], .init(source: .union), base: "a") }
    #expect(found[0].hasPrefix("A union with the tokenizer of c is not sound: "), "\(found)")
    #expect(found[0].contains("Unigram"))
  }

  @Test func `a union of tokenizers that cut words otherwise is refused`() throws {
    let a = try folders.model("a", ["x", "y"], start: 0)
    let b = try folders.model("b", ["x", "z"], start: 0)
    let path = "\(folders.root)/b/tokenizer.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let start = try #require(text.range(of: "\"add_prefix_space\":false"))
    try text.replacingCharacters(in: start, with: "\"add_prefix_space\":true").write(
      toFile: path, atomically: true, encoding: .utf8)
    let found = lines { _ = try sum([("a", a), ("b", b)], .init(source: .union), base: "a") }
    #expect(
      found[0].hasPrefix("A union with the tokenizer of b is not sound")
        || found[0].contains("add_prefix_space"), "\(found)")
    #expect(found.count == 3)
  }
}
