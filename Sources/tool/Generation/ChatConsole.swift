// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation
  import Generation
  import Models
  import Recipes
  import Runs

  /// The loop of `koine chat`: reads what somebody says, shows what the model answers.
  final class ChatConsole {
    private let session: ChatSession
    private let model: String
    private let input: TerminalInput?
    private let style = TerminalStyle.detect(descriptor: 1)

    init(_ session: ChatSession, model: String) {
      self.session = session
      self.model = model
      input = TerminalInput()
    }

    func run() throws {
      if input != nil { say("\(model): /help lists the commands, Ctrl-D ends.") }
      while let line = next() {
        guard !line.allSatisfy(\.isWhitespace) else { continue }
        switch ChatLine(line) {
        case .said(let text): try answer(text)
        case .command(.exit, _): return
        case .command(let command, let argument): obey(command, argument)
        case .unknown(let name): say("There is no command \(name); /help lists them.")
        }
      }
    }

    /// The next line; `nil` at the end.
    private func next() -> String? {
      guard let input else { return readLine(strippingNewline: true) }
      while true {
        switch input.read(prompt: "> ") {
        case .line(let line): return line
        case .interrupted: say("Ctrl-D or /exit ends the conversation.")
        case .ended: return nil
        }
      }
    }

    private func answer(_ text: String) throws {
      let cancellation = Cancellation()
      // For this answer only: the second Ctrl-C during one ends the program.
      // Ctrl-C stops the answer; what shall end the program does.
      let signals = InterruptSignals([SIGINT], cancellation: cancellation) {}
      defer { withExtendedLifetime(signals) {} }
      let start = ContinuousClock.now
      let turn: ChatSession.Turn
      do {
        turn = try session.send(
          text, isCancelled: { cancellation.isRequested },
          onText: { [style] in Output.text(style.isTerminal ? SafeText.forTerminal($0) : $0) })
      } catch let error as any Diagnosed where input != nil {
        // Such as a message that is too long, or one that the template refuses: the conversation
        // goes on.
        say(error.description)
        return
      }
      Output.text("\n")
      if turn.forgottenCount > 0 {
        say("(forgot the oldest \(turn.forgottenCount) messages: the model's positions are full)")
      }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let count = turn.answer.tokens.count
      let ending: String? =
        switch turn.answer.finish {
        case .stop: nil
        case .length: "cut at \(count) tokens; --max-tokens allows more"
        case .context: "the model's positions are full"
        case .cancelled: "stopped"
        case .language: "stopped before a line in another language"
        }
      if input != nil {
        let rate = "\(count) tokens, \(Int(Double(count) / max(seconds, 1e-9))) a second"
        say("(\([rate, ending].compactMap { $0 }.joined(separator: "; ")))")
      }
    }

    private func obey(_ command: ChatLine.Command, _ argument: String) {
      switch command {
      case .help:
        say(
          """
          /reset          forgets what was said
          /system TEXT    sets what the system says first; without TEXT, shows it
          /save FILE      writes the conversation as JSON
          /exit           ends (or Ctrl-D)
          Ctrl-C stops an answer. Up and down recall earlier lines.
          """)
      case .reset:
        session.reset()
        say("(forgotten)")
      case .system:
        if argument.isEmpty {
          say(session.system ?? "(the system says nothing)")
        } else {
          session.system = argument
          say("(the system's words are set)")
        }
      case .save: save(argument)
      case .exit: break
      }
    }

    private func save(_ path: String) {
      guard !path.isEmpty else { return say("/save needs the name of a file.") }
      guard !Disk.exists(path) else { return say("\(path) is there already; name another file.") }
      let opening = session.system.map { [ChatMessage(role: "system", content: $0)] } ?? []
      let json: JSON = [
        "schema": 1, "model": JSON(model),
        "messages": JSON(
          (opening + session.messages).map {
            ["role": JSON($0.role), "content": JSON($0.content)]
          }),
      ]
      do {
        try AtomicFile.write(Data((json.serialized(pretty: true) + "\n").utf8), to: path)
        say("(wrote \(path))")
      } catch {
        say("\(error)")
      }
    }

    /// A message of the program, not of the model.
    private func say(_ text: String) { Output.message(text) }
  }
#endif
