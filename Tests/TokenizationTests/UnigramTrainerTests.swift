// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Tokenization

@Suite struct UnigramTrainerTests {
  private func words(_ texts: [String]) -> (TrainingWords, CharacterAlphabet) {
    var counts = WordCounts(cut: .pieces)
    counts.add(texts)
    let alphabet = CharacterAlphabet(counts, coverage: 1, limit: .max)
    let words = TrainingWords(
      counts, order: counts.sortedIndices(), alphabet: alphabet, firstID: 0)
    return (words, alphabet)
  }

  /// All substrings of words, counted one by one.
  private func repeats(_ words: TrainingWords, maximum: Int) -> [[Int32]: Int] {
    var result: [[Int32]: Int] = [:]
    var lefts: [[Int32]: Set<Int32>] = [:]
    var rights: [[Int32]: [Int32: Int]] = [:]
    for word in 0..<words.count {
      let range = words.starts[word]..<words.starts[word + 1]
      for start in range {
        for end in start + 2..<max(start + 2, min(range.upperBound, start + maximum) + 1)
        where end <= range.upperBound {
          let text = Array(words.symbols[start..<end])
          result[text, default: 0] += words.counts[word]
          lefts[text, default: []].insert(start == range.lowerBound ? -1 : words.symbols[start - 1])
          let right = end == range.upperBound ? -1 : words.symbols[end]
          rights[text, default: [:]][right, default: 0] += words.counts[word]
        }
      }
    }
    return result.filter { text, count in
      guard count >= 2, let before = lefts[text] else { return false }
      let isLeftMaximal = before.count > 1 || before == [-1]
      let after = rights[text] ?? [:]
      let isRightMaximal = text.count == maximum || after.count > 1 || after[-1] != nil
      return isLeftMaximal && isRightMaximal
    }
  }

  @Test(arguments: [3, 5, 16])
  func `seeds are the maximal repeats that counting one by one finds`(maximum: Int) throws {
    let corpus = try Array(GoldenData().corpus.prefix(60)) + ["aaaaaaaaaaaaaaaaaaaaaa abababab"]
    let (words, alphabet) = words(corpus)
    let seeds = SeedFinder(words, maximumLength: maximum)
      .seeds(symbolCount: alphabet.scalars.count, atLeast: 2)
    var found: [[Int32]: Int] = [:]
    for seed in seeds {
      let start = Int(seed.position)
      let text = Array(words.symbols[start..<start + Int(seed.length)])
      #expect(found.updateValue(seed.count, forKey: text) == nil)
    }
    #expect(found.count > 100)
    #expect(found == repeats(words, maximum: maximum))
  }

  @Test func `sums of probabilities and of their logarithms agree`() throws {
    let (words, alphabet) = try words(GoldenData().corpus)
    var fit = UnigramFit(
      words, characterCount: alphabet.scalars.count, seedCount: 4000, minimumFrequency: 2,
      maximumLength: 16)
    fit.maximize()
    let plain = fit.expectation(plainLimit: PieceLattice.longestPlainWord)
    let logarithms = fit.expectation(plainLimit: 0)
    #expect(plain.counts.count > 500)
    #expect(abs(plain.logLikelihood / logarithms.logLikelihood - 1) < 1e-12)
    for (a, b) in zip(plain.counts, logarithms.counts) {
      #expect(abs(a - b) <= 1e-9 * max(1, b))
    }
    // Every character of the text is in one piece of each cut.
    let covered = fit.lengths.enumerated().reduce(0.0) {
      $0 + plain.counts[$1.offset] * Double($1.element)
    }
    let characters = (0..<words.count).reduce(0) {
      $0 + words.counts[$1] * (words.starts[$1 + 1] - words.starts[$1])
    }
    #expect(abs(covered / Double(characters) - 1) < 1e-9)
  }

  @Test func `each round of expectation makes the text more probable`() throws {
    let (words, alphabet) = try words(GoldenData().corpus)
    var fit = UnigramFit(
      words, characterCount: alphabet.scalars.count, seedCount: 100_000, minimumFrequency: 2,
      maximumLength: 16)
    fit.maximize()
    var last = fit.logLikelihood
    for _ in 0..<3 {
      fit.maximize()
      #expect(fit.logLikelihood > last)
      last = fit.logLikelihood
    }
    let before = fit.pieceCount
    fit.prune(to: before / 2)
    #expect(fit.pieceCount <= before / 2)
  }

  @Test func `digamma has its known values`() {
    // -γ, -γ - 2 ln 2, and Abramowitz and Stegun's table 6.1.
    for (x, value) in [
      (1, -0.577_215_664_901_533), (0.5, -1.963_510_026_021_423), (2, 0.422_784_335_098_467),
      (10, 2.251_752_589_066_721), (100, 4.600_161_852_738_087),
    ] {
      #expect(abs(UnigramFit.digamma(x) - value) < 1e-13 * 10)
    }
  }

  @Test func `neither the order of texts nor how they come changes the tokenizer`() throws {
    let corpus = try GoldenData().corpus
    var random = SeededGenerator(seed: 12)
    let trainer = UnigramTrainer(vocabularySize: 600)
    let first = try trainer.train(corpus)
    #expect(try trainer.train(corpus.shuffled(using: &random).lazy).json == first.json)
    #expect(first.vocabularySize == 600)
    #expect(first.bosID == 1)
    #expect(first.unkID == 0)
    #expect(first.tokens[4] == "<0x00>")
    #expect(first.tokens[259] == "<0xFF>")
  }

  @Test func `texts come back from a trained tokenizer`() throws {
    let golden = try GoldenData()
    let texts = golden.texts.filter { !$0.contains("\u{2581}") }
    for tokenizer in [
      try UnigramTrainer(vocabularySize: 600).train(golden.corpus),
      try BPETrainer.byteFallback(vocabularySize: 600).train(golden.corpus),
    ] {
      for text in texts {
        let decoded = tokenizer.decode(tokenizer.encode(text), skipSpecialTokens: false)
        #expect(decoded == NFCNormalizer().normalize(text), "\(text.unicodeScalars.map(\.value))")
      }
      #expect(
        tokenizer.encode(" 🦫").suffix(4).map { tokenizer.tokens[Int($0)] }
          == ["<0xF0>", "<0x9F>", "<0xA6>", "<0xAB>"])
    }
  }

  @Test func `settings that cannot be met are refused`() throws {
    func refused(_ trainer: UnigramTrainer, _ name: String) {
      let error = #expect(throws: TokenizationError.self) { try trainer.train(["some text"]) }
      #expect(error?.description.contains("`\(name)`") == true)
    }
    refused(UnigramTrainer(vocabularySize: 260), "vocabularySize")
    refused(UnigramTrainer(vocabularySize: 600, coverage: 0), "coverage")
    refused(UnigramTrainer(vocabularySize: 600, maximumTokenLength: 65), "maximumTokenLength")
    refused(UnigramTrainer(vocabularySize: 600, seedCount: 0), "seedCount")
    refused(UnigramTrainer(vocabularySize: 600, characterLimit: 0), "characterLimit")
    refused(
      UnigramTrainer(
        vocabularySize: 600, specialTokens: ["<unk>", "<0x41>"],
        roles: Tokenizer.Roles(unk: "<unk>")),
      "specialTokens")
    refused(UnigramTrainer(vocabularySize: 600, roles: Tokenizer.Roles()), "roles")
    #expect(throws: TokenizationError.emptyCorpus(textCount: 1)) {
      try UnigramTrainer(vocabularySize: 600).train([""])
    }
  }
}
