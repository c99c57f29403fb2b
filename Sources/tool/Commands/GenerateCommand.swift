// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import ArgumentParser
  import Documents
  import Foundation
  import Generation
  import Models
  import Recipes
  import Runs

  /// `koine generate`: continues prompts.
  struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "generate", abstract: "Continue texts with a model.",
      discussion: """
        One answer is shown as it grows; several come in the order of their prompts, each behind \
        its number. What is not given as an option is as the model's generation_config.json says.
        """)

    @Argument(
      help: "The model's folder, a model of the hub, or FOLDER+ADAPTER.",
      completion: .directory)
    var model: String

    // A text may begin with a dash.
    @Option(parsing: .unconditionalSingleValue, help: "A text to continue; may be given again.")
    var prompt: [String] = []

    @Option(
      help: "A file to continue (- is stdin); of .jsonl, the `prompt` of every line.",
      completion: .file())
    var file: String?

    @Flag(help: "Each line of the file is a prompt.")
    var lines = false

    @Flag(help: "Prompts are what a user says: put them into the model's chat template.")
    var chat = false

    @Option(parsing: .unconditional, help: "With --chat: what the system says first.")
    var system: String?

    @Option(help: "With --chat: a template file, `chatml` or `plain` in place of the model's own.")
    var template: String?

    @Option(help: "So many prompts are worked on at a time.")
    var batch = 16

    @Option(help: "With --json: so many of the likeliest tokens, with log-probabilities.")
    var logprobs: Int?

    @OptionGroup(title: "Sampling") var sampling: SamplingOptions
    @OptionGroup(title: "Language") var language: LanguageOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
      guard !prompt.isEmpty || file != nil else {
        throw ValidationError("Give a --prompt or a --file.")
      }
      guard !lines || file != nil else { throw ValidationError("--lines needs --file.") }
      guard chat || system == nil && template == nil else {
        throw ValidationError("--system and --template need --chat.")
      }
      guard logprobs == nil || format.json else {
        throw ValidationError("--logprobs needs --json.")
      }
      guard batch >= 1 else { throw ValidationError("--batch must be at least 1.") }
    }

    func run() throws {
      let prompts = try prompt + (file.map(PromptFile.init)?.prompts(byLine: lines) ?? [])
      let model = try WritingModel(model)
      var options = try model.options(sampling, language)
      options.batchSize = batch
      if format.json { options.generation.logProbabilityCount = logprobs }
      var texts = prompts
      var startsText = true
      if chat {
        let chatFormat = try model.chatFormat(template)
        options.stopTexts += chatFormat.stopTexts
        startsText = chatFormat.startsText
        let opening = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
        texts = try prompts.map {
          try chatFormat.prompt(for: opening + [ChatMessage(role: "user", content: $0)])
        }
      }
      let cancellation = Cancellation()
      let signals = InterruptSignals(cancellation: cancellation) {}
      defer { withExtendedLifetime(signals) {} }
      let start = ContinuousClock.now
      var printer = AnswerPrinter(count: prompts.count, isSilent: format.json)
      let answers = try model.generator.generate(
        texts.map { try model.generator.promptIDs($0, startsText: startsText) },
        options: options, isCancelled: { cancellation.isRequested },
        onPiece: { printer.show($0) })
      if format.json {
        Output.json(
          GenerationReport.json(
            model: self.model, prompts: texts, answers: answers, options: options,
            language: language, tokenizer: model.generator.tokenizer))
      }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      if TerminalStyle.detect(descriptor: 2).isTerminal {
        let count = answers.reduce(0) { $0 + $1.tokens.count }
        Output.message(
          "\(count) tokens in \(NumberText.duration(seconds: seconds)), "
            + "\(Int(Double(count) / max(seconds, 1e-9))) a second")
      }
      if cancellation.isRequested { throw CancellationError() }
    }
  }

  /// Prints answers in order: the first unfinished one as it grows, what is beyond it later.
  struct AnswerPrinter {
    private let count: Int
    private let isSilent: Bool
    private let style = TerminalStyle.detect(descriptor: 1)
    private var current = 0
    private var waiting: [Int: String] = [:]
    private var finished: Set<Int> = []
    private var hasBegun = false

    init(count: Int, isSilent: Bool) {
      self.count = count
      self.isSilent = isSilent
    }

    mutating func show(_ piece: TextPiece) {
      guard !isSilent else { return }
      waiting[piece.row, default: ""] += piece.text
      if piece.finish != nil { finished.insert(piece.row) }
      while current < count {
        if !hasBegun, count > 1, waiting[current] != nil {
          Output.text("[\(current + 1)] ")
          hasBegun = true
        }
        if let text = waiting.removeValue(forKey: current), !text.isEmpty {
          Output.text(style.isTerminal ? SafeText.forTerminal(text) : text)
        }
        guard finished.contains(current) else { return }
        Output.text("\n")
        current += 1
        hasBegun = false
      }
    }
  }
#endif
