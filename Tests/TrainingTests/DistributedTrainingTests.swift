// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX && os(Linux)
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import TestSupport
  import Testing

  @testable import Training

  /// Data-parallel training under mpirun: each rank is this test program, at `as a training rank`.
  @Suite struct DistributedTrainingTests {
    /// The windows of a step are 6: uneven for 4 ranks, and trained tokens differ between them.
    private static func settings(steps: Int) -> TrainingSettings {
      var settings = TrainingSettings()
      settings.steps = steps
      settings.batchSize = 3
      settings.microBatches = 2
      settings.learningRate = 1e-2
      settings.logEvery = 1
      settings.saveEvery = 4
      return settings
    }

    private static func sampler() throws -> ExampleSampler {
      let examples = (0..<40).map { i in
        TrainingExample(
          prompt: (0...(i % 5)).map { Int32(($0 * 7 + i) % 58 + 2) },
          answer: (0...(i % 7)).map { Int32(($0 * 5 + 3 * i) % 58 + 2) })
      }
      return try ExampleSampler(
        examples, name: "uneven", windowLength: 16, endOfText: 1, seed: 5)
    }

    private static func train(
      steps: Int, group: DistributedGroup, states: String? = nil, stopAfter: Int? = nil
    ) throws -> TrainingResult {
      let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Golden/models/llama-plain").path
      let trainer = try Trainer(
        start: try Checkpoint.open(directory: folder), settings: settings(steps: steps),
        stateDirectory: states, identity: "test", group: group)
      var sampler = try sampler()
      var done = 0
      return try trainer.run(
        &sampler,
        shouldStop: {
          done += 1
          // Asked of one rank only, as a signal would be.
          return group.rank == group.size - 1 && done == stopAfter
        })
    }

    private static func losses(_ result: TrainingResult) -> String {
      result.records.map { "\($0.trainLoss)" }.joined(separator: " ")
    }

    private func read(_ name: String, _ folder: URL) throws -> [Double] {
      try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        .split(separator: " ").map { try #require(Double($0)) }
    }

    private func inFolder(_ body: (URL) throws -> Void) throws {
      let folder = FileManager.default.temporaryDirectory.appending(
        path: "koine-ranks-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try body(folder)
    }

    @Test(arguments: [2, 4])
    func `twenty steps on several ranks have the losses of one process`(count: Int) throws {
      try inFolder { folder in
        let outcome = try RankProcesses.run(
          "whole", count: count, folder: folder.path, entry: "as a training rank")
        #expect(outcome.status == 0, "\(outcome.output)")
        let alone = try Self.train(steps: 20, group: .alone).records.map(\.trainLoss)
        for rank in 0..<count {
          let losses = try read("losses-\(rank)", folder)
          #expect(losses.count == 20)
          for (one, other) in zip(alone, losses) { #expect(abs(one - other) < 1e-5) }
        }
      }
    }

    /// The gradients of one step: a step of plain descent with rate 1 takes the weights by just them.
    private static func gradients(_ group: DistributedGroup) throws -> [Float] {
      var settings = settings(steps: 1)
      settings.optimizer = try TrainingGolden.settings("optimizer: {type: sgd, momentum: 0}")
        .optimizer
      (settings.learningRate, settings.schedule, settings.warmup) = (1, .constant, 0)
      (settings.weightDecay, settings.clipNorm) = (0, 0)
      let start = try checkpoint(scale: 1)
      var sampler = try sampler()
      let end = try Trainer(start: start, settings: settings, group: group).run(&sampler).checkpoint
      return try start.names.flatMap { name in
        try zip(start.floats(name), end.floats(name)).map { $0 - $1 }
      }
    }

    @Test(arguments: [2, 4])
    func `the gradients of a step divided over ranks are those of one process`(count: Int) throws {
      try inFolder { folder in
        let outcome = try RankProcesses.run(
          "gradients", count: count, folder: folder.path, entry: "as a training rank")
        #expect(outcome.status == 0, "\(outcome.output)")
        let alone = try Self.gradients(.alone)
        #expect(alone.contains { abs($0) > 0.01 })
        for rank in 0..<count {
          let found = try read("gradients-\(rank)", folder)
          #expect(found.count == alone.count)
          #expect(zip(alone, found).allSatisfy { abs(Double($0) - $1) < 1e-5 })
        }
      }
    }

    @Test func `a stop asked of one rank stops all, and another number of ranks goes on`() throws {
      try inFolder { folder in
        let stopped = try RankProcesses.run(
          "stop", count: 3, folder: folder.path, entry: "as a training rank")
        #expect(stopped.status == 0, "\(stopped.output)")
        for rank in 0..<3 {
          #expect(stopped.output.contains("rank \(rank) stopped after 7"), "\(stopped.output)")
        }
        let resumed = try RankProcesses.run(
          "whole", count: 2, folder: folder.path, entry: "as a training rank")
        #expect(resumed.status == 0, "\(resumed.output)")
        #expect(resumed.output.contains("resumed at 7"), "\(resumed.output)")
        let alone = try Self.train(steps: 20, group: .alone).records.map(\.trainLoss)
        let losses = try read("losses-0", folder)
        #expect(losses.count == 20)
        for (one, other) in zip(alone, losses) { #expect(abs(one - other) < 1e-5) }
      }
    }

    @Test func `more ranks than windows are refused`() throws {
      try inFolder { folder in
        let outcome = try RankProcesses.run(
          "whole", count: 7, folder: folder.path, entry: "as a training rank")
        #expect(outcome.status != 0)
        #expect(outcome.output.contains("at least one window a rank (7)"), "\(outcome.output)")
      }
    }

    @Test func `a rank that dies in the middle ends the job`() throws {
      try inFolder { folder in
        let outcome = try RankProcesses.run(
          "death", count: 2, folder: folder.path, entry: "as a training rank")
        #expect(outcome.status == 9, "\(outcome.output)")
      }
    }

    @Test func `ranks that start from different weights are told apart`() throws {
      try inFolder { folder in
        let outcome = try RankProcesses.run(
          "different", count: 2, folder: folder.path, entry: "as a training rank")
        #expect(outcome.output.contains("Rank 1 differs from rank 0 in its weights"))
        #expect(outcome.status != 0)
      }
    }

    @Test(.enabled(if: RankProcesses.job != nil)) func `as a training rank`() throws {
      let group = try DistributedGroup(joining: "mpi")
      let folder = try #require(RankProcesses.folder)
      do {
        switch RankProcesses.job {
        case "whole":
          let result = try Self.train(steps: 20, group: group, states: folder + "/states")
          RankProcesses.say("rank \(group.rank) resumed at \(result.resumedAt)")
          try Self.losses(result).write(
            toFile: folder + "/losses-\(group.rank)", atomically: true, encoding: .utf8)
        case "gradients":
          let text = try Self.gradients(group).map { "\($0)" }.joined(separator: " ")
          try text.write(
            toFile: folder + "/gradients-\(group.rank)", atomically: true, encoding: .utf8)
        case "stop":
          do {
            _ = try Self.train(
              steps: 20, group: group, states: folder + "/states", stopAfter: 7)
          } catch TrainingError.stopped(let step, _) {
            RankProcesses.say("rank \(group.rank) stopped after \(step)")
          }
        case "death":
          var left = 5
          let trainer = try Trainer(
            start: try Self.checkpoint(scale: 1), settings: Self.settings(steps: 20), group: group)
          var sampler = try Self.sampler()
          _ = try trainer.run(
            &sampler,
            shouldStop: {
              left -= 1
              if group.rank == 1, left == 0 { _exit(9) }
              return false
            })
        case "different":
          let trainer = try Trainer(
            start: try Self.checkpoint(scale: group.rank == 1 ? 2 : 1),
            settings: Self.settings(steps: 2), group: group)
          var sampler = try Self.sampler()
          _ = try trainer.run(&sampler)
        default: Issue.record("an unknown job")
        }
      } catch let error as any Diagnosed {
        RankProcesses.say(error.diagnosis.what + " " + error.diagnosis.where)
        RankProcesses.say("\(error)")
        _exit(1)
      }
      try group.barrier()
    }

    /// The golden model, its final norm scaled.
    private static func checkpoint(scale: Float) throws -> Checkpoint {
      let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Golden/models/llama-plain").path
      let start = try Checkpoint.open(directory: folder)
      return try Checkpoint.inMemory(
        config: start.config,
        tensors: start.names.compactMap { name in
          guard let info = start.info(name) else { return nil }
          let values = try start.floats(name)
          return (
            name, info.shape, name == "model.norm.weight" ? values.map { $0 * scale } : values
          )
        }, origin: "a test")
    }
  }
#endif
