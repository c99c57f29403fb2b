// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Recipes
import Runs

#if MLX
  import Models
#endif

/// The root command: `--version`, and the commands below it.
struct Koine: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "koine",
    abstract: "Teaches a language model a low-resource language, and proves it.",
    discussion: """
      Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the work \
      failed, 64 wrong usage, 65 malformed input, 130 interrupted.
      """,
    subcommands: commands)

  private static var commands: [any ParsableCommand.Type] {
    var commands: [any ParsableCommand.Type] = [
      MergeCommand.self, AdapterCommand.self, DiffCommand.self, InspectCommand.self,
      QuantizeCommand.self, ExportCommand.self, TokenizeCommand.self, VocabCommand.self,
      IdentifyCommand.self, CorpusCommand.self, HubCommand.self, LabCommand.self,
      RunsCommand.self, CompareCommand.self,
    ]
    #if MLX
      commands =
        [
          RunCommand.self, TrainCommand.self, GenerateCommand.self, ChatCommand.self,
          LogitsCommand.self,
          StatisticsCommand.self,
        ] + commands
    #endif
    return commands
  }

  // Flags here are taken before a command sees them, so there must be none that a command has.
  @Flag(help: "Print the versions of Koine, its array engine and BLAS, and the device.")
  var version = false

  func run() throws {
    guard version else { throw CleanExit.helpRequest(self) }
    let environment = Environment.current
    Output.text(
      """
      koine \(KoineVersion.current)
      engine: \(environment.engine)
      BLAS:   \(environment.blas)
      device: \(environment.device) (\(environment.processor), \(environment.coreCount) cores)

      """)
  }
}

/// What the work runs on.
enum Environment {
  /// As `--version` prints it and `run.json` keeps it.
  static var current: RunEnvironment {
    #if MLX
      Machine.environment(
        engine: "MLX \(Engine.version) (\(Engine.instructionSet))", blas: Engine.blas,
        device: Engine.device + (Engine.usesTF32 ? " with TF32" : ""))
    #else
      Machine.environment(engine: "none (built without the trait MLX)", blas: "none", device: "cpu")
    #endif
  }
}
