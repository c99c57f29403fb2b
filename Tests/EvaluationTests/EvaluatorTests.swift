// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Evaluation

@Suite struct EvaluatorTests {
  /// Knows that `aa test 1` is green, and is drawn to short answers.
  private let model = ScriptedModel(score: { context, continuation in
    -Double(continuation.count)
      - (context.hasPrefix("aa test 1") && continuation == " green" ? 0 : 3)
  })

  @Test func `a run gives every document its scores and the table its numbers`() throws {
    var seen: [EvaluationProgress] = []
    let suite = TestData([
      try Small.rows("aa", .test), try Small.text("bb", .test, ["abc", "\u{00F0}a"]),
    ])
    let result = try Evaluator(bootstrap: Bootstrap(replicates: 100), documentsPerCall: 2).run(
      model: model, named: "m", suite: suite, progress: { seen.append($0) })
    #expect(seen.map(\.finished) == [2, 3, 5])
    #expect(seen.last == EvaluationProgress(task: "held_out_bb", finished: 5, total: 5))

    let rows = try result.set("colours_aa")
    #expect(rows.documents.map(\.id) == ["0", "1", "2"])
    #expect(rows.documents.compactMap { $0.choice?.prediction } == [0, 1, 0])
    #expect(rows.documents.compactMap { $0.choice?.gold } == [0, 1, 2])
    #expect(rows.documents[1].choice?.logLikelihoods == [-7, -6, -13])
    #expect(try rows.metric("acc").value == 2.0 / 3)
    #expect(abs(try rows.metric("acc").standardError.orThrow("stderr") - 1.0 / 3) < 1e-15)
    let interval = try rows.metric("acc").interval.orThrow("interval")
    #expect(interval.low <= 2.0 / 3 && interval.high >= 2.0 / 3 && interval.low < interval.high)

    let text = try result.set("held_out_bb")
    #expect(abs(try text.metric("bits_per_byte").value - 1 / log(2.0)) < 1e-15)
    #expect(try text.metric("bits_per_byte").standardError == nil)
    #expect(text.documents[1].rolling?.byteCount == 3)
  }

  @Test func `progress may stop a run between two calls of the model`() throws {
    struct Stop: Error {}
    var seen: [Int] = []
    #expect(throws: Stop.self) {
      try Evaluator(documentsPerCall: 1).run(
        model: model, named: "m", suite: TestData([try Small.rows("aa", .test)])
      ) {
        seen.append($0.finished)
        if $0.finished == 2 { throw Stop() }
      }
    }
    #expect(seen == [1, 2])
  }

  @Test(arguments: [1, 2, 3, 64])
  func `the size of a call changes nothing`(count: Int) throws {
    let suite = TestData([try Small.rows("aa", .test)])
    let bootstrap = Bootstrap(replicates: 50)
    let one = try Evaluator(bootstrap: bootstrap, documentsPerCall: count)
      .run(model: model, named: "m", suite: suite)
    #expect(
      one == (try Evaluator(bootstrap: bootstrap).run(model: model, named: "m", suite: suite)))
  }

  @Test func `a result survives its JSON, and a summary leaves out samples`() throws {
    let suite = TestData([
      try Small.rows("aa", .test), try Small.text("bb", .test, ["abc", "\u{00F0}a"]),
    ])
    for bootstrap in [Bootstrap(replicates: 20, seed: .max), nil] {
      let result = try Evaluator(bootstrap: bootstrap).run(model: model, named: "m", suite: suite)
      let text = result.json().serialized(pretty: true)
      let read = try EvaluationResult(json: JSON.parse(text, origin: "s.json"), origin: "s.json")
      #expect(read == result)
      #expect(read.json().serialized() == result.json().serialized())
      let json = result.json(includingSamples: false)
      #expect(json["samples"] == nil)
      #expect(json["results"]?["colours_aa"]?["acc,none"]?.double == 2.0 / 3)
      #expect(json["results"]?["held_out_bb"]?["bits_per_byte_stderr,none"]?.string == "N/A")
      #expect(json["higher_is_better"]?["held_out_bb"]?["bits_per_byte"]?.bool == false)
      #expect(json["n-samples"]?["colours_aa"]?["effective"]?.int == 3)
    }
  }

  @Test func `another schema, or a damaged one, is refused`() throws {
    let result = try Evaluator(bootstrap: nil)
      .run(model: model, named: "m", suite: TestData([try Small.rows("aa", .test)]))
    var object = try result.json().object.orThrow("object")
    object["schema"] = "koine.evaluation/2"
    #expect(
      lines { _ = try EvaluationResult(json: .object(object), origin: "s.json") } == """
        This is not a stored evaluation: its schema is `koine.evaluation/2`, not `koine.evaluation/1`.
        s.json
        Run the evaluation again to write the file anew.
        """)
    object["schema"] = "koine.evaluation/1"
    let damaged = JSON.object(object).serialized().replacing("\"target\":1", with: "\"target\":7")
    #expect(
      lines { _ = try EvaluationResult(json: JSON.parse(damaged, origin: ""), origin: "s.json") }
        .hasPrefix("This is not a stored evaluation: document `1` does not fit its choices."))
  }

  @Test func `change against the base is paired, task by task`() throws {
    let suite = TestData([
      try Small.rows("aa", .test), try Small.text("bb", .test, ["abcd", "efgh", "ijklmn"]),
    ])
    let evaluator = Evaluator(bootstrap: nil)
    let base = try evaluator.run(model: model, named: "base", suite: suite)
    var tuned = model
    tuned.rolling = { -1.5 * Double($0.utf8.count) }
    let changes = try evaluator.run(model: tuned, named: "ct", suite: suite)
      .changes(against: base, bootstrap: Bootstrap(replicates: 50))
    #expect(changes.map(\.metric) == ["acc", "acc_norm", "macro_f1", "bits_per_byte"])
    #expect(changes.map(\.isWorse) == [false, false, false, true])
    #expect(abs(changes[3].difference - 0.5 / log(2.0)) < 1e-12)
    #expect(changes[3].gain < 0 && changes[3].reference == "base")
  }

  @Test func `pooling languages weights by size and redraws translations together`() throws {
    let suite = TestData([
      try Small.rows("aa", .test), try Small.rows("cc", .test, ["red", "green"]),
    ])
    let result = try Evaluator(bootstrap: nil).run(model: model, named: "m", suite: suite)
    let pooled = try result.pooled(
      ["colours_aa", "colours_cc"], metric: "acc", bootstrap: Bootstrap(replicates: 50))
    #expect(pooled.value == 3.0 / 5)
    // Twice the same rows: as clusters they know no more than once.
    let once = try result.pooled(
      ["colours_aa"], metric: "acc", bootstrap: Bootstrap(replicates: 50))
    let twice = try result.pooled(
      ["colours_aa", "colours_aa"], metric: "acc", bootstrap: Bootstrap(replicates: 50))
    #expect(once == twice)
  }

  // MARK: Bad answers

  @Test func `NaN stops the run and names the document`() throws {
    let sick = ScriptedModel(score: { context, _ in context.hasPrefix("aa test 2") ? .nan : -1 })
    #expect(
      lines {
        _ = try Evaluator().run(
          model: sick, named: "merge", suite: TestData([try Small.rows("aa", .test)]))
      } == """
        The model `merge` answered NaN where a finite log-likelihood is expected.
        task `colours_aa`, document 2
        Look for NaN or infinite weights with `koine inspect`.
        """)
    let infinite = ScriptedModel(rolling: { _ in -.infinity })
    #expect(
      lines {
        _ = try Evaluator().run(
          model: infinite, named: "merge", suite: TestData([try Small.text("aa", .test, ["x"])]))
      }.hasPrefix("The model `merge` answered -inf where a finite log-likelihood is expected."))
  }

  @Test func `a model that skips a question is caught`() {
    #expect(
      lines {
        _ = try Evaluator().run(
          model: ScriptedModel(dropsLast: true), named: "m",
          suite: TestData([try Small.rows("aa", .test)]))
      }.hasPrefix("The model `m` gave 8 answers to 9 requests.\ntask `colours_aa`\n"))
  }

  @Test func `two sets of one name are refused`() {
    #expect(
      lines {
        _ = try Evaluator().run(
          model: ScriptedModel(), named: "m",
          suite: TestData([try Small.rows("aa", .test), try Small.rows("aa", .validation)]))
      }.hasPrefix("Two sets of the suite are named `colours_aa`."))
  }

  @Test func `asking for a result that is not there has a guess`() throws {
    let result = try Evaluator(bootstrap: nil)
      .run(model: model, named: "m", suite: TestData([try Small.rows("aa", .test)]))
    #expect(
      lines { _ = try result.set("colors_aa") }
        == "There is no `colors_aa`.\nthe results of `m`\nDid you mean `colours_aa`?")
    #expect(
      lines { _ = try result.set("colours_aa").metric("f1") }
        .hasPrefix("There is no `f1`.\ntask `colours_aa`\n"))
  }
}

@Suite struct SelectionTests {
  private let languages: StudyLanguages

  init() throws { languages = try StudyLanguages(sources: ["aa"], target: "bb_Latn") }

  @Test func `held-out target text and source validation rows may choose`() throws {
    let data = try SelectionData(
      [
        try Small.rows("aa", .validation), try Small.text("bb", .validation, ["x"]),
        try Small.text("aa", .validation, ["y"]),
      ], languages: languages)
    #expect(data.purpose == .selection)
    let result = try Evaluator(bootstrap: nil).run(model: ScriptedModel(), named: "m", suite: data)
    #expect(result.purpose == .selection && result.sets.count == 3)
  }

  @Test func `labels of the target language may not, whatever the split and the script`() {
    for split in [EvaluationSplit.training, .validation] {
      for code in ["bb", "bb_Latn", "bb-Latn", "bb_Cyrl"] {
        #expect(
          lines { _ = try SelectionData([try Small.rows(code, split)], languages: languages) }
            == """
            This may not be used to choose a model: these are labels of the target language.
            task `colours`, language `\(code)`, \(split.rawValue) split
            Choose by held-out target text and by validation rows of the source languages.
            """)
      }
    }
  }

  @Test func `no test split may, of any language or kind`() {
    #expect(
      lines { _ = try SelectionData([try Small.rows("aa", .test)], languages: languages) }
        .hasPrefix("This may not be used to choose a model: it is test data.\n"))
    #expect(
      lines { _ = try SelectionData([try Small.text("bb", .test, ["x"])], languages: languages) }
        .hasPrefix("This may not be used to choose a model: it is test data.\n"))
  }

  @Test func `labels of a stranger may not`() {
    #expect(
      lines { _ = try SelectionData([try Small.rows("cc", .validation)], languages: languages) }
        .contains("labels of a language that is no source of the study"))
  }

  @Test func `the target is no source, scripts aside`() {
    #expect(
      lines { _ = try StudyLanguages(sources: ["isl_Latn", "fao_Latn"], target: "fao") } == """
        The language `fao_Latn` is the target and also a source.
        the languages of the study
        Remove it from the sources: labels of the target may not touch selection.
        """)
    #expect(throws: Never.self) { try StudyLanguages(sources: ["lab_a"], target: "lab_b") }
  }

  @Test func `a text on both sides is found even when its split lies`() throws {
    let selection = try SelectionData(
      [try Small.text("bb", .validation, ["one", "two"])], languages: languages)
    let test = TestData([try Small.text("bb_Latn", .test, ["three", "two"])])
    #expect(
      lines { try selection.requireDisjoint(from: test) } == """
        Document `1` serves to choose a model and to test it.
        bb.validation.txt and bb_Latn.test.txt
        Split the text so that no document is on both sides.
        """)
    try selection.requireDisjoint(from: TestData([try Small.text("aa", .test, ["two"])]))
  }
}
