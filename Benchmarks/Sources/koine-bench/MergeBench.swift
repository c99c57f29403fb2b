// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// `koine-bench merge`: merging three models against copying the file that results.
///
///     --koine PATH      the program; .build/release/koine
///     --data FOLDER     where models and results go; .build/bench
///     --rounds N        how often each is timed; 5
///     --mergekit PATH   mergekit-yaml, run once for ties; left out without it
///     --markdown FILE   also writes the tables there
///     --quick           a quarter of the model, two rounds
///     --keep            leaves the models for the next run
///
/// Everything runs once before it counts, so that files are in the page cache; then all take turns
/// in each round, so that a slow minute of the machine meets all of them.
struct MergeBench {
  private let koine: String
  private let mergekit: String?
  private let markdown: String?
  private let data: URL
  private let rounds: Int
  private let isQuick: Bool
  private let keepsModels: Bool

  private static let methods = ["linear", "slerp", "dare_ties", "ties", "ties_sv"]
  private static let copy = "copy (cp)"
  private static let syncedCopy = "copy and fsync"

  init(_ options: inout Options) throws {
    func absolute(_ path: String) -> URL { URL(fileURLWithPath: path).standardizedFileURL }
    koine = absolute(try options.value("koine") ?? ".build/release/koine").path
    data = absolute(try options.value("data") ?? ".build/bench")
    mergekit = try options.value("mergekit").map { absolute($0).path }
    markdown = try options.value("markdown")
    isQuick = options.flag("quick")
    keepsModels = options.flag("keep")
    let text = try options.value("rounds")
    guard let rounds = Int(text ?? (isQuick ? "2" : "5")), rounds > 0 else {
      throw BenchError("--rounds \(text ?? "") is no number of rounds")
    }
    self.rounds = rounds
    try options.finish()
    guard FileManager.default.isExecutableFile(atPath: koine) else {
      throw BenchError("there is no program \(koine); run `make release`, or name it with --koine")
    }
  }

  func run() throws {
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    var sections = [
      "\(Machine.description), \(Machine.fileSystem(of: data.path)). "
        + "\(Date().formatted(.iso8601.year().month().day()))."
    ]
    let shapes: [LlamaShape] = isQuick ? [.quarter] : [.oneBillion, .quarter]
    for shape in shapes {
      sections.append(try compare(shape, isMain: shape.name == shapes[0].name))
    }
    sections.append(try startUp())
    let text = sections.joined(separator: "\n\n") + "\n"
    print(text)
    if let markdown { try Data(text.utf8).write(to: URL(fileURLWithPath: markdown)) }
  }

  // MARK: - Large models

  private func compare(_ shape: LlamaShape, isMain: Bool) throws -> String {
    let folder = try prepare(shape)
    defer { if !keepsModels { try? FileManager.default.removeItem(at: folder) } }
    let bytes = 2 * shape.parameterCount
    let source = "base/model.safetensors"
    var work: [(name: String, inputs: Int, command: [String])] = [
      (Self.copy, 1, ["cp"] + Self.noReflink + [source, "out.bin"]),
      (
        Self.syncedCopy, 1,
        [
          "sh", "-c",
          "cp \(Self.noReflink.joined(separator: " ")) \(source) out.bin && sync out.bin",
        ]
      ),
    ]
    work += Self.methods.map { method in
      (
        "koine \(method)", method == "slerp" ? 2 : 3,
        [koine, "merge", "\(method).yaml", "out", "--force"]
      )
    }
    for model in ["base", "a", "b"] {
      _ = try ChildProcess.run(["cat", "\(model)/model.safetensors"], in: folder.path)
    }
    var runs = [[ChildRun]](repeating: [], count: work.count)
    for round in 0...rounds {
      for (index, item) in work.enumerated() {
        let run = try ChildProcess.run(item.command, in: folder.path)
        for result in ["out", "out.bin"] {
          try? FileManager.default.removeItem(at: folder.appendingPathComponent(result))
        }
        progress("\(shape.name), round \(round) of \(rounds): \(item.name) \(run.seconds) s")
        if round > 0 { runs[index].append(run) }
      }
    }
    let medians = runs.map { Self.median($0.map(\.seconds)) }
    var rows = work.indices.map { index in
      row(
        work[index].name, runs[index], bytes: bytes * (work[index].inputs + 1),
        copy: medians[0], syncedCopy: medians[1])
    }
    var notes = ""
    if isMain, let mergekit {
      let run = try ChildProcess.run(
        [mergekit, "ties.yaml", "out", "--no-copy-tokenizer", "--no-write-model-card"],
        in: folder.path)
      rows.append(
        row("mergekit ties", [run], bytes: bytes * 4, copy: medians[0], syncedCopy: medians[1]))
      if let ties = work.firstIndex(where: { $0.name == "koine ties" }) {
        let factor = run.seconds / medians[ties]
        notes = String(format: "\n\n`koine merge` is %.0f times as fast on ties.", factor)
      }
    }
    let millions = Double(shape.parameterCount) / 1e6
    return String(
      format: "**%@**: three models of %.0f million parameters, bfloat16, %.2f GB each; %d rounds.",
      shape.name, millions, Double(bytes) / 1e9, rounds) + "\n\n"
        + """
        | | seconds (median, least to most) | × copy | × copy and fsync | GB/s in + out | peak resident MB | of it anonymous MB |
        | --- | --- | --- | --- | --- | --- | --- |
        \(rows.joined(separator: "\n"))
        """ + notes
  }

  private func row(
    _ name: String, _ runs: [ChildRun], bytes: Int, copy: Double, syncedCopy: Double
  ) -> String {
    let seconds = runs.map(\.seconds)
    let median = Self.median(seconds)
    let anonymous = runs.compactMap(\.peakAnonymous).max()
    return String(
      format: "| %@ | %.2f (%.2f to %.2f) | %.2f | %.2f | %.1f | %.0f | %@ |", name, median,
      seconds.min() ?? 0, seconds.max() ?? 0, median / copy, median / syncedCopy,
      Double(bytes) / 1e9 / median, Double(runs.map(\.peakResident).max() ?? 0) / 1e6,
      anonymous.map { String(format: "%.0f", Double($0) / 1e6) } ?? "n/a")
  }

  // MARK: - Starting

  private func startUp() throws -> String {
    let folder = try prepare(.tiny)
    defer { if !keepsModels { try? FileManager.default.removeItem(at: folder) } }
    let work: [(name: String, command: [String])] = [
      ("`koine --help`", [koine, "--help"]),
      ("`koine merge` ties, 0.2 MB of models", [koine, "merge", "ties.yaml", "out", "--force"]),
      ("the same with `--dry-run`", [koine, "merge", "ties.yaml", "other", "--dry-run"]),
      ("two files and a folder written and synced by `sh`", ["sh", "-c", Self.syncedFiles]),
      ("`true`", ["true"]),
    ]
    var times = [[Double]](repeating: [], count: work.count)
    for _ in 0..<20 {
      for (index, item) in work.enumerated() {
        times[index].append(try ChildProcess.run(item.command, in: folder.path).seconds)
      }
    }
    let rows = work.indices.map { index in
      String(
        format: "| %@ | %.0f | %.0f to %.0f |", work[index].name,
        1000 * Self.median(times[index]), 1000 * (times[index].min() ?? 0),
        1000 * (times[index].max() ?? 0))
    }
    return """
      **Starting**: 20 rounds.

      | | ms (median) | least to most |
      | --- | --- | --- |
      \(rows.joined(separator: "\n"))
      """
  }

  /// What a merge must have the disk do, in one process: `sync` begins after the files are written.
  private static let syncedFiles =
    "mkdir -p s && head -c 173000 /dev/zero > s/a && echo > s/b && sync s/a s/b s && rm -r s"

  // MARK: -

  /// Models and recipes.
  private func prepare(_ shape: LlamaShape) throws -> URL {
    let folder = data.appendingPathComponent(shape.name)
    let writer = ModelWriter()
    for (number, name) in ["base", "a", "b"].enumerated() {
      progress("\(shape.name): writing \(name)")
      try writer.write(shape, model: number, to: folder.appendingPathComponent(name))
    }
    for method in Self.methods {
      let recipe = folder.appendingPathComponent("\(method).yaml")
      try Data(Self.recipe(method).utf8).write(to: recipe)
    }
    return folder
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

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  private func progress(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}
