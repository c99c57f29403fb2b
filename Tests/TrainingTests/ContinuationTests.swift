// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Tensors
  import Testing

  @testable import Training

  /// Saved states of every optimizer, and runs that are given more steps.
  struct ContinuationTests {
    private func examples() throws -> ExampleSampler {
      let random = CounterRandom(seed: 5, stream: "examples")
      let examples: [TrainingExample] = (0..<40).map { index in
        let prompt: [Int32] = (0..<4 + index % 9).map {
          Int32(1 + random.bits(at: index * 16 + $0) % 38)
        }
        return TrainingExample(prompt: prompt, answer: [Int32(1 + index % 7)])
      }
      return try ExampleSampler(
        examples, name: "examples", windowLength: 32, endOfText: 0, seed: 3)
    }

    private func weights(_ checkpoint: Checkpoint) throws -> [[Float]] {
      try checkpoint.names.map { try checkpoint.floats($0) }
    }

    private func start(_ type: ElementType = .float32) throws -> Checkpoint {
      let plain = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig("llama", tied: true))
      return try Checkpoint.inMemory(
        config: plain.config,
        tensors: plain.names.map { name in
          (name, try #require(plain.info(name)).shape, try plain.floats(name))
        }, elementType: type)
    }

    private func folder() -> String {
      FileManager.default.temporaryDirectory.appending(path: "koine-\(UUID().uuidString)").path
    }

    @Test(arguments: [
      "optimizer: adafactor", "optimizer: {type: adafactor, beta1: 0.9}", "optimizer: muon",
      "optimizer: {type: sgd, nesterov: true}", "masters: stored",
      "{masters: stored, optimizer: muon}", "{masters: stored, optimizer: adafactor}",
      "{adapter: {rank: 2, dropout: 0.3, train: [embeddings]}}",
      "{adapter: {type: dora, rank: 2, dropout: 0.3}, optimizer: sgd}",
    ])
    func `every optimizer goes on in the same bits after a stop`(yaml: String) throws {
      var settings = try TrainingGolden.settings(yaml)
      settings.steps = 6
      settings.batchSize = 2
      settings.microBatches = 2
      settings.learningRate = 1e-2
      settings.logEvery = 1
      settings.seed = 9
      let start = try start(.bfloat16)
      var whole = try examples()
      let expected = try Trainer(start: start, settings: settings).run(&whole)
      let folder = folder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let trainer = try Trainer(start: start, settings: settings, stateDirectory: folder)
      var done = 0
      var first = try examples()
      #expect(throws: TrainingError.stopped(step: 3, directory: folder)) {
        try trainer.run(&first, shouldStop: { done == 3 }, observer: { done = $0.iteration })
      }
      var second = try examples()
      let result = try trainer.run(&second)
      #expect(result.resumedAt == 3)
      #expect(result.records == expected.records)
      #expect(try weights(result.checkpoint) == weights(expected.checkpoint))
      if settings.masters == .stored {
        #expect(
          result.checkpoint.info("model.embed_tokens.weight")?.elementType == .bfloat16)
      }
      #expect(try #require(result.records.last).trainLoss < result.records[0].trainLoss)
    }

    @Test func `a run extended on the plateau ends in the bits of one planned longer`() throws {
      func settings(_ steps: Int) throws -> TrainingSettings {
        var settings = try TrainingGolden.settings(
          "{schedule: wsd, warmup_steps: 2, decay_steps: 3, log_every: 1, save_every: 1}")
        settings.steps = steps
        settings.batchSize = 2
        settings.learningRate = 1e-2
        return settings
      }
      let start = try start()
      var sampler = try examples()
      let long = try Trainer(start: start, settings: settings(12)).run(&sampler)
      let folder = folder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      var first = try examples()
      var done = 0
      // Planned for 8 steps, stopped on the plateau, and then planned for 12.
      #expect(throws: TrainingError.self) {
        try Trainer(start: start, settings: settings(8), stateDirectory: folder)
          .run(&first, shouldStop: { done == 5 }, observer: { done = $0.iteration })
      }
      var second = try examples()
      let extended = try Trainer(start: start, settings: settings(12), stateDirectory: folder)
        .run(&second)
      #expect(extended.resumedAt == 5)
      #expect(extended.records == long.records)
      #expect(try weights(extended.checkpoint) == weights(long.checkpoint))
      // Its decay has begun: another length would have had other rates.
      #expect(try settings(8).identity != settings(12).identity)
      #expect(
        try settings(12).obstacle(continuing: settings(8).identity, after: 6)?.key == "steps")
      #expect(try settings(12).obstacle(continuing: settings(8).identity, after: 5) == nil)
      var other = try settings(12)
      other.weightDecay = 0.2
      #expect(try other.obstacle(continuing: settings(8).identity, after: 1)?.key == "weight_decay")
      #expect(
        try other.obstacle(continuing: settings(8).identity, after: 1)?.found == "0.1")
    }
  }
#endif
