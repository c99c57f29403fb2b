// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Turns

/// What a run of another program came to.
struct ChildRun {
  /// From starting it to its end.
  let seconds: Double
  /// The most memory it had at one time, mapped files included, in bytes.
  let peakResident: Int
  /// Of that what no file holds; `nil` where the system does not say.
  let peakAnonymous: Int?
}

extension ChildRun: CustomStringConvertible {
  var description: String { "\(seconds.fixed(2)) s" }
}

/// A turn of a program that measures itself.
struct Turn: CustomStringConvertible {
  let run: ChildRun
  let answer: Answer
  var description: String { "\(answer)" }
}

/// Runs programs and measures them.
enum ChildProcess {
  /// Runs `command`, whose first word is a path or found in PATH, in `folder`.
  ///
  /// Anonymous memory is read every 2 ms, so a shorter peak may be missed.
  static func run(_ command: [String], in folder: URL) throws -> ChildRun {
    // A shell changes the folder and becomes the program.
    let words = ["sh", "-c", "cd \"$0\" && exec \"$@\"", folder.path] + command
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let log = Self.log(in: folder).path
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process = pid_t()
    let start = ContinuousClock.now
    let status = posix_spawn(&process, "/bin/sh", &actions, nil, &arguments, environ)
    guard status == 0 else { throw BenchError("cannot start \(command[0]): error \(status)") }
    let sampler = AnonymousSampler(process)
    var exit: Int32 = 0
    var usage = rusage()
    while wait4(process, &exit, 0, &usage) < 0, errno == EINTR {}
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let anonymous = sampler.stop()
    guard exit == 0 else {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      throw BenchError("\(command.joined(separator: " ")) failed:\n\(text.suffix(2000))")
    }
    #if os(Linux)
      let unit = 1024
    #else
      let unit = 1
    #endif
    return ChildRun(
      seconds: seconds, peakResident: Int(usage.ru_maxrss) * unit, peakAnonymous: anonymous)
  }

  /// Runs a program that says in its last line what its turn came to.
  static func turn(_ command: [String], in folder: URL) throws -> Turn {
    let run = try run(command, in: folder)
    let output = try String(contentsOf: log(in: folder), encoding: .utf8)
    guard let answer = try Answer(lastOf: output) else {
      throw BenchError("\(command[0]) gave no answer:\n\(output.suffix(2000))")
    }
    return Turn(run: run, answer: answer)
  }

  /// Where the output of the last program goes.
  private static func log(in folder: URL) -> URL { folder.appendingPathComponent("bench.log") }
}

/// Watches a process's anonymous memory from a thread.
private final class AnonymousSampler: Sendable {
  private struct State {
    var peak: Int?
    var isDone = false
  }

  private let state = Mutex(State())

  init(_ process: pid_t) {
    Thread.detachNewThread { [self] in
      while !state.withLock({ $0.isDone }) {
        if let bytes = Self.anonymousBytes(process) {
          state.withLock { $0.peak = max($0.peak ?? 0, bytes) }
        }
        usleep(2000)
      }
    }
  }

  func stop() -> Int? {
    state.withLock {
      $0.isDone = true
      return $0.peak
    }
  }

  private static func anonymousBytes(_ process: pid_t) -> Int? {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first
    else { return nil }
    return Int(kilobytes).map { $0 * 1024 }
  }
}
