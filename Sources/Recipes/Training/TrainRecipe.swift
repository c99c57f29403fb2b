// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Foundation
  import Training

  /// What `koine train` is asked: a model, its text and examples, how long and how to train, and
  /// what to measure meanwhile.
  ///
  /// Every key is checked, and one that nobody knows is an error with the nearest that is known.
  /// Paths are relative to a data folder that the caller names.
  public struct TrainRecipe: Sendable {
    /// Where the weights come from.
    public enum Start: Sendable, Equatable {
      /// A checkpoint's folder or its name on a hub.
      case model(String)
      /// Random weights of these sizes.
      case fresh(LlamaSizes, TokenizerChoice)
    }

    /// Where a new model's tokenizer comes from.
    public enum TokenizerChoice: Sendable, Equatable {
      /// A folder with a tokenizer, or a model of a hub.
      case existing(String)
      /// Byte-level BPE, trained on the texts.
      case trained(vocabularySize: Int, maximumBytes: Int)
    }

    /// How long to train.
    public enum Length: Sendable, Equatable {
      case steps(Int)
      /// Tokens that the model sees, padding included.
      case tokens(Int)
      /// Times that all text and examples are gone through.
      case epochs(Double)
    }

    public let start: Start
    public let seed: UInt64
    /// T: tokens that a window's text may be long.
    public let windowLength: Int
    /// Running text by free names, in the order of the file.
    public let text: [CorpusSettings]
    /// Supervised data by free names.
    public let examples: [(name: String, settings: ExampleSettings)]
    /// How text and examples share the windows.
    public let mix: MixSettings
    public let length: Length
    public let training: TrainingSettings
    public let loop: LoopSettings
    public let evaluation: LoopEvaluationSettings
    /// The file's own text, kept with the results.
    public let source: String
    /// The file's name, for messages.
    public let origin: String

    /// Reads a recipe.
    ///
    /// - Throws: `DocumentError` with key, line and the nearest key or what was expected.
    public init(yaml source: String, origin: String) throws {
      var root = try Settings(try YAML.parse(source, origin: origin), origin: origin)
      self.source = source
      self.origin = origin
      seed = UInt64(try root.int("seed", default: 0, in: 0...Int(Int32.max)))
      windowLength = try root.int("window_length", default: 1024, in: 8...1_048_576)
      start = try Self.start(&root)
      if case .fresh(let sizes, _) = start, windowLength > sizes.maximumPositions {
        throw root.wrong(
          "window_length",
          expected: "at most max_position_embeddings (\(sizes.maximumPositions))",
          found: "\(windowLength)")
      }
      let text = try Self.named(&root, "text") { try CorpusSettings(&$1, name: $0) }
      let examples = try Self.named(&root, "examples") { ($0, try ExampleSettings(&$1)) }
      let names = text.map(\.name)
      let setNames = examples.map(\.0)
      if text.isEmpty, examples.isEmpty {
        throw root.wrong("text", expected: "at least one text, or `examples`", found: "none")
      }
      if let name = names.first(where: { setNames.contains($0) }) {
        throw root.wrong(
          "examples", expected: "names that differ from those of `text`", found: "`\(name)`")
      }
      var mixSettings = try root.child("mix")
      mix = try MixSettings(&mixSettings)
      try mix.check(texts: names, examples: setNames)
      try mixSettings.finish()
      self.text = text
      self.examples = examples
      var evaluationSettings = try root.child("evaluation")
      evaluation = try LoopEvaluationSettings(&evaluationSettings, texts: names)
      var loop = LoopSettings()
      try evaluation.fill(&loop, &evaluationSettings)
      try evaluationSettings.finish()
      var trainingSettings = try root.child("training")
      (training, length) = try Self.training(&trainingSettings, seed: seed)
      try Self.watches(&loop, &trainingSettings)
      try trainingSettings.finish()
      self.loop = loop
      try root.finish()
    }

    private static func start(_ root: inout Settings) throws -> Start {
      let path = try root.optionalString("model")
      guard var config = try root.optionalChild("config") else {
        guard let path else {
          throw root.wrong(
            "model", expected: "a checkpoint to train on, or `config` for a new model",
            found: "neither")
        }
        if root.keys.contains("tokenizer") {
          throw root.wrong(
            "tokenizer", expected: "no tokenizer beside `model`, which has its own",
            found: "one")
        }
        return .model(path)
      }
      guard path == nil else {
        throw root.wrong("config", expected: "either `model` or `config`", found: "both")
      }
      let sizes = try LlamaSizes(&config)
      try config.finish()
      guard let node = root.node("tokenizer") else {
        throw root.wrong(
          "tokenizer", expected: "a folder, or a mapping with `vocab_size` to train one",
          found: "none")
      }
      if case .scalar(let folder, _) = node.content { return .fresh(sizes, .existing(folder)) }
      var vocabulary = try root.child("tokenizer")
      let choice = TokenizerChoice.trained(
        vocabularySize: try vocabulary.int("vocab_size", in: 260...1_000_000),
        maximumBytes: try vocabulary.int("max_bytes", default: 0, in: 0...Int.max))
      try vocabulary.finish()
      return .fresh(sizes, choice)
    }

    /// The mappings under the keys of a mapping.
    private static func named<Value>(
      _ root: inout Settings, _ key: String, _ read: (String, inout Settings) throws -> Value
    ) throws -> [Value] {
      var all = try root.child(key)
      return try all.keys.map { name in
        guard StepGraph.isUsableName(name) else {
          throw all.wrong(
            name, expected: "a name of letters, digits, `-`, `_` and `.`", found: "`\(name)`")
        }
        var one = try all.child(name)
        let value = try read(name, &one)
        try one.finish()
        return value
      }
    }

    private static func training(
      _ settings: inout Settings, seed: UInt64
    ) throws -> (TrainingSettings, Length) {
      var training = try TrainingSettings(&settings)
      training.seed = seed
      let given = ["steps", "tokens", "epochs"].filter(settings.keys.contains)
      if given.count > 1 {
        throw settings.wrong(
          given[1], expected: "one of `steps`, `tokens` and `epochs`",
          found: given.map { "`\($0)`" }.joined(separator: " and "))
      }
      if let tokens = try settings.optionalInt("tokens", in: 1...Int.max / 1024) {
        return (training, .tokens(tokens))
      }
      if let epochs = try settings.optionalDouble("epochs", in: 1e-6...1e6) {
        return (training, .epochs(epochs))
      }
      return (training, .steps(training.steps))
    }

    /// The keys of `training` that the loop takes.
    private static func watches(_ loop: inout LoopSettings, _ settings: inout Settings) throws {
      loop.recomputesActivations = try settings.bool("gradient_checkpointing", default: false)
      var spikes = try settings.child("loss_spikes")
      let name = try spikes.choice(
        "action", default: loop.spikes.rawValue, of: SpikeWatch.Action.allCases.map(\.rawValue))
      loop.spikes = SpikeWatch.Action(rawValue: name) ?? loop.spikes
      loop.spikeWindow = try spikes.int(
        "window", default: loop.spikeWindow, in: SpikeWatch.minimumCount...100_000)
      loop.spikeThreshold = try spikes.double(
        "threshold", default: loop.spikeThreshold, in: 1...1000)
      try spikes.finish()
    }
  }

  extension TrainRecipe {
    /// The files that the results depend on, by a label each.
    var dataFiles: [(name: String, paths: [String])] {
      text.flatMap { text in
        [
          ("text.\(text.name)", text.files),
          ("text.\(text.name).lexicon", text.codeSwitch?.lexicon ?? []),
          ("text.\(text.name).decontaminate", text.decontamination?.files ?? []),
          ("text.\(text.name).identifier", text.filters.language.map { [$0.identifier] } ?? []),
        ].filter { !$0.1.isEmpty }
      } + examples.map { ("examples.\($0.name)", $0.settings.files) }
        + evaluation.texts.map { ("evaluation.\($0.name)", $0.files) }
    }

    /// What decides the result, apart from the contents of files and of the model.
    var identity: JSON {
      let length: JSON =
        switch length {
        case .steps(let steps): ["steps": JSON(steps)]
        case .tokens(let tokens): ["tokens": JSON(tokens)]
        case .epochs(let epochs): ["epochs": JSON(epochs)]
        }
      var training = training.identity
      training["steps"] = nil
      var texts = JSONObject()
      for text in text { texts[text.name] = text.identity }
      var sets = JSONObject()
      for (name, settings) in examples { sets[name] = settings.identity }
      return [
        "seed": JSON(Int(seed)), "window_length": JSON(windowLength), "length": length,
        "training": training, "loop": loop.identity, "text": .object(texts),
        "examples": .object(sets), "mix": mix.identity,
        "evaluation": [
          "every": JSON(evaluation.every),
          "held_out": evaluation.heldOut.map { [JSON($0.share), JSON($0.maximumBytes)] } ?? .null,
          "best_by": JSON(evaluation.bestBy.map { .string($0) }),
          "average_last": JSON(evaluation.averagedCount),
        ],
      ]
    }
  }
#endif
