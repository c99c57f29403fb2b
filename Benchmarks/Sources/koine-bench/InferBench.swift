// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// `koine-bench infer`: scoring, generating and loading, beside transformers where a Python has it.
///
///     --engine PATH     koine-infer, built beside this program
///     --python PATH     a Python with torch and transformers; left out without it
///     --threads N       torch's; 2
///     --data FOLDER     where models go; .build/bench
///     --rounds N        how often each takes its turn; 3
///     --markdown FILE   also writes the table there
///     --quick           one round of fewer tokens
///     --keep            leaves the models for the next run
///
/// Every turn is a process of its own that loads the model, works once without being timed, then
/// twice with (with --quick once). All take turns in each round, so that a slow minute of the machine meets all of them.
/// The peer runs in bfloat16 and in float32, and where texts can share a batch also one by one; the
/// best of these is what counts.
struct InferBench {
  private let engine: String
  private let python: String?
  private let threads: Int
  private let markdown: String?
  private let data: URL
  private let rounds: Int
  private let isQuick: Bool
  /// How often a process works with being timed.
  private var timings: Int { isQuick ? 1 : 2 }
  private let keepsModels: Bool

  init(_ options: inout Options) throws {
    func absolute(_ path: String) -> URL { URL(fileURLWithPath: path).standardizedFileURL }
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    engine =
      try options.value("engine").map { absolute($0).path }
      ?? own.appendingPathComponent("koine-infer").path
    python = try options.value("python").map { absolute($0).path }
    data = absolute(try options.value("data") ?? ".build/bench")
    markdown = try options.value("markdown")
    isQuick = options.flag("quick")
    keepsModels = options.flag("keep")
    func number(_ name: String, _ fallback: Int) throws -> Int {
      let text = try options.value(name)
      guard let number = Int(text ?? "\(fallback)"), number > 0 else {
        throw BenchError("--\(name) \(text ?? "") is no number above 0")
      }
      return number
    }
    rounds = try number("rounds", isQuick ? 1 : 3)
    threads = try number("threads", 2)
    try options.finish()
    guard FileManager.default.isExecutableFile(atPath: engine) else {
      throw BenchError("there is no program \(engine); run `make bench-infer`")
    }
  }

  /// One way of doing a job: who, how, and how many texts at a time.
  private struct Way {
    let name: String
    let isPeer: Bool
    let batch: Int
    let command: [String]
  }

  private struct Job {
    let name: String
    let task: String
    let tokensOfText: Int
    let batches: [Int]
    let peerBatches: [Int]
    let options: [String]
  }

  private struct Result {
    let way: Way
    var seconds: [Double] = []
    var peak = 0
    var check = ""

    /// Of one text.
    var secondsOfText: Double { InferBench.median(seconds) / Double(way.batch) }
  }

  func run() throws {
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let shape = LlamaShape.smol
    let folder = data.appendingPathComponent("infer-\(shape.name)")
    defer { if !keepsModels { try? FileManager.default.removeItem(at: folder) } }
    progress("\(shape.name): writing the model")
    try ModelWriter().write(shape, model: 0, to: folder)
    let bytes = Double(2 * shape.parameterCount)
    let bandwidth = try measure(["bandwidth", folder.path])
    let peak = try python.map {
      try measure([$0] + [Self.peer, "peak", folder.path] + threadOptions)
    }
    var rows: [String] = []
    for job in jobs {
      let results = try race(job, in: folder)
      guard let own = results.filter({ !$0.way.isPeer }).min(by: Self.faster) else { continue }
      let peer = results.filter(\.way.isPeer).min(by: Self.faster)
      for result in results {
        let speed = Double(job.tokensOfText) / result.secondsOfText
        let share: String
        if job.task == "generate" {
          // Each step reads all weights once for all texts of the batch.
          let read = bytes * speed / Double(result.way.batch)
          share = String(format: "%.0f %% of %.1f GB/s", 100 * read / bandwidth, bandwidth / 1e9)
        } else {
          let operations = bytes * speed
          share =
            peak.map { peak in
              String(format: "%.0f %% of %.0f GFLOP/s", 100 * operations / peak, peak / 1e9)
            } ?? String(format: "%.0f GFLOP/s", operations / 1e9)
        }
        rows.append(
          String(
            format: "| %@ | %@ | %d | %.1f | %.2f to %.2f | %@ | %.0f |", job.name, result.way.name,
            result.way.batch, speed, result.seconds.min() ?? 0, result.seconds.max() ?? 0, share,
            Double(result.peak) / 1e6))
      }
      if let peer {
        rows.append(
          String(
            format: "| **%@** | **koine, times the best peer** | | **%.2f** | | | |", job.name,
            peer.secondsOfText / own.secondsOfText))
      }
    }
    let text = """
      \(Machine.description). \(Date().formatted(.iso8601.year().month().day())).

      **\(shape.name)**, random bfloat16 weights, \(String(format: "%.0f", bytes / 1e6)) MB; \
      \(rounds) \(rounds == 1 ? "round" : "rounds"), each way timed \
      \(timings == 1 ? "once" : "\(timings) times") in each.

      | | | batch | tokens/s | seconds | share | peak MB |
      | --- | --- | --- | --- | --- | --- | --- |
      \(rows.joined(separator: "\n"))

      \(try loading())

      """
    print(text)
    if let markdown { try Data(text.utf8).write(to: URL(fileURLWithPath: markdown)) }
  }

  private var jobs: [Job] {
    let (length, tokens) = isQuick ? (128, 32) : (512, 128)
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

  // MARK: - Taking turns

  private func race(_ job: Job, in folder: URL) throws -> [Result] {
    let options = job.options + ["--rounds", "\(timings)"]
    var ways = job.batches.map { batch in
      Way(
        name: "koine", isPeer: false, batch: batch,
        command: [engine, job.task, folder.path, "--batch", "\(batch)"] + options)
    }
    if let python {
      for type in ["float32", "bfloat16"] {
        ways += job.peerBatches.map { batch in
          Way(
            name: "transformers \(type)", isPeer: true, batch: batch,
            command: [
              python, Self.peer, job.task, folder.path, "--type", type, "--batch", "\(batch)",
            ] + threadOptions + options)
        }
      }
    }
    var results = ways.map { Result(way: $0) }
    for round in 1...rounds {
      for index in results.indices {
        let (run, answer) = try call(results[index].way.command)
        results[index].seconds += answer.seconds
        results[index].peak = max(results[index].peak, run.peakResident)
        results[index].check = answer.check
        progress("\(job.name), round \(round): \(results[index].way.name) \(answer)")
      }
    }
    return results
  }

  private struct Answer: Decodable, CustomStringConvertible {
    let seconds: [Double]
    let check: String
    var description: String { "\(seconds) \(check)" }
  }

  private func call(_ command: [String]) throws -> (ChildRun, Answer) {
    let run = try ChildProcess.run(command, in: data.path)
    let log = try String(contentsOf: data.appendingPathComponent("bench.log"), encoding: .utf8)
    guard let line = log.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
      throw BenchError("\(command[0]) gave no answer:\n\(log.suffix(2000))")
    }
    return (run, try JSONDecoder().decode(Answer.self, from: Data(line.utf8)))
  }

  /// What a task that measures the machine gives: something per second.
  private func measure(_ words: [String]) throws -> Double {
    let command = words[0] == "bandwidth" ? [engine] + words : words
    guard let rate = Double(try call(command).1.check) else {
      throw BenchError("\(command.joined(separator: " ")) gave no number")
    }
    return rate
  }

  // MARK: - Loading

  private func loading() throws -> String {
    let shape = isQuick ? LlamaShape.quarter : .oneBillion
    let folder = data.appendingPathComponent("infer-load-\(shape.name)")
    defer { if !keepsModels { try? FileManager.default.removeItem(at: folder) } }
    progress("\(shape.name): writing the model")
    try ModelWriter().write(shape, model: 0, to: folder)
    var ways: [(name: String, command: [String])] = [
      ("reading the file", [engine, "read", folder.path]),
      ("koine", [engine, "load", folder.path]),
    ]
    if let python {
      ways.append(
        (
          "transformers bfloat16",
          [python, Self.peer, "load", folder.path, "--type", "bfloat16"] + threadOptions
        ))
    }
    var times = [[Double]](repeating: [], count: ways.count)
    for round in 1...rounds {
      for index in ways.indices {
        let answer = try call(ways[index].command + ["--rounds", "\(timings)"]).1
        times[index] += answer.seconds
        progress("loading, round \(round): \(ways[index].name) \(answer)")
      }
    }
    let reading = Self.median(times[0])
    let rows = ways.indices.map { index in
      let median = Self.median(times[index])
      return String(
        format: "| %@ | %.3f | %.3f to %.3f | %.2f |", ways[index].name, median,
        times[index].min() ?? 0, times[index].max() ?? 0, median / reading)
    }
    return """
      **Loading** \(shape.name), \(String(format: "%.2f", Double(2 * shape.parameterCount) / 1e9)) GB \
      of bfloat16, in the page cache:

      | | seconds (median) | least to most | × reading |
      | --- | --- | --- | --- |
      \(rows.joined(separator: "\n"))
      """
  }

  // MARK: -

  private var threadOptions: [String] { ["--threads", "\(threads)"] }

  /// Benchmarks/peers/transformers_infer.py
  private static let peer = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("peers/transformers_infer.py").path

  private static func faster(_ a: Result, _ b: Result) -> Bool {
    a.secondsOfText < b.secondsOfText
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  private func progress(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}
