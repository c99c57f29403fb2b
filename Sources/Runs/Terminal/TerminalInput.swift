// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Reads lines from somebody at a terminal, with editing and history.
///
/// The terminal is in raw mode only while a line is read. However that ends (a signal, a crash, an
/// exit from elsewhere), the terminal is put back; only `kill -9` cannot be caught.
package final class TerminalInput {
  /// What came of reading.
  package enum Input: Equatable {
    case line(String)
    /// Ctrl-C on an empty line.
    case interrupted
    /// Ctrl-D on an empty line, or the terminal went away.
    case ended
  }

  private var history: [String] = []
  private let historyLimit = 500

  /// - Returns: `nil` where stdin or stdout is no terminal that can edit.
  package init?() {
    guard isatty(0) == 1, isatty(1) == 1,
      ProcessInfo.processInfo.environment["TERM"] ?? "dumb" != "dumb"
    else { return nil }
  }

  /// Reads a line; it joins the history.
  package func read(prompt: String) -> Input {
    guard RawMode.enter() else { return .ended }
    var editor = LineEditor(history: history)
    defer {
      RawMode.leave()
      write("\n")
    }
    show(editor, prompt)
    // What comes at once, as pasted text does, is drawn once.
    var isStale = false
    func settle() {
      if isStale { show(editor, prompt) }
      isStale = false
    }
    while true {
      if isStale, !isInputWaiting { settle() }
      var byte: UInt8 = 0
      let count = Foundation.read(0, &byte, 1)
      if count < 0, errno == EINTR {
        // The window changed its size.
        show(editor, prompt)
        continue
      }
      guard count == 1 else { return .ended }
      switch editor.feed(byte) {
      case .none: continue
      case .changed: isStale = true
      case .clear:
        write("\u{1B}[H\u{1B}[2J")
        show(editor, prompt)
        isStale = false
      case .submitted(let line):
        settle()
        if !line.allSatisfy(\.isWhitespace), history.last != line {
          history.append(line)
          if history.count > historyLimit { history.removeFirst() }
        }
        return .line(line)
      case .suspended:
        RawMode.suspend()
        show(editor, prompt)
      case .quit: RawMode.quit()
      case .interrupted: return .interrupted
      case .ended: return .ended
      }
    }
  }

  private var isInputWaiting: Bool {
    var descriptor = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }

  private func show(_ editor: LineEditor, _ prompt: String) {
    write(editor.rendering(prompt: prompt, width: TerminalStyle.detect(descriptor: 1).width))
  }

  private func write(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
  }
}

/// The terminal's raw mode, of which a process has one.
private enum RawMode {
  /// Safety: written before `isActive` is set, by the one thread that reads lines; handlers of
  /// signals only read, but for `isActive`.
  nonisolated(unsafe) private static var saved = termios()
  nonisolated(unsafe) private static var raw = termios()
  nonisolated(unsafe) private static var isActive = false
  nonisolated(unsafe) private static var previous: [(number: Int32, action: sigaction)] = []
  nonisolated(unsafe) private static var isRegistered = false

  /// The terminal marks pasted text, so that its line feeds do not send it off.
  private static let pasteStart: StaticString = "\u{1B}[?2004h"
  private static let pasteEnd: StaticString = "\u{1B}[?2004l"
  private static let lineEnd: StaticString = "\n"

  /// What ends a process.
  private static let signals = [
    SIGTERM, SIGHUP, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE,
  ]
  /// What somebody at the keyboard ends a process with.
  private static let interrupts = [SIGINT, SIGQUIT]

  static func enter() -> Bool {
    guard tcgetattr(0, &saved) == 0 else { return false }
    if !isRegistered {
      isRegistered = true
      atexit { RawMode.restore() }
    }
    raw = saved
    cfmakeraw(&raw)
    // A line feed that is written still begins a line.
    raw.c_oflag |= tcflag_t(OPOST)
    // Once: the second time the signal does what it does by itself.
    let once = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER
    previous =
      signals.map { number in
        install(number, flags: once) { number in
          RawMode.restore()
          raise(number)
        }
      }
      + interrupts.map { number in
        install(number, flags: 0) { _ in RawMode.quit() }
      } + [install(SIGTSTP, flags: SA_NODEFER) { _ in RawMode.stop() }]
    return resume()
  }

  /// Sets a handler; what was there before.
  private static func install(
    _ number: Int32, flags: Int32, _ handler: @escaping @convention(c) (Int32) -> Void
  ) -> (number: Int32, action: sigaction) {
    var action = sigaction()
    var old = sigaction()
    action.sa_flags = flags
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = handler
    #else
      action.__sigaction_handler.sa_handler = handler
    #endif
    sigaction(number, &action, &old)
    return (number, old)
  }

  static func leave() {
    restore()
    for (number, action) in previous {
      var action = action
      sigaction(number, &action, nil)
    }
    previous = []
  }

  /// Stops all processes of this terminal's job, as Ctrl-Z does outside raw mode; returns when the
  /// shell has woken them.
  static func suspend() { kill(0, SIGTSTP) }

  // MARK: Only what a handler of signals may call

  static func restore() {
    guard isActive else { return }
    isActive = false
    put(pasteEnd)
    tcsetattr(0, TCSADRAIN, &saved)
  }

  private static func resume() -> Bool {
    isActive = true
    guard tcsetattr(0, TCSADRAIN, &raw) == 0 else { return false }
    put(pasteStart)
    return true
  }

  /// Ends the process: interrupted.
  static func quit() -> Never {
    restore()
    put(lineEnd)
    _exit(130)
  }

  /// Stops with the terminal as it was, and takes it again when woken.
  private static func stop() {
    guard isActive else { return }
    restore()
    put(lineEnd)
    // By what the signal does of itself, which is nothing where no shell could wake the process.
    var plain = sigaction()
    var own = sigaction()
    sigaction(SIGTSTP, &plain, &own)
    raise(SIGTSTP)
    sigaction(SIGTSTP, &own, nil)
    _ = resume()
  }

  private static func put(_ text: StaticString) {
    _ = text.withUTF8Buffer { write(1, $0.baseAddress, $0.count) }
  }
}
