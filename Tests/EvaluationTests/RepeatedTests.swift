// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Testing

@testable import Evaluation

@Suite struct StudentTTests {
  @Test func `quantiles and tails are scipy's`() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/evaluation/student_t.json")
    let golden = try JSON.parse(
      String(decoding: Data(contentsOf: file), as: UTF8.self), origin: "student_t")
    let quantiles = try golden.list("quantiles").compactMap { $0.array?.compactMap(\.double) }
    #expect(quantiles.count == 27)
    for row in quantiles {
      let found = StudentT.quantile(confidence: row[1], degrees: row[0])
      #expect(abs(found - row[2]) < 1e-7 * row[2], "\(row)")
    }
    for row in try golden.list("p").compactMap({ $0.array?.compactMap(\.double) }) {
      #expect(abs(StudentT.twoSidedP(row[1], degrees: row[0]) - row[2]) < 1e-9, "\(row)")
      #expect(
        StudentT.twoSidedP(-row[1], degrees: row[0]) == StudentT.twoSidedP(row[1], degrees: row[0]))
    }
    #expect(StudentT.twoSidedP(.nan, degrees: 2).isNaN)
  }
}

@Suite struct RepeatedTests {
  private let bootstrap = Bootstrap(replicates: 400)

  private func choices(_ hits: [Bool], ids: [String]? = nil) -> EvaluationResult {
    result(
      .multipleChoice, choices: ["a", "b"],
      hits.enumerated().map { index, hit in
        DocumentScore(
          id: ids?[index] ?? "\(index)",
          answer: .choice(
            .init(
              logLikelihoods: hit ? [-1, -2] : [-2, -1], isGreedy: [false, false], gold: 0,
              choices: ["a", "b"])))
      })
  }

  /// Texts of one byte each with so many bits.
  private func texts(_ bits: [Double]) -> EvaluationResult {
    result(
      .rolling, choices: [],
      bits.enumerated().map { index, bits in
        DocumentScore(
          id: "\(index)",
          answer: .rolling(
            .init(logLikelihood: -bits * 0.693_147_180_559_945_3, byteCount: 1, wordCount: 1)))
      })
  }

  private func result(
    _ type: EvaluationTask.OutputType, choices: [String], _ documents: [DocumentScore]
  ) -> EvaluationResult {
    let metric: any Metric.Type = type == .rolling ? BitsPerByte.self : Accuracy.self
    let table = TermTable(
      metric: metric, choiceCount: choices.count, units: documents.map { [$0] })
    let set = SetResult(
      task: "t_aa", alias: "t", language: "aa", languageName: "A", version: "1", split: .test,
      outputType: type, choices: choices,
      metrics: [
        MetricResult(
          metric: metric.card.id, value: table.value, standardError: nil,
          interval: bootstrap.interval(table), higherIsBetter: metric.card.higherIsBetter)
      ], documents: documents)
    return EvaluationResult(model: "m", purpose: .test, sets: [set], bootstrap: bootstrap)
  }

  private func score(_ results: [EvaluationResult], _ metric: String) throws -> MetricResult {
    try RepeatedEvaluation(results).score(["t_aa"], metric: metric, bootstrap: bootstrap)
  }

  @Test func `one seed, and seeds that all score alike, have the interval over documents`() throws {
    let one = choices((0..<40).map { $0 % 3 == 0 })
    let alone = try score([one], "acc")
    #expect(try alone == one.set("t_aa").metric("acc"))
    let three = try score([one, one, one], "acc")
    let (first, second) = (try #require(alone.interval), try #require(three.interval))
    #expect(abs(three.value - alone.value) < 1e-15)
    #expect(abs(first.low - second.low) < 1e-12 && abs(first.high - second.high) < 1e-12)
    #expect(abs(first.standardError - second.standardError) < 1e-12)
  }

  @Test func `a system against seeds that all score like it differs by nothing`() throws {
    let one = choices((0..<10).map { $0 < 2 })
    let comparison = try PairedComparison(
      of: RepeatedEvaluation([one]), with: RepeatedEvaluation([one, one, one]), tasks: ["t_aa"],
      metric: "acc", bootstrap: bootstrap)
    #expect(comparison.difference == 0 && comparison.pValue == 1)
    #expect(comparison.interval == ConfidenceInterval(low: 0, high: 0, standardError: 0))
  }

  @Test func `documents that are all alike leave the t-interval of the seeds`() throws {
    let seeds = [1.0, 1.2, 1.7].map { texts([Double](repeating: $0, count: 12)) }
    let found = try score(seeds, "bits_per_byte")
    let interval = try #require(found.interval)
    // Mean 1.3, standard deviation √0.13; t for 2 degrees of freedom.
    let half = 4.302_652_729_749_462 * (0.13 / 3).squareRoot()
    #expect(abs(found.value - 1.3) < 1e-12)
    #expect(abs(interval.low - (1.3 - half)) < 1e-9)
    #expect(abs(interval.high - (1.3 + half)) < 1e-9)
    #expect(abs(interval.standardError - (0.13 / 3).squareRoot()) < 1e-12)
    let turned = try #require(try score(seeds.reversed(), "bits_per_byte").interval)
    #expect(abs(turned.low - interval.low) < 1e-12 && abs(turned.high - interval.high) < 1e-12)
  }

  @Test func `documents and seeds add up as the sides of a right angle`() throws {
    let rows = (0..<30).map { 1 + Double($0 * 7 % 11) / 10 }
    let shifts = [0, 0.1, 0.35]
    let found = try score(
      shifts.map { shift in texts(rows.map { $0 + shift }) }, "bits_per_byte")
    // The seeds' mean answers every document like a model of its own.
    let middle = try #require(try texts(rows.map { $0 + 0.15 }).set("t_aa").metrics[0].interval)
    let mean = rows.reduce(0, +) / 30 + 0.15
    let seeds = 4.302_652_729_749_462 * (0.0325 / 3).squareRoot()
    let interval = try #require(found.interval)
    func length(_ a: Double) -> Double { (a * a + seeds * seeds).squareRoot() }
    #expect(abs(found.value - mean) < 1e-12)
    #expect(abs(interval.low - (mean - length(mean - middle.low))) < 1e-9)
    #expect(abs(interval.high - (mean + length(middle.high - mean))) < 1e-9)
    #expect(
      interval
        == (try score(shifts.map { s in texts(rows.map { $0 + s }) }, "bits_per_byte"))
        .interval)
  }

  @Test func `an accuracy's interval stays between 0 and 1`() throws {
    let seeds = [0, 4, 10].map { right in choices((0..<10).map { $0 < right }) }
    let interval = try #require(try score(seeds, "acc").interval)
    #expect(interval.low == 0 && interval.high == 1)
  }

  @Test func `seeds are paired in their order`() throws {
    // Seeds differ by much, the two systems by 3 of 60 rows in every seed.
    func seeds(_ more: Int) throws -> RepeatedEvaluation {
      try RepeatedEvaluation(
        [20, 30, 45].map { right in choices((0..<60).map { $0 < right + more }) })
    }
    let comparison = try PairedComparison(
      of: seeds(3), with: seeds(0), tasks: ["t_aa"], metric: "acc", bootstrap: bootstrap)
    #expect(abs(comparison.difference - 0.05) < 1e-12)
    #expect(comparison.isBetter && comparison.pValue < 0.05 && comparison.mcNemar == nil)
    let turned = try RepeatedEvaluation(Array(seeds(0).results.reversed()))
    let unpaired = try PairedComparison(
      of: seeds(3), with: turned, tasks: ["t_aa"], metric: "acc", bootstrap: bootstrap)
    #expect(!unpaired.isBetter && unpaired.pValue > 0.5)
  }

  @Test func `a system with one seed stands against every seed of another`() throws {
    let base = try RepeatedEvaluation([texts([2, 2, 2, 2])])
    let other = try RepeatedEvaluation([1.0, 1.2, 1.7].map { texts([$0, $0, $0, $0]) })
    let comparison = try PairedComparison(
      of: other, with: base, tasks: ["t_aa"], metric: "bits_per_byte", bootstrap: bootstrap)
    #expect(abs(comparison.difference + 0.7) < 1e-12)
    #expect(abs(comparison.interval.standardError - (0.13 / 3).squareRoot()) < 1e-12)
    // t = 0.7 ÷ 0.2082 with 2 degrees of freedom: 1 − t ÷ √(t² + 2).
    let t = 0.7 / (0.13 / 3).squareRoot()
    #expect(abs(comparison.pValue - (1 - t / (t * t + 2).squareRoot())) < 1e-6)
    #expect(!comparison.isBetter)
  }

  @Test func `rows of one id in several tasks are redrawn together`() throws {
    // A second task with the same answers to the same ids tells nothing new.
    func twice(_ result: EvaluationResult) -> EvaluationResult {
      var result = result
      var copy = result.sets[0]
      copy.task = "t_bb"
      result.sets.append(copy)
      return result
    }
    let pairs = [12, 14, 19].map { right in
      (choices((0..<40).map { $0 < right }), choices((0..<40).map { $0 % 4 == 0 }))
    }
    for count in [1, 3] {
      let model = try RepeatedEvaluation(pairs.prefix(count).map { twice($0.0) })
      let reference = try RepeatedEvaluation(pairs.prefix(count).map { twice($0.1) })
      func compare(_ tasks: [String]) throws -> PairedComparison {
        try PairedComparison(
          of: model, with: reference, tasks: tasks, metric: "acc", bootstrap: bootstrap)
      }
      let (one, both) = (try compare(["t_aa"]), try compare(["t_aa", "t_bb"]))
      #expect(abs(one.difference - both.difference) < 1e-12 && one.difference != 0)
      #expect(abs(one.interval.low - both.interval.low) < 1e-9)
      #expect(abs(one.interval.high - both.interval.high) < 1e-9)
      #expect(both.documentCount == 80 && both.mcNemar == nil && both.task == "t_aa, t_bb")
      #expect((one.mcNemar != nil) == (count == 1))
      let score = try model.score(["t_aa", "t_bb"], metric: "acc", bootstrap: bootstrap)
      #expect(abs(score.value - one.value) < 1e-12)
    }
  }

  @Test func `p falls below 5 % where the interval leaves 0 behind`() throws {
    let rows = (0..<30).map { Double($0 * 7 % 11) / 10 - 0.5 }
    let base = try RepeatedEvaluation([texts(rows.map { _ in 1 })])
    var crossings = 0
    for step in 0..<40 {
      let seeds = [0, 0.1, 0.2].map { shift in
        texts(rows.map { 1 + $0 + shift + Double(step - 20) / 20 })
      }
      let found = try PairedComparison(
        of: RepeatedEvaluation(seeds), with: base, tasks: ["t_aa"], metric: "bits_per_byte",
        bootstrap: bootstrap)
      let settled = found.isBetter || found.isWorse
      #expect(settled == (found.pValue < 0.05), "\(step): \(found.pValue)")
      crossings += settled ? 1 : 0
    }
    #expect(crossings > 5 && crossings < 35)
  }

  @Test func `other documents and other numbers of seeds cannot be compared`() throws {
    let (a, b) = (choices([true, false]), choices([true, false], ids: ["0", "9"]))
    #expect(
      lines { _ = try RepeatedEvaluation([a, b]) } == """
        The two results cannot be compared in pairs: document `1` differs.
        m and repetition 2 of m
        Evaluate both on the same documents.
        """)
    let (two, three) = (try RepeatedEvaluation([a, a]), try RepeatedEvaluation([a, a, a]))
    #expect(
      lines {
        _ = try PairedComparison(of: two, with: three, tasks: ["t_aa"], metric: "acc")
      }.hasPrefix("The two results cannot be compared in pairs: they have 2 and 3 seeds."))
  }

  @Test func `with three seeds about 95 in 100 intervals hold the truth`() throws {
    var random = SeededRandom(seed: 5, name: "coverage of seeds")  // seed 5
    // Sums of twelve uniform numbers: near enough to normal.
    func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + random.unit() } }
    let rounds = 200
    for spread in [0.0, 0.3] {
      var hits = 0
      for _ in 0..<rounds {
        let rows = (0..<40).map { _ in 3 + normal() }
        let seeds = (0..<3).map { _ -> EvaluationResult in
          let shift = spread * normal()
          return texts(rows.map { $0 + shift })
        }
        let interval = try #require(
          try RepeatedEvaluation(seeds).score(
            ["t_aa"], metric: "bits_per_byte", bootstrap: Bootstrap(replicates: 100)
          ).interval)
        if interval.low <= 3 && 3 <= interval.high { hits += 1 }
      }
      // Binomial(200, 0.94): six standard deviations are 0.10.
      #expect(Double(hits) / Double(rounds) > 0.85, "\(spread): \(hits) of \(rounds)")
    }
  }
}
