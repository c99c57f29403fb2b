// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Runs
  import Training

  /// What a training would do: `--dry-run`.
  public struct TrainPlan: Sendable {
    let parameterCount: Int
    let sources: [TrainData.Source]
    /// Per source, what the training would draw of it.
    let drawn: [SourceStatistics]
    let heldOut: [(name: String, documents: Int, bytes: Int)]
    let steps: Int
    let tokensPerStep: Int
    /// What the training would take at most, the program included: an estimate.
    let memoryByteCount: Int
    /// The part of it that is not taken yet.
    let neededByteCount: Int
    /// Whether a training would begin.
    var fits: Bool { availableByteCount.map { neededByteCount <= $0 } ?? true }
    let availableByteCount: Int?
    /// Peak of the fullest batch, tried; `nil` where the estimate does not fit.
    let probedByteCount: Int?
    /// Seconds of a step, tried.
    let secondsPerStep: Double?
    let utilization: Double?

    /// Seconds of all steps, evaluations not counted.
    var seconds: Double? { secondsPerStep.map { $0 * Double(steps) } }

    /// Share of what is computed that is padding.
    var paddingShare: Double {
      let seen = drawn.reduce(0) { $0 + $1.seen }
      return seen == 0 ? 0 : Double(drawn.reduce(0) { $0 + $1.padding }) / Double(seen)
    }

    public var json: JSON {
      var json: JSON = [
        "schema": 1, "dry_run": true, "parameters": JSON(parameterCount), "steps": JSON(steps),
        "tokens_per_step": JSON(tokensPerStep), "tokens": JSON(steps * tokensPerStep),
        "padding_share": JSON(paddingShare), "memory_bytes": JSON(memoryByteCount),
        "fits": .bool(fits),
        "available_bytes": availableByteCount.map { JSON($0) } ?? .null,
        "probed_bytes": probedByteCount.map { JSON($0) } ?? .null,
        "seconds": seconds.map { JSON($0) } ?? .null,
        "mfu": utilization.map { JSON($0) } ?? .null,
      ]
      json["sources"] = JSON(sources.map { $0.json(drawn: drawn) })
      json["held_out"] = JSON(
        heldOut.map {
          ["name": .string($0.name), "documents": JSON($0.documents), "bytes": JSON($0.bytes)]
        })
      return json
    }

    /// Tables and lines for people.
    public func text(_ style: TerminalStyle) -> String {
      let rows = sources.map { source -> [TextTable.Cell] in
        let drawn = drawn.first { $0.name == source.name }
        return [
          source.name, NumberText.grouped(source.documents), NumberText.grouped(source.tokens),
          source.bytesPerToken.map { NumberText.fixed($0, 2) } ?? "–",
          source.fertility.map { NumberText.fixed($0, 2) } ?? "–",
          NumberText.grouped(source.truncated), NumberText.grouped(source.dropped),
          drawn.map { NumberText.fixed($0.epochs, 2) } ?? "–",
        ].map { TextTable.Cell($0) }
      }
      let table = TextTable(
        columns: [
          .init("source", isNumber: false), .init("documents", rank: 3), .init("tokens"),
          .init("bytes/token", rank: 2), .init("tokens/word", rank: 1), .init("cut", rank: 4),
          .init("dropped", rank: 5), .init("epochs"),
        ], groups: [rows])
      var text = table.rendered(style) + "\n"
      var facts: [(String, String)] = [
        ("parameters", NumberText.grouped(parameterCount)),
        (
          "steps",
          "\(NumberText.grouped(steps)) of \(NumberText.grouped(tokensPerStep)) tokens: "
            + "\(NumberText.grouped(steps * tokensPerStep)) in all"
        ),
        ("padding", "\(NumberText.fixed(paddingShare * 100, 1))% of the tokens"),
      ]
      if !heldOut.isEmpty {
        facts.append(
          (
            "held out",
            heldOut.map { "\($0.name) \($0.documents) documents, \(NumberText.bytes($0.bytes))" }
              .joined(separator: "; ")
          ))
      }
      facts.append(
        (
          "memory",
          "about \(NumberText.bytes(memoryByteCount))"
            + " in all"
            + (availableByteCount.map { "; \(NumberText.bytes($0)) free" } ?? "")
            + (probedByteCount.map {
              "; the fullest batch, tried, has \(NumberText.bytes($0)) of arrays"
            } ?? "")
            + (fits ? "" : ": too much, so that the training would be refused")
        ))
      if let seconds, let secondsPerStep {
        facts.append(
          (
            "time",
            "about \(NumberText.duration(seconds: seconds)), "
              + "\(NumberText.duration(seconds: secondsPerStep)) a step, evaluations not counted"
          ))
      }
      if let utilization {
        facts.append(
          (
            "MFU",
            "\(NumberText.fixed(utilization * 100, 0))% of this machine's measured matrix product"
          ))
      }
      for (name, value) in facts {
        text += DisplayWidth.padded(name, to: 12)
        text +=
          DisplayWidth.wrapped(value, to: max(20, style.width - 13))
          .joined(separator: "\n" + String(repeating: " ", count: 12)) + "\n"
      }
      return text
    }
  }

  extension TrainJob {
    /// Windows that a plan draws at most, to see padding and epochs.
    private static let planWindowLimit = 20_000

    /// What the training would do. Encodes the texts, into a folder of its own that goes again where
    /// the training has none yet, and tries one step; changes nothing else.
    public func plan(observer: @escaping TrainObserver = { _ in }) throws -> TrainPlan {
      try withScratch { job in
        let hashes = FileHashes(storePath: nil)
        let start = try job.prepareStart(hashes, observer)
        try job.checkSettings(start)
        let data = try job.data(start, observer)
        let settings = try job.settings(for: data)
        // Whether the tasks' files are there.
        _ = try job.evaluation(data)
        let windows = job.windowCount(settings)
        var sampler = try data.sampler(recipe, windowCount: windows)
        let drawnCount = min(windows, Self.planWindowLimit)
        for _ in 0..<drawnCount { _ = sampler.next() }
        let scale = Double(windows) / Double(drawnCount)
        var drawn = sampler.statistics
        for index in drawn.indices where scale > 1 {
          drawn[index].tokens = Int(Double(drawn[index].tokens) * scale)
          drawn[index].padding = Int(Double(drawn[index].padding) * scale)
          drawn[index].seen = Int(Double(drawn[index].seen) * scale)
          drawn[index].epochs *= scale
        }
        let needed = try job.memoryEstimate(start.checkpoint, data, settings)
        let present = Machine.residentByteCount() ?? Machine.programByteCount
        let available = availableMemory()
        var probe: (peakMemory: Int, seconds: Double)?
        // What is meant for another machine's GPU can be planned here, but not tried.
        let isOfThisMachine = (try? settings.kernels()) != nil
        if isOfThisMachine, available.map({ needed <= $0 }) ?? true {
          observer(.phase("trying one step"))
          probe = try Trainer(start: start.checkpoint, settings: settings, loop: recipe.loop)
            .probe(windowLength: recipe.windowLength)
        }
        let work = try TrainingWork(
          config: start.checkpoint.config, origin: start.checkpoint.origin, settings: settings)
        let perStep = job.tokensPerStep(settings)
        let peak = probe == nil ? 0 : try MatmulPeak.measure(settings.kernels())
        let operations = work.operations(perTokenOfWindow: recipe.windowLength)
        return TrainPlan(
          parameterCount: start.checkpoint.parameterCount, sources: data.sources, drawn: drawn,
          heldOut: data.heldOut.map {
            ($0.name, $0.documents.count, $0.documents.reduce(0) { $0 + $1.utf8.count })
          },
          steps: settings.steps, tokensPerStep: perStep,
          memoryByteCount: present + needed + Machine.workingByteCount,
          neededByteCount: needed, availableByteCount: available,
          probedByteCount: probe?.peakMemory,
          secondsPerStep: probe?.seconds,
          utilization: probe.map { operations * Double(perStep) / $0.seconds / peak })
      }
    }

    /// The texts and examples of a look ahead.
    private func data(_ start: TrainStart, _ observer: @escaping TrainObserver) throws -> TrainData
    {
      try TrainData(
        recipe, start.tokenizer, tokenizerHash: start.tokenizerHash, cache: out + "/data",
        templates: start.templates, folder: dataFolder
      ) { progress in
        observer(
          .work(
            label: "encoding \(progress.name)", done: progress.inputBytes,
            total: progress.totalInputBytes, unit: "B"))
      }
    }

    /// The same job in the folder itself where it holds a training, whose encoded texts are used,
    /// else in one that goes again.
    private func withScratch<Result>(_ body: (TrainJob) throws -> Result) throws -> Result {
      if Disk.exists(out + "/train.json") { return try body(self) }
      let folder = NSTemporaryDirectory() + "/koine-train-\(UUID().uuidString)"
      try Disk.makeFolder(folder)
      defer { try? Disk.remove(folder) }
      var job = TrainJob(recipe, out: folder, dataFolder: dataFolder, models: models)
      job.availableMemory = availableMemory
      return try body(job)
    }

    /// The first windows of the training.
    public func batch(
      windowCount: Int, observer: @escaping TrainObserver = { _ in }
    ) throws -> [WindowDescription] {
      try withScratch { job in
        let start = try job.prepareStart(FileHashes(storePath: nil), observer)
        let data = try job.data(start, observer)
        let settings = try job.settings(for: data)
        var sampler = try data.sampler(recipe, windowCount: job.windowCount(settings))
        return (0..<windowCount).map { _ in
          let window = sampler.next()
          return WindowDescription(
            window, tokenizer: start.tokenizer, sourceNames: sampler.statistics.map(\.name))
        }
      }
    }
  }
#endif
