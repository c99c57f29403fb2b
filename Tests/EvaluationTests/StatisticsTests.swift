// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Testing

@testable import Evaluation

@Suite struct MetricTests {
  private func choiceScores() throws -> (JSON, [DocumentScore], [String]) {
    let golden = try Golden.read("multiple_choice")
    let choices = try golden.list("choices").compactMap(\.string)
    let scores = try golden.list("documents").enumerated().map { index, item in
      DocumentScore(
        id: "\(index)",
        answer: .choice(
          DocumentScore.Choice(
            logLikelihoods: try item.numbers("lls"), isGreedy: choices.map { _ in false },
            gold: try item.whole("gold"), choices: choices)))
    }
    return (golden, scores, choices)
  }

  @Test func `predictions are numpy's argmax, plain, per code point and per byte`() throws {
    let (golden, scores, _) = try choiceScores()
    for (item, score) in zip(try golden.list("documents"), scores) {
      let choice = try score.choice.orThrow("choice")
      #expect(choice.prediction == (try item.whole("pred")))
      #expect(choice.predictionPerCodePoint == (try item.whole("norm")))
      #expect(choice.predictionPerByte == (try item.whole("bytes")))
    }
  }

  @Test func `the first maximum wins`() {
    let choice = DocumentScore.Choice(
      logLikelihoods: [-3, -1, -1], isGreedy: [false, true, true], gold: 2,
      choices: ["a", "b", "c"])
    #expect(choice.prediction == 1)
    #expect(!choice.isCorrect)
  }

  @Test func `accuracies, F1 and standard errors are those of lm-eval and scikit-learn`() throws {
    let (golden, scores, choices) = try choiceScores()
    for id in ["acc", "acc_norm", "acc_bytes", "macro_f1", "weighted_f1"] {
      let metric = try Metrics.required(id)
      let table = TermTable(
        metric: metric, choiceCount: choices.count, units: scores.map { [$0] })
      let expected = try golden.at(id)
      if let pair = expected.array {
        #expect(table.value == pair[0].double)
        let hits = scores.map { metric.terms(of: $0, choiceCount: choices.count)[0].amount }
        let found = try SampleStatistics.standardError(hits).orThrow(id)
        #expect(abs(found - (try pair[1].double.orThrow(id))) < 1e-15)
      } else {
        #expect(abs(table.value - (try expected.double.orThrow(id))) < 1e-14, "\(id)")
      }
    }
  }

  @Test func `F1 leaves out a class that nobody names`() {
    func answer(_ gold: Int, _ said: Int) -> DocumentScore {
      DocumentScore(
        id: "\(gold)\(said)",
        answer: .choice(
          .init(
            logLikelihoods: [0, 1, 2].map { $0 == said ? 0 : -1 }, isGreedy: [], gold: gold,
            choices: ["a", "b", "c"])))
    }
    let table = TermTable(
      metric: MacroF1.self, choiceCount: 3, units: [[answer(0, 0)], [answer(0, 1)], [answer(1, 1)]])
    #expect(abs(table.value - 2.0 / 3) < 1e-15)  // F1 ⅔ and ⅔, not a third class of 0
  }

  @Test func `bits, bytes and words are lm-eval's`() throws {
    let golden = try Golden.read("rolling")
    let logs = try golden.numbers("lls")
    let scores = try golden.list("texts").enumerated().map { index, text in
      DocumentScore(
        id: "\(index)", answer: .rolling(.init(logLikelihood: logs[index], text: text.string ?? ""))
      )
    }
    #expect(scores.compactMap(\.rolling?.wordCount) == (try golden.list("words").compactMap(\.int)))
    #expect(scores.compactMap(\.rolling?.byteCount) == (try golden.list("bytes").compactMap(\.int)))
    for id in ["bits_per_byte", "byte_perplexity", "word_perplexity"] {
      let table = TermTable(
        metric: try Metrics.required(id), choiceCount: 0, units: scores.map { [$0] })
      let expected = try golden.number(id)
      #expect(abs(table.value - expected) < 1e-13 * expected, "\(id)")
    }
  }

  @Test func `metrics have different names and are found by them`() {
    #expect(Set(Metrics.names).count == Metrics.all.count)
    #expect(Metrics.named("acc") != nil)
    #expect(
      lines { _ = try Metrics.required("acc_nrm") }
        == "There is no `acc_nrm`.\nthe list of metrics\nDid you mean `acc_norm`?")
  }
}

@Suite struct StatisticsTests {
  /// A text whose "log-likelihood" and "bytes" are any two numbers: a ratio to resample.
  private func ratio(_ numbers: [Double], _ sizes: [Double]) -> [DocumentScore] {
    zip(numbers, sizes).enumerated().map { index, pair in
      DocumentScore(
        id: "\(index)",
        answer: .rolling(
          .init(logLikelihood: -pair.0, byteCount: Int(pair.1), wordCount: 1)))
    }
  }

  @Test func `deviation, standard error and quantiles are numpy's and lm-eval's`() throws {
    let golden = try Golden.read("statistics")
    let sample = try golden.numbers("sample")
    let deviation = try SampleStatistics.deviation(sample).orThrow("deviation")
    #expect(abs(deviation - (try golden.number("deviation"))) < 1e-13)
    let error = try SampleStatistics.standardError(sample).orThrow("stderr")
    #expect(abs(error - (try golden.number("stderr"))) < 1e-13)
    for pair in try golden.list("quantiles").compactMap({ $0.array?.compactMap(\.double) }) {
      #expect(abs(Bootstrap.quantile(pair[0], of: sample.sorted()) - pair[1]) < 1e-12)
    }
    #expect(SampleStatistics.standardError([1]) == nil)
  }

  @Test func `McNemar's exact p is scipy's binomial test`() throws {
    for item in try Golden.read("statistics").list("mcnemar").compactMap({
      $0.array?.compactMap(\.double)
    }) {
      let p = McNemarTest(onlyFirst: Int(item[0]), onlySecond: Int(item[1])).pValue
      #expect(abs(p - item[2]) < 1e-9 * max(item[2], 1e-6), "\(item)")
    }
    #expect(McNemarTest(onlyFirst: 5000, onlySecond: 1).pValue < 1e-300)
  }

  @Test func `Holm's correction steps down and keeps the order`() {
    let adjusted = HolmCorrection.adjust([0.01, 0.04, 0.03, 0.005])
    let expected = [0.03, 0.06, 0.06, 0.02]
    for (a, b) in zip(adjusted, expected) { #expect(abs(a - b) < 1e-15) }
    #expect(HolmCorrection.adjust([0.9, 0.8]) == [1, 1])
    #expect(HolmCorrection.adjust([]) == [])
  }

  @Test func `the interval of a ratio comes near numpy's with 200,000 draws`() throws {
    let golden = try Golden.read("statistics").at("ratio")
    let scores = ratio(try golden.numbers("num"), try golden.numbers("den"))
    let interval = Bootstrap(replicates: 4000).interval(
      of: BitsPerByte.self, over: scores, choiceCount: 0)
    let bits = log(2.0)
    let ends = try golden.numbers("interval")
    let spread = try golden.number("stderr")
    // The 2.5 % quantile of 4000 draws scatters by about 0.04 standard errors of the score... times
    // 1.6.
    #expect(abs(interval.low * bits - ends[0]) < 0.2 * spread)
    #expect(abs(interval.high * bits - ends[1]) < 0.2 * spread)
    #expect(abs(interval.standardError * bits - spread) < 0.05 * spread)
  }

  @Test func `a seed gives one interval, another seed another`() {
    let scores = ratio([3, 5, 1, 8, 9, 4], [2, 2, 3, 5, 4, 4])
    func interval(_ seed: UInt64) -> ConfidenceInterval {
      Bootstrap(replicates: 200, seed: seed).interval(
        of: BitsPerByte.self, over: scores, choiceCount: 0)
    }
    #expect(interval(1) == interval(1))
    #expect(interval(1) != interval(2))
    // Pinned: must not change with machine, thread or release.
    let pinned = interval(1234)
    #expect(abs(pinned.low - 1.442_695_040_888_963_4) < 1e-12)
    #expect(abs(pinned.high - 2.961_544_727_125_162) < 1e-12)
    #expect(abs(pinned.standardError - 0.402_213_276_870_326_2) < 1e-12)
  }

  @Test func `about 95 in 100 intervals hold the truth`() {
    var random = SeededRandom(seed: 11, name: "coverage")  // seed 11
    var hits = 0
    let rounds = 200
    for _ in 0..<rounds {
      // Ratio of sums with truth 2: bytes 1...9, nats 2·bytes·u with E u = 1.
      var numbers: [Double] = []
      var sizes: [Double] = []
      for _ in 0..<60 {
        let size = Double(1 + random.below(9))
        sizes.append(size)
        numbers.append(2 * size * (0.5 + random.unit()))
      }
      let interval = Bootstrap(replicates: 200).interval(
        of: BitsPerByte.self, over: ratio(numbers, sizes), choiceCount: 0)
      let truth = 2 / log(2.0)
      if interval.low <= truth && truth <= interval.high { hits += 1 }
    }
    // Binomial(200, 0.94): six standard deviations are 0.10.
    #expect(Double(hits) / Double(rounds) > 0.86 && hits < rounds, "\(hits) of \(rounds)")
  }

  @Test func `a replicate without bytes does not count`() {
    let scores = ratio([0, 3], [0, 2])
    let interval = Bootstrap(replicates: 100).interval(
      of: BitsPerByte.self, over: scores, choiceCount: 0)
    #expect(interval.low.isFinite && interval.high.isFinite)
  }
}

@Suite struct PairedTests {
  private func result(_ hits: [Bool], ids: [String]? = nil) -> SetResult {
    SetResult(
      task: "t_aa", alias: "t", language: "aa", languageName: "A", version: "1", split: .test,
      outputType: .multipleChoice, choices: ["a", "b"], metrics: [],
      documents: hits.enumerated().map { index, hit in
        DocumentScore(
          id: ids?[index] ?? "\(index)",
          answer: .choice(
            .init(
              logLikelihoods: hit ? [-1, -2] : [-2, -1], isGreedy: [false, false], gold: 0,
              choices: ["a", "b"])))
      })
  }

  @Test func `a system against itself differs by nothing`() throws {
    let own = result([true, false, true, true])
    let comparison = try PairedComparison(
      of: own, named: "a", with: own, named: "b", metric: "acc")
    #expect(comparison.difference == 0)
    #expect(comparison.interval == ConfidenceInterval(low: 0, high: 0, standardError: 0))
    #expect(comparison.pValue == 1)
    #expect(comparison.mcNemar?.pValue == 1)
    #expect(!comparison.isBetter && !comparison.isWorse)
  }

  @Test func `pairing sees what separate intervals cannot`() throws {
    // 200 documents, 12 of which only the first gets right.
    let second = (0..<200).map { $0 % 2 == 0 }
    let first = (0..<200).map { $0 % 2 == 0 || $0 < 24 }
    let comparison = try PairedComparison(
      of: result(first), named: "a", with: result(second), named: "b", metric: "acc",
      bootstrap: Bootstrap(replicates: 500))
    #expect(abs(comparison.difference - 0.06) < 1e-15)
    #expect(comparison.isBetter && !comparison.isWorse && comparison.gain > 0)
    #expect(comparison.mcNemar == McNemarTest(onlyFirst: 12, onlySecond: 0))
    #expect(comparison.pValue == 2.0 / 501)
    let swapped = try PairedComparison(
      of: result(second), named: "b", with: result(first), named: "a", metric: "acc",
      bootstrap: Bootstrap(replicates: 500))
    #expect(swapped.isWorse && swapped.pValue == comparison.pValue)
    #expect(abs(swapped.interval.low + comparison.interval.high) < 1e-15)
  }

  @Test func `the interval of a paired ratio comes near numpy's`() throws {
    let golden = try Golden.read("statistics").at("ratio")
    let sizes = try golden.numbers("den")
    func texts(_ key: String) throws -> SetResult {
      var set = result([])
      set.outputType = .rolling
      set.choices = []
      set.documents = try zip(golden.numbers(key), sizes).enumerated().map { index, pair in
        DocumentScore(
          id: "\(index)",
          answer: .rolling(.init(logLikelihood: -pair.0, byteCount: Int(pair.1), wordCount: 1)))
      }
      return set
    }
    let comparison = try PairedComparison(
      of: texts("num2"), named: "ct", with: texts("num"), named: "base", metric: "bits_per_byte",
      bootstrap: Bootstrap(replicates: 4000))
    let ends = try golden.numbers("difference")
    let width = ends[1] - ends[0]
    #expect(abs(comparison.interval.low * log(2.0) - ends[0]) < 0.05 * width)
    #expect(abs(comparison.interval.high * log(2.0) - ends[1]) < 0.05 * width)
    #expect(comparison.isBetter && comparison.mcNemar == nil)  // fewer bits
  }

  @Test func `different documents cannot be compared`() {
    let a = result([true, false])
    #expect(
      lines {
        _ = try PairedComparison(
          of: a, named: "a", with: result([true, false], ids: ["0", "9"]), named: "b", metric: "acc"
        )
      } == """
        The two results cannot be compared in pairs: document `1` differs.
        a and b
        Evaluate both on the same documents.
        """)
    #expect(
      lines {
        _ = try PairedComparison(of: a, named: "a", with: result([true]), named: "b", metric: "acc")
      }.hasPrefix("The two results cannot be compared in pairs: they answer 2 and 1 documents."))
  }
}
