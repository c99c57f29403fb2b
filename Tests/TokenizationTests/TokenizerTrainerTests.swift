// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Tokenization

@Suite struct TokenizerTrainerTests {
  private let corpus: [String]

  init() throws { corpus = try GoldenData().corpus }

  @Test func `each kind is trained by its trainer with the usual settings`() throws {
    let bytes = try TokenizerTrainer(vocabularySize: 500).train(corpus)
    #expect(try bytes.json == BPETrainer(vocabularySize: 500).train(corpus).json)
    var trainer = TokenizerTrainer(vocabularySize: 600)
    trainer.fallsBackToBytes = true
    #expect(
      try trainer.train(corpus).json
        == BPETrainer.byteFallback(vocabularySize: 600).train(corpus).json)
    let unigram = try TokenizerTrainer(.unigram, vocabularySize: 600).train(corpus)
    #expect(try unigram.json == UnigramTrainer(vocabularySize: 600).train(corpus).json)
  }

  @Test func `settings reach the trainers`() throws {
    var trainer = TokenizerTrainer(.unigram, vocabularySize: 400)
    trainer.fallsBackToBytes = false
    trainer.specialTokens = ["<mask>"]
    trainer.characterLimit = 20
    let unigram = try trainer.train(corpus)
    #expect(unigram.tokens.prefix(5) == ["<unk>", "<s>", "</s>", "<pad>", "<mask>"])
    #expect(unigram.id(of: "<0x41>") == nil)
    #expect(unigram.tokens.dropFirst(5).count { $0.unicodeScalars.count == 1 } == 20)
    trainer = TokenizerTrainer(vocabularySize: 400)
    trainer.specialTokens = ["<mask>"]
    trainer.maximumTokenLength = 2
    let bytes = try trainer.train(corpus)
    #expect(bytes.tokens.prefix(3) == ["<|endoftext|>", "<|pad|>", "<mask>"])
    #expect(bytes.tokens.dropFirst(3).allSatisfy { $0.unicodeScalars.count <= 2 })
    let rare = TokenizerTrainer(vocabularySize: 400)
    var frequent = rare
    frequent.minimumFrequency = 1_000_000
    #expect(try frequent.train(corpus).vocabularySize == 258)
    #expect(try rare.train(corpus).vocabularySize == 400)
  }

  @Test(arguments: SplitPattern.allCases)
  func `a named pattern is written, and text is cut by it`(pattern: SplitPattern) throws {
    var trainer = TokenizerTrainer(vocabularySize: 400)
    trainer.pattern = pattern.name
    let trained = try trainer.train(corpus)
    var direct = BPETrainer(vocabularySize: 400)
    direct.pattern = pattern
    #expect(trained.json == (try direct.train(corpus).json))
    let text = trained.json.serialized()
    #expect(text.contains(JSON.string(pattern.rawValue).serialized()) == (pattern != .gpt2))
    #expect(text.contains("\"use_regex\":\(pattern == .gpt2)"))
    // Read again, it cuts as the pattern says: digits one by one, or not.
    let read = try Tokenizer(json: trained.json, roles: .init(), origin: "memory")
    if [.singleDigits, .marksAsLetters].contains(pattern) {
      #expect(read.encode("1234567").count == 7)
      #expect(!trained.tokens.contains { $0.count > 1 && $0.allSatisfy(\.isNumber) })
    }
    for sample in corpus.prefix(20) { #expect(read.encode(sample) == trained.encode(sample)) }
    #expect(SplitPattern(name: pattern.name) == pattern)
  }

  @Test func `no token crosses the words of an expression, and tokenizer.json has it`() throws {
    let texts = (0..<50).map { "aab baa aab 12\($0 % 5)3 aabbaa" }
    var trainer = TokenizerTrainer(vocabularySize: 300)
    trainer.minimumFrequency = 2
    // Pairs of digits; single letters b; what lies between is a word too.
    trainer.pattern = #"\d{1,2}|b"#
    let trained = try trainer.train(texts)
    let split = trained.json["pre_tokenizer"]?["pretokenizers"]?.array?.first
    #expect(split?["pattern"]?["Regex"]?.string == #"\d{1,2}|b"#)
    #expect(split?["behavior"]?.string == "Isolated")
    let read = try Tokenizer(json: trained.json, roles: .init(), origin: "memory")
    #expect(read.encode("aab 1203").map { read.tokens[Int($0)] } == ["aa", "b", "Ġ", "12", "03"])
    for token in read.tokens.dropFirst(2) where token.contains("b") { #expect(token == "b") }
    #expect(read.decode(read.encode(texts[3])) == texts[3])
    // With the usual pattern the same word is one token.
    trainer.pattern = nil
    let usual = try trainer.train(texts)
    #expect(usual.encode("aab").count == 1)
  }

  @Test(arguments: ["gpt-2", "llama", "(", #"\q{"#])
  func `a pattern that is no name and no expression is told`(pattern: String) throws {
    var trainer = TokenizerTrainer(vocabularySize: 400)
    trainer.pattern = pattern
    let diagnosis = #expect(throws: TokenizationError.self) { try trainer.train(corpus) }?.diagnosis
    #expect(diagnosis?.kind == .malformedInput)
    let isWord = !pattern.contains { "(\\".contains($0) }
    // What could be a name is told the names there are.
    #expect(diagnosis?.what.contains("`llama3`") == isWord)
  }

  @Test func `what cannot be met is told by its key`() {
    func refused(_ change: (inout TokenizerTrainer) -> Void) -> String? {
      var trainer = TokenizerTrainer(.unigram, vocabularySize: 600)
      change(&trainer)
      do {
        _ = try trainer.train(corpus)
        return nil
      } catch {
        return error.diagnosis.what
      }
    }
    for (key, change) in [
      ("vocab_size", { $0.vocabularySize = 257 }), ("character_coverage", { $0.coverage = 2 }),
      ("limit_alphabet", { $0.characterLimit = 0 }),
      ("max_token_length", { $0.maximumTokenLength = 65 }),
      ("special_tokens", { $0.specialTokens = ["<s>"] }),
    ] as [(String, (inout TokenizerTrainer) -> Void)] {
      #expect(
        refused(change)?.hasPrefix("The tokenizer setting `\(key)` should be") == true, "\(key)")
    }
  }

  @Test func `an alphabet means nothing where tokens are made of bytes`() {
    var trainer = TokenizerTrainer(vocabularySize: 400)
    trainer.coverage = 0.9
    trainer.characterLimit = 3
    #expect(trainer.unusedKeys == ["character_coverage", "limit_alphabet"])
    var characters = TokenizerTrainer(.unigram, vocabularySize: 600)
    characters.pattern = "gpt2"
    #expect(characters.unusedKeys == ["pattern"])
    trainer.fallsBackToBytes = true
    #expect(trainer.unusedKeys.isEmpty)
  }
}
