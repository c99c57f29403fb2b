// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation
  import Testing

  @testable import Models

  /// Processors on fixed logits, and whole generations, against transformers
  /// (Tests/Golden/generation).
  struct GenerationTests {
    static let golden: JSON = {
      let file = Golden.folder.deletingLastPathComponent().appending(
        path: "generation/golden.json")
      return (try? JSON.parse(Data(contentsOf: file), origin: file.path)) ?? .null
    }()

    private func ints(_ json: JSON?) -> [Int32] {
      (json?.array ?? []).compactMap { $0.int.map { Int32($0) } }
    }

    private func scores(_ json: JSON?) -> [Float] {
      (json?.array ?? []).map { $0.double.map { Float($0) } ?? -.infinity }
    }

    @Test func `every processor gives the scores of transformers`() throws {
      let cases = try #require(Self.golden["processors"]?.array)
      #expect(cases.count > 60)
      for entry in cases {
        let name = try #require(entry["name"]?.string)
        let value = try #require(entry["value"]?.double)
        let history = ints(entry["history"])
        let count = try #require(entry["prompt_count"]?.int)
        var options = GenerationOptions(temperature: 1)
        switch name {
        case "temperature": options.temperature = value
        case "top_k": options.topK = Int(value)
        case "top_p": options.topP = value
        case "min_p": options.minP = value
        case "repetition_penalty": options.repetitionPenalty = value
        case "min_new_tokens":
          options.minimumTokens = Int(value)
          options.stopIDs = [4, 6]
        default:
          options.repetitionPenalty = 1.3
          options.temperature = 0.7
          options.topK = 20
          options.topP = 0.8
          options.minP = 0.1
        }
        try options.validate()
        var found = scores(entry["logits"])
        let past = TokenHistory(
          prompt: Array(history[..<count]), generated: Array(history[count...]))
        for processor in options.processors() { processor.process(&found, after: past) }
        let expected = scores(entry["scores"])
        // Of equal scores at the border of a nucleus, which one stays depends on the sort.
        let hasTies = Set(scores(entry["logits"])).count < found.count
        if hasTies, ["top_p", "chain"].contains(name) {
          #expect(found.sorted() == expected.sorted(), "\(name) \(value)")
          continue
        }
        for (a, b) in zip(found, expected) {
          let isClose = a == b || abs(a - b) <= 1e-6 * abs(b)
          #expect(isClose, "\(name) \(value): \(a) \(b)")
        }
      }
    }

    @Test func `greedy generations with penalties and stops equal those of transformers`() throws {
      let all = try #require(Self.golden["generations"]?.array)
      #expect(all.count == 24)
      for entry in all {
        let model = try Model(try Golden(try #require(entry["model"]?.string)).checkpoint)
        var options = GenerationOptions(maximumTokens: 16, logProbabilityCount: 0)
        options.repetitionPenalty = try #require(entry["repetition_penalty"]?.double)
        options.minimumTokens = try #require(entry["min_new_tokens"]?.int)
        options.stopIDs = Set(ints(entry["stop_ids"]))
        let all = ints(entry["generated"])
        // transformers keeps the stop id.
        let ended = all.last.map(options.stopIDs.contains) ?? false
        let expected = ended ? all.dropLast() : all
        let logProbabilities = (entry["log_probabilities"]?.array ?? []).compactMap(\.double)
        for usesCache in [true, false] {
          options.usesCache = usesCache
          let found = try model.generate(after: [ints(entry["prompt"])], options: options)[0]
          #expect(found.ids == expected)
          #expect(found.finish == (ended ? .stop : .length))
          for (token, expected) in zip(found.tokens, logProbabilities) {
            #expect(abs((token.logProbability ?? 0) - expected) < 1e-4)
          }
        }
      }
    }

    private func sampling(_ seed: UInt64, _ change: (inout GenerationOptions) -> Void = { _ in })
      -> GenerationOptions
    {
      var options = GenerationOptions(maximumTokens: 12, temperature: 1.1, seed: seed)
      change(&options)
      return options
    }

    @Test func `a batch gives what single prompts give, drawn or greedy, however it is cut`() throws
    {
      let model = try Model(try Golden("llama-rich").checkpoint)
      let prompts: [[Int32]] = [[3, 1, 4], [1], [5, 9, 2, 6, 5, 3, 5], [8, 9], [7, 9, 3, 2, 3]]
      for temperature in [0, 1.1] {
        let options = sampling(5) { $0.temperature = temperature }
        let together = try model.generate(after: prompts, options: options)
        for size in [1, 2, 3] {
          #expect(
            try model.generate(after: prompts, options: options, batchSize: size) == together)
        }
        for (row, prompt) in prompts.enumerated() {
          let alone = try TokenGenerator(
            model, prompts: [prompt], options: options, rowNumbers: [row])
          while try alone.step() != nil {}
          #expect(alone.sequences[0] == together[row])
        }
      }
    }

    @Test func `rows of one prompt differ, and seeds repeat`() throws {
      let model = try Model(try Golden("llama-plain").checkpoint)
      let prompts = [[Int32]](repeating: [3, 1, 4], count: 3)
      let first = try model.generate(after: prompts, options: sampling(1)).map(\.ids)
      #expect(Set(first).count == 3)
      #expect(try model.generate(after: prompts, options: sampling(1)).map(\.ids) == first)
      #expect(try model.generate(after: prompts, options: sampling(2)).map(\.ids) != first)
    }

    @Test func `the numbers drawn are uniform and differ by row, step and attempt`() {
      var sum = 0.0
      var seen = Set<Double>()
      for row in 0..<10 {
        for step in 0..<100 {
          for attempt in 0..<3 {
            let value = TokenChooser.uniform(seed: 3, row: row, step: step, attempt: attempt)
            #expect(value >= 0 && value < 1)
            sum += value
            seen.insert(value)
          }
        }
      }
      #expect(seen.count == 3000)
      #expect(abs(sum / 3000 - 0.5) < 0.03)
    }

    @Test func `drawing follows the probabilities`() throws {
      let logits: [Float] = [0, 1, 2, -1]
      let weights = logits.map { exp(Double($0)) }
      let chooser = TokenChooser(sampling(9) { $0.temperature = 1 }, adding: [])
      var counts = [0, 0, 0, 0]
      for row in 0..<4000 {
        let token = try chooser.choose(
          logits, after: TokenHistory(prompt: [0]), row: row, attempt: 0)
        counts[Int(token.id)] += 1
      }
      for (count, weight) in zip(counts, weights) {
        #expect(abs(Double(count) / 4000 - weight / weights.reduce(0, +)) < 0.03)
      }
    }

    @Test func `a full context and a spent length are told apart`() throws {
      let model = try Model(try Golden("llama-plain").checkpoint)
      let long = [Int32](repeating: 1, count: 60)
      let options = GenerationOptions(maximumTokens: 20)
      let full = try model.generate(after: [long], options: options)[0]
      #expect(full.finish == .context && full.tokens.count == 4)
      let exact = try model.generate(
        after: [[Int32](repeating: 1, count: 64)], options: options)[0]
      #expect(exact.finish == .context && exact.tokens.isEmpty)
      let none = try model.generate(after: [long], options: GenerationOptions(maximumTokens: 0))[0]
      #expect(none.finish == .length && none.tokens.isEmpty)
      #expect(throws: ModelError.length(tokenCount: 65, limit: 64)) {
        try model.generate(after: [[Int32](repeating: 1, count: 65)], options: options)
      }
      #expect(throws: ModelError.length(tokenCount: 0, limit: 64)) {
        try model.generate(after: [[1], []], options: options)
      }
    }

    @Test func `the likeliest tokens are reported in order, with the model's own distribution`()
      throws
    {
      let model = try Model(try Golden("llama-plain").checkpoint)
      let options = sampling(4) {
        $0.logProbabilityCount = 61
        $0.topK = 3
        $0.temperature = 5
      }
      let answer = try model.generate(after: [[3, 1, 4]], options: options)[0]
      #expect(answer.tokens.count == 12)
      for token in answer.tokens {
        #expect(token.likeliest.count == 61)
        let values = token.likeliest.map(\.logProbability)
        #expect(values == values.sorted(by: >))
        #expect(abs(values.reduce(0) { $0 + exp($1) } - 1) < 1e-9)
        let own = token.likeliest.first { $0.id == token.id }?.logProbability
        #expect(own == token.logProbability)
        // Drawn from the three best.
        #expect(token.likeliest.prefix(3).contains { $0.id == token.id })
      }
    }

    @Test func `going back gives another text, the same attempt the same text`() throws {
      let model = try Model(try Golden("llama-rich").checkpoint)
      func run(_ attempts: [Int]) throws -> [[Int32]] {
        let generator = try TokenGenerator(model, prompts: [[3, 1, 4]], options: sampling(1))
        while try generator.step() != nil {}
        var texts = [generator.sequences[0].ids]
        for attempt in attempts {
          generator.rewind(row: 0, to: 4, attempt: attempt)
          while try generator.step() != nil {}
          texts.append(generator.sequences[0].ids)
        }
        return texts
      }
      let texts = try run([1, 2, 0])
      #expect(texts.allSatisfy { $0.prefix(4) == texts[0].prefix(4) && $0.count == 12 })
      #expect(Set(texts).count == 3)
      #expect(texts[3] == texts[0])
    }

    @Test func `an answer put in place is gone on from`() throws {
      let model = try Model(try Golden("llama-rich").checkpoint)
      let options = GenerationOptions(maximumTokens: 12)
      let generator = try TokenGenerator(model, prompts: [[3, 1, 4]], options: options)
      while try generator.step() != nil {}
      let greedy = generator.sequences[0]
      generator.rewind(row: 0, to: 2, attempt: 1)
      _ = try generator.step()
      generator.replace(row: 0, with: Array(greedy.tokens.prefix(7)), attempt: 0)
      while try generator.step() != nil {}
      #expect(generator.sequences[0] == greedy)
    }

    @Test func `a mask over everything is an error, not a token`() throws {
      let model = try Model(try Golden("llama-plain").checkpoint)
      let nothing = TokenBias([Float](repeating: -.infinity, count: 61))
      #expect(throws: ModelError.noTokenAllowed(row: 0, step: 0)) {
        try model.generate(
          after: [[1]], options: GenerationOptions(), processors: [nothing])
      }
      let one = TokenBias((0..<61).map { $0 == 17 ? 0 : -.infinity })
      let answer = try model.generate(
        after: [[1]], options: sampling(1) { $0.maximumTokens = 4 }, processors: [one])[0]
      #expect(answer.ids == [17, 17, 17, 17])
    }

    @Test func `frequency and presence penalties count the answer, not the prompt`() {
      var scores: [Float] = [1, 1, 1]
      OccurrencePenalty(frequency: 0.5, presence: 0.25).process(
        &scores, after: TokenHistory(prompt: [0, 0, 2], generated: [1, 1, 2]))
      #expect(scores == [1, -0.25, 0.25])
    }

    @Test(arguments: [
      ("temperature", GenerationOptions(temperature: -1)),
      ("temperature", GenerationOptions(temperature: .nan)),
      ("top-k", GenerationOptions(topK: 0)), ("top-p", GenerationOptions(topP: 0)),
      ("top-p", GenerationOptions(topP: 1.5)), ("min-p", GenerationOptions(minP: -0.1)),
      ("repetition penalty", GenerationOptions(repetitionPenalty: 0)),
      ("repetition penalty", GenerationOptions(repetitionPenalty: .infinity)),
      ("frequency penalty", GenerationOptions(frequencyPenalty: .nan)),
      ("maximum tokens", GenerationOptions(maximumTokens: -1)),
      ("log-probabilities", GenerationOptions(logProbabilityCount: -1)),
    ])
    func `options outside their range are refused by name`(
      name: String, options: GenerationOptions
    ) throws {
      do {
        try options.validate()
        Issue.record("accepted \(options)")
      } catch {
        guard case .option(let found, _, _) = error else { throw error }
        #expect(found == name)
      }
    }

    private func defaults(_ text: String) throws -> GenerationDefaults {
      try GenerationDefaults(
        json: JSON.parse(Array(text.utf8), origin: "g"), file: "generation_config.json")
    }

    @Test func `generation_config is read as transformers reads it`() throws {
      let sampled = try defaults(
        #"{"do_sample": true, "temperature": 0.6, "top_p": 0.95, "top_k": 20, "eos_token_id": [5, 7], "bos_token_id": 1, "transformers_version": "4.51.0", "repetition_penalty": 1.1, "min_p": null}"#
      ).options
      #expect(
        sampled
          == GenerationOptions(
            temperature: 0.6, stopIDs: [5, 7], topK: 20, topP: 0.95, repetitionPenalty: 1.1))
      let greedy = try defaults(#"{"temperature": 0.6, "top_k": 20, "eos_token_id": 2}"#)
      #expect(greedy.options == GenerationOptions(stopIDs: [2]))
      #expect(greedy.samplingTemperature == 0.6)
      #expect(try defaults(#"{"do_sample": true}"#).options.topK == 50)
      #expect(try defaults(#"{"do_sample": true, "top_k": 0}"#).options.topK == nil)
      #expect(try defaults("{}").options == GenerationOptions())
    }

    @Test func `keys that are not acted on are told, unless they ask for nothing`() throws {
      let found = try defaults(
        #"{"num_beams": 4, "no_repeat_ngram_size": 3, "typical_p": 1.0, "suppress_tokens": [], "bad_words_ids": [[3]], "top_h": null, "min_length": 0}"#
      )
      #expect(found.ignoredKeys == ["num_beams", "no_repeat_ngram_size", "bad_words_ids"])
    }

    @Test(arguments: [
      ("do_sample", "1"), ("temperature", "-0.1"), ("temperature", "\"hot\""),
      ("top_k", "-1"), ("top_k", "1.5"), ("top_p", "2"), ("min_p", "-1"),
      ("repetition_penalty", "0"), ("eos_token_id", "\"</s>\""), ("eos_token_id", "[1, -2]"),
      ("max_new_tokens", "-5"),
    ])
    func `a generation_config with an impossible value is refused by key`(
      key: String, value: String
    ) throws {
      do {
        _ = try defaults("{\"\(key)\": \(value)}")
        Issue.record("accepted \(key) \(value)")
      } catch let error as ModelError {
        guard case .configuration(let found, _, _, let file) = error else { throw error }
        #expect(found == key && file == "generation_config.json")
      }
    }
  }
#endif
