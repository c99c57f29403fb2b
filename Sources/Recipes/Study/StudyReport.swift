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
    /// By the models' titles.
    let results: [String: RepeatedEvaluation]
    let bootstrap = Bootstrap()
    /// The row that merges are compared with.
    static let reference = "CT→SFT"

    var settings: StudySettings { study.settings }
    var target: String { settings.languages.target }
    var sources: [String] { settings.languages.sources }

    init(study: Study, plan: Plan, record: RunRecord) throws {
      self.study = study
      self.plan = plan
      self.record = record
      var results: [String: RepeatedEvaluation] = [:]
      for model in study.models {
        results[model.title] = try RepeatedEvaluation(
          model.occurrences.map {
            try Self.result(plan, step: model.evaluation(in: $0), file: "result.json")
          })
      }
      self.results = results
    }

    static func result(_ plan: Plan, step: String, file: String) throws -> EvaluationResult {
      let path = (plan[step]?.folder ?? "") + "/" + file
      return try EvaluationResult(
        json: JSON.parse(try Disk.read(path), origin: path), origin: path)
    }

    /// Whether rows are means over several seeds.
    var isRepeated: Bool { settings.repetitions.count > 1 }

    func content() throws -> ReportContent {
      let rows = try floors() + study.models.map(scores)
      return ReportContent(
        title: settings.name,
        sources: try sources.map(language), target: try language(target),
        task: settings.task.alias, run: record, models: rows, reference: Self.reference,
        selection: try selection(), curves: try curves(), samples: try samples(),
        data: dataSizes(), facts: facts(), notes: try notes(rows))
    }

    private func language(_ code: String) throws -> ReportContent.Language {
      ReportContent.Language(
        code: code, name: try settings.task.localized(code).languageName)
    }

    // MARK: Selection, curves, samples

    private func selection() throws -> Selection {
      var grids: [Selection.Grid] = []
      for model in study.models where model.kind == .merge {
        for repetition in model.occurrences { grids.append(try grid(model, repetition)) }
      }
      return Selection(
        description:
          "Merge settings were chosen on held-out text of the target (bits per byte) and dev rows "
          + "of the task in its source languages (accuracy)"
          + (isRepeated ? ", for each seed by itself. " : ". ")
          + "No task label of the target was seen.",
        objective: "harmonic mean of task kept and language kept", lowerIsBetter: false,
        grids: grids)
    }

    private func grid(_ model: StudyModel, _ repetition: Repetition?) throws -> Selection.Grid {
      let step = model.step(in: repetition).flatMap { plan[$0] }
      let path = (step?.folder ?? "") + "/grid.json"
      let points = try JSON.parse(try Disk.read(path), origin: path).array ?? []
      return Selection.Grid(
        model: model.title, seed: isRepeated ? repetition?.seed : nil,
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
        for repetition in model.occurrences {
          let path = (plan[model.evaluation(in: repetition)]?.folder ?? "") + "/samples.json"
          let texts = try JSON.parse(try Disk.read(path), origin: path).array ?? []
          for (index, text) in texts.enumerated() where index < samples.count {
            samples[index].completions.append(
              ReportContent.Sample.Completion(
                model: model.title, seed: isRepeated ? repetition?.seed : nil,
                text: text["text"]?.string ?? ""))
          }
        }
      }
      return samples
    }

    private func facts() -> [ReportContent.Fact] {
      plan.entries.map { ReportContent.Fact($0.step.name, $0.key.hex) }
    }
  }

  extension JSON {
    /// For a table: numbers with at most four digits after the point, below a thousandth with three
    /// significant ones; lists with commas.
    var display: String {
      switch self {
      case .string(let text): return text
      case .array(let values): return values.map(\.display).joined(separator: ", ")
      case .number(let number):
        if let whole = number.int { return String(whole) }
        if abs(number.double) < 1e-3 { return String(format: "%.3g", number.double) }
        var text = String(format: "%.4f", number.double)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
      default: return serialized()
      }
    }
  }
#endif
