// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if os(Linux)
  import Foundation

  /// A program in a terminal of its own: what it shows can be waited for, and keys be pressed.
  ///
  /// Nothing here asks the clock: `output(until:)` reads until the text is there or the program has
  /// ended. Not for several threads at once.
  public final class TerminalProcess {
    /// How a program ended.
    public enum Ending: Equatable, Sendable {
      case exited(Int32)
      case signalled(Int32)

      /// What a shell shows as `$?`.
      public var shellStatus: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let number): 128 + number
        }
      }
    }

    /// What went wrong with the terminal, not with the program.
    public struct Failure: Error, CustomStringConvertible {
      public let description: String
    }

    /// What Linux's headers have and Swift does not see: TIOCSPTLCK, TIOCGPTN, POSIX_SPAWN_SETSID.
    private enum Linux {
      static let unlock: UInt = 0x4004_5431
      static let number: UInt = 0x8004_5430
      static let newSession: Int16 = 0x80
    }

    public let processID: pid_t
    private let terminal: Int32
    /// All that was shown so far.
    public private(set) var shown = ""
    private var bytes: [UInt8] = []
    private var searched = 0
    private var ending: Ending?

    /// The program `name` that was built beside the running tests.
    public static func built(_ name: String) throws -> String {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(fileURLWithPath: tests).deletingLastPathComponent().appending(path: name).path
    }

    /// Starts a program in a terminal of 80 columns, which is the only one it has.
    public init(_ program: String, _ arguments: [String], environment: [String: String] = [:])
      throws
    {
      terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var locks: Int32 = 0
      var number: UInt32 = 0
      guard terminal >= 0, ioctl(terminal, Linux.unlock, &locks) == 0,
        ioctl(terminal, Linux.number, &number) == 0
      else { throw Failure(description: "no terminal: \(String(cString: strerror(errno)))") }
      let path = "/dev/pts/\(number)"
      var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
      _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)

      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      // The first terminal that the leader of a session opens is its own.
      posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
      posix_spawn_file_actions_adddup2(&actions, 0, 1)
      posix_spawn_file_actions_adddup2(&actions, 0, 2)
      posix_spawn_file_actions_addclose(&actions, terminal)
      var attributes = posix_spawnattr_t()
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      // Signals as a shell leaves them, whatever the test program ignores.
      var signals = sigset_t()
      sigfillset(&signals)
      posix_spawnattr_setsigdefault(&attributes, &signals)
      var none = sigset_t()
      sigemptyset(&none)
      posix_spawnattr_setsigmask(&attributes, &none)
      posix_spawnattr_setflags(
        &attributes,
        Linux.newSession | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))

      var variables = ProcessInfo.processInfo.environment
      variables["TERM"] = "xterm"
      variables.merge(environment) { $1 }
      let words = ([program] + arguments).map { strdup($0) } + [nil]
      let pairs = variables.map { strdup("\($0)=\($1)") } + [nil]
      defer { for word in words + pairs { free(word) } }
      var id: pid_t = 0
      let status = posix_spawn(&id, program, &actions, &attributes, words, pairs)
      guard status == 0 else {
        close(terminal)
        throw Failure(description: "\(program): \(String(cString: strerror(status)))")
      }
      processID = id
    }

    deinit {
      if ending == nil {
        kill(processID, SIGKILL)
        var status: Int32 = 0
        waitpid(processID, &status, 0)
      }
      close(terminal)
    }

    /// The terminal's settings, for comparing: they are its own, whoever looks.
    public var settings: [UInt32] {
      var found = termios()
      guard tcgetattr(terminal, &found) == 0 else { return [] }
      return [found.c_iflag, found.c_oflag, found.c_cflag, found.c_lflag]
    }

    /// Presses keys.
    public func type(_ keys: String) throws {
      var left = Array(keys.utf8)[...]
      while !left.isEmpty {
        let count = left.withUnsafeBytes { write(terminal, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw Failure(description: "the terminal takes no keys") }
        left = left.dropFirst(count)
      }
    }

    /// Waits until `text` is shown after what was waited for before; returns what came with it.
    ///
    /// - Throws: `Failure` with all that was shown, where the program ended before.
    @discardableResult
    public func output(until text: String) throws -> String {
      let wanted = Array(text.utf8)
      while true {
        if let end = Self.end(of: wanted, in: bytes[searched...]) {
          defer { searched = end }
          return String(decoding: bytes[searched..<end], as: UTF8.self)
        }
        guard read() else {
          throw Failure(description: "`\(text)` was never shown, but this:\n\(shown)")
        }
      }
    }

    /// Waits for the program's end.
    public func end() -> Ending {
      while read() {}
      if let ending { return ending }
      var status: Int32 = 0
      while waitpid(processID, &status, 0) < 0, errno == EINTR {}
      let number = status & 0x7F
      let found = number == 0 ? Ending.exited(status >> 8 & 0xFF) : .signalled(number)
      ending = found
      return found
    }

    /// Reads what is shown next; no where nothing will be any more.
    private func read() -> Bool {
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = Foundation.read(terminal, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        // A terminal that no program holds any more cannot be read: EIO.
        guard count > 0 else { return false }
        bytes += buffer[..<count]
        shown = String(decoding: bytes, as: UTF8.self)
        return true
      }
    }

    private static func end(of wanted: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
      guard wanted.count <= bytes.count else { return nil }
      for start in bytes.startIndex...(bytes.endIndex - wanted.count)
      where bytes[start...].starts(with: wanted) {
        return start + wanted.count
      }
      return nil
    }
  }
#endif
