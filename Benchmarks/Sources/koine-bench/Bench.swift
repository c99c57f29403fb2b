// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Turns

/// What benchmarks of whole programs are told alike, and how they go about it.
///
///     --data FOLDER     where models and results go; .build/bench
///     --rounds N        how often each takes its turn
///     --markdown FILE   also writes the tables there
///     --quick           less of everything
///     --keep            leaves the models for the next run
struct Bench {
  let data: URL
  let rounds: Int
  let isQuick: Bool
  private let keepsModels: Bool
  private let markdown: String?

  /// - Parameter rounds: how many without `--rounds`, in earnest and with `--quick`.
  init(_ options: inout Options, rounds: (usual: Int, quick: Int)) throws {
    data = try options.path("data", ".build/bench")
    markdown = try options.value("markdown")
    isQuick = options.flag("quick")
    keepsModels = options.flag("keep")
    self.rounds = try options.number("rounds", isQuick ? rounds.quick : rounds.usual)
  }

  /// A program that the benchmark needs.
  ///
  /// - Parameter remedy: what builds it.
  static func program(_ path: URL, remedy: String) throws -> String {
    guard FileManager.default.isExecutableFile(atPath: path.path) else {
      throw BenchError("there is no program \(path.path); \(remedy)")
    }
    return path.path
  }

  /// The path of a program that is built beside this one.
  static func sibling(_ name: String) -> String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent(name).path
  }

  /// Gives `body` a folder below the data folder, which goes afterwards unless models are kept.
  func withFolder<Result>(_ name: String, _ body: (URL) throws -> Result) throws -> Result {
    let folder = data.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { if !keepsModels { try? FileManager.default.removeItem(at: folder) } }
    return try body(folder)
  }

  /// The results of all ways of doing something, in the order of the ways.
  ///
  /// All take turns in each round, so that a slow minute of the machine meets all of them.
  /// - Parameters:
  ///   - warmUps: rounds before, which do not count.
  ///   - turn: does it once, in the way of that number.
  static func takeTurns<Result: CustomStringConvertible>(
    _ title: String, _ names: [String], rounds: Int, warmUps: Int = 0,
    _ turn: (_ way: Int) throws -> Result
  ) rethrows -> [[Result]] {
    var results = [[Result]](repeating: [], count: names.count)
    for round in 1 - warmUps...rounds {
      for way in names.indices {
        let result = try turn(way)
        progress("\(title), round \(round) of \(rounds): \(names[way]) \(result)")
        if round > 0 { results[way].append(result) }
      }
    }
    return results
  }

  static func progress(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  /// Prints the result, and writes it where `--markdown` says.
  func publish(_ sections: [String]) throws { try Self.publish(sections, to: markdown) }

  static func publish(_ sections: [String], to markdown: String?) throws {
    let text = sections.joined(separator: "\n\n") + "\n"
    print(text)
    if let markdown { try Data(text.utf8).write(to: URL(fileURLWithPath: markdown)) }
  }

  /// "2026-11-22"
  static var today: String { Date().formatted(.iso8601.year().month().day()) }
}
