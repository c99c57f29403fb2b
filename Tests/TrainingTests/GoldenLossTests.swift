// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Tensors
  import Testing

  @testable import Training

  /// Windows given one by one; stands still at the end.
  struct ListSampler: WindowSampler {
    var windows: [Window]
    var inner: ExampleSampler
    var windowLength: Int { inner.windowLength }
    var position = 0

    init(_ windows: [Window]) throws {
      self.windows = windows
      inner = try ExampleSampler(
        [TrainingExample(prompt: [1], answer: [2])], name: "list",
        windowLength: windows[0].weights.count, endOfText: 0, seed: 0)
    }

    init(tokens: [[Int32]]) throws {
      try self.init(
        tokens.map { row in
          Window(
            tokens: row, weights: [Float](repeating: 1, count: row.count - 1),
            segments: [Int32](repeating: 0, count: row.count))
        })
    }

    mutating func next() -> Window {
      defer { position += 1 }
      return windows[min(position, windows.count - 1)]
    }
    var state: SamplerState { inner.state }
    mutating func restore(_ state: SamplerState) throws { try inner.restore(state) }
    var statistics: [SourceStatistics] { [] }
  }

  struct GoldenLossTests {
    static func tokens(_ title: String) -> [[Int32]] {
      let batches = TrainingGolden.values["losses"]?[title]?["batches"]?.array ?? []
      return batches.flatMap { $0.array ?? [] }.map { row in
        (row.array ?? []).compactMap { $0.int.map { Int32($0) } }
      }
    }

    static func start(_ title: String) throws -> Checkpoint {
      title == "llama-rich"
        ? try Checkpoint.open(directory: TrainingGolden.models.appending(path: title).path)
        : try TrainingGolden.checkpoint(TrainingGolden.values["qwen3"] ?? .null, scale: 0.5)
    }

    @Test(
      arguments: ["llama-rich", "qwen3"], ["adamw", "adafactor", "sgd", "muon"])
    func `ten steps give the losses of transformers`(title: String, rule: String) throws {
      let golden = TrainingGolden.values["losses"]?[title]?["losses"]?[rule]
      let rate = try #require(golden?["rate"]?.double)
      var settings = try TrainingGolden.settings(
        "{optimizer: \(rule), steps: 10, batch_size: 3, schedule: constant, warmup: 0, "
          + "clip_norm: 0, log_every: 1}")
      settings.learningRate = rate
      let trainer = try Trainer(start: Self.start(title), settings: settings)
      var sampler = try ListSampler(tokens: Self.tokens(title))
      let result = try trainer.run(&sampler)
      let losses = TrainingGolden.numbers(golden?["values"])
      #expect(losses.count == 10 && result.records.count == 10)
      for (record, loss) in zip(result.records, losses) {
        #expect(abs(record.trainLoss - loss) < 1e-4, "step \(record.iteration)")
      }
    }
  }
#endif
