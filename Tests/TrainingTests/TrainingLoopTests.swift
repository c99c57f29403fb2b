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

  struct TrainingLoopTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden/models")

    private func start(_ name: String = "llama-rich") throws -> Checkpoint {
      try Checkpoint.open(directory: Self.golden.appending(path: name).path)
    }

    private func examples(windowLength: Int = 32) throws -> ExampleSampler {
      let random = CounterRandom(seed: 5, stream: "examples")
      let examples: [TrainingExample] = (0..<40).map { index in
        let length = 4 + index % 9
        let prompt: [Int32] = (0..<length).map { Int32(1 + random.bits(at: index * 16 + $0) % 60) }
        return TrainingExample(prompt: prompt, answer: [Int32(1 + index % 7)])
      }
      return try ExampleSampler(
        examples, name: "examples", windowLength: windowLength, endOfText: 0, seed: 3)
    }

    private func settings(steps: Int, saveEvery: Int = 1000) -> TrainingSettings {
      var settings = TrainingSettings()
      settings.steps = steps
      settings.batchSize = 4
      settings.learningRate = 5e-3
      settings.logEvery = 1
      settings.saveEvery = saveEvery
      return settings
    }

    private func weights(_ checkpoint: Checkpoint) throws -> [[Float]] {
      try checkpoint.names.map { try checkpoint.floats($0) }
    }

    private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "koine-loop-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      return try body(folder)
    }

    // MARK: Recomputation

    @Test(arguments: ["llama-plain", "llama-rich"], [Kernels.fused, .plain])
    func `layers computed again in the backward pass train alike`(
      name: String, kernels: Kernels
    ) throws {
      var results: [TrainingResult] = []
      for recomputes in [false, true] {
        var loop = LoopSettings()
        loop.recomputesActivations = recomputes
        var sampler = try examples()
        results.append(
          try Trainer(
            start: start(name), settings: settings(steps: 4), loop: loop, stateDirectory: nil,
            identity: "", kernels: kernels
          ).run(&sampler))
      }
      for (a, b) in zip(results[0].records, results[1].records) {
        #expect(abs(a.trainLoss - b.trainLoss) <= 1e-6)
        #expect(abs(a.gradientNorm / b.gradientNorm - 1) <= 1e-6)
      }
    }

    @Test(arguments: ["lora, dropout: 0.3", "dora"], [Kernels.fused, .plain])
    func `adapters of layers computed again train alike`(
      adapter: String, kernels: Kernels
    ) throws {
      var settings = try TrainingGolden.settings("adapter: {type: \(adapter)}")
      let usual = self.settings(steps: 4)
      (settings.steps, settings.batchSize) = (4, usual.batchSize)
      (settings.learningRate, settings.logEvery) = (usual.learningRate, 1)
      var results: [TrainingResult] = []
      for recomputes in [false, true] {
        var loop = LoopSettings()
        loop.recomputesActivations = recomputes
        var sampler = try examples()
        results.append(
          try Trainer(
            start: start(), settings: settings, loop: loop, stateDirectory: nil, identity: "",
            kernels: kernels
          ).run(&sampler))
      }
      for (a, b) in zip(results[0].records, results[1].records) {
        #expect(a.gradientNorm > 1e-6)
        #expect(abs(a.trainLoss - b.trainLoss) <= 1e-6)
        #expect(abs(a.gradientNorm / b.gradientNorm - 1) <= 1e-6)
      }
    }

    @Test(arguments: [Kernels.fused, .plain])
    func `however a step is divided, the same places are dropped`(kernels: Kernels) throws {
      var results: [TrainingResult] = []
      for (batch, count) in [(6, 1), (3, 2), (1, 6)] {
        var settings = try TrainingGolden.settings("adapter: {type: lora, dropout: 0.4}")
        (settings.steps, settings.batchSize, settings.microBatches) = (4, batch, count)
        (settings.learningRate, settings.logEvery) = (0.05, 1)
        var sampler = try examples()
        results.append(
          try Trainer(
            start: start(), settings: settings, stateDirectory: nil, identity: "",
            kernels: kernels
          ).run(&sampler))
      }
      for other in results.dropFirst() {
        for (a, b) in zip(results[0].records, other.records) {
          #expect(abs(a.trainLoss - b.trainLoss) <= 1e-5)
          #expect(abs(a.gradientNorm / b.gradientNorm - 1) <= 1e-5)
        }
      }
    }

    @Test func `under an adapter a text goes on as with its folded weights`() throws {
      var settings = try TrainingGolden.settings("adapter: {type: lora}")
      (settings.steps, settings.batchSize, settings.learningRate) = (6, 4, 0.2)
      var loop = LoopSettings()
      loop.evaluateEvery = 6
      var texts: [[Int32]] = []
      var hooks = TrainingHooks()
      hooks.evaluate = { snapshot in
        for model in [
          try snapshot.model(), try Model(snapshot.checkpoint()), try Model(self.start()),
        ] {
          var options = GenerationOptions()
          options.maximumTokens = 24
          options.stopIDs = []
          texts.append(try model.generate(after: [5, 9, 2, 30], options: options))
        }
        return nil
      }
      var sampler = try examples()
      _ = try Trainer(start: start(), settings: settings, loop: loop).run(&sampler, hooks: hooks)
      #expect(texts[0] == texts[1])
      // Else the test would show nothing.
      #expect(texts[0] != texts[2])
    }

    @Test func `layers computed again in the backward pass take less memory`() throws {
      var sizes = LlamaSizes()
      sizes.hiddenSize = 64
      sizes.intermediateSize = 192
      sizes.layerCount = 12
      sizes.headCount = 4
      sizes.maximumPositions = 512
      let start = try Initialization.random(
        config: Initialization.llamaConfig(sizes, vocabularySize: 128, endOfText: 0), seed: 1)
      var settings = settings(steps: 1)
      settings.batchSize = 8
      var peaks: [Int] = []
      for recomputes in [false, true] {
        var loop = LoopSettings()
        loop.recomputesActivations = recomputes
        peaks.append(
          try Trainer(start: start, settings: settings, loop: loop).probe(windowLength: 256)
            .peakMemory)
      }
      // Of twelve layers' activations one layer's and the states between them are left.
      #expect(Double(peaks[1]) < 0.6 * Double(peaks[0]), "\(peaks)")
    }

    // MARK: Averages, patience, spikes

    @Test func `the moving average is kept beside the weights and changes none of them`() throws {
      var plain = try examples()
      let expected = try Trainer(start: start(), settings: settings(steps: 5)).run(&plain)
      var loop = LoopSettings()
      loop.averageDecay = 0.5
      var seen: [[[Float]]] = [try weights(start())]
      var averaged: [[[Float]]] = []
      var hooks = TrainingHooks()
      loop.evaluateEvery = 1
      hooks.evaluate = { snapshot in
        let values = try self.weights(snapshot.checkpoint())
        if snapshot.isAverage { averaged.append(values) } else { seen.append(values) }
        return nil
      }
      var sampler = try examples()
      let result = try Trainer(start: start(), settings: settings(steps: 5), loop: loop)
        .run(&sampler, hooks: hooks)
      #expect(try weights(result.checkpoint) == weights(expected.checkpoint))
      // w̄ ← d·w̄ + (1−d)·w with d = min(0.5, (1 + t) / (10 + t)).
      var mean = seen[0].map { $0.map(Double.init) }
      for step in 1...5 {
        let decay = min(0.5, Double(1 + step) / Double(10 + step))
        for i in mean.indices {
          for k in mean[i].indices {
            mean[i][k] = decay * mean[i][k] + (1 - decay) * Double(seen[step][i][k])
          }
        }
      }
      let average = try weights(try #require(result.average))
      #expect(average == averaged.last)
      for (a, b) in zip(average.joined(), mean.joined()) { #expect(abs(Double(a) - b) < 1e-5) }
    }

    @Test func `patience ends a training that no longer progresses, and the best is kept`() throws {
      var loop = LoopSettings()
      loop.evaluateEvery = 2
      loop.patience = 2
      let scores = [2: 3.0, 4: 2.5, 6: 2.6, 8: 2.7, 10: 1.0]
      var kept: [Int] = []
      var told: [Int] = []
      var hooks = TrainingHooks()
      hooks.evaluate = { scores[$0.step] }
      hooks.keepBest = { kept.append($0.step) }
      hooks.event = { if case .exhausted(let step, _) = $0 { told.append(step) } }
      var sampler = try examples()
      let result = try Trainer(start: start(), settings: settings(steps: 20), loop: loop)
        .run(&sampler, hooks: hooks)
      #expect(result.steps == 8)
      #expect(result.best == BestScore.Entry(step: 4, score: 2.5))
      #expect(kept == [2, 4])
      #expect(told == [8])
    }

    @Test func `the last step is always evaluated, and once`() throws {
      for every in [0, 2, 3] {
        var loop = LoopSettings()
        loop.evaluateEvery = every
        var evaluated: [Int] = []
        var hooks = TrainingHooks()
        hooks.evaluate = {
          evaluated.append($0.step)
          return nil
        }
        var sampler = try examples()
        _ = try Trainer(start: start("llama-plain"), settings: settings(steps: 4), loop: loop)
          .run(&sampler, hooks: hooks)
        #expect(evaluated == [0: [4], 2: [2, 4], 3: [3, 4]][every])
      }
    }

    /// Windows of another sampler, but for some in the middle that nobody could foresee.
    private struct Jolt: WindowSampler {
      var inner: ExampleSampler
      let strange: Range<Int>
      var position = 0
      var windowLength: Int { inner.windowLength }
      var state: SamplerState { inner.state }
      var statistics: [SourceStatistics] { inner.statistics }

      init(_ inner: ExampleSampler, strange: Range<Int>) {
        self.inner = inner
        self.strange = strange
      }

      mutating func next() -> Window {
        var window = inner.next()
        if strange.contains(position) {
          for place in window.tokens.indices {
            window.tokens[place] = Int32(8 + (place * 37 + position * 11) % 50)
          }
        }
        position += 1
        return window
      }
      mutating func restore(_ state: SamplerState) throws { try inner.restore(state) }
    }

    @Test func `a spike's batch is left out where that is asked for`() throws {
      // Step 41 of 45.
      func sampler() throws -> Jolt { Jolt(try examples(), strange: 160..<164) }
      var loop = LoopSettings()
      var spikes: [Int] = []
      var hooks = TrainingHooks()
      hooks.event = { if case .spike(let step, _, _) = $0 { spikes.append(step) } }
      var unwatched = try sampler()
      let reference = try Trainer(start: start("llama-plain"), settings: settings(steps: 45))
        .run(&unwatched)
      var results: [TrainingResult] = []
      for action in [SpikeWatch.Action.warn, .skip, .off] {
        loop.spikes = action
        loop.spikeWindow = 20
        var sampler = try sampler()
        results.append(
          try Trainer(start: start("llama-plain"), settings: settings(steps: 45), loop: loop)
            .run(&sampler, hooks: hooks))
      }
      #expect(spikes == [41, 41])
      let expected = try weights(reference.checkpoint)
      // A warning changes nothing.
      #expect(try weights(results[0].checkpoint) == expected)
      #expect(try weights(results[2].checkpoint) == expected)
      #expect(try weights(results[1].checkpoint) != expected)
      // The batch is seen and counted, and nothing is learnt from it.
      #expect(results[1].records[40] == reference.records[40])
      #expect(results[1].records[41].trainLoss != reference.records[41].trainLoss)
    }

    @Test func `the batch of a step that is not finite is handed over`() throws {
      let good = try start("llama-plain")
      let poisoned = try Checkpoint.inMemory(
        config: good.config,
        tensors: good.names.map { name in
          var values = try good.floats(name)
          if name == "model.norm.weight" { values[0] = .nan }
          return (name: name, shape: try #require(good.info(name)).shape, values: values)
        })
      var failed: [Window] = []
      var hooks = TrainingHooks()
      hooks.failedBatch = { step, windows in
        #expect(step == 0)
        failed = windows
      }
      var sampler = try examples()
      var again = try examples()
      #expect(throws: TrainingError.self) {
        try Trainer(start: poisoned, settings: settings(steps: 2)).run(&sampler, hooks: hooks)
      }
      #expect(failed == (0..<4).map { _ in again.next() })
    }

    // MARK: The probe

    @Test func `the longest batch is tried before the first step and changes nothing`() throws {
      var plain = try examples()
      let expected = try Trainer(start: start(), settings: settings(steps: 3)).run(&plain)
      var order: [String] = []
      var hooks = TrainingHooks()
      hooks.probe = { peak, _ in
        #expect(peak > 0)
        order.append("probe")
      }
      hooks.step = { order.append("step \($0.step)") }
      var sampler = try examples()
      let result = try Trainer(start: start(), settings: settings(steps: 3))
        .run(&sampler, hooks: hooks)
      #expect(order == ["probe", "step 1", "step 2", "step 3"])
      #expect(try weights(result.checkpoint) == weights(expected.checkpoint))
    }

    @Test func `a probe that refuses ends the training before its first step`() throws {
      struct Refusal: Error {}
      var hooks = TrainingHooks()
      hooks.probe = { _, _ in throw Refusal() }
      var steps = 0
      hooks.step = { _ in steps += 1 }
      var sampler = try examples()
      #expect(throws: Refusal.self) {
        try Trainer(start: start(), settings: settings(steps: 3)).run(&sampler, hooks: hooks)
      }
      #expect(steps == 0)
    }
  }
#endif
