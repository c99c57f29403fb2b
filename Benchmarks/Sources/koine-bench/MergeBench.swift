// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Turns

/// `koine-bench merge`: merging three models against copying the file that results.
///
///     --koine PATH      the program; .build/release/koine
///     --mergekit PATH   mergekit-yaml, run once for ties; left out without it
///
/// and the options of ``Bench``: 5 rounds, with `--quick` 2 of a quarter of the model. Everything runs
/// once before it counts, so that files are in the page cache.
struct MergeBench {
  private let bench: Bench
  private let koine: String
  private let mergekit: String?

  private static let methods = ["linear", "slerp", "dare_ties", "ties", "ties_sv"]

  init(_ options: inout Options) throws {
    let koine = try options.path("koine", ".build/release/koine")
    mergekit = try options.value("mergekit").map {
      URL(fileURLWithPath: $0).standardizedFileURL.path
    }
    bench = try Bench(&options, rounds: (usual: 5, quick: 2))
    try options.finish()
    self.koine = try Bench.program(koine, remedy: "run `make release`, or name it with --koine")
  }

  func run() throws {
    var sections = [
      "\(Machine.description), \(Machine.fileSystem(of: bench.data.path)). \(Bench.today)."
    ]
    let shapes: [LlamaShape] = bench.isQuick ? [.quarter] : [.oneBillion, .quarter]
    for shape in shapes {
      sections.append(try compare(shape, isMain: shape.name == shapes[0].name))
    }
    sections.append(try startUp())
    try bench.publish(sections)
  }

  // MARK: - Large models

  /// Something to be timed: how many models it reads, and what runs.
  private struct Work {
    let name: String
    let inputs: Int
    let command: [String]
  }

  private func works() -> [Work] {
    let source = "base/model.safetensors"
    let copy = ["cp"] + Self.noReflink + [source, "out.bin"]
    let synced = copy.joined(separator: " ") + " && sync out.bin"
    return [
      Work(name: "copy (cp)", inputs: 1, command: copy),
      Work(name: "copy and fsync", inputs: 1, command: ["sh", "-c", synced]),
    ]
      + Self.methods.map { method in
        Work(
          name: "koine \(method)", inputs: method == "slerp" ? 2 : 3,
          command: [koine, "merge", "\(method).yaml", "out", "--force"])
      }
  }

  private func compare(_ shape: LlamaShape, isMain: Bool) throws -> String {
    try bench.withFolder(shape.name) { folder in
      try prepare(shape, in: folder)
      for model in ["base", "a", "b"] {
        _ = try ChildProcess.run(["cat", "\(model)/model.safetensors"], in: folder)
      }
      let works = works()
      let runs = try Bench.takeTurns(
        shape.name, works.map(\.name), rounds: bench.rounds, warmUps: 1
      ) { way in
        let run = try ChildProcess.run(works[way].command, in: folder)
        for result in ["out", "out.bin"] {
          try? FileManager.default.removeItem(at: folder.appendingPathComponent(result))
        }
        return run
      }
      let medians = runs.map { $0.map(\.seconds).median }
      var table = Table([
        "", "seconds (median, least to most)", "× copy", "× copy and fsync", "GB/s in + out",
        "peak resident MB", "of it anonymous MB",
      ])
      let bytes = 2 * shape.parameterCount
      func add(_ name: String, _ runs: [ChildRun], inputs: Int) {
        let seconds = runs.map(\.seconds)
        let anonymous = runs.compactMap(\.peakAnonymous).max()
        table.add([
          name, "\(seconds.median.fixed(2)) (\(seconds.range(2)))",
          (seconds.median / medians[0]).fixed(2), (seconds.median / medians[1]).fixed(2),
          (Double(bytes * (inputs + 1)) / 1e9 / seconds.median).fixed(1),
          (Double(runs.map(\.peakResident).max() ?? 0) / 1e6).fixed(0),
          anonymous.map { (Double($0) / 1e6).fixed(0) } ?? "n/a",
        ])
      }
      for (work, runs) in zip(works, runs) { add(work.name, runs, inputs: work.inputs) }
      var notes = ""
      if isMain, let mergekit {
        let run = try ChildProcess.run(
          [mergekit, "ties.yaml", "out", "--no-copy-tokenizer", "--no-write-model-card"],
          in: folder)
        add("mergekit ties", [run], inputs: 3)
        if let ties = works.firstIndex(where: { $0.name == "koine ties" }) {
          let factor = (run.seconds / medians[ties]).fixed(0)
          notes = "\n\n`koine merge` is \(factor) times as fast on ties."
        }
      }
      let millions = (Double(shape.parameterCount) / 1e6).fixed(0)
      return """
        **\(shape.name)**: three models of \(millions) million parameters, bfloat16, \
        \((Double(bytes) / 1e9).fixed(2)) GB each; \(bench.rounds) rounds.

        \(table.text)\(notes)
        """
    }
  }

  // MARK: - Starting

  private func startUp() throws -> String {
    try bench.withFolder(LlamaShape.tiny.name) { folder in
      try prepare(.tiny, in: folder)
      let works = [
        ("`koine --help`", [koine, "--help"]),
        ("`koine merge` ties, 0.2 MB of models", [koine, "merge", "ties.yaml", "out", "--force"]),
        ("the same with `--dry-run`", [koine, "merge", "ties.yaml", "other", "--dry-run"]),
        ("two files and a folder written and synced by `sh`", ["sh", "-c", Self.syncedFiles]),
        ("`true`", ["true"]),
      ]
      let runs = try Bench.takeTurns("starting", works.map(\.0), rounds: 20) { way in
        try ChildProcess.run(works[way].1, in: folder)
      }
      var table = Table(["", "ms (median)", "least to most"])
      for (work, runs) in zip(works, runs) {
        let times = runs.map { 1000 * $0.seconds }
        table.add([work.0, times.median.fixed(0), times.range(0)])
      }
      return "**Starting**: 20 rounds.\n\n" + table.text
    }
  }

  /// What a merge must have the disk do, in one process: `sync` begins after the files are written.
  private static let syncedFiles =
    "mkdir -p s && head -c 173000 /dev/zero > s/a && echo > s/b && sync s/a s/b s && rm -r s"

  // MARK: - Models and recipes

  private func prepare(_ shape: LlamaShape, in folder: URL) throws {
    let writer = ModelWriter()
    for (number, name) in ["base", "a", "b"].enumerated() {
      Bench.progress("\(shape.name): writing \(name)")
      try writer.write(shape, model: number, to: folder.appendingPathComponent(name))
    }
    for method in Self.methods {
      let recipe = folder.appendingPathComponent("\(method).yaml")
      try Data(Self.recipe(method).utf8).write(to: recipe)
    }
  }

  private static func recipe(_ method: String) -> String {
    switch method {
    case "linear":
      return """
        merge_method: linear
        models:
          - {model: base, parameters: {weight: 0.5}}
          - {model: a, parameters: {weight: 0.3}}
          - {model: b, parameters: {weight: 0.2}}
        dtype: bfloat16

        """
    case "slerp":
      return """
        merge_method: slerp
        base_model: base
        models: [{model: a}]
        parameters: {t: 0.4}
        dtype: bfloat16

        """
    default:
      let slack = method == "ties_sv" ? ", slack: 1.0" : ""
      return """
        merge_method: \(method)
        base_model: base
        models:
          - {model: a, parameters: {weight: 0.6, density: 0.5}}
          - {model: b, parameters: {weight: 0.5, density: 0.5\(slack)}}
        dtype: bfloat16

        """
    }
  }

  /// Copies must be copies: some file systems only note that a block has a second owner.
  private static var noReflink: [String] {
    #if os(Linux)
      ["--reflink=never"]
    #else
      []
    #endif
  }
}
