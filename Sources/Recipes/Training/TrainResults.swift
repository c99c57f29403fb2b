// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Surgery
  import Training

  extension TrainJob {
    /// The checkpoints kept for averaging, oldest first.
    func keptCheckpoints() throws -> [String] {
      let folder = out + "/checkpoints"
      guard Disk.exists(folder) else { return [] }
      return try Disk.names(in: folder).filter { $0.hasPrefix("step-") }.sorted()
    }

    /// Writes the last weights, their moving average, the mean of the last checkpoints, and the adapter
    /// that was trained.
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
      try result.adapter?.write(to: out + "/adapter", base: startName(start), force: true)
      try install(result.checkpoint, start)
    }

    /// The model an adapter belongs to, as the recipe names it.
    private func startName(_ start: TrainStart) -> String {
      if case .model(let name) = recipe.start { name } else { start.tokenizerFolder }
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
      let models = folders.map {
        "  - {model: \(JSON.string($0).serialized()), parameters: {weight: 1}}\n"
      }
      let graph = try MergeGraph.parse(
        "merge_method: linear\ndtype: float32\nmodels:\n" + models.joined(), origin: "averaging")
      return try MergePlan.make(graph.result, from: .folders()).checkpoint
    }
  }
#endif
