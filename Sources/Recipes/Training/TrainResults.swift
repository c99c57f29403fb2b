// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Surgery
  import Training

  extension TrainJob {
    /// The checkpoints kept for averaging, oldest first.
    func keptCheckpoints() throws -> [String] {
      let folder = out + "/checkpoints"
      guard Disk.exists(folder) else { return [] }
      return try Disk.names(in: folder).filter { $0.hasPrefix("step-") }.sorted()
    }

    /// Writes the last weights, their moving average, and the mean of the last checkpoints.
    func writeResults(
      _ result: TrainingResult, _ start: TrainStart, _ observer: TrainObserver
    ) throws {
      func write(_ checkpoint: Checkpoint, to folder: String) throws {
        try CheckpointWriter.write(
          checkpoint.replacingTokenizer(fromDirectory: start.tokenizerFolder), to: folder,
          options: CheckpointWriter.Options(force: true))
      }
      if let average = result.average { try write(average, to: out + "/ema") }
      if recipe.evaluation.averagedCount > 0, let mean = try meanOfKeptCheckpoints() {
        try write(mean, to: out + "/averaged")
      }
      try install(result.checkpoint, start)
    }

    /// The last weights into the folder itself, beside the records: written whole under a hidden name,
    /// then moved, `config.json` last, without which the folder is no checkpoint.
    private func install(_ checkpoint: Checkpoint, _ start: TrainStart) throws {
      let staged = out + "/.model"
      try CheckpointWriter.write(
        checkpoint.replacingTokenizer(fromDirectory: start.tokenizerFolder), to: staged,
        options: CheckpointWriter.Options(force: true))
      let names = try Disk.names(in: staged).sorted { a, b in
        (a == "config.json" ? 1 : 0, a) < (b == "config.json" ? 1 : 0, b)
      }
      for name in names { try Disk.move(staged + "/" + name, to: out + "/" + name) }
      try Disk.remove(staged)
    }

    /// - Source: checkpoint averaging as in Vaswani et al. 2017, arXiv:1706.03762, §6.1: equal
    ///   weights.
    private func meanOfKeptCheckpoints() throws -> Checkpoint? {
      let folders = try keptCheckpoints().suffix(recipe.evaluation.averagedCount)
        .map { Disk.absolute(out + "/checkpoints/" + $0) }
      guard let last = folders.last else { return nil }
      guard folders.count > 1 else { return try Checkpoint.open(directory: last) }
      let models = folders.map { "  - {model: \(JSON.string($0).serialized()), parameters: {weight: 1}}\n" }
      let graph = try MergeGraph.parse(
        "merge_method: linear\ndtype: float32\nmodels:\n" + models.joined(), origin: "averaging")
      return try MergePlan.make(graph.result, from: .folders()).checkpoint
    }
  }

  /// What a training came to: `summary.json`, and what `--json` prints.
  public struct TrainSummary: Sendable {
    /// The document, schema 1.
    public let json: JSON

    init(
      _ result: TrainingResult, steps: Int, data: TrainData, drawn: [SourceStatistics], session: TrainSession,
      records: TrainRecords
    ) throws {
      var json: JSON = [
        "schema": 1, "steps": JSON(result.steps), "planned_steps": JSON(steps),
        "trained_tokens": JSON(result.trainedTokens), "seen_tokens": JSON(result.seenTokens),
        "train_loss": result.records.last.map { JSON($0.trainLoss) } ?? .null,
        "seconds": JSON(records.seconds), "resumed_at": JSON(result.resumedAt),
        "stopped_early": JSON(result.steps < steps),
      ]
      if let rate = session.meter.tokensPerSecond {
        json["tokens_per_second"] = JSON(rate)
        if let share = session.meter.utilization(tokensPerSecond: rate) {
          json["mfu"] = JSON(share)
          json["matmul_peak_flops"] = JSON(session.meter.peak)
        }
      }
      if let memory = Machine.peakMemoryByteCount() { json["peak_memory_bytes"] = JSON(memory) }
      if let best = result.best {
        json["best"] = ["step": JSON(best.step), "bits_per_byte": JSON(best.score)]
      }
      if let scores = session.scores { json["scores"] = Self.json(scores) }
      if let scores = session.averageScores { json["ema_scores"] = Self.json(scores) }
      json["sources"] = JSON(
        data.sources.map { source in
          var entry = source.json
          if let drawn = drawn.first(where: { $0.name == source.name }) {
            entry["trained_tokens"] = JSON(drawn.tokens)
            entry["epochs"] = JSON(drawn.epochs)
            entry["padding"] = JSON(drawn.padding)
          }
          return entry
        })
      self.json = json
    }

    /// The summary of a finished training; `nil` where there is none.
    init?(path: String) {
      guard let bytes = try? Disk.read(path), let json = try? JSON.parse(bytes, origin: path),
        json["schema"]?.int == 1
      else { return nil }
      self.json = json
    }

    func write(to path: String) throws {
      try Disk.write(json.serialized(pretty: true) + "\n", to: path)
    }

    private static func json(_ scores: LoopScores) -> JSON {
      var json: JSON = ["step": JSON(scores.step)]
      if let loss = scores.loss { json["val_loss"] = JSON(loss) }
      var bits = JSONObject()
      for (name, value) in scores.bitsPerByte { bits[name] = JSON(value) }
      json["bits_per_byte"] = .object(bits)
      if !scores.tasks.isEmpty {
        json["tasks"] = JSON(
          scores.tasks.map {
            ["task": .string($0.task), "metric": .string($0.metric), "value": JSON($0.value)]
          })
      }
      return json
    }
  }
#endif
