// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Foundation
import Recipes
import Runs
import Surgery

/// `koine merge`: mergekit's YAML in, a checkpoint out.
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Merge models as a mergekit recipe says.",
    discussion: "Model paths in the recipe start from the working folder, as in mergekit.")

  @Argument(
    help: "The merge recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var config: String

  @Argument(help: "The folder to write.", completion: .directory)
  var out: String

  @Flag(help: "Replace a checkpoint that is there.")
  var force = false

  @Flag(help: "Print what would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "Merge models whose configs differ in what they compute; shapes must agree.")
  var allowCrimes = false

  @OptionGroup var format: FormatOptions

  func run() throws {
    let text = try Disk.readText(config)
    let recipe = try MergeGraph.parse(text, origin: config).result
    let resolver = ModelResolver.folders { checkpoint, place in
      try Adapter.open(directory: place.path).folded(into: checkpoint)
    }
    let plan = try MergePlan.make(
      recipe, from: resolver, options: .init(allowsDifferentConfigs: allowCrimes))
    let result = plan.checkpoint
    var summary: JSON = [
      "schema": 1, "method": JSON(recipe.method), "tensors": JSON(result.names.count),
      "parameters": JSON(result.parameterCount), "bytes": JSON(result.byteCount), "out": JSON(out),
    ]
    if !plan.notes.isEmpty { summary["notes"] = JSON(plan.notes.map { JSON($0) }) }
    try refuseInput(recipe)
    guard !dryRun else {
      show(summary, "would write")
      return
    }
    let start = ContinuousClock.now
    let display = ProgressDisplay()
    display.observer(
      .started(step: "merge", kind: "merge", index: 1, count: 1, isResuming: false))
    try CheckpointWriter.write(
      result, to: out, options: CheckpointWriter.Options(force: force)
    ) { progress in
      display.observer(
        .progress(
          step: "merge",
          StepProgress(
            done: progress.writtenByteCount, total: progress.totalByteCount, unit: "B")))
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    display.observer(.finished(step: "merge", seconds: seconds, byteCount: result.byteCount))
    summary["seconds"] = JSON(seconds)
    show(summary, "wrote")
  }

  /// With `--force` the result would take an input's place.
  private func refuseInput(_ recipe: MergeRecipe) throws {
    func place(_ path: String) -> URL { URL(fileURLWithPath: path).resolvingSymlinksInPath() }
    for input in recipe.folders where !out.isEmpty && place(input) == place(out) {
      throw CheckpointError.target(out, .input)
    }
  }

  private func show(_ summary: JSON, _ verb: String) {
    guard !format.json else { return Output.json(summary) }
    Output.text(
      "\(verb) \(out): \(summary["method"]?.string ?? ""), "
        + "\(NumberText.count(summary["parameters"]?.int ?? 0)) parameters in "
        + "\(summary["tensors"]?.int ?? 0) tensors, "
        + "\(NumberText.bytes(summary["bytes"]?.int ?? 0))\n")
    let style = TerminalStyle.detect(descriptor: 1)
    for note in summary["notes"]?.array ?? [] {
      Output.text(style.paragraph("Note: \(note.string ?? "")"))
    }
  }
}
