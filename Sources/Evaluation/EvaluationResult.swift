// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// One metric of one set of documents.
public struct MetricResult: Equatable, Sendable {
  /// The metric's identifier.
  public var metric: String
  /// The score.
  public var value: Double
  /// lm-eval's standard error of a mean; `nil` where lm-eval prints "N/A".
  public var standardError: Double?
  /// The bootstrap's interval; `nil` when intervals were not asked for.
  public var interval: ConfidenceInterval?
  /// Whether more is better.
  public var higherIsBetter: Bool
}

/// How a model did on one task in one language.
public struct SetResult: Equatable, Sendable {
  /// The task in its language, such as `sib200_fao_Latn`.
  public var task: String
  /// The task's alias, such as `SIB-200`.
  public var alias: String
  /// The language's code.
  public var language: String
  /// The language's English name.
  public var languageName: String
  /// The task file's `metadata.version`.
  public var version: String
  /// Which rows were scored.
  public var split: EvaluationSplit
  /// What was asked.
  public var outputType: EvaluationTask.OutputType
  /// The choices in order; empty for texts.
  public var choices: [String]
  /// In the order of the task file.
  public var metrics: [MetricResult]
  /// Every document, in the order of the data.
  public var documents: [DocumentScore]

  /// A metric's result.
  ///
  /// - Throws: `EvaluationError.missingResult`.
  public func metric(_ id: String) throws -> MetricResult {
    guard let result = metrics.first(where: { $0.metric == id }) else {
      throw EvaluationError.missingResult(
        id, in: "task `\(task)`", known: metrics.map(\.metric))
    }
    return result
  }
}

/// How a model did on a suite.
public struct EvaluationResult: Equatable, Sendable {
  /// The model's name.
  public var model: String
  /// What the scores may be used for.
  public var purpose: EvaluationPurpose
  /// In the order of the suite.
  public var sets: [SetResult]
  /// The settings of the intervals; `nil` when there are none.
  public var bootstrap: Bootstrap?

  /// The result of a task in a language.
  ///
  /// - Throws: `EvaluationError.missingResult`.
  public func set(_ task: String) throws -> SetResult {
    guard let set = sets.first(where: { $0.task == task }) else {
      throw EvaluationError.missingResult(
        task, in: "the results of `\(model)`", known: sets.map(\.task))
    }
    return set
  }

  /// One metric over several tasks together, as if they were one: lm-eval's group mean weighted by
  /// size.
  ///
  /// Documents of the same id, such as translations of one sentence, are redrawn together, because
  /// their errors are not independent; `standardError` is the bootstrap's.
  /// - Throws: `EvaluationError.missingResult`; `.unpaired` when output types or choice counts
  ///   differ.
  public func pooled(
    _ tasks: [String], metric id: String, bootstrap: Bootstrap = Bootstrap()
  ) throws -> MetricResult {
    let metric = try Metrics.required(id)
    let table = try table(of: tasks, metric)
    let interval = bootstrap.interval(table)
    return MetricResult(
      metric: id, value: table.value, standardError: interval.standardError, interval: interval,
      higherIsBetter: metric.card.higherIsBetter)
  }

  /// The sums of a metric over several tasks together; documents of one id are one unit.
  func table(of tasks: [String], _ metric: any Metric.Type) throws -> TermTable {
    precondition(!tasks.isEmpty, "nothing to pool")
    let members = try tasks.map { try set($0) }
    let first = members[0]
    for member in members
    where member.outputType != metric.card.outputType
      || member.choices.count != first.choices.count
    {
      throw EvaluationError.unpaired(
        first.task, member.task, problem: "`\(metric.card.id)` is not one number over both")
    }
    var order: [String] = []
    var units: [String: [DocumentScore]] = [:]
    for document in members.flatMap(\.documents) {
      if units[document.id] == nil { order.append(document.id) }
      units[document.id, default: []].append(document)
    }
    return TermTable(
      metric: metric, choiceCount: first.choices.count, units: order.map { units[$0] ?? [] })
  }
}
