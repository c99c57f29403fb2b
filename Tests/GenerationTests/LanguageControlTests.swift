// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Foundation
import Models
import Testing
import Tokenization

@testable import Generation

struct LanguageControlTests {
  @Test func `a script mask excludes, a penalty lowers, and characters half written are watched`()
    throws
  {
    let tokenizer = try Support.tokenizer()
    let filter = ScriptFilter(try ScriptSet(["Latn"]), tokenizer: tokenizer)
    func scores(_ penalty: Double?, after text: [Int32]) -> [Float] {
      var scores = [Float](repeating: 1, count: 260)
      ScriptControl(filter, penalty: penalty).process(
        &scores, after: TokenHistory(prompt: [0x61], generated: text))
      return scores
    }
    let masked = scores(nil, after: [])
    #expect(masked[0x61] == 1 && masked[0xC3] == 1 && masked[0xE2] == 1 && masked[256] == 1)
    #expect(masked[0xD0] == -.infinity && masked[0xE5] == -.infinity)
    // Rows beyond the tokenizer are left alone.
    #expect(masked[259] == 1)
    #expect(scores(3, after: [])[0xD0] == -2)
    // E2 B0 would be Glagolitic, E2 80 a dash.
    let open = scores(nil, after: [0xE2])
    #expect(open[0xB0] == -.infinity && open[0x80] == 1)
    #expect(scores(3, after: [0xE2])[0xB0] == -2)
  }

  @Test func `a prior is the formula`() throws {
    let tokenizer = try Support.tokenizer(characters: "abc")  // and <|end|>
    let prior = try LanguagePrior(
      strength: 0.5, target: ["aab"], reference: ["ccc"], tokenizer: tokenizer)
    // Counts plus a half: a 2.5, b 1.5, c 0.5, end 0.5 of 5; a, b, end 0.5, c 3.5 of 5.
    let expected = [2.5 / 0.5, 1.5 / 0.5, 0.5 / 3.5].map { Float(0.5 * log($0)) }
    for (a, b) in zip(prior.biases, expected) { #expect(abs(a - b) < 1e-6) }
    #expect(prior.biases[3] == 0)
    let alone = try LanguagePrior(strength: 2, target: ["aab"], tokenizer: tokenizer)
    let p = [0.5, 0.3, 0.1, 0.1]
    let entropy = -p.reduce(0) { $0 + $1 * log($1) }
    for (a, b) in zip(alone.biases, p.dropLast()) {
      #expect(abs(Double(a) - 2 * (log(b) + entropy)) < 1e-6)
    }
  }

  @Test func `settings of language control that cannot be are refused`() throws {
    let tokenizer = try Support.tokenizer()
    for strength in [-1, Double.nan] {
      #expect(throws: GenerationError.self) {
        try LanguagePrior(strength: strength, target: ["a"], tokenizer: tokenizer)
      }
    }
    #expect(throws: GenerationError.emptyPrior("the text of the language")) {
      try LanguagePrior(strength: 1, target: [""], tokenizer: tokenizer)
    }
    #expect(throws: GenerationError.self) {
      try LanguageControl(scripts: ScriptSet(["Latn"]), scriptPenalty: -1)
        .processors(for: tokenizer)
    }
    var check = try LineCheck(Self.identifier, language: "low")
    check.attempts = 0
    #expect(throws: GenerationError.self) { try check.validate() }
    check.attempts = 1
    check.retryTemperature = 0
    #expect(throws: GenerationError.self) { try check.validate() }
    #expect(throws: CorpusError.self) { try LineCheck(Self.identifier, language: "middle") }
  }

  /// Two languages: small letters, and capital ones.
  static let identifier: LanguageIdentifier = {
    var settings = LanguageIdentifierSettings()
    settings.dimension = 4
    settings.buckets = 2000
    settings.shortest = 1
    settings.longest = 1
    settings.linesPerLanguage = 200
    settings.maximumWords = 0
    var random = SeededRandom(seed: 1, name: "lines")
    func lines(_ letters: String) -> [String] {
      (0..<200).map { _ in
        (0..<12).map { _ in String(random.pick(Array(letters))) }.joined()
      }
    }
    let small = "abcdefghijklmnopqrstuvwxyz"
    do {
      return try LanguageIdentifier(
        LanguageIdentifierTrainer.train(
          [("low", lines(small)), ("high", lines(small.uppercased()))], settings: settings),
        path: "two")
    } catch {
      fatalError("the identifier cannot be made: \(error)")
    }
  }()

  @Test func `lines are judged one by one, short ones not at all`() throws {
    let check = try LineCheck(Self.identifier, language: "low")
    #expect(try check.judge("abcdefghijklmno") > 0.5)
    #expect(try check.judge("ABCDEFGHIJKLMNO") < 0)
    #expect(try check.judge("abcdefghijklmno\nABCDEFGHIJKLMNO\n") < 0)
    #expect(try check.judge("ABCDE\n0123456789012345\n\n") == 1)
  }

  #if MLX
    private func options(_ failure: LineCheck.Failure, attempts: Int) throws -> TextOptions {
      var check = try LineCheck(Self.identifier, language: "low")
      check.minimumLetters = 4
      check.attempts = attempts
      check.failure = failure
      var options = TextOptions()
      options.generation = GenerationOptions(maximumTokens: 50, temperature: 1.5, seed: 6)
      options.language.lineCheck = check
      // Lines of a dozen letters.
      return options
    }

    private func isRight(_ line: Substring) throws -> Bool {
      try line.filter(\.isLetter).count < 4
        || Self.identifier.predict(line).first?.label == "low"
    }

    @Test func `wrong lines are written anew until they are right`() throws {
      let generator = try Support.generator("llama-plain")
      let answer = try generator.generate(
        ["a", "b", "c"], options: options(.keepBest, attempts: 60))
      var retries = 0
      for answer in answer {
        retries += answer.retryCount
        for line in answer.text.split(separator: "\n") { #expect(try isRight(line)) }
        #expect(answer.tokens.count <= 50)
      }
      #expect(retries > 0)
    }

    @Test func `a line that stays wrong ends the answer, or the best of it is kept`() throws {
      let generator = try Support.generator("llama-plain")
      let prompts = ["a", "b", "c", "d", "e", "f"]
      let stopped = try generator.generate(prompts, options: options(.stop, attempts: 2))
      #expect(stopped.contains { $0.finish == .language })
      for answer in stopped {
        for line in answer.text.split(separator: "\n") where answer.finish == .language {
          // What stays was right, but for the beginning of the line that was given up.
          #expect(try isRight(line) || line == answer.text.split(separator: "\n").last)
        }
      }
      let kept = try generator.generate(prompts, options: options(.keepBest, attempts: 2))
      #expect(kept.allSatisfy { $0.finish != .language })
    }

    @Test func `checked text is shown in whole lines, and all of it`() throws {
      let generator = try Support.generator("llama-plain")
      var shown = ""
      let answers = try generator.generate(
        ["a"], options: options(.keepBest, attempts: 3),
        onPiece: { piece in
          shown += piece.text
          if piece.finish == nil { #expect(piece.text.contains("\n")) }
        })
      #expect(shown == answers[0].text)
      #expect(generator.tokenizer.decode(answers[0].tokens.map(\.id)) == shown)
    }

    @Test func `a mask by script holds over a whole generation`() throws {
      // Every byte is a token, so the model could write anything. Its vocabulary is too small for
      // that here: é is all it has beyond ASCII.
      let generator = try Support.generator()
      var options = TextOptions()
      options.generation = GenerationOptions(maximumTokens: 50, temperature: 1.5, seed: 2)
      options.language.scripts = try ScriptSet(["Grek"])
      let text = try generator.generate(["a"], options: options)[0].text
      #expect(text.unicodeScalars.allSatisfy { !$0.properties.isAlphabetic })
      options.language.scriptPenalty = 0
      let free = try generator.generate(["a"], options: options)[0].text
      let letters = free.filter { $0.isLetter }
      #expect(!letters.isEmpty)
    }
  #endif
}
