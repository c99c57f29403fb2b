// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Foundation

  /// Scores one model on every test set, and lets it write.
  ///
  /// `result.json` is an `EvaluationResult` with every document's scores, so that comparisons can
  /// be paired later; `samples.json` holds the texts.
  struct EvaluateStep: RecipeStep {
    static let kind = StepKind("evaluate", version: 1)

    /// The model's name in the report.
    let model: String
    let name: String
    let checkpoint: StepInput
    let rows: [TaskRowsInput]
    let rowInputs: [StepInput]
    /// Languages with held-out text.
    let texts: [String]
    let prompts: [StudySettings.Prompt]
    let sampleTokens: Int

    var inputs: [StepInput] {
      [checkpoint] + rowInputs + texts.map { .output("text-\($0)", of: "text-\($0)") }
    }
    var settings: JSON {
      [
        "model": .string(model), "sample_tokens": JSON(sampleTokens),
        "prompts": .array(prompts.map { [.string($0.language), .string($0.text)] }),
        "tasks": .array(
          rows.map {
            [.string($0.task.name), .string($0.task.version), .string($0.language)]
          }),
      ]
    }

    func run(_ context: StepContext) throws {
      let language = try CheckpointLanguageModel.open(try context.input(checkpoint.label))
      let texts = try texts.map { code in
        try StudyData.text(
          language: code, split: .test,
          path: try context.input("text-\(code)") + "/heldout.jsonl")
      }
      let suite = TestData(try rows.map { try $0.load(context) } + texts)
      let result = try Evaluator().run(model: language, named: model, suite: suite) { progress in
        context.report(
          StepProgress(
            done: progress.finished, total: progress.total, unit: "documents",
            detail: progress.task))
      }
      try Disk.write(
        result.json().serialized() + "\n", to: context.folder + "/result.json", isShared: false)
      try context.cancellation.check()
      let completions = try language.generate(
        prompts.map(\.text),
        options: GenerationOptions(stopTexts: [], maximumTokenCount: sampleTokens))
      let samples = zip(prompts, completions).map { prompt, text -> JSON in
        [
          "language": .string(prompt.language), "prompt": .string(prompt.text),
          "text": .string(text),
        ]
      }
      try Disk.write(
        JSON(samples).serialized(pretty: true) + "\n", to: context.folder + "/samples.json",
        isShared: false)
    }
  }

  /// What the task's words alone give away: the majority class, and Naive Bayes over characters
  /// trained on the source languages' rows.
  struct FloorStep: RecipeStep {
    static let kind = StepKind("floor", version: 1)

    let name = "floors"
    let training: [TaskRowsInput]
    let test: [TaskRowsInput]
    let rowInputs: [StepInput]

    var inputs: [StepInput] { rowInputs }
    var settings: JSON {
      [
        "languages": JSON(test.map { .string($0.language) }),
        "trained_on": JSON(
          training.map { .string("\($0.task.name) \($0.language) \($0.split.rawValue)") }),
      ]
    }

    func run(_ context: StepContext) throws {
      let training = try FloorTraining(try self.training.map { try $0.load(context) })
      let suite = TestData(try test.map { try $0.load(context) })
      let results = [
        (
          "majority",
          try Evaluator().run(
            classifier: MajorityClass(training), named: "majority class", suite: suite)
        ),
        (
          "naive_bayes",
          try Evaluator().run(
            classifier: NaiveBayes(training), named: "Naive Bayes", suite: suite)
        ),
      ]
      for (file, result) in results {
        try Disk.write(
          result.json().serialized() + "\n", to: context.folder + "/\(file).json",
          isShared: false)
      }
    }
  }
#endif
