// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import ArgumentParser
  import Checkpoints
  import Documents
  import Foundation
  import Models
  import Recipes
  import Runs
  import Tokenization
  import Training

  extension ModelStatistics.Kind: ExpressibleByArgument {}
  extension TextStatistics.Options.Labels: ExpressibleByArgument {}

  /// `koine statistics`: what a text shows of a model, for merge methods that ask.
  struct StatisticsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "statistics",
      abstract: "Show a model sample text, and write down what merging can use of it.",
      discussion: """
        fisher is for the merge method `fisher`, gram for `regmean`. A merge recipe names the folder \
        as `statistics` below the model. A few hundred sequences are enough.
        """)

    @Argument(
      help: "The model's folder, with its tokenizer, or a model of the hub.", completion: .directory
    )
    var model: String

    @Option(
      parsing: .upToNextOption,
      help: "Text files: .txt, .jsonl, and either with .gz (several, or repeat the option).",
      completion: .file())
    var text: [String]

    @Option(help: "What to write: fisher or gram.")
    var kind: ModelStatistics.Kind

    @Option(help: "The folder to write.", completion: .directory)
    var out: String

    @Option(
      help:
        "Tokens to predict, in whole sequences (default: what there is, up to \(SampleText.ordinaryTokenCount))."
    )
    var tokens: Int?

    @Option(help: "Tokens of a sequence (default: 512, or as many as the model takes).")
    var length: Int?

    @Option(help: "Chooses the order of the documents, and sampled labels.")
    var seed: UInt64 = 0

    @Option(help: "What fisher takes for the right tokens: text (its own) or sampled.")
    var labels = TextStatistics.Options.Labels.text

    @Option(help: "Gigabytes that sums of gram may take; with less, the text is read more often.")
    var memory = 4.0

    @Flag(help: "Replace statistics that are there.")
    var force = false

    @Flag(help: "Print what would be written, and write nothing.")
    var dryRun = false

    @OptionGroup var format: FormatOptions

    func validate() throws {
      guard !text.isEmpty else { throw ValidationError("--text needs at least one file.") }
      if let tokens, tokens < 1 {
        throw ValidationError("--tokens should be 1 or more, found \(tokens).")
      }
      if let length, length < 1 {
        throw ValidationError("--length should be 1 or more, found \(length).")
      }
      guard memory > 0, memory < 1e6 else {
        throw ValidationError("--memory should be above 0, found \(memory).")
      }
      guard labels == .text || kind == .fisher else {
        throw ValidationError("--labels is of --kind fisher; gram takes none.")
      }
    }

    func run() throws {
      guard !out.isEmpty else { throw InputError.emptyName(option: "--out") }
      let folder = try ModelPlace.folder(model)
      let checkpoint = try Checkpoint.open(directory: folder)
      let statistics = try TextStatistics(
        of: checkpoint, name: model,
        options: .init(
          kind, labels: labels, seed: seed, memoryByteLimit: Int(memory * 1e9), force: force))
      // Before anything that takes time.
      try TextStatistics.checkOutput(out, force: force)
      let tokenizer = try Tokenizer.forStatistics(directory: folder)
      let length = length ?? min(512, statistics.maximumPositions)
      guard length <= statistics.maximumPositions else {
        throw StatisticsError.length(length, limit: statistics.maximumPositions)
      }
      let sample = try SampleText(
        files: text, tokenizer: tokenizer, vocabularySize: statistics.vocabularySize,
        directory: folder, options: .init(length: length, tokenCount: tokens, seed: seed))
      let plan = try statistics.plan()
      var summary: JSON = [
        "schema": 1, "kind": JSON(kind.rawValue), "model": JSON(model), "out": JSON(out),
        "tokens": JSON(sample.tokenCount), "examples": JSON(sample.windows.count),
        "length": JSON(length), "seed": JSON(Int(clamping: seed)),
        "text_hash": JSON(sample.textHash), "tensors": JSON(plan.tensorCount),
        "bytes": JSON(plan.byteCount), "memory_bytes": JSON(plan.memoryByteCount),
        "passes": JSON(plan.passCount),
      ]
      guard !dryRun else { return show(summary, "would write") }
      try Engine.requireFastBLAS()
      let start = ContinuousClock.now
      let display = ProgressDisplay()
      display.observer(
        .started(step: "statistics", kind: "statistics", index: 1, count: 1, isResuming: false))
      let provenance = try statistics.write(sample, to: out) { done, total in
        display.observer(
          .progress(
            step: "statistics", StepProgress(done: done, total: total, unit: "sequences")))
      }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      display.observer(
        .finished(step: "statistics", seconds: seconds, byteCount: plan.byteCount))
      summary["weights_hash"] = JSON(provenance.weightsHash)
      summary["seconds"] = JSON(seconds)
      show(summary, "wrote")
    }

    private func show(_ summary: JSON, _ verb: String) {
      guard !format.json else { return Output.json(summary) }
      func count(_ key: String) -> Int { summary[key]?.int ?? 0 }
      Output.text(
        "\(verb) \(out): \(kind.rawValue) of \(count("tensors")) tensors, "
          + "\(NumberText.bytes(count("bytes"))), from \(NumberText.count(count("tokens"))) tokens "
          + "in \(count("examples")) sequences\n")
      if verb == "would write" {
        Output.text(
          "needs \(NumberText.bytes(count("memory_bytes"))) of memory and activations, and "
            + "\(count("passes")) pass(es) over the text\n")
      }
    }
  }
#endif
