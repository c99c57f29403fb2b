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

  /// `koine chat`: a conversation in the terminal, or line by line through a pipe.
  struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "chat", abstract: "Talk with a model.",
      discussion: """
        Ctrl-C stops the answer, Ctrl-D or /exit ends the conversation, /help lists the commands. \
        Where stdin is a pipe, each line is a turn; one that cannot be answered (too long, not \
        UTF-8) is named on stderr, leaves an empty line on stdout, and makes the exit code 1.
        """)

    @Argument(
      help: "The model's folder, a model of the hub, or FOLDER+ADAPTER.",
      completion: .directory)
    var model: String

    @Option(parsing: .unconditional, help: "What the system says first.")
    var system: String?

    @Option(help: "A template file, `chatml` or `plain` in place of the model's own template.")
    var template: String?

    @OptionGroup(title: "Sampling") var sampling: SamplingOptions
    @OptionGroup(title: "Language") var language: LanguageOptions

    func run() throws {
      // While nothing better listens; of itself the signal leaves a trace as a crash does.
      Program.endQuietly(by: SIGQUIT)
      let model = try WritingModel(model)
      var options = try model.options(sampling, language)
      if sampling.maxTokens == nil { options.generation.maximumTokens = 512 }
      let session = ChatSession(
        model.generator, format: try model.chatFormat(template), options: options, system: system)
      try ChatConsole(session, model: self.model).run()
    }
  }
#endif
