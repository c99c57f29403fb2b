// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import ArgumentParser
  import Documents
  import Foundation
  import Models
  import Recipes
  import Runs

  /// `koine train`: a configuration in, a trained checkpoint with its records out.
  struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "train",
      abstract: "Train a model: pre-training, continued pre-training, fine-tuning.",
      discussion: """
        After Ctrl-C, a crash or a full disk the same command goes on where the last state was \
        saved, and ends in the same bytes. docs/training.md has every key of a configuration; Examples/train is an example.
        """)

    @Argument(
      help: "The configuration, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Argument(help: "The folder to write.", completion: .directory)
    var out: String

    @Option(
      help: ArgumentHelp(
        "The folder that relative paths start from (or KOINE_DATA; default: the configuration's).",
        valueName: "folder"), completion: .directory)
    var data: String?

    @Flag(help: "Print tokens, steps, memory and time, and train nothing.")
    var dryRun = false

    @Option(
      help: ArgumentHelp(
        "Print the first so many windows, coloured by what is trained, and train nothing.",
        valueName: "count"))
    var showBatch: Int?

    @Flag(help: "Throw away a training that the folder holds, and begin anew.")
    var restart = false

    @Flag(help: "Go on where the last state was saved: what happens without it too.")
    var resume = false

    @OptionGroup var format: FormatOptions

    func validate() throws {
      if resume, restart { throw ValidationError("Give --resume or --restart, not both.") }
      if let showBatch, showBatch < 1 {
        throw ValidationError("--show-batch takes a count of at least 1.")
      }
    }

    func run() throws {
      // Not kept any longer: what was joined must be left before the process ends.
      let group = try DistributedGroup.launched()
      do { try run(in: group) } catch {
        Program.endTogether(with: error, group)
        throw error
      }
    }

    private func run(in group: DistributedGroup) throws {
      let recipe = try TrainRecipe(yaml: try Disk.readText(config), origin: config)
      // A configuration that one machine lacks ends all before they begin.
      try group.barrier()
      let folder =
        data ?? ProcessInfo.processInfo.environment["KOINE_DATA"]
        ?? config.parentPath
      let cancellation = Cancellation()
      let job = TrainJob(
        recipe, out: out, dataFolder: folder, models: ModelPlace.models(cancellation),
        group: group)
      if group.size > 1, dryRun || showBatch != nil {
        throw ValidationError("--dry-run and --show-batch are for one process: leave out mpirun.")
      }
      if group.rank > 0 {
        let signals = InterruptSignals(cancellation: cancellation) {}
        defer { withExtendedLifetime(signals) {} }
        return try job.follow(cancellation: cancellation)
      }
      let display = TrainDisplay()
      if let showBatch { return try show(job, showBatch, display) }
      if dryRun {
        let plan = try job.plan(observer: display.observer)
        display.close()
        if format.json { return Output.json(plan.json) }
        return Output.text(plan.text(.detect(descriptor: 1)))
      }
      let signals = InterruptSignals(cancellation: cancellation) {
        display.message(
          "Stopping after this step, and saving; once more Ctrl-C stops at once.")
      }
      defer { withExtendedLifetime(signals) {} }
      let summary = try job.run(
        restart: restart, environment: Environment.current, cancellation: cancellation,
        observer: display.observer)
      display.close()
      if format.json { return Output.json(summary.json) }
      Output.text(summary.text(.detect(descriptor: 1), out: out))
    }

    private func show(_ job: TrainJob, _ count: Int, _ display: TrainDisplay) throws {
      let view = try job.batch(windowCount: count, observer: display.observer)
      display.close()
      if format.json {
        return Output.json(["schema": 1, "windows": JSON(view.map { ["tokens": $0.json] })])
      }
      let printer = WindowPrinter(.detect(descriptor: 1))
      Output.text(
        view.enumerated().map { printer.text($1, title: "window \($0 + 1)") }
          .joined(separator: "\n"))
    }
  }
#endif
