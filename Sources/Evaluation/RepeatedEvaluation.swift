// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A system that was trained once or several times, with different seeds and nothing else changed,
/// and what each of its models answered to the same documents.
///
/// Scores are means over the seeds. Their intervals, and those of a `PairedComparison`, tell where
/// the mean would be with other documents and other seeds: each half is the root of the sum of two
/// squares, that of the bootstrap's percentile interval over documents, and that of Student's
/// t-interval over seeds, which is wide for few of them. A system with one seed has the plain
/// bootstrap over documents, which says nothing about other seeds.
public struct RepeatedEvaluation: Equatable, Sendable {
  /// One for each seed, in their order; not empty.
  public let results: [EvaluationResult]

  /// The system's name: that of the first result.
  public var name: String { results[0].model }

  /// Puts the results of one system together.
  ///
  /// - Throws: `EvaluationError.unpaired` unless they answer the same documents of the same tasks.
  public init(_ results: [EvaluationResult]) throws {
    precondition(!results.isEmpty, "a system has at least one result")
    self.results = results
    for (position, other) in results.enumerated().dropFirst() {
      let names = (name, "repetition \(position + 1) of \(other.model)")
      guard other.sets.count == results[0].sets.count else {
        throw EvaluationError.unpaired(
          names.0, names.1,
          problem: "they answer \(results[0].sets.count) and \(other.sets.count) tasks")
      }
      for (first, second) in zip(results[0].sets, other.sets) {
        try PairedComparison.checkPaired(first, names.0, second, names.1)
      }
    }
  }

  /// One metric over one task, or over several together as `EvaluationResult.pooled` takes them.
  ///
  /// - Throws: as `EvaluationResult.pooled` does.
  public func score(
    _ tasks: [String], metric id: String, bootstrap: Bootstrap = Bootstrap()
  ) throws -> MetricResult {
    guard results.count > 1 else {
      return tasks.count == 1
        ? try results[0].set(tasks[0]).metric(id)
        : try results[0].pooled(tasks, metric: id, bootstrap: bootstrap)
    }
    let metric = try Metrics.required(id)
    let tables = try results.map { try $0.table(of: tasks, metric) }
    // All metrics of choices are shares or F1; those of texts are bits or perplexities.
    let highest = metric.card.outputType == .multipleChoice ? 1 : Double.infinity
    let mean = RepeatedMean(
      unitCount: tables[0].unitCount, bootstrap: bootstrap, range: 0...highest
    ) { units in tables.map { $0.value(of: units) } }
    return MetricResult(
      metric: id, value: mean.value, standardError: mean.interval.standardError,
      interval: mean.interval, higherIsBetter: metric.card.higherIsBetter)
  }
}
