// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct StatisticsTests {
  @Test func `unknown tokens, byte tokens and used tokens are counted`() throws {
    let corpus = ["hello hello world world"]
    let bytes = try BPETrainer(vocabularySize: 300).train(corpus)
    // Ġhello? no: hello · two bytes of é, neither a character.
    let statistics = TokenizationStatistics(bytes, texts: ["hello é", "hello"])
    #expect(statistics.unknownCount == 0)
    #expect(statistics.byteTokenCount == 2)
    #expect(statistics.tokenCount == 5)
    #expect(statistics.usedTokenCount == 4)
    #expect(statistics.byteTokenShare == 0.4)
    let characters = try BPETrainer.byteFallback(vocabularySize: 275).train(corpus)
    let fallback = TokenizationStatistics(characters, texts: ["hello é"])
    #expect(fallback.byteTokenCount == 2)
    let pieces = try UnigramTrainer(vocabularySize: 30, fallsBackToBytes: false).train(corpus)
    let unknown = TokenizationStatistics(pieces, texts: ["hello qq"])
    #expect(unknown.unknownCount == 1)
    #expect(unknown.byteTokenCount == 0)
    #expect(TokenizationStatistics().unknownShare == nil)
  }

  @Test func `many texts are counted as one by one`() throws {
    let golden = try GoldenData()
    let tokenizer = try golden.trained(.marksAsLetters)
    let profile = TokenizerProfile(tokenizer)
    let texts = golden.corpus + golden.texts
    var single = TokenizationStatistics()
    for text in texts { single.add(text, tokenizer) }
    var batch = TokenizationStatistics()
    batch.add(texts, profile)
    batch.add([], profile)
    #expect(single == batch)
  }

  @Test func `torn words are ordered by the tokens they cost`() throws {
    let tokenizer = try BPETrainer(vocabularySize: 300).train(["the the the the"])
    let profile = TokenizerProfile(tokenizer)
    var words = TornWords()
    words.add(["the hús, the hús! (hús) 12 the", "abcd e"])
    // the is one token; hús takes 1 + 1 + 2 + 1 with its space, without it one less.
    let torn = words.worst(5, profile)
    #expect(torn.map(\.text) == ["hús", "abcd"])
    #expect(torn.first?.count == 3)
    #expect(torn.first?.pieces == ["h", "<C3>", "<BA>", "s"])
    #expect(torn.first?.excessTokenCount == 9)
    #expect(words.worst(1, profile).count == 1)
    #expect(TornWords().worst(3, profile).isEmpty)
  }
}
