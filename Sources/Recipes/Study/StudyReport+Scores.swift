// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Runs

  /// The rows of the report: each a mean over the study's repetitions, with each of them beside it
  /// where there are several.
  extension StudyReport {
    func floors() throws -> [ModelScores] {
      try [("majority class", "majority"), ("Naive Bayes", "naive_bayes")].map { title, file in
        let result = try RepeatedEvaluation([
          Self.result(plan, step: "floors", file: file + ".json")
        ])
        return ModelScores(
          name: title, kind: .floor, source: try languageScores(result, sources, "source"),
          target: try languageScores(result, [target], target))
      }
    }

    func scores(_ model: StudyModel) throws -> ModelScores {
      let result = try results(of: model.title)
      let reference = try results(of: Self.reference)
      var row = try scores(model, result, reference, in: model.occurrences)
      guard isRepeated, !model.repetitions.isEmpty else { return row }
      row.seeds = try model.repetitions.enumerated().map { index, repetition in
        let own = try scores(
          model, RepeatedEvaluation([result.results[index]]),
          RepeatedEvaluation([reference.results[index]]), in: [repetition])
        return ModelScores.SeedScores(
          seed: repetition.seed, settings: own.settings, source: own.source, target: own.target,
          languages: own.languages, againstReference: own.againstReference,
          wallSeconds: own.wallSeconds, trainedTokens: own.trainedTokens)
      }
      return row
    }

    private func results(of title: String) throws -> RepeatedEvaluation {
      guard let result = results[title] else {
        throw StudyError.section("report", needs: "the scores of \(title)", origin: plan.places.run)
      }
      return result
    }

    /// A model's row over some of its repetitions.
    private func scores(
      _ model: StudyModel, _ result: RepeatedEvaluation, _ reference: RepeatedEvaluation,
      in repetitions: [Repetition?]
    ) throws -> ModelScores {
      let base = model.kind == .base ? nil : try results(of: "base")
      var comparison: Runs.PairedComparison?
      if model.title != Self.reference {
        let found = try PairedComparison(
          of: result, with: reference, tasks: [task(target)], metric: StudySettings.accuracy,
          bootstrap: bootstrap)
        comparison = Runs.PairedComparison(
          against: Self.reference, metric: StudySettings.accuracy, difference: estimate(found),
          pValue: found.pValue)
      }
      let chosen = repetitions.map { repetition in
        (model.step(in: repetition).flatMap { plan[$0]?.manifest?.facts["settings"] }?
          .object?.members ?? []).map { ModelScores.Setting($0.key, $0.value.display) }
      }
      let costs = repetitions.map { repetition in
        model.ancestry(in: repetition).compactMap { name in
          record.steps.first { $0.name == name }
        }
      }
      let tokens = costs.joined().reduce(0) { $0 + ($1.trainedTokens ?? 0) }
      let seconds = costs.joined().reduce(0) { $0 + $1.wallSeconds }
      let languages = try (sources + [target]).map {
        try languageScores(result, [$0], $0, base: base)
      }
      // One source by itself is what all sources are together; resampling is not for free.
      var source = languages[0]
      source.language = "source"
      if sources.count > 1 { source = try languageScores(result, sources, "source", base: base) }
      return ModelScores(
        name: model.title, kind: model.kind.row,
        settings: chosen.allSatisfy { $0 == chosen[0] } ? chosen[0] : [],
        source: source, target: languages[languages.count - 1], languages: languages,
        againstReference: comparison,
        wallSeconds: model.kind == .base ? nil : seconds / Double(repetitions.count),
        trainedTokens: model.kind == .base ? nil : tokens / repetitions.count)
    }

    private func task(_ code: String) throws -> String { try settings.task.localized(code).name }

    private func text(_ code: String) throws -> String {
      try BuiltInTasks.task("held_out_text").localized(code).name
    }

    /// Scores over one language or several together; with `base`, also what changed.
    private func languageScores(
      _ result: RepeatedEvaluation, _ codes: [String], _ name: String,
      base: RepeatedEvaluation? = nil
    ) throws -> ModelScores.LanguageScores {
      let tasks = try codes.map(task)
      let texts = try codes.map(text).filter { name in
        result.results[0].sets.contains { $0.task == name }
      }
      var scores = ModelScores.LanguageScores(language: name)
      scores.accuracy = try score(result, tasks, StudySettings.accuracy)
      if settings.task.metrics.contains(StudySettings.normalizedAccuracy) {
        scores.normalizedAccuracy = try score(result, tasks, StudySettings.normalizedAccuracy)
      }
      if !texts.isEmpty { scores.bitsPerByte = try score(result, texts, "bits_per_byte") }
      guard let base else { return scores }
      scores.accuracyChange = try change(result, base, tasks, StudySettings.accuracy)
      if !texts.isEmpty {
        scores.bitsPerByteChange = try change(result, base, texts, "bits_per_byte")
      }
      return scores
    }

    private func score(
      _ result: RepeatedEvaluation, _ tasks: [String], _ metric: String
    ) throws -> Estimate {
      let found = try result.score(tasks, metric: metric, bootstrap: bootstrap)
      let first = result.results[0]
      return Estimate(
        found.value, interval: found.interval.map { Interval(low: $0.low, high: $0.high) },
        standardError: found.standardError,
        count: try tasks.reduce(0) { try $0 + first.set($1).documents.count })
    }

    private func change(
      _ result: RepeatedEvaluation, _ base: RepeatedEvaluation, _ tasks: [String],
      _ metric: String
    ) throws -> Estimate {
      estimate(
        try PairedComparison(
          of: result, with: base, tasks: tasks, metric: metric, bootstrap: bootstrap))
    }

    private func estimate(_ comparison: Evaluation.PairedComparison) -> Estimate {
      Estimate(
        comparison.difference,
        interval: Interval(low: comparison.interval.low, high: comparison.interval.high),
        standardError: comparison.interval.standardError, count: comparison.documentCount)
    }
  }

  extension StudyModel.Kind {
    fileprivate var row: ModelScores.Kind {
      switch self {
      case .base: .base
      case .baseline: .baseline
      case .merge: .merge
      }
    }
  }
#endif
