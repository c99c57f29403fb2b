// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Foundation
import Recipes
import Runs
import Surgery
import Tensors

/// `koine adapter`: adapters out of models, and into them.
struct AdapterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter", abstract: "Extract a LoRA adapter from a model, or fold one into it.",
    subcommands: [AdapterExtractCommand.self, AdapterFoldCommand.self])
}

extension Adapter.Format: ExpressibleByArgument {}
extension AdapterExtraction.EmbeddingHandling: ExpressibleByArgument {}

/// `koine adapter extract`: what a model learnt beyond its base, as an adapter folder.
struct AdapterExtractCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract", abstract: "Extract what a model learnt beyond its base.",
    discussion: """
      Writes a folder that PEFT or mlx-lm loads, and says how much of every change it keeps.
      """)

  @Argument(help: "The trained model's folder, or a model of the hub.", completion: .directory)
  var tuned: String

  @Argument(help: "The base it was trained from, likewise.", completion: .directory)
  var base: String

  @Argument(help: "The adapter's folder, to be written.", completion: .directory)
  var out: String

  @Option(help: "The largest rank of a product.")
  var rank = 128

  @Option(help: "Leave out singular values of at most this size.")
  var epsilon = 0.0

  @Option(help: "Take tensors in whose name this regular expression occurs (repeatable).")
  var include: [String] = []

  @Option(help: "Leave out tensors in whose name this regular expression occurs (repeatable).")
  var exclude: [String] = []

  @Option(help: "Keep a module whole whose name ends so (repeatable).")
  var saveModule: [String] = []

  @Option(help: "What becomes of embedding and head: saved (whole) or lora.")
  var embeddings = AdapterExtraction.EmbeddingHandling.saved

  @Option(help: "The folder's conventions: peft or mlx.")
  var layout = Adapter.Format.peft

  @Option(help: "The type of the adapter's tensors, such as bfloat16 (default: the base's).")
  var dtype: String?

  @Flag(help: "Put the singular values into A alone, not their roots into A and B.")
  var concentrateScale = false

  @Flag(help: "Replace an adapter that is there.")
  var force = false

  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard rank >= 1 else { throw ValidationError("--rank should be 1 or more, found \(rank).") }
    guard epsilon >= 0, epsilon.isFinite else {
      throw ValidationError("--epsilon should be 0 or more, found \(epsilon).")
    }
    if let dtype, ElementType(torchName: dtype)?.isFloatingPoint != true {
      throw ValidationError("--dtype should be a float type, found `\(dtype)`.")
    }
  }

  func run() throws {
    var options = AdapterExtraction.Options()
    options.rank = rank
    options.epsilon = epsilon
    options.include = include
    options.exclude = exclude
    options.modulesToSave = saveModule
    options.embeddings = embeddings
    options.format = layout
    options.elementType = dtype.flatMap(ElementType.init(torchName:))
    options.distributesScale = !concentrateScale
    let models = (
      tuned: try Checkpoint.open(directory: try ModelPlace.folder(tuned)),
      base: try Checkpoint.open(directory: try ModelPlace.folder(base))
    )
    let start = ContinuousClock.now
    let work = CommandWork("extract")
    let extracted = try AdapterExtraction.extract(
      from: models.tuned, base: models.base, options: options
    ) { done, total, report in
      work.show(done, of: total, unit: "tensors")
    }
    try extracted.write(to: out, force: force) { progress in
      work.show(progress.writtenByteCount, of: progress.totalByteCount, unit: "B")
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    work.finish(seconds: seconds, byteCount: extracted.byteCount)
    if format.json { return Output.json(summary(extracted, seconds: seconds)) }
    Output.text(text(extracted))
  }

  private func summary(_ extracted: ExtractedAdapter, seconds: Double) -> JSON {
    [
      "schema": 1, "out": JSON(out), "format": JSON(extracted.format.rawValue),
      "parameters": JSON(extracted.parameterCount), "bytes": JSON(extracted.byteCount),
      "kept_energy": JSON(extracted.keptEnergy), "seconds": JSON(seconds),
      "tensors": JSON(
        extracted.reports.map { report -> JSON in
          [
            "name": JSON(report.tensor), "outcome": JSON(report.outcome.rawValue),
            "rank": JSON(report.rank), "energy": JSON(report.energy),
            "kept_energy": JSON(report.keptEnergy), "converged": JSON(report.isConverged),
          ]
        }),
    ]
  }

  private func text(_ extracted: ExtractedAdapter) -> String {
    let columns = [
      TextTable.Column("tensor", isNumber: false), TextTable.Column("outcome", isNumber: false),
      TextTable.Column("rank", isNumber: true), TextTable.Column("kept", isNumber: true),
    ]
    let rows = extracted.reports.filter { $0.outcome != .unchanged }.map { report in
      [
        TextTable.Cell(report.tensor), TextTable.Cell(report.outcome.rawValue),
        TextTable.Cell(report.rank == 0 ? "" : String(report.rank)),
        TextTable.Cell(Self.percent(report.keptEnergy)),
      ]
    }
    return TextTable(columns: columns, groups: [rows]).rendered(.detect(descriptor: 1))
      + "\nwrote \(out): \(NumberText.count(extracted.parameterCount)) parameters, "
      + "\(NumberText.bytes(extracted.byteCount)), keeps \(Self.percent(extracted.keptEnergy)) "
      + "of the change\n"
  }

  private static func percent(_ share: Double) -> String {
    String(format: "%.2f %%", share * 100)
  }
}

/// `koine adapter fold`: a base and an adapter in, a checkpoint out.
struct AdapterFoldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fold", abstract: "Fold an adapter of PEFT or mlx-lm into its base.")

  @Argument(help: "The base model's folder, or a model of the hub.", completion: .directory)
  var base: String

  @Argument(help: "The adapter's folder, or one of the hub.", completion: .directory)
  var adapter: String

  @Argument(help: "The folder to write.", completion: .directory)
  var out: String

  @Flag(help: "Replace a checkpoint that is there.")
  var force = false

  @Flag(help: "Print what would be written, and write nothing.")
  var dryRun = false

  @OptionGroup var format: FormatOptions

  func run() throws {
    let opened = try Adapter.open(directory: try ModelPlace.folder(adapter, for: .adapter))
    let result = try opened.folded(
      into: try Checkpoint.open(directory: try ModelPlace.folder(base)))
    let counts = opened.counts
    var summary: JSON = [
      "schema": 1, "out": JSON(out), "format": JSON(opened.format.rawValue),
      "updated": JSON(counts.updates), "replaced": JSON(counts.replacements),
      "tensors": JSON(result.names.count), "parameters": JSON(result.parameterCount),
      "bytes": JSON(result.byteCount),
    ]
    if !dryRun {
      let start = ContinuousClock.now
      let work = CommandWork("fold")
      try CheckpointWriter.write(
        result, to: out, options: CheckpointWriter.Options(force: force)
      ) { progress in
        work.show(progress.writtenByteCount, of: progress.totalByteCount, unit: "B")
      }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      work.finish(seconds: seconds, byteCount: result.byteCount)
      summary["seconds"] = JSON(seconds)
    }
    guard !format.json else { return Output.json(summary) }
    Output.text(
      "\(dryRun ? "would write" : "wrote") \(out): \(counts.updates) matrices changed, "
        + "\(counts.replacements) tensors replaced, "
        + "\(NumberText.count(result.parameterCount)) parameters, "
        + "\(NumberText.bytes(result.byteCount))\n")
  }
}
