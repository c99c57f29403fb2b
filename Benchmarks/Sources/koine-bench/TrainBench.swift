// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// `koine-bench train`: steps of training, beside transformers and PyTorch where a Python has them.
///
///     --engine PATH     koine-train-bench, built beside this program
///     --python PATH     a Python with torch and transformers; left out without it
///     --threads N       torch's; 2
///     --only NAME       one of the sizes: 6M, 30M, 135M-lora, 135M (all weights; only when asked for)
///     --data FOLDER     where models go; .build/bench
///     --rounds N        how often each takes its turn; 3
///     --steps N         steps of a turn; 9
///     --warm N          how many of them, the first, are not timed: memory is fresh then; 4
///     --markdown FILE   also writes the table there
///     --quick           two rounds of three steps, two of them timed, without 135M
///     --keep            leaves the models for the next run
///
/// The same float32 model, windows and AdamW on both sides, with clipping; losses are compared step by
/// step. Every turn is a process of its own; the two sides take turns, so that a slow minute of the
/// machine meets both. Rates are of the median step by the clock, and of the median step by processor
/// time, which other programs on the machine disturb less.
struct TrainBench {
  private let engine: String
  private let python: String?
  private let threads: Int
  private let markdown: String?
  private let data: URL
  private let rounds: Int
  private let steps: Int
  private let warm: Int
  private let keepsModels: Bool
  private let jobs: [Job]

  private struct Job {
    let name: String
    let shape: LlamaShape
    let batch: Int
    let length: Int
    /// The rank of the adapters that are trained in place of the weights.
    var rank: Int?
    var isUsual = true
    var tokens: Int { batch * length }
  }

  private static let all = [
    Job(name: "6M", shape: .sixMillion, batch: 8, length: 256),
    Job(name: "30M", shape: .thirtyMillion, batch: 4, length: 512),
    Job(name: "135M-lora", shape: .smol, batch: 2, length: 512, rank: 16),
    Job(name: "135M", shape: .smol, batch: 2, length: 512, isUsual: false),
  ]

  init(_ options: inout Options) throws {
    func absolute(_ path: String) -> URL { URL(fileURLWithPath: path).standardizedFileURL }
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    engine =
      try options.value("engine").map { absolute($0).path }
      ?? own.appendingPathComponent("koine-train-bench").path
    python = try options.value("python").map { absolute($0).path }
    data = absolute(try options.value("data") ?? ".build/bench")
    markdown = try options.value("markdown")
    keepsModels = options.flag("keep")
    let isQuick = options.flag("quick")
    func number(_ name: String, _ fallback: Int, from least: Int = 1) throws -> Int {
      let text = try options.value(name)
      guard let number = Int(text ?? "\(fallback)"), number >= least else {
        throw BenchError("--\(name) \(text ?? "") is no number from \(least)")
      }
      return number
    }
    rounds = try number("rounds", isQuick ? 2 : 3)
    steps = try number("steps", isQuick ? 3 : 9, from: 2)
    warm = try number("warm", isQuick ? 1 : 4)
    guard warm < steps else { throw BenchError("--warm \(warm) leaves none of \(steps) steps") }
    threads = try number("threads", 2)
    if let only = try options.value("only") {
      jobs = Self.all.filter { $0.name == only }
      guard !jobs.isEmpty else {
        throw BenchError("--only \(only): there are \(Self.all.map(\.name))")
      }
    } else {
      jobs = Self.all.filter { $0.isUsual && !(isQuick && $0.rank != nil) }
    }
    try options.finish()
    guard FileManager.default.isExecutableFile(atPath: engine) else {
      throw BenchError("there is no program \(engine); run `make bench-train`")
    }
  }

  /// What one side measured; times without the first steps of each turn.
  private struct Result {
    let name: String
    let command: [String]
    var seconds: [Double] = []
    var processorSeconds: [Double] = []
    var losses: [Double] = []
    var peak = 0
  }

  private struct Answer: Decodable {
    let losses: [Double]
    let seconds: [Double]
    let processorSeconds: [Double]
    let peak: Double?
  }

  func run() throws {
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    var rows: [String] = []
    var notes: [String] = []
    var best = 0.0
    for job in jobs {
      let (results, peak) = try race(job)
      best = max(best, peak)
      for result in results { rows.append(row(of: result, job, peak: peak)) }
      if let peer = results.dropFirst().first {
        rows.append(ratio(of: results[0], to: peer, job))
        notes.append(try agreement(of: results[0], with: peer, job))
      }
    }
    let text = """
      \(Machine.description). \(Date().formatted(.iso8601.year().month().day())).

      Steps of training, float32, AdamW with clipping; \(rounds) rounds of \(steps - warm) timed steps each.

      | | tokens/s (median step) | seconds, least to most | tokens a processor second | share of sgemm | peak MB |
      | --- | --- | --- | --- | --- | --- |
      \(rows.joined(separator: "\n"))

      \(notes.joined(separator: "\n"))

      """
    print(text)
    if let markdown { try Data(text.utf8).write(to: URL(fileURLWithPath: markdown)) }
  }

  /// The results, Koine's first, and the largest rate of matrix products seen, in operations a second
  /// (0 without a Python).
  private func race(_ job: Job) throws -> ([Result], peak: Double) {
    let folder = data.appendingPathComponent("train-\(job.shape.name)")
    defer { if !keepsModels { try? FileManager.default.removeItem(at: folder) } }
    try ModelWriter().write(job.shape, model: 0, to: folder)
    let words =
      [
        folder.path, "--batch", "\(job.batch)", "--length", "\(job.length)", "--steps", "\(steps)",
      ] + (job.rank.map { ["--lora", "\($0)"] } ?? [])
    var results = [Result(name: "koine", command: [engine] + words)]
    if let python {
      results.append(
        Result(name: "transformers", command: [python, Self.peer] + words + threadOptions))
    }
    var peak = 0.0
    for round in 1...rounds {
      if let python {
        peak = max(peak, try call([python, Self.peer, "--peak"] + threadOptions).1.peak ?? 0)
      }
      for index in results.indices {
        let (run, answer) = try call(results[index].command)
        results[index].seconds += answer.seconds.dropFirst(warm)
        results[index].processorSeconds += answer.processorSeconds.dropFirst(warm)
        results[index].losses = answer.losses
        results[index].peak = max(results[index].peak, run.peakResident)
        let times = answer.seconds.map { String(format: "%.2f", $0) }.joined(separator: " ")
        progress("\(job.name), round \(round): \(results[index].name) \(times)")
      }
    }
    return (results, peak)
  }

  private func row(of result: Result, _ job: Job, peak: Double) -> String {
    let rate = Double(job.tokens) / InferBench.median(result.seconds)
    let speed = operations(job) / InferBench.median(result.seconds)
    let share =
      peak > 0
      ? String(format: "%.0f %% of %.0f GFLOP/s", 100 * speed / peak, peak / 1e9)
      : String(format: "%.0f GFLOP/s", speed / 1e9)
    return String(
      format: "| %@, %d × %d: %@ | %.0f | %.2f to %.2f | %.0f | %@ | %.0f |", job.name, job.batch,
      job.length, result.name, rate, result.seconds.min() ?? 0, result.seconds.max() ?? 0,
      Double(job.tokens) / InferBench.median(result.processorSeconds), share,
      Double(result.peak) / 1e6)
  }

  private func ratio(of own: Result, to peer: Result, _ job: Job) -> String {
    func quotient(_ times: KeyPath<Result, [Double]>) -> Double {
      InferBench.median(peer[keyPath: times]) / InferBench.median(own[keyPath: times])
    }
    return String(
      format:
        "| **%@: koine / transformers** | **%.2f** | best step %.2f | **%.2f** | | **%.2f** |",
      job.name, quotient(\.seconds),
      (peer.seconds.min() ?? 0) / (own.seconds.min() ?? 1), quotient(\.processorSeconds),
      Double(own.peak) / Double(peer.peak))
  }

  private func operations(_ job: Job) -> Double {
    job.shape.trainingOperations(
      batch: job.batch, length: job.length, adapterRank: job.rank)
  }

  /// How far the losses of the two sides are apart; more than 1e-4 of the loss means that they did not do
  /// the same work. Adapters begin with random numbers of each side's own, so that a hundred times as much is
  /// allowed after the first step.
  private func agreement(of own: Result, with peer: Result, _ job: Job) throws -> String {
    let gaps = zip(own.losses, peer.losses).map { abs($0 - $1) / abs($1) }
    let limit = job.rank == nil ? 1e-4 : 1e-2
    guard own.losses.count == peer.losses.count, let worst = gaps.max(), gaps[0] <= 1e-4,
      worst <= limit
    else {
      throw BenchError("\(job.name): losses \(own.losses) beside \(peer.losses)")
    }
    return String(
      format: "%@: %.2f M parameters, %.1f GFLOP a step; losses of %d steps agree to %.0e.",
      job.name,
      Double(job.shape.parameterCount) / 1e6,
      operations(job) / 1e9, gaps.count, worst)
  }

  private func call(_ command: [String]) throws -> (ChildRun, Answer) {
    let run = try ChildProcess.run(command, in: data.path)
    let log = try String(contentsOf: data.appendingPathComponent("bench.log"), encoding: .utf8)
    guard let line = log.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
      throw BenchError("\(command[0]) gave no answer:\n\(log.suffix(2000))")
    }
    return (run, try JSONDecoder().decode(Answer.self, from: Data(line.utf8)))
  }

  private var threadOptions: [String] { ["--threads", "\(threads)"] }

  /// Benchmarks/peers/transformers_train.py
  private static let peer = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("peers/transformers_train.py").path

  private func progress(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

extension LlamaShape {
  /// Operations of a step's matrix products on B windows of L tokens, a multiplication and an addition
  /// each counted: 2 for each weight and token forward, 4 backward; the same for Q Kᵀ and P V, of which
  /// only what causality leaves, L (L + 1) / 2 pairs a head, is counted. What an implementation
  /// computes again is not counted, nor anything that is no product of matrices.
  ///
  /// With adapters of some rank on all linear layers the weights have no gradient of their own: 4 instead of 6
  /// for each, and 6 for each weight of an adapter.
  func trainingOperations(batch: Int, length: Int, adapterRank: Int? = nil) -> Double {
    let matrices = tensors.filter { $0.extents.count == 2 }
    // The tied embedding counts once: its rows are looked up, and multiplied as the head.
    let weights = matrices.reduce(0) { $0 + $1.extents.reduce(1, *) }
    let pairs = Double(length * (length + 1) / 2)
    let attention = Double(layers * heads * headLength) * pairs * 2
    let whole = 6 * attention
    guard let adapterRank else { return Double(batch) * (6 * Double(weights * length) + whole) }
    let adapters = matrices.filter { $0.name.contains(".layers.") }
      .reduce(0) { $0 + adapterRank * $1.extents.reduce(0, +) }
    return Double(batch) * (Double((4 * weights + 6 * adapters) * length) + whole)
  }
}
