// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Evaluation
  import Foundation
  import Hub
  import Training

  /// A study: the whole path from text to evidence, as a graph of steps.
  ///
  /// Text → tokenizer → base → CT, SFT → CT→SFT, joint and merges → scores, all after the base once
  /// for each `Repetition`. See `docs/architecture.md` for the picture.
  public struct Study: Sendable {
    public let settings: StudySettings
    /// The steps, ready to plan and run.
    public let recipe: Recipe
    let models: [StudyModel]

    /// Reads the recipe file at `path`.
    ///
    /// - Parameters:
    ///   - dataFolder: what its relative paths start from; not needed by a laboratory study.
    ///   - hub: finds the folder of a `model.path` that is a model of a hub, and fetches it; without
    ///     one such a path is a folder like others.
    public init(path: String, dataFolder: String?, hub: HubModels? = nil) throws {
      let text = try Disk.readText(path)
      var settings = try StudySettings(yaml: text, origin: path)
      if let hub, let model = settings.baseModel { settings.baseModel = try hub.folder(model) }
      try self.init(settings: settings, path: path, text: text, dataFolder: dataFolder)
    }

    /// What fetching the `model.path` of a recipe would take; `nil` where it is here.
    public static func missingModel(path: String, hub: HubModels) throws -> HubPlan? {
      let settings = try StudySettings(yaml: try Disk.readText(path), origin: path)
      guard let text = settings.baseModel, let model = try HubModels.model(text) else { return nil }
      return try hub.missing(model, for: .model)
    }

    init(settings: StudySettings, path: String, text: String, dataFolder: String?) throws {
      self.settings = settings
      let builder = try StudyGraph(settings, dataFolder: dataFolder)
      models = builder.models
      recipe = try Recipe(name: settings.name, path: path, text: text, steps: builder.steps)
    }
  }

  /// A model of the study as the report names it: one row, of one model for each repetition.
  struct StudyModel: Sendable {
    /// Shown as is.
    let title: String
    let kind: Kind
    /// The step that makes it; `nil` for a given base.
    private let step: String?
    /// Steps between the base and it, itself included: what it cost.
    private let ancestry: [String]
    /// What it is made in; empty for the base, which is there before.
    let repetitions: [Repetition]

    enum Kind: Sendable { case base, baseline, merge }

    /// A model that is made after the base.
    init(
      title: String, kind: Kind, step: String, ancestry: [String], repetitions: [Repetition]
    ) {
      self.title = title
      self.kind = kind
      self.step = step
      self.ancestry = ancestry
      self.repetitions = repetitions
    }

    /// The base.
    init(base step: String?) {
      title = "base"
      kind = .base
      self.step = step
      ancestry = []
      repetitions = []
    }

    /// The step that makes it in a repetition; `nil` is what comes before all.
    func step(in repetition: Repetition?) -> String? {
      step.map { repetition?.name($0) ?? $0 }
    }

    func ancestry(in repetition: Repetition?) -> [String] {
      ancestry.map { repetition?.name($0) ?? $0 }
    }

    /// The step that scores it.
    func evaluation(in repetition: Repetition?) -> String {
      let name = "evaluate-\(step ?? "base")"
      return repetition?.name(name) ?? name
    }

    /// The repetitions it has results of, in order: of the base one, without a seed.
    var occurrences: [Repetition?] { repetitions.isEmpty ? [nil] : repetitions }
  }

  /// Builds the steps of a study.
  struct StudyGraph {
    private(set) var steps: [any RecipeStep] = []
    private(set) var models: [StudyModel] = []
    private let settings: StudySettings
    private let data: StudyData
    private let size: ModelSize

    init(_ settings: StudySettings, dataFolder: String?) throws {
      self.settings = settings
      data = StudyData(root: settings.lab == nil ? .folder(dataFolder ?? "") : .lab)
      size = try Self.size(settings)
      try checkTrainings()
      try addText()
      try checkRows()
      addBase()
      for (index, repetition) in settings.repetitions.enumerated() {
        try addModels(repetition)
        try addMerges(repetition)
        if index == 0 { try addSharedEvaluation() }
        try addEvaluation(of: models.filter { $0.kind != .base }, repetition)
      }
    }

    private static func size(_ settings: StudySettings) throws -> ModelSize {
      if let folder = settings.baseModel {
        let checkpoint = try Checkpoint.open(directory: folder)
        let size = try ModelSize(config: checkpoint.config, origin: folder)
        // Names, shapes and types, which the headers tell; the numbers are read before a run.
        try checkpoint.validate()
        return size
      }
      let config = Initialization.llamaConfig(
        settings.model, vocabularySize: settings.tokenizer.trainer.vocabularySize, endOfText: 0)
      return try ModelSize(config: config, origin: "`model`")
    }

    /// Refuses patterns of tensors that the model does not have, and schedules that do not fit the steps,
    /// before anything is trained.
    private func checkTrainings() throws {
      let stages = [
        ("base", settings.base), ("ct", settings.ct), ("sft", settings.sft),
        ("ct_sft", settings.ctSFT), ("joint", settings.joint),
      ]
      for (section, stage) in stages {
        guard let stage else { continue }
        do {
          try size.check(stage.training)
          // How many steps epochs come to is known once the rows are.
          if stage.epochs == nil { try stage.training.checkSchedule() }
        } catch let error as TrainingError {
          throw StudyError.training(section, origin: settings.origin, error)
        }
      }
    }

    private var target: String { settings.languages.target }
    private var sources: [String] { settings.languages.sources }

    private var base: StepInput {
      settings.baseModel.map { .file("base", $0) } ?? .output("base", of: "base", named: "model")
    }
    private var tokenizer: StepInput {
      settings.baseModel.map { .file(Self.tokenizerLabel, $0) }
        ?? .output(Self.tokenizerLabel, of: "tokenizer")
    }
    /// How steps call the folder whose tokenizer they read; others read weights.
    static let tokenizerLabel = "tokenizer"

    private func rows(_ languages: [String], _ split: EvaluationSplit) -> [TaskRowsInput] {
      languages.map {
        TaskRowsInput(task: settings.task, language: $0, split: split, data: data)
      }
    }

    private func inputs(_ rows: [TaskRowsInput]) throws -> [StepInput] {
      var inputs: [StepInput] = []
      for input in try rows.flatMap({ try $0.inputs() })
      where !inputs.contains(where: { $0.label == input.label }) {
        inputs.append(input)
      }
      return inputs
    }

    private mutating func addText() throws {
      if let lab = settings.lab {
        var files = settings.texts.flatMap(\.files) + settings.usedParallel.flatMap(\.files)
        for language in sources + [target] {
          for split in EvaluationSplit.allCases {
            files.append(try TaskRowsInput.paths(settings.task, language, split).rows)
          }
        }
        try checkLab(lab, files)
        steps.append(
          LabStep(
            lab: lab,
            files: files.reduce(into: []) { unique, file in
              if !unique.contains(file) { unique.append(file) }
            }))
      }
      for text in settings.texts {
        let files = text.files.enumerated().map { data.input("file-\($0.offset)", $0.element) }
        for file in files {
          if case .file(let path) = file.source, !Disk.exists(path) {
            throw StudyError.missingFile(path, language: text.code)
          }
        }
        steps.append(
          TextStep(
            language: text.code, files: files, heldOut: settings.heldOut,
            isHeldOutOnly: text.isHeldOutOnly, maximumBytes: text.maximumBytes,
            servesSelection: text.code == settings.languages.target && !settings.merges.isEmpty))
      }
      steps += try settings.parallelSteps(data)
      if settings.baseModel == nil, let base = settings.base {
        steps.append(
          TokenizerStep(
            trainer: settings.tokenizer.trainer, mix: base.mix,
            maximumBytes: settings.tokenizer.maximumBytes,
            maximumLength: settings.model.maximumPositions))
      }
      let used = settings.mixedNames
      let codes = settings.texts.map(\.code).filter(used.contains)
      for name in codes + settings.usedParallel.map(\.name) {
        steps.append(
          ShardStep(language: name, tokenizer: tokenizer, vocabularySize: size.vocabularySize))
      }
    }

    /// Reads the task's rows once, so that a malformed table or a foreign label is found before
    /// anything is trained. A laboratory's rows do not exist yet, and are right by construction.
    private func checkRows() throws {
      guard case .folder = data.root else { return }
      let used =
        sources.flatMap { language in EvaluationSplit.allCases.map { (language, $0) } }
        + [(target, .test)]
      for (language, split) in used {
        let (rows, choices) = try TaskRowsInput.paths(settings.task, language, split)
        _ = try StudyData.rows(
          settings.task, language: language, split: split, path: data.path(rows),
          trainingPath: choices.map(data.path))
      }
      for language in sources + [target] { try data.checkLabels(settings.task, language: language) }
    }

    /// Refuses files that the laboratory will not write, before it is asked for them.
    private func checkLab(_ lab: LabSettings, _ files: [String]) throws {
      let rows: [(String, Int)] = [
        ("train", lab.trainRows), ("dev", lab.devRows), ("test", lab.testRows),
      ]
      let known =
        lab.languages.flatMap { language in
          (language.textBytes > 0 ? ["text/\(language.code).txt"] : [])
            + rows.filter { $0.1 > 0 }.map { "tasks/\(language.code)/\($0.0).tsv" }
        } + ParallelText.labFiles(lab)
      for file in files where !known.contains(file) {
        throw StudyError.notInLab(file, known: known)
      }
    }

    /// The rows of the report, and the step that all repetitions start from.
    private mutating func addBase() {
      func model(_ title: String, _ kind: StudyModel.Kind, _ ancestry: String...) -> StudyModel {
        StudyModel(
          title: title, kind: kind, step: ancestry[ancestry.count - 1], ancestry: ancestry,
          repetitions: settings.repetitions)
      }
      models = [
        StudyModel(base: settings.baseModel == nil ? "base" : nil),
        model("SFT only", .baseline, "sft"), model("CT only", .baseline, "ct"),
        model("CT→SFT", .baseline, "ct", "ct-sft"), model("joint", .baseline, "joint"),
      ]
      models += settings.merges.map {
        model($0.method, .merge, "ct", "sft", "merge-\($0.method)")
      }
      if settings.baseModel == nil, let base = settings.base {
        steps.append(
          train(
            "base", .fresh(settings.model, tokenizer: tokenizer), base, seed: settings.seed,
            storage: .cache))
      }
    }

    private mutating func addModels(_ repetition: Repetition) throws {
      let task = TrainStep.TaskData(
        task: settings.task, languages: sources,
        inputs: try sources.map { language in
          let path = try TaskRowsInput.paths(settings.task, language, .training).rows
          return (language, data.input("rows-\(language)", path))
        })
      let ct = StepInput.output("start", of: repetition.name("ct"), named: "model")
      let start: StepInput =
        settings.baseModel.map { .file("start", $0) }
        ?? .output("start", of: "base", named: "model")
      func train(
        _ name: String, _ start: StepInput, _ stage: StudySettings.Stage,
        task: TrainStep.TaskData? = nil, text: [(language: String, share: Double)]
      ) -> TrainStep {
        self.train(
          repetition.name(name), .checkpoint(start), stage, task: task, text: text,
          seed: repetition.seed, storage: .run)
      }
      steps.append(train("ct", start, settings.ct, text: settings.ct.mix))
      steps.append(train("sft", start, settings.sft, task: task, text: []))
      steps.append(train("ct-sft", ct, settings.ctSFT, task: task, text: []))
      steps.append(train("joint", start, settings.joint, task: task, text: settings.joint.mix))
    }

    private func train(
      _ name: String, _ start: TrainStep.Start, _ stage: StudySettings.Stage,
      task: TrainStep.TaskData? = nil, text: [(language: String, share: Double)]? = nil,
      seed: UInt64, storage: StepStorage
    ) -> TrainStep {
      TrainStep(
        name: name, start: start, text: text ?? stage.mix, examples: task,
        examplesShare: stage.examplesShare, epochs: task == nil ? nil : stage.epochs,
        windowLength: settings.windowLength, training: stage.training, seed: seed,
        storage: storage, size: size)
    }

    private mutating func addMerges(_ repetition: Repetition) throws {
      guard !settings.merges.isEmpty else { return }
      let rows = rows(sources, .validation)
      let source = SelectionSource(languages: settings.languages, rows: rows)
      var inputs = try inputs(rows)
      inputs.append(.output("target-text", of: "text-\(target)"))
      steps.append(DiagnoseStep(repetition: repetition, base: base))
      steps.append(
        SelectionStep(
          repetition: repetition, source: source, sourceInputs: inputs, base: base, size: size))
      for grid in settings.merges {
        steps.append(
          MergeStep(
            grid: grid, repetition: repetition, source: source, sourceInputs: inputs, base: base,
            size: size))
      }
    }

    /// Scores that no repetition changes.
    private mutating func addSharedEvaluation() throws {
      let test = rows(sources + [target], .test)
      let training = rows(sources, .training) + rows(sources, .validation)
      steps.append(
        FloorStep(training: training, test: test, rowInputs: try inputs(training + test)))
      try addEvaluation(of: models.filter { $0.kind == .base }, nil)
    }

    private mutating func addEvaluation(of models: [StudyModel], _ repetition: Repetition?) throws {
      let test = rows(sources + [target], .test)
      let inputs = try inputs(test)
      for model in models {
        let checkpoint: StepInput =
          model.step(in: repetition).map { .output("model", of: $0, named: "model") }
          ?? .file("model", settings.baseModel ?? "")
        steps.append(
          EvaluateStep(
            model: model.title, name: model.evaluation(in: repetition), checkpoint: checkpoint,
            rows: test, rowInputs: inputs, texts: settings.texts.map(\.code),
            prompts: settings.prompts, sampleTokens: settings.sampleTokens, size: size))
      }
    }
  }
#endif
