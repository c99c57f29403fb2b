// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Evaluation
  import Training

  /// The section `evaluation` of a training: what is measured while it runs, and what is kept.
  ///
  /// Only held-out text chooses (the best checkpoint, when to stop): task scores and samples are
  /// shown and recorded, so that no test is trained on by way of choosing.
  public struct LoopEvaluationSettings: Sendable {
    /// A held-out text with files of its own.
    public struct HeldOutText: Sendable, Equatable {
      public var name: String
      public var files: [String]
    }

    /// A task in a language.
    public struct TaskChoice: Sendable, Equatable {
      public var task: String
      public var language: String
      public var split: EvaluationSplit
      /// The first so many documents; `nil` for all.
      public var limit: Int?
    }

    /// A text that the model is let continue.
    public struct Prompt: Sendable, Equatable {
      public var text: String
      public var language: String?
    }

    /// Steps between evaluations; 0 at the end only.
    public let every: Int
    /// What is taken from each training text; `nil` takes nothing.
    public let heldOut: HeldOutSettings?
    public let texts: [HeldOutText]
    public let tasks: [TaskChoice]
    public let prompts: [Prompt]
    public let sampleTokens: Int
    /// The texts whose mean bits per byte decide; empty for all.
    public let bestBy: [String]
    /// Whether the best checkpoint is written to `best/`.
    public let savesBest: Bool
    /// So many checkpoints are kept and averaged at the end; 0 for none.
    public let averagedCount: Int

    init(_ settings: inout Settings, texts names: [String]) throws {
      every = try settings.int("every", default: 0, in: 0...100_000_000)
      heldOut = try Self.heldOut(&settings)
      var own = try settings.child("texts")
      texts = try own.keys.map { name in
        var entry = try own.child(name)
        let text = HeldOutText(name: name, files: try entry.strings("files"))
        if text.files.isEmpty {
          throw entry.wrong("files", expected: "at least one file", found: "none")
        }
        try entry.finish()
        return text
      }
      if heldOut != nil, let both = texts.map(\.name).first(where: names.contains) {
        throw own.wrong(
          both, expected: "a name that `text` does not have, or no `held_out`",
          found: "`\(both)` with held-out text of its own")
      }
      tasks = try settings.children("tasks").map { entry in
        var entry = entry
        let split = try entry.choice(
          "split", default: EvaluationSplit.validation.rawValue,
          of: EvaluationSplit.allCases.map(\.rawValue))
        let task = TaskChoice(
          task: try entry.string("task"), language: try entry.string("language"),
          split: EvaluationSplit(rawValue: split) ?? .validation,
          limit: try entry.optionalInt("limit", in: 1...1_000_000))
        try entry.finish()
        // A file is looked for when the data is; a name is known now.
        if !task.task.contains(".") { _ = try EvaluationTask.named(task.task) }
        return task
      }
      var samples = try settings.child("samples")
      sampleTokens = try samples.int("tokens", default: 40, in: 1...4096)
      prompts = try samples.children("prompts").map { entry in
        var entry = entry
        let prompt = Prompt(
          text: try entry.string("text"), language: try entry.optionalString("language"))
        try entry.finish()
        return prompt
      }
      try samples.finish()
      bestBy = try settings.strings("best_by")
      let known = (heldOut == nil ? [] : names) + texts.map(\.name)
      if let unknown = bestBy.first(where: { !known.contains($0) }) {
        let guess = nearestName(to: unknown, in: known).map { " (did you mean `\($0)`?)" } ?? ""
        throw settings.wrong(
          "best_by", expected: "names of held-out texts", found: "`\(unknown)`\(guess)")
      }
      savesBest = try settings.bool("save_best", default: true)
      averagedCount = try settings.int("average_last", default: 0, in: 0...1000)
      if averagedCount > 0, every == 0 {
        throw settings.wrong(
          "average_last", expected: "`every`, because checkpoints are kept at evaluations",
          found: "none")
      }
    }

    /// The keys that the loop itself takes.
    func fill(_ loop: inout LoopSettings, _ settings: inout Settings) throws {
      loop.evaluateEvery = every
      loop.patience = try settings.int("patience", default: 0, in: 0...1_000_000)
      loop.minimumChange = try settings.double("min_delta", default: 0, in: 0...1e6)
      loop.averageDecay = try settings.double("ema", default: 0, in: 0...0.999_999_9)
      if loop.patience > 0, every == 0 {
        throw settings.wrong(
          "patience", expected: "`every`, because patience counts evaluations", found: "none")
      }
    }

    private static func heldOut(_ settings: inout Settings) throws -> HeldOutSettings? {
      if let node = settings.node("held_out"), case .scalar(let text, _) = node.content,
        ["false", "no", "off"].contains(text.lowercased())
      {
        return nil
      }
      var held = try settings.child("held_out")
      let result = HeldOutSettings(
        share: try held.double("share", default: 0.02, in: 0.0001...0.5),
        maximumBytes: try held.int("max_bytes", default: 100_000, in: 100...1_000_000_000))
      try held.finish()
      return result
    }
  }
#endif
