// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// `koine-bench NAME [options]`: one benchmark for each name.
@main
struct KoineBench {
  private static let benchmarks: [String: @Sendable (inout Options) throws -> Void] = [
    "infer": { try InferBench(&$0).run() },
    "merge": { try MergeBench(&$0).run() },
    "tokenize": { try TokenizeBench(&$0).run() },
    "train": { try TrainBench(&$0).run() },
  ]

  static func main() {
    do {
      var options = Options(Array(CommandLine.arguments.dropFirst()))
      guard let name = options.next(), let benchmark = benchmarks[name] else {
        let names = benchmarks.keys.sorted().joined(separator: ", ")
        throw BenchError("name a benchmark: \(names)")
      }
      try benchmark(&options)
    } catch {
      FileHandle.standardError.write(Data("koine-bench: \(error)\n".utf8))
      exit(1)
    }
  }
}

/// Something that keeps a benchmark from running, as a sentence.
struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The words after the program's name.
struct Options {
  private var words: [String]

  init(_ words: [String]) { self.words = words }

  /// The next word that is no option.
  mutating func next() -> String? {
    guard let index = words.firstIndex(where: { !$0.hasPrefix("--") }) else { return nil }
    return words.remove(at: index)
  }

  /// Whether `--name` is given.
  mutating func flag(_ name: String) -> Bool {
    guard let index = words.firstIndex(of: "--\(name)") else { return false }
    words.remove(at: index)
    return true
  }

  /// The word after `--name`; `nil` without it.
  mutating func value(_ name: String) throws -> String? {
    guard let index = words.firstIndex(of: "--\(name)") else { return nil }
    guard index + 1 < words.count else { throw BenchError("--\(name) needs a value") }
    words.remove(at: index)
    return words.remove(at: index)
  }

  /// Refuses what nobody has asked for.
  func finish() throws {
    if let rest = words.first { throw BenchError("unknown: \(rest)") }
  }
}
