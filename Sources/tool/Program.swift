// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Foundation
import Hub
import Recipes

/// Reads the arguments, runs one command, and turns how it ended into an exit code (STYLE §9).
@main
enum Program {
  static func main() async {
    // A log or reader that goes away is an error of that write, not the end of a training.
    signal(SIGPIPE, SIG_IGN)
    // A file beyond `ulimit -f` is then an error with a message, and what was begun is removed.
    signal(SIGXFSZ, SIG_IGN)
    endQuietly(by: SIGINT)
    do {
      var command = try Koine.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      #if MLX
        endTogether(with: error)
      #endif
      exit(with: error)
    }
  }

  /// Lets a signal end the program as interrupted wherever nothing better listens: while a model is
  /// loaded, say. One that the process was told to ignore stays ignored.
  static func endQuietly(by number: Int32) {
    let previous = signal(number) { _ in _exit(130) }
    if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
      signal(number, SIG_IGN)
    }
  }

  /// Says what an error has to say, and ends the program with its code.
  private static func exit(with error: any Error) -> Never {
    // The parser knows whether its text is a help page or a message, and where either goes.
    if isOfArgumentParser(error) { Koine.exit(withError: error) }
    let (text, code) = ending(of: error)
    if !text.isEmpty { Output.message(text) }
    Foundation.exit(code)
  }

  /// What an error has to say, and the exit code: 0 done (help), 1 failed, 64 usage, 65 malformed
  /// input, 130 interrupted.
  static func ending(of error: any Error) -> (text: String, code: Int32) {
    #if MLX
      if let interruption = error as? TrainInterrupted {
        return (interruption.description, interruption.exitCode)
      }
    #endif
    if error is RunInterrupted || error is StepInterrupted || error is CancellationError
      || error as? HubError == .interrupted
    {
      return ((error as? RunInterrupted)?.description ?? "", 130)
    }
    if let error = error as? any Diagnosed {
      return (error.description, error.diagnosis.kind == .malformedInput ? 65 : 1)
    }
    if isOfArgumentParser(error) {
      return (Koine.fullMessage(for: error), Koine.exitCode(for: error).rawValue)
    }
    return (
      """
      \(error)
      koine \(CommandLine.arguments.dropFirst().joined(separator: " "))
      This error brings no advice; please report it with the command.
      """, 1
    )
  }

  /// Whether the parser made the error itself: for any other error it says "failure", 1.
  private static func isOfArgumentParser(_ error: any Error) -> Bool {
    error is CleanExit || error is ValidationError || error is ExitCode
      || Koine.exitCode(for: error) != .failure
  }
}

/// Where text goes: results to stdout, all else to stderr.
enum Output {
  /// A result, as it is. Where stdout cannot be written (a full disk, a closed pipe) the result is
  /// lost and the exit code says so.
  static func text(_ text: String) {
    do { try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) } catch {
      message(
        "The result could not be written.\nstdout: \(SystemReason.text(of: error))\n"
          + "Give it room and run again.")
      Foundation.exit(1)
    }
  }

  /// A result as JSON, indented.
  static func json(_ value: JSON) { text(value.serialized(pretty: true) + "\n") }

  /// A message, with a newline.
  static func message(_ text: String) { progress(text + "\n") }

  /// Text on stderr; a log that cannot be written is no reason to lose a training.
  static func progress(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }
}
