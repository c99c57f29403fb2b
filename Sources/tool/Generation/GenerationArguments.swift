// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import ArgumentParser
  import Corpora
  import Documents
  import Foundation
  import Generation
  import Models
  import Recipes
  import Templates
  import Tokenization

  /// How tokens are chosen, for `generate` and `chat`. What is not given is as the model's
  /// generation_config.json says, else greedy.
  struct SamplingOptions: ParsableArguments {
    @Option(help: "At most so many new tokens an answer.")
    var maxTokens: Int?

    @Option(help: "No end before so many new tokens.")
    var minTokens: Int?

    @Option(help: "0 takes the likeliest token; more draws more freely.")
    var temperature: Double?

    @Option(help: "Draw among the K likeliest tokens.")
    var topK: Int?

    @Option(help: "Draw among the likeliest tokens that together have this probability.")
    var topP: Double?

    @Option(help: "Draw among tokens at least this fraction as likely as the likeliest.")
    var minP: Double?

    @Option(help: "Above 1 discourages tokens of prompt and answer.")
    var repetitionPenalty: Double?

    @Option(help: "Subtracted for each time a token is in the answer.")
    var frequencyPenalty: Double?

    @Option(help: "Subtracted once if a token is in the answer.")
    var presencePenalty: Double?

    @Option(help: "The same seed gives the same text.")
    var seed: UInt64?

    @Option(
      parsing: .unconditionalSingleValue,
      help: "The answer ends before this text; may be given again.")
    var stop: [String] = []

    func validate() throws {
      if temperature == 0, topK != nil || topP != nil || minP != nil {
        throw ValidationError(
          "--top-k, --top-p and --min-p say what is drawn; at --temperature 0 nothing is.")
      }
    }

    func apply(to options: inout TextOptions, defaults: GenerationDefaults) throws {
      var new = options.generation
      if let maxTokens { new.maximumTokens = maxTokens }
      if let minTokens { new.minimumTokens = minTokens }
      let draws = topK != nil || topP != nil || minP != nil
      // Who says among what to draw wants to draw.
      if draws, new.temperature == 0 { new.temperature = defaults.samplingTemperature }
      if let temperature { new.temperature = temperature }
      if let topK { new.topK = topK }
      if let topP { new.topP = topP }
      if let minP { new.minP = minP }
      if let repetitionPenalty { new.repetitionPenalty = repetitionPenalty }
      if let frequencyPenalty { new.frequencyPenalty = frequencyPenalty }
      if let presencePenalty { new.presencePenalty = presencePenalty }
      if let seed { new.seed = seed }
      try new.validate()
      options.generation = new
      options.stopTexts += stop
    }
  }

  /// What keeps the answer in a language, for `generate` and `chat`.
  struct LanguageOptions: ParsableArguments {
    @Option(
      help: "Write only in this script (ISO 15924, such as Latn); may be given again.")
    var languageScript: [String] = []

    @Option(help: "Lower other scripts by this (2 to 5) in place of excluding them.")
    var scriptPenalty: Double?

    @Option(
      help: "Text of the language: its frequent tokens are raised.",
      completion: .file(extensions: ["txt", "jsonl", "gz"]))
    var languagePrior: String?

    @Option(
      help: "Text of what is to be kept away, such as English; lowers its tokens.",
      completion: .file(extensions: ["txt", "jsonl", "gz"]))
    var priorReference: String?

    @Option(help: "How much the prior counts, 0.1 to 0.5 (default: 0.3).")
    var priorStrength: Double?

    @Option(
      help: "A fastText language identifier: every line is checked, with --language.",
      completion: .file(extensions: ["bin", "ftz"]))
    var identifier: String?

    @Option(help: "The language that lines must be in, as the identifier names it.")
    var language: String?

    @Option(help: "How often a line is tried in all (default: 4).")
    var lineAttempts: Int?

    @Option(
      help: "A line that stays wrong: keep the best attempt, or stop before it (default: keep).")
    var onWrongLine: String?

    func validate() throws {
      guard (identifier == nil) == (language == nil) else {
        throw ValidationError("--identifier and --language go together.")
      }
      guard scriptPenalty == nil || !languageScript.isEmpty else {
        throw ValidationError("--script-penalty needs --language-script.")
      }
      guard priorReference == nil || languagePrior != nil else {
        throw ValidationError("--prior-reference needs --language-prior.")
      }
      guard priorStrength == nil || languagePrior != nil else {
        throw ValidationError("--prior-strength needs --language-prior.")
      }
      for (option, isGiven) in [
        ("--line-attempts", lineAttempts != nil), ("--on-wrong-line", onWrongLine != nil),
      ] where isGiven && identifier == nil {
        throw ValidationError("\(option) needs --identifier and --language.")
      }
      if let onWrongLine, LineCheck.Failure(rawValue: onWrongLine) == nil {
        throw ValidationError("--on-wrong-line is `keep` or `stop`, not `\(onWrongLine)`.")
      }
    }

    /// λ where none is given.
    private static let usualStrength = 0.3
    private static let usualAttempts = 4

    private var failure: LineCheck.Failure {
      onWrongLine.flatMap(LineCheck.Failure.init(rawValue:)) ?? .keepBest
    }

    /// What `koine generate --json` says of these options: the values in force, null for what is not.
    func json(_ control: LanguageControl) -> JSON {
      func text(_ text: String?) -> JSON { text.map { JSON($0) } ?? nil }
      let check = control.lineCheck
      return [
        "scripts": control.scripts.map { JSON($0.codes.map { JSON($0) }) } ?? nil,
        "script_penalty": control.scriptPenalty.map { JSON($0) } ?? nil,
        "language_prior": text(languagePrior), "prior_reference": text(priorReference),
        "prior_strength": control.prior == nil
          ? nil : JSON(priorStrength ?? Self.usualStrength),
        "identifier": text(identifier), "language": text(check?.label),
        "line_attempts": check.map { JSON($0.attempts) } ?? nil,
        "on_wrong_line": text(check?.failure.rawValue),
      ]
    }

    func control(for tokenizer: Tokenizer) throws -> LanguageControl {
      var control = LanguageControl()
      if !languageScript.isEmpty {
        control.scripts = try ScriptSet(
          languageScript.flatMap { $0.split(separator: ",").map(String.init) })
        control.scriptPenalty = scriptPenalty
      }
      if let languagePrior {
        let target = try CorpusReader.documents(at: languagePrior).lazy.map(\.text)
        let reference = try priorReference.map {
          try CorpusReader.documents(at: $0).lazy.map(\.text)
        }
        control.prior = try LanguagePrior(
          strength: priorStrength ?? Self.usualStrength, target: target, reference: reference,
          tokenizer: tokenizer)
      }
      if let identifier, let language {
        var check = try LineCheck(LanguageIdentifier(path: identifier), language: language)
        check.attempts = lineAttempts ?? Self.usualAttempts
        check.failure = failure
        control.lineCheck = check
      }
      return control
    }
  }

  /// A model that writes, by its name on the command line.
  struct WritingModel {
    let generator: TextGenerator
    let folder: String

    init(_ name: String) throws {
      let named = try NamedModel(name)
      folder = named.folder
      try Engine.requireFastBLAS()
      generator = try TextGenerator(checkpoint: named.checkpoint, directory: folder)
      let ignored = generator.defaults.ignoredKeys
      if !ignored.isEmpty {
        Output.message(
          "generation_config.json: not done here: \(ignored.joined(separator: ", ")).")
      }
    }

    /// The model's recommendations, and what the command line says otherwise.
    func options(_ sampling: SamplingOptions, _ language: LanguageOptions) throws -> TextOptions {
      var options = generator.recommendedOptions
      try sampling.apply(to: &options, defaults: generator.defaults)
      options.language = try language.control(for: generator.tokenizer)
      return options
    }

    /// The format of a chat: what `--template` names, else the model's own.
    ///
    /// - Throws: `TemplateError` where there is none, or a damaged one.
    func chatFormat(_ template: String?) throws -> any ChatFormat {
      if let template, let format = BuiltInChatFormat(rawValue: template) { return format }
      let own = try ChatTemplates(folder: URL(fileURLWithPath: folder))
      guard let template else {
        guard !own.names.isEmpty else { throw GenerationError.noTemplate(folder) }
        return try own.template()
      }
      return ChatTemplate(
        try JinjaTemplate(Disk.readText(template), name: template),
        specialTokens: own.specialTokens)
    }
  }
#endif
