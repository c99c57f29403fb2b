// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Foundation

  /// Scores one model on every test set, and lets it write.
  ///
  /// `result.json` is an `EvaluationResult` with every document's scores, so that comparisons can
  /// be paired later; `samples.json` holds the texts. It stops between calls of the model and goes
  /// on with the first set that was not finished.
  struct EvaluateStep: RecipeStep {
    static let kind = StepKind("evaluate", version: 2)

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
    /// For the estimate.
    let size: ModelSize

    var inputs: [StepInput] {
      [checkpoint] + rowInputs + texts.map { .output("text-\($0)", of: "text-\($0)") }
    }
    var settings: JSON {
      [
        "model": .string(model), "sample_tokens": JSON(sampleTokens),
        "prompts": .array(prompts.map { [.string($0.language), .string($0.text)] }),
        "tasks": JSON(rows.map(\.identity)), "texts": JSON(texts.map { .string($0) }),
      ]
    }
    var isResumable: Bool { true }

    func estimate(_ context: EstimateContext) -> StepEstimate {
      StepEstimate(memoryByteCount: size.scoringByteCount)
    }

    func run(_ context: StepContext) throws {
      let language = try CheckpointLanguageModel.open(try context.input(checkpoint.label))
      let texts = try texts.map { code in
        try StudyData.text(
          language: code, split: .test,
          path: try context.input("text-\(code)") + "/heldout.jsonl")
      }
      let result = try evaluate(
        language, TestData(try rows.map { try $0.load(context) } + texts), context)
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

    /// The result over all sets; each is kept when it is done, under a name that does not outlive
    /// the step.
    private func evaluate(
      _ language: CheckpointLanguageModel, _ suite: TestData, _ context: StepContext
    ) throws -> EvaluationResult {
      let total = suite.sets.reduce(0) { $0 + $1.documents.count }
      var whole: EvaluationResult?
      var done = 0
      for (index, set) in suite.sets.enumerated() {
        let path = context.folder + "/.set-\(index).json"
        let part: EvaluationResult
        if context.isResuming, Disk.exists(path) {
          part = try EvaluationResult(
            json: JSON.parse(try Disk.read(path), origin: path), origin: path)
        } else {
          part = try Evaluator().run(model: language, named: model, suite: TestData([set])) {
            context.report(
              StepProgress(
                done: done + $0.finished, total: total, unit: "documents", detail: $0.task))
            if $0.finished < $0.total { try context.cancellation.check() }
          }
          try Disk.write(part.json().serialized() + "\n", to: path, isShared: false)
          try context.cancellation.check()
        }
        done += set.documents.count
        whole?.sets += part.sets
        whole = whole ?? part
      }
      guard let whole else {
        throw StudyError.section("languages", needs: "text or task rows to test", origin: name)
      }
      return whole
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
        "tested_on": JSON(test.map(\.identity)), "trained_on": JSON(training.map(\.identity)),
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
