// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

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
    trainer.fallsBackToBytes = true
    #expect(trainer.unusedKeys.isEmpty)
  }
}
