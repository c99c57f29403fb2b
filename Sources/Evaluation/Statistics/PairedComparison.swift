// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How much better one system is than another on the same documents.
public struct PairedComparison: Equatable, Sendable {
  /// The task in its language, such as `sib200_fao_Latn`; of several together, with commas.
  public let task: String
  /// The metric's identifier.
  public let metric: String
  /// Whether more is better.
  public let higherIsBetter: Bool
  /// The model compared.
  public let model: String
  /// The model it is compared with.
  public let reference: String
  /// The score of `model`.
  public let value: Double
  /// The score of `reference`.
  public let referenceValue: Double
  /// The interval of `difference`, by redrawing documents, the same for both; of systems that were
  /// trained several times, over seeds as well (``RepeatedEvaluation``).
  public let interval: ConfidenceInterval
  /// Two-sided, from the same replicates: 2 · (1 + min(#d ≤ 0, #d ≥ 0)) ÷ (replicates + 1), at most
  /// 1; over several seeds 1 − the confidence at which the interval begins to hold 0.
  public let pValue: Double
  /// The exact test, of metrics that are shares of right answers.
  public let mcNemar: McNemarTest?
  /// How many documents both answered.
  public let documentCount: Int

  /// `value` − `referenceValue`.
  public var difference: Double { value - referenceValue }
  /// `difference` with the sign of the metric: above 0 is better.
  public var gain: Double { higherIsBetter ? difference : -difference }
  /// Whether the interval excludes 0 on the bad side: something was lost (forgetting, when the
  /// reference is the base).
  public var isWorse: Bool { higherIsBetter ? interval.high < 0 : interval.low > 0 }
  /// Whether the interval excludes 0 on the good side.
  public var isBetter: Bool { higherIsBetter ? interval.low > 0 : interval.high < 0 }

  /// Compares two results on the same set.
  ///
  /// - Throws: `EvaluationError.unpaired` unless task, choices and documents (ids, right answers,
  ///   bytes) agree in order; `.missingResult` for a metric one of them lacks.
  public init(
    of model: SetResult, named modelName: String, with reference: SetResult,
    named referenceName: String, metric id: String, bootstrap: Bootstrap = Bootstrap()
  ) throws {
    try Self.checkPaired(model, modelName, reference, referenceName)
    let metric = try Metrics.required(id)
    guard model.outputType == metric.card.outputType else {
      throw EvaluationError.missingResult(
        id, in: "task `\(model.task)`", known: model.metrics.map(\.metric))
    }
    let tables = [model, reference].map {
      TermTable(
        metric: metric, choiceCount: $0.choices.count, units: $0.documents.map { [$0] })
    }
    task = model.task
    self.metric = id
    higherIsBetter = metric.card.higherIsBetter
    self.model = modelName
    self.reference = referenceName
    value = tables[0].value
    referenceValue = tables[1].value
    documentCount = model.documents.count
    let mean = RepeatedMean(unitCount: documentCount, bootstrap: bootstrap) { units in
      [tables[0].value(of: units) - tables[1].value(of: units)]
    }
    (interval, pValue) = (mean.interval, mean.pValue)
    mcNemar = metric.card.isMean ? Self.mcNemar(metric, model, reference) : nil
  }

  /// Compares systems that were trained several times, on one task or several together.
  ///
  /// Seed s of the one is compared with seed s of the other, on the same documents; a system that
  /// was trained once stands against every seed. `value`, `referenceValue` and `difference` are
  /// means over the seeds, and `mcNemar` is there for one task and one seed only.
  ///
  /// - Throws: `EvaluationError.unpaired` for other documents or other numbers of seeds;
  ///   `.missingResult` for a task or metric one of them lacks.
  public init(
    of model: RepeatedEvaluation, with reference: RepeatedEvaluation, tasks: [String],
    metric id: String, bootstrap: Bootstrap = Bootstrap()
  ) throws {
    let (own, other) = (model.results, reference.results)
    let count = max(own.count, other.count)
    guard own.count == other.count || own.count == 1 || other.count == 1 else {
      throw EvaluationError.unpaired(
        model.name, reference.name, problem: "they have \(own.count) and \(other.count) seeds")
    }
    for task in tasks {
      try Self.checkPaired(own[0].set(task), model.name, other[0].set(task), reference.name)
    }
    let metric = try Metrics.required(id)
    let tables = (
      try own.map { try $0.table(of: tasks, metric) },
      try other.map { try $0.table(of: tasks, metric) }
    )
    task = tasks.joined(separator: ", ")
    self.metric = id
    higherIsBetter = metric.card.higherIsBetter
    self.model = model.name
    self.reference = reference.name
    value = RepeatedMean.mean(tables.0.map(\.value))
    referenceValue = RepeatedMean.mean(tables.1.map(\.value))
    documentCount = try tasks.reduce(0) { try $0 + own[0].set($1).documents.count }
    let mean = RepeatedMean(unitCount: tables.0[0].unitCount, bootstrap: bootstrap) { units in
      let values = tables.0.map { $0.value(of: units) }
      let references = tables.1.map { $0.value(of: units) }
      return (0..<count).map {
        values[min($0, own.count - 1)] - references[min($0, other.count - 1)]
      }
    }
    (interval, pValue) = (mean.interval, mean.pValue)
    mcNemar =
      count == 1 && tasks.count == 1 && metric.card.isMean
      ? Self.mcNemar(metric, try own[0].set(tasks[0]), try other[0].set(tasks[0])) : nil
  }

  private static func mcNemar(
    _ metric: any Metric.Type, _ first: SetResult, _ second: SetResult
  ) -> McNemarTest {
    func isRight(_ score: DocumentScore, _ choiceCount: Int) -> Bool {
      metric.terms(of: score, choiceCount: choiceCount).contains { $0.slot == 0 && $0.amount == 1 }
    }
    var (onlyFirst, onlySecond) = (0, 0)
    for (a, b) in zip(first.documents, second.documents) {
      switch (isRight(a, first.choices.count), isRight(b, second.choices.count)) {
      case (true, false): onlyFirst += 1
      case (false, true): onlySecond += 1
      default: break
      }
    }
    return McNemarTest(onlyFirst: onlyFirst, onlySecond: onlySecond)
  }

  static func checkPaired(
    _ a: SetResult, _ aName: String, _ b: SetResult, _ bName: String
  ) throws {
    let problem: String? =
      if a.task != b.task {
        "they answer `\(a.task)` and `\(b.task)`"
      } else if a.split != b.split {
        "they answer the \(a.split.rawValue) and the \(b.split.rawValue) split"
      } else if a.choices != b.choices {
        "the choices differ"
      } else if a.documents.count != b.documents.count {
        "they answer \(a.documents.count) and \(b.documents.count) documents"
      } else if let pair = zip(a.documents, b.documents).first(where: { !isSame($0, $1) }) {
        "document `\(pair.0.id)` differs"
      } else {
        nil
      }
    if let problem { throw EvaluationError.unpaired(aName, bName, problem: problem) }
  }

  private static func isSame(_ a: DocumentScore, _ b: DocumentScore) -> Bool {
    a.id == b.id && a.choice?.gold == b.choice?.gold
      && a.rolling?.byteCount == b.rolling?.byteCount
  }
}

extension EvaluationResult {
  /// What changed against another model, usually the base: every metric of every task both have, in
  /// this result's order. A change for the worse is forgetting.
  ///
  /// - Throws: `EvaluationError.unpaired` where a common task was not measured on the same
  ///   documents.
  public func changes(
    against base: EvaluationResult, bootstrap: Bootstrap = Bootstrap()
  ) throws -> [PairedComparison] {
    var changes: [PairedComparison] = []
    for set in sets {
      guard let other = base.sets.first(where: { $0.task == set.task && $0.split == set.split })
      else { continue }
      for metric in set.metrics where other.metrics.contains(where: { $0.metric == metric.metric })
      {
        changes.append(
          try PairedComparison(
            of: set, named: model, with: other, named: base.model, metric: metric.metric,
            bootstrap: bootstrap))
      }
    }
    return changes
  }
}
