// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Turns

/// `koine-bench infer`: scoring, generating and loading, beside transformers where a Python has it.
///
///     --engine PATH     koine-infer, built beside this program
///
/// and the options of ``Bench`` and ``Peer``: 3 rounds, with `--quick` one of fewer tokens.
///
/// Every turn is a process of its own that loads the model, works once without being timed, then
/// twice with (with --quick once). The peer runs in bfloat16 and in float32, and where texts can share
/// a batch also one by one; the best of these is what counts.
struct InferBench {
  private let bench: Bench
  private let peer: Peer?
  private let engine: String
  /// How often a process works with being timed.
  private var timings: Int { bench.isQuick ? 1 : 2 }

  init(_ options: inout Options) throws {
    let engine = try options.path("engine", Bench.sibling("koine-infer"))
    bench = try Bench(&options, rounds: (usual: 3, quick: 1))
    peer = try Peer("transformers_infer.py", &options)
    try options.finish()
    self.engine = try Bench.program(engine, remedy: "run `make bench-infer`")
  }

  func run() throws {
    try bench.publish([try working(), try loading()])
  }

  // MARK: - Scoring and generating

  private struct Job {
    let name: String
    let task: String
    let tokensOfText: Int
    let batches: [Int]
    let peerBatches: [Int]
    let options: [String]
  }

  /// One way of doing a job: who, how, and how many texts at a time.
  private struct Way {
    let name: String
    let isPeer: Bool
    let batch: Int
    let command: [String]
  }

  private struct Result {
    let way: Way
    let seconds: [Double]
    let peak: Int

    /// Of one text.
    var secondsOfText: Double { seconds.median / Double(way.batch) }
  }

  private var jobs: [Job] {
    let (length, tokens) = bench.isQuick ? (128, 32) : (512, 128)
    let generating = ["--prompt", "32", "--tokens", "\(tokens)"]
    return [
      Job(
        name: "score texts of \(length)", task: "score", tokensOfText: length, batches: [8],
        peerBatches: [1, 4], options: ["--length", "\(length)"]),
      Job(
        name: "generate \(tokens), one text", task: "generate", tokensOfText: tokens, batches: [1],
        peerBatches: [1], options: generating),
      Job(
        name: "generate \(tokens), eight texts", task: "generate", tokensOfText: tokens,
        batches: [8], peerBatches: [8], options: generating),
    ]
  }

  private func working() throws -> String {
    let shape = LlamaShape.smol
    return try bench.withFolder("infer-\(shape.name)") { folder in
      Bench.progress("\(shape.name): writing the model")
      try ModelWriter().write(shape, model: 0, to: folder)
      let bytes = Double(2 * shape.parameterCount)
      let bandwidth = try bandwidth(folder)
      let peak = try peer?.peak(in: bench.data)
      var table = Table(["", "", "batch", "tokens/s", "seconds", "share", "peak MB"])
      for job in jobs {
        let results = try race(job, in: folder)
        for result in results {
          let speed = Double(job.tokensOfText) / result.secondsOfText
          let share: String
          if job.task == "generate" {
            // Each step reads all weights once for all texts of the batch.
            let read = bytes * speed / Double(result.way.batch)
            share =
              "\((100 * read / bandwidth).fixed(0)) % of \((bandwidth / 1e9).fixed(1)) GB/s"
          } else {
            let operations = bytes * speed
            share =
              peak.map {
                "\((100 * operations / $0).fixed(0)) % of \(($0 / 1e9).fixed(0)) GFLOP/s"
              } ?? "\((operations / 1e9).fixed(0)) GFLOP/s"
          }
          table.add([
            job.name, result.way.name, "\(result.way.batch)", speed.fixed(1),
            result.seconds.range(2), share, (Double(result.peak) / 1e6).fixed(0),
          ])
        }
        func best(_ isPeer: Bool) -> Double? {
          results.filter { $0.way.isPeer == isPeer }.map(\.secondsOfText).min()
        }
        if let own = best(false), let peer = best(true) {
          table.add([
            "**\(job.name)**", "**koine, times the best peer**", "",
            "**\((peer / own).fixed(2))**", "", "", "",
          ])
        }
      }
      return """
        \(Machine.description). \(Bench.today).

        **\(shape.name)**, random bfloat16 weights, \((bytes / 1e6).fixed(0)) MB; \
        \(bench.rounds) \(bench.rounds == 1 ? "round" : "rounds"), each way timed \
        \(timings == 1 ? "once" : "\(timings) times") in each.

        \(table.text)
        """
    }
  }

  private func race(_ job: Job, in folder: URL) throws -> [Result] {
    let options = job.options + ["--rounds", "\(timings)"]
    var ways = job.batches.map { batch in
      Way(
        name: "koine", isPeer: false, batch: batch,
        command: [engine, job.task, folder.path, "--batch", "\(batch)"] + options)
    }
    if let peer {
      for type in ["float32", "bfloat16"] {
        ways += job.peerBatches.map { batch in
          Way(
            name: "transformers \(type)", isPeer: true, batch: batch,
            command: peer.command(
              [job.task, folder.path, "--type", type, "--batch", "\(batch)"] + options))
        }
      }
    }
    let turns = try Bench.takeTurns(job.name, ways.map(\.name), rounds: bench.rounds) { way in
      try ChildProcess.turn(ways[way].command, in: bench.data)
    }
    return zip(ways, turns).map { way, turns in
      Result(
        way: way, seconds: turns.flatMap(\.answer.seconds),
        peak: turns.map(\.run.peakResident).max() ?? 0)
    }
  }

  /// Bytes a second at which all processors read as much memory as the model has.
  private func bandwidth(_ folder: URL) throws -> Double {
    let turn = try ChildProcess.turn([engine, "bandwidth", folder.path], in: bench.data)
    guard let rate = Double(turn.answer.check) else {
      throw BenchError("\(engine) bandwidth gave no number")
    }
    return rate
  }

  // MARK: - Loading

  private func loading() throws -> String {
    let shape = bench.isQuick ? LlamaShape.quarter : .oneBillion
    return try bench.withFolder("infer-load-\(shape.name)") { folder in
      Bench.progress("\(shape.name): writing the model")
      try ModelWriter().write(shape, model: 0, to: folder)
      var ways: [(name: String, command: [String])] = [
        ("reading the file", [engine, "read", folder.path]),
        ("koine", [engine, "load", folder.path]),
      ]
      if let peer {
        ways.append(
          ("transformers bfloat16", peer.command(["load", folder.path, "--type", "bfloat16"])))
      }
      let turns = try Bench.takeTurns("loading", ways.map(\.name), rounds: bench.rounds) { way in
        try ChildProcess.turn(ways[way].command + ["--rounds", "\(timings)"], in: bench.data)
      }
      let times = turns.map { $0.flatMap(\.answer.seconds) }
      let reading = times[0].median
      var table = Table(["", "seconds (median)", "least to most", "× reading"])
      for (way, times) in zip(ways, times) {
        table.add([
          way.name, times.median.fixed(3), times.range(3),
          (times.median / reading).fixed(2),
        ])
      }
      return """
        **Loading** \(shape.name), \((Double(2 * shape.parameterCount) / 1e9).fixed(2)) GB \
        of bfloat16, in the page cache:

        \(table.text)
        """
    }
  }
}
