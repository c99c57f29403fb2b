// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How far an evaluation is.
public struct EvaluationProgress: Equatable, Sendable {
  /// The task in its language.
  public var task: String
  /// Documents scored, of all sets.
  public var finished: Int
  /// Documents of all sets.
  public var total: Int
}

/// Asks a model every question of a suite and counts.
///
///     let test = TestData([try .load(task.localized("fao_Latn"), split: .test, folder: data)])
///     let result = try Evaluator().run(model: model, named: "ct+sft", suite: test)
///
/// Questions go to the model in the order of the suite, `documentsPerCall` documents at a time; the
/// result does not depend on that number if the model keeps its promise of independence.
public struct Evaluator: Sendable {
  /// The intervals; `nil` leaves them out (a search over many models needs values only).
  public var bootstrap: Bootstrap?
  /// Documents in one call of the model, at least 1.
  public var documentsPerCall: Int

  /// An evaluator.
  public init(bootstrap: Bootstrap? = Bootstrap(), documentsPerCall: Int = 64) {
    precondition(documentsPerCall >= 1)
    self.bootstrap = bootstrap
    self.documentsPerCall = documentsPerCall
  }

  /// Scores a model.
  ///
  /// - Parameter progress: called after every call of the model, on the same thread; may throw to
  ///   stop there.
  /// - Throws: what the model and `progress` throw; `EvaluationError.notFinite` at the first NaN or infinity;
  ///   `.answerCount`. No result is better than half of one: nothing is returned then.
  public func run(
    model: any LanguageModel, named name: String, suite: some EvaluationSuite,
    progress: (EvaluationProgress) throws -> Void = { _ in }
  ) throws -> EvaluationResult {
    var names: Set<String> = []
    for set in suite.sets where !names.insert(set.task.name).inserted {
      throw EvaluationError.repeatedTask(set.task.name)
    }
    let total = suite.sets.reduce(0) { $0 + $1.documents.count }
    var finished = 0
    var results: [SetResult] = []
    for set in suite.sets {
      var scores: [DocumentScore] = []
      for start in stride(from: 0, to: set.documents.count, by: documentsPerCall) {
        let part = set.documents[start..<min(start + documentsPerCall, set.documents.count)]
        switch set.task.task.outputType {
        case .multipleChoice: scores += try choices(part, of: set, model, name)
        case .rolling: scores += try texts(part, of: set, model, name)
        }
        finished += part.count
        try progress(EvaluationProgress(task: set.task.name, finished: finished, total: total))
      }
      results.append(try result(set, scores))
    }
    return EvaluationResult(
      model: name, purpose: suite.purpose, sets: results, bootstrap: bootstrap)
  }

  private func choices(
    _ documents: ArraySlice<EvaluationDocument>, of set: EvaluationSet, _ model: any LanguageModel,
    _ name: String
  ) throws -> [DocumentScore] {
    let questions = try documents.map { try set.task.question($0, origin: set.origin) }
    let requests = questions.flatMap { question in
      question.continuations.map { (context: question.context, continuation: $0) }
    }
    let answers = try model.logLikelihoods(requests)
    try check(answers.count, requests.count, set, name)
    let choices = set.task.choices ?? []
    var scores: [DocumentScore] = []
    for (index, (document, question)) in zip(documents, questions).enumerated() {
      let own = answers[(index * choices.count)..<((index + 1) * choices.count)]
      for answer in own { try check(answer.logLikelihood, document, set, name) }
      scores.append(
        DocumentScore(
          id: document.id,
          answer: .choice(
            DocumentScore.Choice(
              logLikelihoods: own.map(\.logLikelihood), isGreedy: own.map(\.isGreedy),
              gold: question.gold, choices: choices))))
    }
    return scores
  }

  private func texts(
    _ documents: ArraySlice<EvaluationDocument>, of set: EvaluationSet, _ model: any LanguageModel,
    _ name: String
  ) throws -> [DocumentScore] {
    let texts = try documents.map { try set.task.text($0) }
    let answers = try model.rollingLogLikelihoods(texts)
    try check(answers.count, texts.count, set, name)
    var scores: [DocumentScore] = []
    for ((document, text), answer) in zip(zip(documents, texts), answers) {
      try check(answer, document, set, name)
      scores.append(
        DocumentScore(
          id: document.id,
          answer: .rolling(DocumentScore.Rolling(logLikelihood: answer, text: text))))
    }
    return scores
  }

  private func check(
    _ found: Int, _ expected: Int, _ set: EvaluationSet, _ model: String
  ) throws {
    guard found == expected else {
      throw EvaluationError.answerCount(
        expected: expected, found: found, model: model, task: set.task.name)
    }
  }

  private func check(
    _ value: Double, _ document: EvaluationDocument, _ set: EvaluationSet, _ model: String
  ) throws {
    guard value.isFinite else {
      throw EvaluationError.notFinite(
        value.isNaN ? "NaN" : "\(value)", model: model, task: set.task.name, document: document.id)
    }
  }

  /// Scores that were made, as a result; also for answers that come from no language model.
  func result(_ set: EvaluationSet, _ scores: [DocumentScore]) throws -> SetResult {
    let task = set.task
    let choiceCount = task.choices?.count ?? 0
    var metrics: [MetricResult] = []
    for id in task.task.metrics {
      let metric = try Metrics.required(id)
      let table = TermTable(metric: metric, choiceCount: choiceCount, units: scores.map { [$0] })
      var standardError: Double?
      if metric.card.isMean {
        standardError = SampleStatistics.standardError(
          scores.map { metric.terms(of: $0, choiceCount: choiceCount)[0].amount })
      }
      metrics.append(
        MetricResult(
          metric: id, value: table.value, standardError: standardError,
          interval: bootstrap?.interval(table), higherIsBetter: metric.card.higherIsBetter))
    }
    return SetResult(
      task: task.name, alias: task.task.alias, language: task.language,
      languageName: task.languageName, version: task.task.version, split: set.split,
      outputType: task.task.outputType, choices: task.choices ?? [], metrics: metrics,
      documents: scores)
  }
}
