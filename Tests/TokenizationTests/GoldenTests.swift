// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Tokenization

/// Against Hugging Face tokenizers, whose version golden.json names.
@Suite struct GoldenTests {
  let golden: GoldenData

  init() throws { golden = try GoldenData() }

  static let patterns: [(String, SplitPattern)] = [
    ("gpt2", .gpt2), ("marks", .marksAsLetters), ("digits", .singleDigits),
    ("triples", .numberTriples),
  ]

  @Test func `the split classes of every scalar are those of the regex engine`() throws {
    let kinds: [(String, ScalarClass)] = [
      ("letter", .letter), ("mark", .mark), ("number", .number), ("space", .space),
    ]
    for (name, kind) in kinds {
      let bounds = golden.json["classes"]?[name]?.array?.compactMap(\.int) ?? []
      #expect(bounds.count > 10)
      var expected = [Bool](repeating: false, count: 0x110000)
      for pair in stride(from: 0, to: bounds.count, by: 2) {
        for scalar in bounds[pair]...bounds[pair + 1] { expected[scalar] = true }
      }
      let wrong = expected.indices.filter {
        UnicodeClasses.table[UInt32($0)].contains(kind) != expected[$0]
      }
      #expect(wrong.isEmpty, "\(name): \(wrong.prefix(10).map { String($0, radix: 16) })")
    }
  }

  @Test func `normalization form C is that of the reference`() throws {
    let pairs = golden.json["nfc"]?.array ?? []
    #expect(pairs.count > 300)
    for pair in pairs {
      let both = GoldenData.strings(pair)
      let result = NFCNormalizer().normalize(both[0])
      #expect(Array(result.utf8) == Array(both[1].utf8), "\(both[0].unicodeScalars.map(\.value))")
    }
  }

  @Test(arguments: [("gpt2", SplitPattern.gpt2), ("marks", .marksAsLetters)])
  func `training writes the bytes that the reference writes`(
    name: String, pattern: SplitPattern
  ) throws {
    let ours = try golden.trained(pattern).json.serialized(pretty: true)
    #expect(Array(ours.utf8) == (try GoldenData.bytes("trained-\(name).json")))
  }

  @Test func `trainings of several sizes learn the merges of the reference in its order`() throws {
    let trainings = golden.json["trainings"]?.array ?? []
    #expect(trainings.count == 4)
    for training in trainings {
      let texts: [String]
      if let range = training["texts"]?.array?.compactMap(\.int), range.count == 2 {
        texts = Array(golden.corpus[range[0]..<range[0] + range[1]])
      } else {
        texts = GoldenData.strings(training["texts"])
      }
      let size = try #require(training["size"]?.int)
      let minimum = try #require(training["minimum"]?.int)
      let tokenizer = try BPETrainer(vocabularySize: size, minimumFrequency: minimum).train(texts)
      #expect(tokenizer.vocabularySize == training["tokens"]?.int)
      #expect(tokenizer.tokens.last == training["last"]?.string)
      #expect(merges(of: tokenizer).count == training["merges"]?.int)
      let last = merges(of: tokenizer).suffix(60).map {
        "\(tokenizer.tokens[Int($0.left)]) \(tokenizer.tokens[Int($0.right)])"
      }
      #expect(last.joined(separator: "\n") == training["merge_text"]?.string)
    }
  }

  @Test(arguments: patterns)
  func `hard texts have the ids of the reference`(name: String, pattern: SplitPattern) throws {
    // Read back from its own JSON, so that the reader is under test as well.
    let tokenizer = try Tokenizer(json: golden.trained(pattern).json)
    let expected = golden.json["encodings"]?[name]?.array ?? []
    #expect(expected.count == golden.texts.count && expected.count > 100)
    for (text, ids) in zip(golden.texts, expected) {
      #expect(tokenizer.encode(text) == GoldenData.ids(ids), "\(text.unicodeScalars.map(\.value))")
    }
  }

  @Test func `decoding gives the text of the reference, which is the text in form C`() throws {
    let tokenizer = try golden.trained(.marksAsLetters)
    let expected = GoldenData.strings(golden.json["decoded"])
    for (text, decoded) in zip(golden.texts, expected) {
      let ours = tokenizer.decode(tokenizer.encode(text), skipSpecialTokens: false)
      #expect(Array(ours.utf8) == Array(decoded.utf8))
      #expect(Array(ours.utf8) == Array(NFCNormalizer().normalize(text).utf8))
    }
  }

  @Test
  func `ids that end inside characters decode to the replacement characters of the reference`()
    throws
  {
    let tokenizer = try golden.trained(.marksAsLetters)
    let ids = golden.json["random_ids"]?.array ?? []
    let texts = GoldenData.strings(golden.json["random_decoded"])
    #expect(ids.count == texts.count && ids.count == 100)
    #expect(texts.contains { $0.contains("\u{FFFD}") })
    for (ids, text) in zip(ids, texts) {
      #expect(Array(tokenizer.decode(GoldenData.ids(ids)).utf8) == Array(text.utf8))
    }
  }

  @Test func `added tokens with every setting are found as the reference finds them`() throws {
    var json = try golden.trained(.marksAsLetters).json
    json["added_tokens"] = golden.json["added_tokens"]
    let tokenizer = try Tokenizer(json: json)
    let texts = GoldenData.strings(golden.json["added_texts"])
    let expected = golden.json["added_ids"]?.array ?? []
    #expect(texts.count == expected.count && texts.count == 8)
    for (text, ids) in zip(texts, expected) {
      #expect(tokenizer.encode(text) == GoldenData.ids(ids), "\(text)")
    }
  }
}
