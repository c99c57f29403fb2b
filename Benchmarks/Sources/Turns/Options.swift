// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The words after a program's name.
package struct Options {
  private var words: [String]

  package init(_ words: [String]) { self.words = words }

  /// Those of this process.
  package static var ofProcess: Options { Options(Array(CommandLine.arguments.dropFirst())) }

  /// The next word that is no option. Options with values come first: a value looks like such a word.
  package mutating func next() -> String? {
    guard let index = words.firstIndex(where: { !$0.hasPrefix("--") }) else { return nil }
    return words.remove(at: index)
  }

  /// Whether `--name` is given.
  package mutating func flag(_ name: String) -> Bool {
    guard let index = words.firstIndex(of: "--\(name)") else { return false }
    words.remove(at: index)
    return true
  }

  /// The word after `--name`; `nil` without it.
  package mutating func value(_ name: String) throws -> String? {
    guard let index = words.firstIndex(of: "--\(name)") else { return nil }
    guard index + 1 < words.count else { throw BenchError("--\(name) needs a value") }
    words.remove(at: index)
    return words.remove(at: index)
  }

  /// The whole number after `--name`, at least `least`; `fallback` without it.
  package mutating func number(
    _ name: String, _ fallback: Int, from least: Int = 1
  ) throws -> Int {
    guard let text = try value(name) else { return fallback }
    guard let number = Int(text), number >= least else {
      throw BenchError("--\(name) \(text) is no whole number from \(least)")
    }
    return number
  }

  /// The path after `--name`, made absolute; that of `fallback` without it.
  package mutating func path(_ name: String, _ fallback: String) throws -> URL {
    URL(fileURLWithPath: try value(name) ?? fallback).standardizedFileURL
  }

  /// Refuses what nobody has asked for.
  package func finish() throws {
    if let rest = words.first { throw BenchError("unknown: \(rest)") }
  }
}

/// Something that keeps a benchmark from running, as a sentence.
package struct BenchError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }

  /// Runs `body`; an error is said under the program's name, and ends it with 1.
  package static func reporting(as program: String, _ body: () throws -> Void) {
    do { try body() } catch {
      FileHandle.standardError.write(Data("\(program): \(error)\n".utf8))
      exit(1)
    }
  }
}
