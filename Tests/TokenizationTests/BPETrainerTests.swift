// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct BPETrainerTests {
  @Test func `the order of texts does not change the tokenizer`() throws {
    let corpus = try GoldenData().corpus
    var random = SeededGenerator(seed: 11)
    let trainer = BPETrainer(vocabularySize: 500)
    let first = try trainer.train(corpus)
    for _ in 0..<3 {
      #expect(try trainer.train(corpus.shuffled(using: &random)).json == first.json)
    }
  }

  @Test func `special tokens come first, then bytes, then merges`() throws {
    let tokenizer = try BPETrainer(vocabularySize: 300).train(["hello hello world world"])
    #expect(tokenizer.tokens[0] == "<|endoftext|>")
    #expect(tokenizer.tokens[1] == "<|pad|>")
    #expect(tokenizer.tokens[2] == "!")
    #expect(tokenizer.tokens[257] == "Ń")
    #expect(tokenizer.bosID == 0)
    #expect(tokenizer.eosID == 0)
    #expect(tokenizer.padID == 1)
    #expect(tokenizer.unkID == nil)
    #expect(tokenizer.vocabularySize < 300)
    #expect(tokenizer.isSpecial(1))
    #expect(!tokenizer.isSpecial(2))
  }

  @Test func `pairs below the minimum frequency are not merged`() throws {
    let texts = ["xy xy xy zw zw"]
    let tokens = try BPETrainer(vocabularySize: 300, minimumFrequency: 3).train(texts).tokens
    #expect(tokens.dropFirst(258) == ["xy"])
  }

  @Test func `words with vowel signs stay whole`() throws {
    let text = String(repeating: " हिन्दी तुम्हारी", count: 20)
    let marks = try BPETrainer(vocabularySize: 330).train([text])
    #expect(marks.encode(" हिन्दी तुम्हारी").count == 2)
    let plain = try BPETrainer(vocabularySize: 330, pattern: .gpt2).train([text])
    #expect(plain.encode(" हिन्दी तुम्हारी").count > 6)
  }

  @Test func `progress reports texts, then tokens up to the size`() throws {
    let golden = try GoldenData()
    let texts = (0..<8).flatMap { _ in golden.corpus }
    var reports: [TokenizerTrainingProgress] = []
    let tokenizer = try BPETrainer(vocabularySize: 500).train(texts) { reports.append($0) }
    #expect(tokenizer.vocabularySize == 500)
    #expect(reports.first == TokenizerTrainingProgress(phase: .counting, done: 1024, total: nil))
    #expect(reports.last == TokenizerTrainingProgress(phase: .merging, done: 500, total: 500))
    #expect(
      reports.map(\.done).filter { $0 <= 500 } == reports.map(\.done).filter { $0 <= 500 }.sorted())
  }

  @Test func `settings that cannot be met are refused`() throws {
    #expect(throws: TokenizationError.emptyCorpus(textCount: 2)) {
      try BPETrainer(vocabularySize: 300).train(["", ""])
    }
    let small = #expect(throws: TokenizationError.self) {
      try BPETrainer(vocabularySize: 257).train(["a"])
    }
    #expect(
      small?.description == """
        The tokenizer setting `vocabularySize` should be at least 258, the 256 bytes and the \
        special tokens, found 257.
        tokenizer trainer
        Correct the setting.
        """)
    for special in [["<|endoftext|>", "<|endoftext|>"], ["", "<|endoftext|>"], ["Ġ"]] {
      #expect(throws: TokenizationError.self) {
        try BPETrainer(vocabularySize: 300, specialTokens: special).train(["a"])
      }
    }
    #expect(throws: TokenizationError.self) {
      try BPETrainer(vocabularySize: 300, specialTokens: ["<|endoftext|>"]).train(["a"])
    }
  }
}
