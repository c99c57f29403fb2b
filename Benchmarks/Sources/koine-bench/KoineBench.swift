// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Turns

/// `koine-bench NAME [options]`: one benchmark for each name, each in a file of its own.
///
/// A benchmark says what it measures; what they share lies beside them: options and rounds
/// (`Bench.swift`), programs that take turns (`ChildProcess.swift`, `Peer.swift`), models
/// (`LlamaShape.swift`, `ModelWriter.swift`), tables (`Table.swift`).
@main
struct KoineBench {
  private static let benchmarks: [String: @Sendable (inout Options) throws -> Void] = [
    "infer": { try InferBench(&$0).run() },
    "merge": { try MergeBench(&$0).run() },
    "tokenize": { try TokenizeBench(&$0).run() },
    "train": { try TrainBench(&$0).run() },
  ]

  static func main() {
    BenchError.reporting(as: "koine-bench") {
      var options = Options.ofProcess
      guard let name = options.next(), let benchmark = benchmarks[name] else {
        let names = benchmarks.keys.sorted().joined(separator: ", ")
        throw BenchError("name a benchmark: \(names)")
      }
      try benchmark(&options)
    }
  }
}
