// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Evaluation
  import Foundation
  import Models
  import Tokenization

  /// What merge weights are chosen by: held-out target text, and rows of the task in its source
  /// languages. No label of the target is among it, and `SelectionData` refuses any.
  struct SelectionSource: Sendable {
    let languages: StudyLanguages
    let rows: [TaskRowsInput]

    /// What decides the data beside the files.
    var identity: JSON { JSON(rows.map(\.identity)) }

    func load(_ context: StepContext) throws -> SelectionData {
      let path = try context.input("target-text") + "/selection.jsonl"
      let text = try StudyData.text(language: languages.target, split: .validation, path: path)
      return try SelectionData(try rows.map { try $0.load(context) } + [text], languages: languages)
    }
  }

  /// The two numbers a candidate is judged by.
  struct SelectionScore: Equatable, Sendable {
    /// Mean accuracy over the source languages' dev rows.
    var accuracy: Double
    /// Of the held-out target text.
    var bitsPerByte: Double

    /// - Throws: `StepInterrupted` between calls of the model.
    static func measure(
      _ model: CheckpointLanguageModel, named name: String, on data: SelectionData,
      _ cancellation: Cancellation
    ) throws -> SelectionScore {
      let result = try Evaluator(bootstrap: nil).run(model: model, named: name, suite: data) { _ in
        try cancellation.check()
      }
      var accuracies: [Double] = []
      var bits = 0.0
      for set in result.sets {
        switch set.outputType {
        case .multipleChoice: accuracies.append(try set.metric(StudySettings.accuracy).value)
        case .rolling: bits = try set.metric("bits_per_byte").value
        }
      }
      return SelectionScore(
        accuracy: accuracies.reduce(0, +) / Double(accuracies.count), bitsPerByte: bits)
    }

    var json: JSON { ["acc": JSON(accuracy), "bits_per_byte": JSON(bitsPerByte)] }

    init(accuracy: Double, bitsPerByte: Double) {
      self.accuracy = accuracy
      self.bitsPerByte = bitsPerByte
    }

    init?(_ json: JSON?) {
      guard let accuracy = json?["acc"]?.double, let bits = json?["bits_per_byte"]?.double else {
        return nil
      }
      self.init(accuracy: accuracy, bitsPerByte: bits)
    }
  }

  /// What selection measures candidates against: the base, the CT and the SFT model.
  struct SelectionReferences: Sendable {
    var base: SelectionScore
    var ct: SelectionScore
    var sft: SelectionScore

    /// How much of both parents a candidate keeps: the harmonic mean of its share of the task
    /// (accuracy, from the CT model's to the SFT model's) and its share of the language (bits per
    /// byte, from the SFT model's to the CT model's), each cut to 0…1.
    ///
    /// The parents are the two ends of both scales, so each scores 0 by itself, and 1 means the
    /// whole of both. Where the parents do not differ the share counts as 1: there is nothing to
    /// lose.
    func objective(_ score: SelectionScore) -> Double {
      let task = Self.share(score.accuracy - ct.accuracy, of: sft.accuracy - ct.accuracy)
      let language = Self.share(
        sft.bitsPerByte - score.bitsPerByte, of: sft.bitsPerByte - ct.bitsPerByte)
      return task + language > 0 ? 2 * task * language / (task + language) : 0
    }

    private static func share(_ part: Double, of whole: Double) -> Double {
      whole > 1e-9 ? min(1, max(0, part / whole)) : 1
    }

    init(folder: String) throws {
      let path = folder + "/references.json"
      let json = try JSON.parse(try Disk.read(path), origin: path)
      guard let base = SelectionScore(json["base"]), let ct = SelectionScore(json["ct"]),
        let sft = SelectionScore(json["sft"])
      else {
        throw DocumentError.missingKey("base, ct, sft", path: "", line: nil, origin: path)
      }
      (self.base, self.ct, self.sft) = (base, ct, sft)
    }

    init(base: SelectionScore, ct: SelectionScore, sft: SelectionScore) {
      (self.base, self.ct, self.sft) = (base, ct, sft)
    }
  }

  /// Scores the base and both parents on the selection data, for `SelectionReferences`.
  struct SelectionStep: RecipeStep {
    static let kind = StepKind("selection", version: 1)

    let repetition: Repetition
    let source: SelectionSource
    let sourceInputs: [StepInput]
    let base: StepInput
    /// For the estimate.
    let size: ModelSize

    var name: String { repetition.name("selection") }
    var settings: JSON { ["judged_on": source.identity] }
    var inputs: [StepInput] {
      sourceInputs + [
        base, .output("ct", of: repetition.name("ct"), named: "model"),
        .output("sft", of: repetition.name("sft"), named: "model"),
      ]
    }

    func estimate(_ context: EstimateContext) -> StepEstimate {
      StepEstimate(memoryByteCount: size.scoringByteCount)
    }

    func run(_ context: StepContext) throws {
      let data = try source.load(context)
      var all = JSONObject()
      for (done, label) in [base.label, "ct", "sft"].enumerated() {
        let folder = try context.input(label)
        let model = try CheckpointLanguageModel.open(folder)
        all[label == base.label ? "base" : label] =
          try SelectionScore.measure(model, named: label, on: data, context.cancellation).json
        context.report(StepProgress(done: done + 1, total: 3, unit: "models"))
        try context.cancellation.check()
      }
      try Disk.write(
        JSON.object(all).serialized(pretty: true) + "\n",
        to: context.folder + "/references.json", isShared: false)
    }
  }

  extension CheckpointLanguageModel {
    /// Loads a checkpoint folder with its tokenizer.
    public static func open(_ folder: String) throws -> CheckpointLanguageModel {
      try CheckpointLanguageModel(
        model: Model(Checkpoint.open(directory: folder)),
        tokenizer: Tokenizer.load(directory: folder))
    }
  }
#endif
