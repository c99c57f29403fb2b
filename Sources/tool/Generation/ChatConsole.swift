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

  /// The loop of `koine chat`: reads what somebody says, shows what the model answers.
  final class ChatConsole {
    private let session: ChatSession
    private let model: String
    private let input: TerminalInput?
    private let style = TerminalStyle.detect(descriptor: 1)
    private var piped = PipedLines()
    /// Whether a line of a pipe had no answer.
    private var hasFailed = false

    init(_ session: ChatSession, model: String) {
      self.session = session
      self.model = model
      input = TerminalInput()
    }

    /// - Throws: `ExitCode.failure` at the end where a line of a pipe could not be answered.
    func run() throws {
      try converse()
      if hasFailed { throw ExitCode.failure }
    }

    private func converse() throws {
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
      guard let input else {
        while let line = piped.next() {
          if let line { return line }
          refuse("It is not UTF-8.\nstdin: line \(piped.count)\nSave the text as UTF-8.")
        }
        return nil
      }
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
      // For this answer only, and Ctrl-C only: the second during one answer ends the program, and so
      // does what shall end it.
      let signals = InterruptSignals([SIGINT], cancellation: cancellation) {}
      defer { withExtendedLifetime(signals) {} }
      let start = ContinuousClock.now
      let turn: ChatSession.Turn
      do {
        turn = try session.send(
          text, isCancelled: { cancellation.isRequested },
          onText: { [style] in Output.text(style.isTerminal ? SafeText.forTerminal($0) : $0) })
      } catch let error as any Diagnosed {
        // Such as a message that is too long, or one that the template refuses: the conversation
        // goes on.
        refuse(error.description)
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

    /// Says why there is no answer; in a pipe an empty line stands for it.
    private func refuse(_ reason: String) {
      guard input == nil else { return say(reason) }
      say("Line \(piped.count) has no answer. \(reason)")
      Output.text("\n")
      hasFailed = true
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

  /// The lines of stdin, as they come.
  struct PipedLines {
    /// How many lines there were.
    private(set) var count = 0
    private var buffer: [UInt8] = []
    /// So many bytes of the buffer hold no line's end.
    private var searchedCount = 0
    private var hasEnded = false

    /// The next line without its end; `nil` inside where it is not UTF-8, outside at the end.
    mutating func next() -> String?? {
      while true {
        if let end = buffer[searchedCount...].firstIndex(of: UInt8(ascii: "\n")) {
          return .some(take(end, dropping: end + 1))
        }
        searchedCount = buffer.count
        if hasEnded {
          return buffer.isEmpty ? nil : .some(take(buffer.count, dropping: buffer.count))
        }
        read()
      }
    }

    private mutating func take(_ end: Int, dropping dropped: Int) -> String? {
      var line = buffer[..<end]
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      defer {
        buffer.removeSubrange(..<dropped)
        searchedCount = 0
      }
      count += 1
      return String(validating: line, as: UTF8.self)
    }

    private mutating func read() {
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = Foundation.read(0, &bytes, bytes.count)
      if count < 0, errno == EINTR { return }
      if count > 0 { buffer += bytes[..<count] } else { hasEnded = true }
    }
  }
#endif
