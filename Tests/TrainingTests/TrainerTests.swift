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

  struct TrainerTests {
    /// The golden values of Tests/Golden/models.
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden/models")

    private func goldenRun(_ name: String) throws -> (Checkpoint, JSON) {
      let text = try Data(contentsOf: Self.golden.appending(path: "golden.json"))
      let values = try JSON.parse(text, origin: "golden.json")
      let checkpoint = try Checkpoint.open(directory: Self.golden.appending(path: name).path)
      return (checkpoint, try #require(values["models"]?[name]))
    }

    private func windows(_ values: JSON) throws -> ListSampler {
      let batches = try #require(values["batches"]?.array)
      return try ListSampler(
        tokens: batches.flatMap { $0.array ?? [] }.map { row in
          (row.array ?? []).compactMap { $0.int.map { Int32($0) } }
        })
    }

    @Test(arguments: ["llama-plain", "llama-rich"], [Kernels.fused, .plain])
    func `ten steps of AdamW give the losses and gradient norms of PyTorch`(
      name: String, kernels: Kernels
    ) throws {
      let (start, values) = try goldenRun(name)
      var settings = TrainingSettings()
      settings.steps = 10
      settings.batchSize = 3
      settings.learningRate = 1e-2
      settings.warmup = 0
      settings.logEvery = 1
      let trainer = try Trainer(
        start: start, settings: settings, stateDirectory: nil, identity: "", kernels: kernels)
      var sampler = try windows(values)
      let result = try trainer.run(&sampler)
      let losses = (values["losses"]?.array ?? []).compactMap(\.double)
      let norms = (values["gradient_norms"]?.array ?? []).compactMap(\.double)
      #expect(result.records.count == 10)
      for (record, (loss, norm)) in zip(result.records, zip(losses, norms)) {
        #expect(abs(record.trainLoss / loss - 1) < 1e-4)
        #expect(abs(record.gradientNorm / norm - 1) < 1e-3)
      }
      #expect(result.trainedTokens == 10 * 3 * 16)
    }

    @Test func `with products in bfloat16 the losses stay near those of PyTorch in float32`() throws
    {
      let (start, values) = try goldenRun("llama-rich")
      var settings = TrainingSettings()
      (settings.steps, settings.batchSize, settings.learningRate) = (10, 3, 1e-2)
      (settings.warmup, settings.logEvery) = (0, 1)
      func result(_ kernels: Kernels) throws -> TrainingResult {
        var sampler = try windows(values)
        return try Trainer(
          start: start, settings: settings, stateDirectory: nil, identity: "", kernels: kernels
        ).run(&sampler)
      }
      let losses = (values["losses"]?.array ?? []).compactMap(\.double)
      func misses(_ result: TrainingResult) -> [Double] {
        zip(result.records, losses).map { abs($0.trainLoss / $1 - 1) }
      }
      let (result, exact) = try (result(.bfloat16), misses(result(.plain)))
      let rounded = misses(result)
      #expect(rounded.count == 10)
      #expect(rounded.allSatisfy { $0 < 0.01 }, "\(rounded)")
      // Rounded indeed, and not the float32 form under another name.
      #expect(
        try #require(rounded.max()) > 10 * (try #require(exact.max())), "\(rounded), \(exact)")
      for name in result.checkpoint.names {
        #expect(result.checkpoint.info(name)?.elementType == .float32)
      }
    }

    @Test func `bfloat16 products are refused on a CPU before anything is done`() throws {
      guard Engine.device == "cpu" else { return }
      let (start, _) = try goldenRun("llama-plain")
      var settings = TrainingSettings()
      settings.compute = .bfloat16
      #expect(throws: TrainingError.device("cpu", key: "compute", value: "bfloat16")) {
        try Trainer(start: start, settings: settings)
      }
      #expect(settings.identity != TrainingSettings().identity)
    }

    // MARK: A small run on examples

    private func examples(seed: UInt64 = 3) throws -> ExampleSampler {
      let random = CounterRandom(seed: 5, stream: "examples")
      let examples: [TrainingExample] = (0..<40).map { index in
        let length = 4 + index % 9
        let prompt: [Int32] = (0..<length).map { Int32(1 + random.bits(at: index * 16 + $0) % 60) }
        return TrainingExample(prompt: prompt, answer: [Int32(1 + index % 7)])
      }
      return try ExampleSampler(
        examples, name: "examples", windowLength: 32, endOfText: 0, seed: seed)
    }

    private func settings(steps: Int, batch: Int = 4, micro: Int = 1) -> TrainingSettings {
      var settings = TrainingSettings()
      settings.steps = steps
      settings.batchSize = batch
      settings.microBatches = micro
      settings.learningRate = 5e-3
      settings.logEvery = 1
      settings.saveEvery = 1000
      return settings
    }

    private func weights(_ checkpoint: Checkpoint) throws -> [[Float]] {
      try checkpoint.names.map { try checkpoint.floats($0) }
    }

    @Test func `micro-batches of unequal token counts train like one batch`() throws {
      let (start, _) = try goldenRun("llama-plain")
      var results: [TrainingResult] = []
      for (batch, micro) in [(6, 1), (3, 2), (1, 6)] {
        var sampler = try examples()
        results.append(
          try Trainer(start: start, settings: settings(steps: 3, batch: batch, micro: micro))
            .run(&sampler))
      }
      let whole = try weights(results[0].checkpoint)
      for split in results.dropFirst() {
        for (a, b) in zip(results[0].records, split.records) {
          #expect(abs(a.trainLoss - b.trainLoss) < 1e-5)
          #expect(abs(a.gradientNorm / b.gradientNorm - 1) < 1e-4)
          #expect(a.trainedTokens == b.trainedTokens)
        }
        let parts = try weights(split.checkpoint)
        for (a, b) in zip(whole.joined(), parts.joined()) { #expect(abs(a - b) < 2e-4) }
      }
    }

    @Test func `a run stopped anywhere and resumed ends in the same bytes`() throws {
      let (start, _) = try goldenRun("llama-rich")
      var whole = try examples()
      let expected = try Trainer(start: start, settings: settings(steps: 9)).run(&whole)
      for stop in [1, 4, 8] {
        let folder = FileManager.default.temporaryDirectory
          .appending(path: "koine-resume-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try Trainer(
          start: start, settings: settings(steps: 9), stateDirectory: folder, identity: "test")
        var done = 0
        var first = try examples()
        #expect(throws: TrainingError.stopped(step: stop, directory: folder)) {
          try trainer.run(&first, shouldStop: { done == stop }, observer: { done = $0.iteration })
        }
        // A new sampler: the position comes out of the saved state.
        var second = try examples()
        let result = try trainer.run(&second)
        #expect(result.resumedAt == stop)
        #expect(try weights(result.checkpoint) == weights(expected.checkpoint))
        #expect(result.records == expected.records)
        #expect(result.trainedTokens == expected.trainedTokens)
      }
    }

    @Test func `saving often changes nothing and keeps one state`() throws {
      let (start, _) = try goldenRun("llama-plain")
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "koine-saves-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      var plain = try examples()
      let expected = try Trainer(start: start, settings: settings(steps: 5)).run(&plain)
      var often = settings(steps: 5)
      often.saveEvery = 1
      var sampler = try examples()
      let result = try Trainer(start: start, settings: often, stateDirectory: folder)
        .run(&sampler)
      #expect(try weights(result.checkpoint) == weights(expected.checkpoint))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["state-4"])
    }

    @Test func `a state of other settings, data or model is refused by name`() throws {
      let (start, _) = try goldenRun("llama-plain")
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "koine-foreign-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      var often = settings(steps: 4)
      often.saveEvery = 1
      var sampler = try examples()
      _ = try Trainer(start: start, settings: often, stateDirectory: folder, identity: "a")
        .run(&sampler)
      for (identity, rate) in [("b", 5e-3), ("a", 1e-3)] {
        var other = often
        other.learningRate = rate
        let trainer = try Trainer(
          start: start, settings: other, stateDirectory: folder, identity: identity)
        var again = try examples()
        #expect(throws: TrainingError.self) { try trainer.run(&again) }
      }
    }

    @Test func `a NaN weight stops the run and is named`() throws {
      let (start, _) = try goldenRun("llama-plain")
      let poisoned = try Checkpoint.inMemory(
        config: start.config,
        tensors: start.names.map { name in
          var values = try start.floats(name)
          if name == "model.layers.1.mlp.up_proj.weight" { values[5] = .nan }
          return (name: name, shape: try #require(start.info(name)).shape, values: values)
        })
      var sampler = try examples()
      let expected = TrainingError.notFinite(
        step: 0, tensor: "model.layers.1.mlp.up_proj.weight", index: 5, part: "weight")
      #expect(throws: expected) {
        try Trainer(start: poisoned, settings: settings(steps: 2)).run(&sampler)
      }
    }

    @Test func `a learning rate far too high diverges into an error, not into NaN weights`() throws
    {
      let (start, _) = try goldenRun("llama-plain")
      var wild = settings(steps: 60)
      wild.learningRate = 1e38
      wild.weightDecay = 0
      var sampler = try examples()
      #expect(throws: TrainingError.self) {
        try Trainer(start: start, settings: wild).run(&sampler)
      }
    }

    @Test func `training lowers the loss and leaves the start untouched`() throws {
      let (start, _) = try goldenRun("llama-plain")
      let before = try weights(start)
      var sampler = try examples()
      let result = try Trainer(start: start, settings: settings(steps: 60)).run(&sampler)
      let first = try #require(result.records.first).trainLoss
      #expect(try #require(result.records.last).trainLoss < first / 2)
      #expect(try weights(start) == before)
    }

    @Test func `windows without a trained token are an error`() throws {
      let (start, _) = try goldenRun("llama-plain")
      let empty = Window(
        tokens: [Int32](repeating: 1, count: 9), weights: [Float](repeating: 0, count: 8),
        segments: [Int32](repeating: 0, count: 9))
      var sampler = try ListSampler([empty])
      #expect(throws: TrainingError.nothingToTrain(step: 0)) {
        try Trainer(start: start, settings: settings(steps: 2)).run(&sampler)
      }
    }

    @Test func `a packed window trains like its documents one by one`() throws {
      let (start, _) = try goldenRun("llama-rich")
      let a: [Int32] = [5, 9, 2, 44, 17, 3]
      let b: [Int32] = [30, 8, 8, 51]
      func window(_ documents: [[Int32]], length: Int) -> Window {
        var window = Window(tokens: [], weights: [], segments: [])
        for (segment, document) in documents.enumerated() {
          window.tokens += document
          window.segments += [Int32](repeating: Int32(segment), count: document.count)
          window.weights += [Float(0)] + [Float](repeating: 1, count: document.count - 1)
        }
        let padding = length - window.tokens.count
        window.tokens += [Int32](repeating: 0, count: padding)
        window.segments += [Int32](repeating: -1, count: padding)
        window.weights += [Float](repeating: 0, count: padding)
        window.weights.removeFirst()
        return window
      }
      var packed = try ListSampler([window([a, b], length: 12)])
      var apart = try ListSampler([window([a], length: 12), window([b], length: 12)])
      let one = try Trainer(start: start, settings: settings(steps: 1, batch: 1)).run(&packed)
      let two = try Trainer(start: start, settings: settings(steps: 1, batch: 2)).run(&apart)
      #expect(abs(one.records[0].trainLoss - two.records[0].trainLoss) < 1e-5)
      #expect(abs(one.records[0].gradientNorm / two.records[0].gradientNorm - 1) < 1e-5)
    }
  }
#endif
