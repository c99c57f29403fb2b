// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Runs
import Surgery

/// `koine diff`: where two models differ.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Show where two models differ, layer by layer.",
    discussion: """
      A model is a folder, a model of the hub, or MODEL+ADAPTER. With --base the changes of that \
      model by A and by B are compared, and what a TIES merge of the two would lose of each.
      """)

  @Argument(help: "The first model, A.", completion: .directory)
  var first: String

  @Argument(help: "The second model, B.", completion: .directory)
  var second: String

  @Option(help: "The model that both were trained from.", completion: .directory)
  var base: String?

  @Option(help: "The share of each change that the TIES election keeps, 0 to 1 (with --base).")
  var density: Double?

  @Option(help: "How much louder B votes in the election, from 0 (with --base).")
  var slack: Float?

  @Option(
    help: ArgumentHelp(
      "A heat map to draw (repeatable): relative, angle, changed; with --base: a, b, cosine, "
        + "conflicts, lost-a, lost-b, top-a, top-b.", valueName: "name"))
  var measure: [String] = []

  @OptionGroup var pictures: PictureOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard base != nil || (density == nil && slack == nil) else {
      throw ValidationError("--density and --slack are of the election, which needs --base.")
    }
    if let density, !(0...1 ~= density) {
      throw ValidationError("--density should be from 0 to 1, found \(density).")
    }
    if let slack, !(0...1e30 ~= slack) {
      throw ValidationError("--slack should be from 0 to 1e30, found \(slack).")
    }
    let known = DifferenceMap.names(hasBase: base != nil)
    for name in measure where !known.contains(name) {
      throw ValidationError(
        "--measure should be one of \(known.joined(separator: ", ")), found `\(name)`.")
    }
  }

  func run() throws {
    try pictures.check()
    let models = (first: try NamedModel(first), second: try NamedModel(second))
    let origin = try base.map { try NamedModel($0) }
    var options = ModelDifference.Options()
    options.density = density ?? 1
    options.slack = slack ?? 0
    let all = [models.first, models.second] + (origin.map { [$0] } ?? [])
    let found = try CommandWork.reading(
      "diff", parameterCount: models.first.checkpoint.parameterCount,
      byteCount: all.reduce(0) { $0 + $1.checkpoint.byteCount }
    ) { progress in
      try ModelDifference.compute(
        models.first.checkpoint, models.second.checkpoint, base: origin?.checkpoint,
        options: options, progress: progress)
    }
    let report = DifferenceReport(
      first: models.first, second: models.second, base: origin, found: found,
      measures: measure)
    if !pictures.isEmpty { try pictures.write(report.page) }
    if format.json {
      return Output.json(found.json(first: first, second: second, base: base))
    }
    Output.text(report.text(.detect(descriptor: 1)))
  }
}
