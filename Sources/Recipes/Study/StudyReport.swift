// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Foundation
  import Runs

  extension Study {
    /// Gathers the evidence of a finished run.
    ///
    /// - Parameters:
    ///   - plan: made after the run, so that every step is known to be done.
    ///   - record: what ran.
    public func report(_ plan: Plan, _ record: RunRecord) throws -> ReportContent {
      try StudyReport(study: self, plan: plan, record: record).content()
    }
  }

  /// Turns the folders of a run's steps into what the report shows.
  struct StudyReport {
    let study: Study
    let plan: Plan
    let record: RunRecord
    private let results: [String: EvaluationResult]
    private let bootstrap = Bootstrap()
    /// The row that merges are compared with.
    static let reference = "CT→SFT"

    private var settings: StudySettings { study.settings }
    private var target: String { settings.languages.target }
    private var sources: [String] { settings.languages.sources }

    init(study: Study, plan: Plan, record: RunRecord) throws {
      self.study = study
      self.plan = plan
      self.record = record
      var results: [String: EvaluationResult] = [:]
      for model in study.models {
        results[model.title] = try Self.result(plan, step: model.evaluation, file: "result.json")
      }
      self.results = results
    }

    private static func result(
      _ plan: Plan, step: String, file: String
    ) throws -> EvaluationResult {
      let path = (plan[step]?.folder ?? "") + "/" + file
      return try EvaluationResult(
        json: JSON.parse(try Disk.read(path), origin: path), origin: path)
    }

    func content() throws -> ReportContent {
      let rows = try floors() + study.models.map(scores)
      return ReportContent(
        title: settings.name,
        sources: try sources.map(language), target: try language(target),
        task: settings.task.alias, run: record, models: rows, reference: Self.reference,
        selection: try selection(), curves: try curves(), samples: try samples(),
        data: try dataSizes() + parallelSizes(), facts: facts(), notes: try notes(rows))
    }

    private func language(_ code: String) throws -> ReportContent.Language {
      ReportContent.Language(
        code: code, name: try settings.task.localized(code).languageName)
    }

    // MARK: Scores

    private func floors() throws -> [ModelScores] {
      try [("majority class", "majority"), ("Naive Bayes", "naive_bayes")].map { title, file in
        let result = try Self.result(plan, step: "floors", file: file + ".json")
        return ModelScores(
          name: title, kind: .floor, source: try languageScores(result, sources, "source"),
          target: try languageScores(result, [target], target))
      }
    }

    private func scores(_ model: StudyModel) throws -> ModelScores {
      guard let result = results[model.title], let base = results["base"] else {
        throw StudyError.section(
          "report", needs: "the scores of \(model.title)", origin: plan.places.run)
      }
      let changesFrom = model.kind == .base ? nil : base
      var reference: Runs.PairedComparison?
      if model.title != Self.reference, let other = results[Self.reference] {
        let comparison = try PairedComparison(
          of: result.set(task(target)), named: model.title, with: other.set(task(target)),
          named: Self.reference, metric: StudySettings.accuracy, bootstrap: bootstrap)
        reference = Runs.PairedComparison(
          against: Self.reference, metric: StudySettings.accuracy, difference: estimate(comparison),
          pValue: comparison.pValue)
      }
      let steps = model.ancestry.compactMap { name in record.steps.first { $0.name == name } }
      let settings = plan[model.step ?? ""]?.manifest?.facts["settings"]?.object?.members ?? []
      return ModelScores(
        name: model.title, kind: model.kind.row,
        settings: settings.map { ModelScores.Setting($0.key, $0.value.display) },
        source: try languageScores(result, sources, "source", base: changesFrom),
        target: try languageScores(result, [target], target, base: changesFrom),
        languages: try (sources + [target]).map {
          try languageScores(result, [$0], $0, base: changesFrom)
        }, againstReference: reference,
        wallSeconds: model.kind == .base
          ? nil : steps.reduce(0) { $0 + $1.wallSeconds },
        trainedTokens: model.kind == .base
          ? nil : steps.reduce(0) { $0 + ($1.trainedTokens ?? 0) })
    }

    private func task(_ code: String) throws -> String { try settings.task.localized(code).name }

    private func text(_ code: String) throws -> String {
      try BuiltInTasks.task("held_out_text").localized(code).name
    }

    /// Scores over one language or several together; with `base`, also what changed.
    private func languageScores(
      _ result: EvaluationResult, _ codes: [String], _ name: String,
      base: EvaluationResult? = nil
    ) throws -> ModelScores.LanguageScores {
      let tasks = try codes.map(task)
      let texts = try codes.map(text).filter { name in
        result.sets.contains { $0.task == name }
      }
      var scores = ModelScores.LanguageScores(language: name)
      scores.accuracy = try pooled(result, tasks, StudySettings.accuracy)
      if settings.task.metrics.contains(StudySettings.normalizedAccuracy) {
        scores.normalizedAccuracy = try pooled(result, tasks, StudySettings.normalizedAccuracy)
      }
      if !texts.isEmpty { scores.bitsPerByte = try pooled(result, texts, "bits_per_byte") }
      guard let base else { return scores }
      scores.accuracyChange = try change(result, base, tasks, StudySettings.accuracy)
      if !texts.isEmpty {
        scores.bitsPerByteChange = try change(result, base, texts, "bits_per_byte")
      }
      return scores
    }

    private func pooled(
      _ result: EvaluationResult, _ tasks: [String], _ metric: String
    ) throws -> Estimate {
      let found =
        tasks.count == 1
        ? try result.set(tasks[0]).metric(metric)
        : try result.pooled(tasks, metric: metric, bootstrap: bootstrap)
      let count = try tasks.reduce(0) { try $0 + result.set($1).documents.count }
      return Estimate(
        found.value, interval: found.interval.map { Interval(low: $0.low, high: $0.high) },
        standardError: found.standardError, count: count)
    }

    /// Paired where it is one task; over several, the difference of the pooled values.
    private func change(
      _ result: EvaluationResult, _ base: EvaluationResult, _ tasks: [String], _ metric: String
    ) throws -> Estimate {
      if tasks.count == 1 {
        return estimate(
          try PairedComparison(
            of: result.set(tasks[0]), named: result.model, with: base.set(tasks[0]),
            named: base.model, metric: metric, bootstrap: bootstrap))
      }
      let difference =
        try result.pooled(tasks, metric: metric, bootstrap: bootstrap).value
        - base.pooled(tasks, metric: metric, bootstrap: bootstrap).value
      return Estimate(difference)
    }

    private func estimate(_ comparison: Evaluation.PairedComparison) -> Estimate {
      Estimate(
        comparison.difference,
        interval: Interval(low: comparison.interval.low, high: comparison.interval.high),
        standardError: comparison.interval.standardError, count: comparison.documentCount)
    }

    // MARK: Selection, curves, samples

    private func selection() throws -> Selection {
      let grids = try settings.merges.map { grid -> Selection.Grid in
        let step = plan["merge-\(grid.method)"]
        let path = (step?.folder ?? "") + "/grid.json"
        let points = try JSON.parse(try Disk.read(path), origin: path).array ?? []
        return Selection.Grid(
          model: grid.method,
          points: points.map { point in
            Selection.Grid.Point(
              settings: (point["settings"]?.object?.members ?? []).map {
                ModelScores.Setting($0.key, $0.value.display)
              }, objective: point["objective"]?.double ?? .nan,
              measures: (point["scores"]?.object?.members ?? []).map {
                ModelScores.Setting($0.key, $0.value.display)
              })
          }, chosen: step?.manifest?.facts["chosen"]?.int)
      }
      return Selection(
        description:
          "Merge settings were chosen on held-out text of the target (bits per byte) and dev rows "
          + "of the task in its source languages (accuracy). No task label of the target was seen.",
        objective: "harmonic mean of task kept and language kept", lowerIsBetter: false,
        grids: grids)
    }

    private func curves() throws -> [LossCurve] {
      try plan.entries.filter { $0.step is TrainStep }.map { entry in
        let path = entry.folder + "/" + StepContext.metricsFileName
        let lines = String(decoding: try Disk.read(path), as: UTF8.self).split(separator: "\n")
        let points = try lines.compactMap { line -> LossCurve.Point? in
          let record = try JSON.parse(String(line), origin: path)
          guard let iteration = record["iteration"]?.int, let loss = record["train_loss"]?.double
          else { return nil }
          return LossCurve.Point(iteration: iteration, loss: loss)
        }
        return LossCurve(step: entry.step.name, training: points)
      }
    }

    private func samples() throws -> [ReportContent.Sample] {
      var samples = settings.prompts.map {
        ReportContent.Sample(language: $0.language, prompt: $0.text, completions: [])
      }
      for model in study.models {
        let path = (plan[model.evaluation]?.folder ?? "") + "/samples.json"
        let texts = try JSON.parse(try Disk.read(path), origin: path).array ?? []
        for (index, text) in texts.enumerated() where index < samples.count {
          samples[index].completions.append(
            ReportContent.Sample.Completion(
              model: model.title, text: text["text"]?.string ?? ""))
        }
      }
      return samples
    }

    private func dataSizes() throws -> [ReportContent.DataSize] {
      settings.texts.map { text in
        let sizes = plan["text-\(text.code)"]?.manifest?.facts["sizes"]
        let cleaning = sizes?["cleaning"]
        func count(_ part: String, _ key: String) -> Int { sizes?[part]?[key]?.int ?? 0 }
        let dropped: [(String, String)] = [
          ("exact duplicates (documents)", "duplicateDocuments"),
          ("exact duplicates (segments)", "duplicateSegments"),
          ("empty segments", "emptySegments"),
        ]
        return ReportContent.DataSize(
          language: text.code, use: use(of: text),
          readDocumentCount: cleaning?["read"]?["documents"]?.int ?? 0,
          trainDocumentCount: count("train", "documents"),
          heldOutDocumentCount: count("heldout", "documents") + count("selection", "documents"),
          trainByteCount: count("train", "bytes"),
          heldOutByteCount: count("heldout", "bytes") + count("selection", "bytes"),
          trainTokenCount: plan["tokens-\(text.code)"]?.manifest?.facts["tokens"]?.int,
          dropped: dropped.compactMap { title, key in
            guard let count = cleaning?[key]?.int, count > 0 else { return nil }
            return ReportContent.DataSize.Dropped(reason: title, documentCount: count)
          })
      }
    }

    private func use(of text: StudySettings.Text) -> String {
      if text.isHeldOutOnly { return "measured only" }
      var uses: [String] = []
      if settings.base?.mix.contains(where: { $0.language == text.code }) == true {
        uses.append("base")
      }
      if settings.ct.mix.contains(where: { $0.language == text.code }) { uses.append("CT") }
      return uses.joined(separator: ", ")
    }

    private func facts() -> [ReportContent.Fact] {
      plan.entries.map { ReportContent.Fact($0.step.name, $0.key.hex) }
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

  extension JSON {
    /// For a table: numbers with at most four digits after the point, lists with commas.
    fileprivate var display: String {
      switch self {
      case .string(let text): text
      case .array(let values): values.map(\.display).joined(separator: ", ")
      case .number(let number):
        number.int.map(String.init)
          ?? {
            var text = String(format: "%.4f", number.double)
            while text.hasSuffix("0") { text.removeLast() }
            return text
          }()
      default: serialized()
      }
    }
  }
#endif
