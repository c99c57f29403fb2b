// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Turns

/// `koine-bench train`: steps of training, beside transformers and PyTorch where a Python has them.
///
///     --engine PATH     koine-train-bench, built beside this program
///     --only NAME       one of the sizes: 6M, 30M, 135M-lora, 135M (all weights; only when asked for)
///     --steps N         steps of a turn; 9
///     --warm N          how many of them, the first, are not timed: memory is fresh then; 4
///
/// and the options of ``Bench`` and ``Peer``: 3 rounds, with `--quick` 2 of three steps, two of them
/// timed, without 135M.
///
/// The same float32 model, windows and AdamW on both sides, with clipping; losses are compared step by
/// step. Every turn is a process of its own. Rates are of the median step by the clock, and of the
/// median step by processor time.
struct TrainBench {
  private let bench: Bench
  private let peer: Peer?
  private let engine: String
  private let steps: Int
  private let warm: Int
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
    var operations: Double {
      shape.trainingOperations(batch: batch, length: length, adapterRank: rank)
    }
  }

  private static let all = [
    Job(name: "6M", shape: .sixMillion, batch: 8, length: 256),
    Job(name: "30M", shape: .thirtyMillion, batch: 4, length: 512),
    Job(name: "135M-lora", shape: .smol, batch: 2, length: 512, rank: 16),
    Job(name: "135M", shape: .smol, batch: 2, length: 512, isUsual: false),
  ]

  init(_ options: inout Options) throws {
    let engine = try options.path("engine", Bench.sibling("koine-train-bench"))
    let bench = try Bench(&options, rounds: (usual: 3, quick: 2))
    self.bench = bench
    steps = try options.number("steps", bench.isQuick ? 3 : 9, from: 2)
    warm = try options.number("warm", bench.isQuick ? 1 : 4)
    guard warm < steps else { throw BenchError("--warm \(warm) leaves none of \(steps) steps") }
    peer = try Peer("transformers_train.py", &options)
    if let only = try options.value("only") {
      jobs = Self.all.filter { $0.name == only }
      guard !jobs.isEmpty else {
        throw BenchError("--only \(only): there are \(Self.all.map(\.name))")
      }
    } else {
      jobs = Self.all.filter { $0.isUsual && !(bench.isQuick && $0.rank != nil) }
    }
    try options.finish()
    self.engine = try Bench.program(engine, remedy: "run `make bench-train`")
  }

  /// What one side measured; times without the first steps of each turn.
  private struct Side {
    let name: String
    let seconds: [Double]
    let processorSeconds: [Double]
    /// Of the last turn.
    let losses: [Double]
    let peak: Int

    init(_ name: String, _ turns: [Turn], warm: Int) {
      self.name = name
      seconds = turns.flatMap { $0.answer.seconds.dropFirst(warm) }
      processorSeconds = turns.flatMap { $0.answer.processorSeconds.dropFirst(warm) }
      losses = turns.last?.answer.losses ?? []
      peak = turns.map(\.run.peakResident).max() ?? 0
    }
  }

  func run() throws {
    var table = Table([
      "", "tokens/s (median step)", "seconds, least to most", "tokens a processor second",
      "share of sgemm", "peak MB",
    ])
    var notes: [String] = []
    for job in jobs {
      let (sides, peak) = try race(job)
      for side in sides { table.add(row(of: side, job, peak: peak)) }
      if let peer = sides.dropFirst().first {
        table.add(ratio(of: sides[0], to: peer, job))
        notes.append(try agreement(of: sides[0], with: peer, job))
      }
    }
    var sections = [
      "\(Machine.description). \(Bench.today).",
      "Steps of training, float32, AdamW with clipping; \(bench.rounds) rounds of \(steps - warm) "
        + "timed steps each.", table.text,
    ]
    if !notes.isEmpty { sections.append(notes.joined(separator: "\n")) }
    try bench.publish(sections)
  }

  /// The sides, Koine's first, and the largest rate of matrix products seen, in operations a second
  /// (0 without a peer).
  private func race(_ job: Job) throws -> (sides: [Side], peak: Double) {
    try bench.withFolder("train-\(job.shape.name)") { folder in
      try ModelWriter().write(job.shape, model: 0, to: folder)
      let words =
        [
          folder.path, "--batch", "\(job.batch)", "--length", "\(job.length)", "--steps",
          "\(steps)",
        ] + (job.rank.map { ["--lora", "\($0)"] } ?? [])
      var ways = [(name: "koine", command: [engine] + words)]
      if let peer { ways.append(("transformers", peer.command(words))) }
      var peak = 0.0
      let turns = try Bench.takeTurns(job.name, ways.map(\.name), rounds: bench.rounds) { way in
        if way == 0, let peer { peak = max(peak, try peer.peak(in: bench.data)) }
        return try ChildProcess.turn(ways[way].command, in: bench.data)
      }
      return (zip(ways, turns).map { Side($0.name, $1, warm: warm) }, peak)
    }
  }

  private func row(of side: Side, _ job: Job, peak: Double) -> [String] {
    let speed = job.operations / side.seconds.median
    return [
      "\(job.name), \(job.batch) × \(job.length): \(side.name)",
      (Double(job.tokens) / side.seconds.median).fixed(0), side.seconds.range(2),
      (Double(job.tokens) / side.processorSeconds.median).fixed(0),
      peak > 0
        ? "\((100 * speed / peak).fixed(0)) % of \((peak / 1e9).fixed(0)) GFLOP/s"
        : "\((speed / 1e9).fixed(0)) GFLOP/s",
      (Double(side.peak) / 1e6).fixed(0),
    ]
  }

  private func ratio(of own: Side, to peer: Side, _ job: Job) -> [String] {
    let best = (peer.seconds.min() ?? 0) / (own.seconds.min() ?? 1)
    return [
      "**\(job.name): koine / transformers**",
      "**\((peer.seconds.median / own.seconds.median).fixed(2))**", "best step \(best.fixed(2))",
      "**\((peer.processorSeconds.median / own.processorSeconds.median).fixed(2))**", "",
      "**\((Double(own.peak) / Double(peer.peak)).fixed(2))**",
    ]
  }

  /// How far the losses of the two sides are apart; more than 1e-4 of the loss means that they did not do
  /// the same work. Adapters begin with random numbers of each side's own, so that a hundred times as much is
  /// allowed after the first step.
  private func agreement(of own: Side, with peer: Side, _ job: Job) throws -> String {
    let gaps = zip(own.losses, peer.losses).map { abs($0 - $1) / abs($1) }
    let limit = job.rank == nil ? 1e-4 : 1e-2
    guard own.losses.count == peer.losses.count, let worst = gaps.max(), gaps[0] <= 1e-4,
      worst <= limit
    else {
      throw BenchError("\(job.name): losses \(own.losses) beside \(peer.losses)")
    }
    return String(
      format: "%@: %.2f M parameters, %.1f GFLOP a step; losses of %d steps agree to %.0e.",
      job.name, Double(job.shape.parameterCount) / 1e6, job.operations / 1e9, gaps.count, worst)
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
