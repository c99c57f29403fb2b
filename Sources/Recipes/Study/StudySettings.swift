// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Evaluation
import Foundation
import Surgery
import Tokenization
import Training

/// A study as its YAML says it: which languages, which data, what is trained, merged and measured.
///
/// Every key with its default stands, explained, in `Examples/quickstart/recipe.yaml`.
public struct StudySettings: Sendable {
  /// One language's text.
  struct Text: Sendable {
    var code: String
    /// Relative to the data folder.
    var files: [String]
    var isHeldOutOnly: Bool
    var maximumBytes: Int
  }

  /// A text to be continued in the report.
  struct Prompt: Sendable {
    var language: String
    var text: String
    /// Where the language stands in the recipe.
    var line: Int?
  }

  /// One training.
  struct Stage: Sendable {
    var mix: [(language: String, share: Double)]
    /// Where each language of the mix stands in the recipe.
    var mixLines: [Int?]
    var examplesShare: Double
    var epochs: Double?
    var training: TrainingSettings
  }

  /// The recipe's file, for messages.
  var origin: String
  var name: String
  var seed: UInt64
  /// What follows the base, once for each number of `seeds`; one without.
  var repetitions: [Repetition]
  var languages: StudyLanguages
  var lab: LabSettings?
  var task: EvaluationTask
  var texts: [Text]
  var parallel: [ParallelText]
  var heldOut: HeldOutSettings
  /// How the tokenizer is trained, and on how many bytes at most (0 for all).
  var tokenizer: (trainer: TokenizerTrainer, maximumBytes: Int)
  /// A checkpoint folder to start from instead of training a base.
  var baseModel: String?
  var model: LlamaSizes
  var windowLength: Int
  var base: Stage?
  var ct: Stage
  var sft: Stage
  var ctSFT: Stage
  var joint: Stage
  var merges: [MergeGrid]
  var prompts: [Prompt]
  var sampleTokens: Int

  /// The metric that selection and report compare; a task must have it.
  static let accuracy = "acc"
  /// The metric that the report shows as well where the task has it.
  static let normalizedAccuracy = "acc_norm"

  /// Reads a recipe.
  ///
  /// - Throws: `DocumentError` for a misspelt key (with the nearest), a value out of range or a
  ///   missing section; `StudyError` for languages without text, a key that would mean nothing,
  ///   a merge that its method refuses and a task without `acc`.
  public init(yaml text: String, origin: String) throws {
    self.origin = origin
    var root = try Settings(try YAML.parse(text, origin: origin), origin: origin)
    name = try root.string("name")
    guard StepGraph.isUsableName(name) else {
      throw root.wrong(
        "name",
        expected: "1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit",
        found: "`\(name)`")
    }
    seed = UInt64(try root.int("seed", default: 0, in: 0...Int(Int32.max)))
    repetitions = try Repetition.all(&root, seed: seed)
    var codes = try root.child("languages")
    languages = try Self.languages(&codes)
    lab = try root.optionalChild("lab").map { section in
      let lab = try LabSettings(section)
      let rows = [("train_rows", lab.trainRows), ("dev_rows", lab.devRows)]
      for (key, count) in rows + [("test_rows", lab.testRows)] where count == 0 {
        var section = section
        _ = section.node(key)
        throw section.wrong(
          key, expected: "at least 1 in a study, which trains, selects and tests", found: "0")
      }
      return lab
    }
    let taskName = try root.string("task", default: lab == nil ? "sib200" : "lab_topics")
    let folder = origin.parentPath
    let isFile = taskName.hasSuffix(".yaml") || taskName.hasSuffix(".yml")
    do {
      task = try EvaluationTask.named(
        isFile && !folder.isEmpty ? "\(folder)/\(taskName)" : taskName)
    } catch let error as EvaluationError {
      switch error {
      case .unknownTask:
        throw StudyError.taskName(error, origin: origin, line: root.node("task")?.line)
      default: throw error
      }
    }
    texts = try Self.texts(&root)
    parallel = try ParallelText.all(
      &root, taken: texts.map(\.code) + languages.sources + [languages.target], seed: seed)
    var held = try root.child("held_out")
    heldOut = HeldOutSettings(
      share: try held.double("share", default: 0.05, in: 0.001...0.5),
      maximumBytes: try held.int("max_bytes", default: 200_000, in: 1000...1_000_000_000),
      seed: seed)
    try held.finish()
    var vocabulary = try root.child("tokenizer")
    tokenizer = (
      try Self.tokenizer(&vocabulary),
      try vocabulary.int("max_bytes", default: 0, in: 0...Int.max)
    )
    try vocabulary.finish()
    windowLength = try root.int("window_length", default: 256, in: 8...65_536)
    var model = try root.child("model")
    baseModel = try model.optionalString("path")
    if baseModel != nil {
      try Self.refuse(
        model.keys.filter { $0 != "path" }, in: model,
        because: "the model of `path` has its own sizes", next: "Remove it, or `path`.")
      try Self.refuse(
        vocabulary.keys, in: vocabulary, because: "the model of `model.path` has its tokenizer",
        next: "Remove it, or `model.path`.")
    }
    self.model = try LlamaSizes(&model)
    if baseModel == nil, windowLength > self.model.maximumPositions {
      throw root.wrong(
        "window_length",
        expected: "at most max_position_embeddings (\(self.model.maximumPositions))",
        found: "\(windowLength)")
    }
    try model.finish()
    let length = windowLength
    let base = try root.optionalChild("base").map { try Self.stage($0, .text, length) }
    self.base = base
    var defaults = base?.training ?? TrainingSettings()
    ct = try Self.stage(root.child("ct"), .text, windowLength, defaults: defaults)
    sft = try Self.stage(root.child("sft"), .task, windowLength, defaults: defaults)
    defaults = sft.training
    ctSFT = try Self.stage(
      root.child("ct_sft"), .task, windowLength, defaults: defaults, epochs: sft.epochs)
    joint = try Self.stage(root.child("joint"), .both, windowLength, defaults: ct.training)
    merges = try Self.merges(root.children("merges"))
    var samples = try root.child("samples")
    sampleTokens = try samples.int("tokens", default: 40, in: 1...4096)
    prompts = try samples.children("prompts").map {
      var entry = $0
      let prompt = Prompt(
        language: try entry.string("language"), text: try entry.string("text"),
        line: entry.node("language")?.line)
      try entry.finish()
      return prompt
    }
    try samples.finish()
    try root.finish()
    try check()
  }

  private static func languages(_ settings: inout Settings) throws -> StudyLanguages {
    let (sources, target) = (try settings.strings("sources"), try settings.string("target"))
    let line = settings.node("target")?.line
    try settings.finish()
    guard !sources.isEmpty else {
      throw settings.wrong("sources", expected: "at least one language", found: "none")
    }
    if let twice = Self.repeated(sources) {
      throw settings.wrong(
        "sources", expected: "each language once", found: "`\(twice)` twice")
    }
    do {
      return try StudyLanguages(sources: sources, target: target)
    } catch EvaluationError.studyLanguages(let code) {
      throw StudyError.targetAmongSources(code, origin: settings.origin, line: line)
    }
  }

  private static func tokenizer(_ section: inout Settings) throws -> TokenizerTrainer {
    let kinds = TokenizerTrainer.Kind.allCases.map(\.rawValue)
    let name = try section.choice("type", default: kinds[0], of: kinds)
    var trainer = TokenizerTrainer(
      TokenizerTrainer.Kind(rawValue: name) ?? .bpe,
      vocabularySize: try section.int("vocab_size", default: 4096, in: 260...1_000_000))
    if section.keys.contains("byte_fallback") {
      trainer.fallsBackToBytes = try section.bool("byte_fallback", default: false)
    }
    trainer.specialTokens = try section.strings("special_tokens")
    trainer.minimumFrequency = try section.optionalInt("min_frequency", in: 1...Int.max)
    trainer.maximumTokenLength = try section.optionalInt("max_token_length", in: 1...64)
    trainer.coverage = try section.optionalDouble("character_coverage", in: 0.5...1)
    trainer.characterLimit = try section.optionalInt("limit_alphabet", in: 1...65_000)
    trainer.pattern = try section.optionalString("pattern")
    let isByteLevel = trainer.isByteLevel
    try refuse(
      trainer.unusedKeys, in: section,
      because: "tokens of this type are \(isByteLevel ? "" : "not ")made of bytes",
      next: isByteLevel
        ? "Remove it, or say `byte_fallback: true`, or `type: unigram`."
        : "Remove it, or say `type: bpe` without `byte_fallback`.")
    return trainer
  }

  private static func merges(_ entries: [Settings]) throws -> [MergeGrid] {
    var merges: [MergeGrid] = []
    for var entry in entries {
      let grid = try MergeGrid(&entry)
      guard !merges.contains(where: { $0.method == grid.method }) else {
        throw entry.wrong(
          "merge_method", expected: "each method once", found: "`\(grid.method)` twice")
      }
      merges.append(grid)
    }
    return merges
  }

  private static func repeated(_ names: [String]) -> String? {
    var seen: Set<String> = []
    return names.first { !seen.insert($0).inserted }
  }

  private static func texts(_ root: inout Settings) throws -> [Text] {
    var section = try root.child("text")
    return try section.keys.map { code in
      var entry = try section.child(code)
      let text = Text(
        code: code, files: try entry.strings("files"),
        isHeldOutOnly: try entry.bool("held_out_only", default: false),
        maximumBytes: try entry.int("max_bytes", default: 0, in: 0...Int.max))
      try entry.finish()
      guard !text.files.isEmpty else {
        throw entry.wrong("files", expected: "at least one file", found: "none")
      }
      return text
    }
  }

  /// What a training reads.
  private enum Diet {
    case text, task, both

    /// Keys that would change nothing, with the reason and what to do.
    var unusedKeys: [(key: String, reason: String, next: String)] {
      let share = (
        "examples_share", "only `joint` mixes task rows with text",
        "Remove it, or set it in `joint`."
      )
      return switch self {
      case .text:
        [
          (
            "epochs", "text is drawn by `mix`, not gone through",
            "Remove it; `steps` or `tokens` say how long to train."
          ), share,
        ]
      case .task:
        [
          (
            "mix", "this training reads task rows only",
            "Remove it; `joint` trains on text and task together."
          ), share,
        ]
      case .both: []
      }
    }
  }

  /// Throws for the first of `keys` that stands in the section.
  static func refuse(
    _ keys: [String], in settings: Settings, because reason: String, next: String
  ) throws {
    var settings = settings
    for key in keys {
      guard let node = settings.node(key) else { continue }
      throw StudyError.unusedKey(
        settings.path(of: key), reason: reason, origin: settings.origin,
        line: node.keyLine ?? node.line, next: next)
    }
  }

  private static func stage(
    _ settings: Settings, _ diet: Diet, _ windowLength: Int,
    defaults: TrainingSettings = TrainingSettings(), epochs: Double? = nil
  ) throws -> Stage {
    var settings = settings
    for (key, reason, next) in diet.unusedKeys {
      try refuse([key], in: settings, because: reason, next: next)
    }
    var mix: [(language: String, share: Double)] = []
    var lines: [Int?] = []
    if var shares = try settings.optionalChild("mix") {
      for code in shares.keys {
        mix.append((code, try shares.double(code, in: 1e-6...1e6)))
        let node = shares.node(code)
        lines.append(node?.keyLine ?? node?.line)
      }
    }
    var training = try TrainingSettings(&settings, defaults: defaults)
    if let tokens = try settings.optionalInt("tokens", in: 1...Int.max / 1024) {
      guard !settings.keys.contains("steps") else {
        throw settings.wrong("tokens", expected: "no `steps` beside it", found: "both")
      }
      let perStep = training.batchSize * training.microBatches * windowLength
      training.steps = max(1, (tokens + perStep - 1) / perStep)
    }
    let own = try settings.optionalDouble("epochs", in: 0.01...10_000)
    let stage = Stage(
      mix: mix, mixLines: lines,
      examplesShare: try settings.double("examples_share", default: 0.3, in: 0.001...0.999),
      epochs: settings.keys.contains("steps") || settings.keys.contains("tokens")
        ? own : own ?? epochs, training: training)
    try settings.finish()
    return stage
  }

  private func check() throws {
    guard task.outputType == .multipleChoice else {
      throw StudyError.task(
        task.name, problem: "it asks for no choice among answers", origin: task.origin)
    }
    guard task.metrics.contains(Self.accuracy) else {
      throw StudyError.task(
        task.name, problem: "it does not measure `\(Self.accuracy)`", origin: task.origin)
    }
    let known = texts.map(\.code)
    let trained = texts.filter { !$0.isHeldOutOnly }.map(\.code)
    for text in parallel {
      try text.check(trained: trained, known: known + languages.sources + [languages.target])
    }
    let mixed = trained + parallel.map(\.name)
    for (section, stage) in [("base", base), ("ct", ct), ("joint", joint)] {
      for (code, line) in zip(stage?.mix.map(\.language) ?? [], stage?.mixLines ?? [])
      where !mixed.contains(code) {
        throw StudyError.unknownLanguage(
          code, place: "\(StudyError.place(origin, line)), `\(section).mix`", known: mixed)
      }
    }
    for prompt in prompts where !known.contains(prompt.language) {
      throw StudyError.unknownLanguage(
        prompt.language, place: "\(StudyError.place(origin, prompt.line)), `samples.prompts`",
        known: known)
    }
    guard trained.contains(languages.target) else {
      throw StudyError.unknownLanguage(
        languages.target, place: "\(origin), `languages.target`", known: trained)
    }
    guard baseModel != nil || base?.mix.isEmpty == false else {
      throw StudyError.section("base", needs: "a `mix`, or `model.path`", origin: origin)
    }
    guard !ct.mix.isEmpty else {
      throw StudyError.section("ct", needs: "a `mix`", origin: origin)
    }
    guard !joint.mix.isEmpty else {
      throw StudyError.section("joint", needs: "a `mix`", origin: origin)
    }
  }
}
