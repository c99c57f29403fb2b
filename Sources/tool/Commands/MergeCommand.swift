// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Hub
import Recipes
import Runs
import Surgery

/// `koine merge`: mergekit's YAML in, a checkpoint out.
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Merge models as a mergekit recipe says.",
    discussion: """
      Model paths in the recipe start from the working folder, as in mergekit; org/name[@revision] \
      that is no folder is a model of the hub, and fetched. A recipe may have \
      several documents that use each other by name; what is between is not written, or with \
      --intermediate kept and used again.
      """)

  @Argument(
    help: "The merge recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var config: String

  @Argument(help: "The folder to write.", completion: .directory)
  var out: String

  @Option(
    name: [.customShort("I"), .long],
    help: ArgumentHelp(
      "Keep the results of named documents in this folder; finished ones are not made again.",
      valueName: "folder"), completion: .directory)
  var intermediate: String?

  @Option(
    help: ArgumentHelp(
      "The most bytes of weights per file, such as 5GB, 500M or mergekit's 5B.",
      valueName: "size"))
  var outShardSize: ByteSize = ByteSize(count: 5_000_000_000)

  @Option(
    help: ArgumentHelp(
      "The recipe's random_seed, in place of what it says: that of random masks.",
      valueName: "seed"))
  var randomSeed: Int?

  @Option(
    name: .customLong("sample-text"),
    help: ArgumentHelp(
      "Text that a union of vocabularies must divide as the base's does; may be repeated.",
      valueName: "file"), completion: .file())
  var sampleTexts: [String] = []

  @Option(
    name: [.customShort("j"), .long],
    help: ArgumentHelp("How many threads compute (default: one per core).", valueName: "count"))
  var threads: Int?

  @Flag(help: "Replace a checkpoint that is there.")
  var force = false

  @Flag(help: "Print what would be read and written and what it takes, and write nothing.")
  var dryRun = false

  @Flag(inversion: .prefixedNo, help: "Copy the tokenizer's files.")
  var copyTokenizer = true

  @Flag(
    inversion: .prefixedNo, help: "Write README.md and koine_config.yaml beside the weights.")
  var writeModelCard = true

  @Flag(help: "Give the numbers of mergekit instead of more accurate ones; needs whole tensors.")
  var mergekitExact = false

  @Option(
    help: ArgumentHelp(
      "Whose numbers --mergekit-exact gives: 0.0, 0.1 (0.1.0 to 0.1.4) or 0.1.5.",
      valueName: "version"))
  var mergekitVersion = MergekitGeneration.v015

  @Flag(help: "Merge models whose configs differ in what they compute; shapes must agree.")
  var allowCrimes = false

  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard threads.map({ $0 >= 1 }) ?? true else {
      throw ValidationError("--threads should be 1 or more, found \(threads ?? 0).")
    }
    guard randomSeed.map({ $0 >= 0 }) ?? true else {
      throw ValidationError("--random-seed should be 0 or more, found \(randomSeed ?? 0).")
    }
  }

  func run() throws {
    let cancellation = Cancellation()
    let models = ModelPlace.models(cancellation)
    let job = try job(cancellation, models)
    if dryRun {
      let missing = try models.missing(job.stored)
      return missing.isEmpty ? try show(job) : show(missing)
    }
    let display = ProgressDisplay()
    let signals = InterruptSignals(cancellation: cancellation) {
      display.message("Stopping; what was begun is removed. Once more Ctrl-C stops at once.")
    }
    defer { withExtendedLifetime(signals) {} }
    let result = try job.run(display.observer)
    var summary = summary(result.plan)
    summary["seconds"] = JSON(result.seconds)
    if format.json { return Output.json(summary) }
    Output.text(MergeOverview.line(result.plan, out: out, verb: "wrote") + notes(result.plan))
  }

  private func job(_ cancellation: Cancellation, _ models: HubModels) throws -> MergeJob {
    var planning = MergePlan.Options(allowsDifferentConfigs: allowCrimes)
    planning.copiesTokenizer = copyTokenizer
    if mergekitExact {
      planning.mergekitExact = .init(generation: mergekitVersion)
    }
    planning.sampleTexts = try sampleTexts.map { try Disk.readText($0) }
    var writing = CheckpointWriter.Options(
      shardByteLimit: outShardSize.count, force: force, threads: threads)
    writing.isInterrupted = { cancellation.isRequested }
    return try MergeJob(
      text: try Disk.readText(config), origin: config, out: out, intermediate: intermediate,
      planning: planning, writing: writing, writesCard: writeModelCard, commandLine: commandLine,
      randomSeed: randomSeed, resolver: .hub(models))
  }

  /// The options that change what comes out, as they were given, but for the seed, which goes into the
  /// recipe.
  private var commandLine: String {
    var words: [String] = []
    if mergekitExact {
      words += ["--mergekit-exact", "--mergekit-version", mergekitVersion.rawValue]
    }
    for text in sampleTexts { words += ["--sample-text", text] }
    if allowCrimes { words.append("--allow-crimes") }
    if !copyTokenizer { words.append("--no-copy-tokenizer") }
    return words.joined(separator: " ")
  }

  private func summary(_ plan: MergePlan) -> JSON {
    var summary: JSON = [
      "schema": 1, "method": JSON(plan.method), "tensors": JSON(plan.checkpoint.names.count),
      "parameters": JSON(plan.checkpoint.parameterCount), "bytes": JSON(plan.checkpoint.byteCount),
      "out": JSON(out),
    ]
    let remarks = plan.notes + plan.log.messages
    if !remarks.isEmpty { summary["notes"] = JSON(remarks.map { JSON($0) }) }
    return summary
  }

  private func notes(_ plan: MergePlan) -> String {
    let style = TerminalStyle.detect(descriptor: 1)
    return (plan.notes + plan.log.messages).map { style.paragraph("Note: \($0)") }.joined()
  }

  /// `--dry-run` where models are not here: a plan needs their headers, which are not fetched.
  private func show(_ missing: [HubPlan]) {
    guard !format.json else {
      return Output.json([
        "schema": 1, "out": JSON(out), "downloads": JSON(missing.map(\.json)),
        "download_bytes": JSON(missing.reduce(0) { $0 + $1.missingByteCount }),
      ])
    }
    let total = NumberText.bytes(missing.reduce(0) { $0 + $1.missingByteCount })
    Output.text(
      missing.map(\.text).joined()
        + "The merge can be planned once these \(total) are here: `koine hub download NAME`, or run "
        + "without --dry-run.\n")
  }

  /// `--dry-run`.
  private func show(_ job: MergeJob) throws {
    var stages: [JSON] = []
    var text = ""
    let plans = try job.plans()
    // All that is written before a stage takes from its room.
    var written = 0
    for plan in plans {
      let stage = plan.stage
      guard let (planned, outline) = plan.work else {
        stages.append([
          "name": JSON(stage.name), "out": JSON(stage.out), "finished": true,
          "bytes": JSON(plan.byteCount),
        ])
        text += "\(stage.out): finished before, kept, \(NumberText.bytes(plan.byteCount))\n"
        continue
      }
      let estimate = try MergeEstimate.measured(planned, threads: threads)
      let overview = MergeOverview(
        name: stage.name, plan: planned, outline: outline, estimate: estimate, out: stage.out,
        bytesBefore: written)
      written += outline.byteCount
      stages.append(overview.json)
      text += overview.text(.detect(descriptor: 1)) + notes(planned)
    }
    if let intermediate, plans.count > 1 {
      let kept = plans.dropLast().reduce(0) { $0 + $1.byteCount }
      text += "in all \(plans.count) stages, \(NumberText.bytes(written)) to write; "
      text += "\(NumberText.bytes(kept)) stay in \(intermediate)\n"
    }
    guard format.json else { return Output.text(text) }
    // The result is never taken for finished.
    guard let last = plans.last?.work else { return }
    var summary = summary(last.plan)
    summary["stages"] = JSON(stages)
    Output.json(summary)
  }
}

extension MergekitGeneration: ExpressibleByArgument {}

/// A number of bytes as the command line takes it: `5GB`, `500M`, `5B` (mergekit's billion), `1000`.
struct ByteSize: ExpressibleByArgument {
  let count: Int

  init(count: Int) { self.count = count }

  init?(argument: String) {
    var digits = argument.lowercased()
    var factor = 1.0
    // mergekit's B is a billion, ours a byte behind a prefix: `5B`, `5GB`, `5G` are the same.
    if digits.hasSuffix("b"), let before = digits.dropLast().last, "kmgt".contains(before) {
      digits.removeLast()
    }
    let units: [Character: Double] = ["k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12]
    if let last = digits.last, let unit = units[last] {
      factor = unit
      digits.removeLast()
    }
    guard let number = Double(digits), number.isFinite, number * factor >= 1, number * factor < 1e18
    else { return nil }
    count = Int(number * factor)
  }

  var defaultValueDescription: String { "\(NumberText.bytes(count))" }
}
