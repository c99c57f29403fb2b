// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What two runs have in common and where they differ.
public struct RunComparison: Sendable, Equatable {
  /// One metric of one model in both runs.
  public struct Line: Sendable, Equatable {
    /// Name of its row in both runs.
    public var model: String
    /// "source" or "target".
    public var scope: String
    /// "acc", "bits_per_byte", …
    public var metric: String
    /// In the first run.
    public var first: Estimate
    /// In the second run.
    public var second: Estimate
    /// Second minus first. The runs are not paired here: whether their rows were the same is not
    /// known, so there is no interval.
    public var difference: Double { second.value - first.value }
    /// Whether both have intervals and these do not meet: a difference that needs no test.
    public var isApart: Bool {
      guard let a = first.interval, let b = second.interval else { return false }
      return a.high < b.low || b.high < a.low
    }
  }

  /// A step of either run.
  public struct StepChange: Sendable, Equatable {
    /// How a step of one run relates to the other run.
    public enum Change: String, Sendable { case same, changed, onlyInFirst, onlyInSecond }
    /// Name of the step.
    public var step: String
    /// By content hash.
    public var change: Change
  }

  /// Names of the runs.
  public var first: String
  /// Name of the second run.
  public var second: String
  /// Models of both runs, in the first run's order: target before source.
  public var lines: [Line]
  /// Models of one run only.
  public var onlyInFirst: [String]
  /// Models of the second run only.
  public var onlyInSecond: [String]
  /// Steps in the first run's order, then those of the second alone.
  public var steps: [StepChange]
  /// Versions and machine where they differ: name, first, second.
  public var environment: [Difference]

  /// A fact that differs.
  public struct Difference: Sendable, Equatable {
    /// What differs: "blas".
    public var name: String
    /// In the first run.
    public var first: String
    /// In the second run.
    public var second: String
  }

  /// Compares two runs with their scores.
  public init(
    _ first: RunRecord, _ firstScores: [ModelScores], _ second: RunRecord,
    _ secondScores: [ModelScores]
  ) {
    self.first = first.name
    self.second = second.name
    let others = Dictionary(secondScores.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    let names = Set(firstScores.map(\.name))
    lines = firstScores.flatMap { model -> [Line] in
      guard let other = others[model.name] else { return [] }
      let scopes = [
        ("target", model.target, other.target), ("source", model.source, other.source),
      ]
      return scopes.flatMap { scope, a, b -> [Line] in
        guard let a, let b else { return [] }
        let found = b.metrics
        return a.metrics.compactMap { metric, estimate in
          found.first { $0.name == metric }.map {
            Line(
              model: model.name, scope: scope, metric: metric, first: estimate, second: $0.estimate)
          }
        }
      }
    }
    onlyInFirst = firstScores.map(\.name).filter { others[$0] == nil }
    onlyInSecond = secondScores.map(\.name).filter { !names.contains($0) }
    steps =
      first.steps.map { step in
        let other = second.steps.first { $0.name == step.name }
        return StepChange(
          step: step.name,
          change: other.map { $0.hash == step.hash ? .same : .changed } ?? .onlyInFirst)
      }
      + second.steps.filter { step in !first.steps.contains { $0.name == step.name } }
      .map { StepChange(step: $0.name, change: .onlyInSecond) }
    let a = first.environment
    let b = second.environment
    environment = [
      Difference(name: "koine", first: first.koineVersion, second: second.koineVersion),
      Difference(name: "engine", first: a.engine, second: b.engine),
      Difference(name: "blas", first: a.blas, second: b.blas),
      Difference(name: "device", first: a.device, second: b.device),
      Difference(name: "cores", first: "\(a.coreCount)", second: "\(b.coreCount)"),
      Difference(
        name: "recipe", first: first.recipePath,
        second: second.recipePath
          + (first.recipePath == second.recipePath && first.recipeText != second.recipeText
            ? " (edited)" : "")),
    ].filter { $0.first != $0.second }
  }
}

extension Notebook {
  /// Compares two recorded runs.
  public func compare(_ first: String, _ second: String) throws -> RunComparison {
    RunComparison(
      try run(named: first), try scores(run: first).models, try run(named: second),
      try scores(run: second).models)
  }
}
