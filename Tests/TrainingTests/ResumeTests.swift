// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Synchronization
  import Tensors
  import Testing

  @testable import Training

  /// Ecosystem failure 8, "resume loses data position or optimizer": here it loses nothing.
  struct ResumeTests {
    private struct Crash: Error {}

    private static func start() throws -> Checkpoint {
      let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/models/llama-rich")
      return try Checkpoint.open(directory: golden.path)
    }

    private static func sampler() throws -> MixedSampler {
      func examples(_ name: String, _ seed: UInt64) throws -> ExampleSampler {
        let random = CounterRandom(seed: seed, stream: name)
        let examples: [TrainingExample] = (0..<30).map { index in
          let prompt: [Int32] = (0..<4 + index % 9).map {
            Int32(1 + random.bits(at: index * 16 + $0) % 60)
          }
          return TrainingExample(prompt: prompt, answer: [Int32(1 + index % 7)])
        }
        return try ExampleSampler(
          examples, name: name, windowLength: 32, endOfText: 0, seed: seed)
      }
      return try MixedSampler([
        .init(examples("a", 1), share: 0.7), .init(examples("b", 2), share: 0.3),
      ])
    }

    private static func trainer(
      _ folder: String?, kernels: Kernels = .best
    ) throws -> Trainer {
      var settings = TrainingSettings()
      settings.steps = 8
      settings.batchSize = 3
      settings.microBatches = 2
      settings.learningRate = 5e-3
      settings.logEvery = 2
      settings.saveEvery = 2
      var loop = LoopSettings()
      loop.evaluateEvery = 3
      loop.averageDecay = 0.9
      loop.patience = 50
      return try Trainer(
        start: start(), settings: settings, loop: loop, stateDirectory: folder, identity: "test",
        savesLast: true, kernels: kernels)
    }

    /// A score that the weights decide, so that a wrong resume shows in what is best.
    private static func score(_ snapshot: TrainingSnapshot) throws -> Double {
      let values = try snapshot.checkpoint().floats("model.norm.weight")
      return Double(values.reduce(0, +)) * (snapshot.step == 6 ? -1 : 1)
    }

    private static func hooks() -> TrainingHooks {
      var hooks = TrainingHooks()
      hooks.evaluate = { try score($0) }
      return hooks
    }

    private static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "koine-resume-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      return try body(folder)
    }

    private static func expectSame(_ a: TrainingResult, _ b: TrainingResult) throws {
      func values(_ checkpoint: Checkpoint) throws -> [[UInt32]] {
        try checkpoint.names.map { try checkpoint.floats($0).map(\.bitPattern) }
      }
      #expect(try values(a.checkpoint) == values(b.checkpoint))
      #expect(try values(#require(a.average)) == values(#require(b.average)))
      #expect(a.records == b.records)
      #expect(a.best == b.best)
      #expect(a.trainedTokens == b.trainedTokens)
      #expect(a.seenTokens == b.seenTokens)
      #expect(a.steps == b.steps)
    }

    private static func uninterrupted(_ kernels: Kernels = .best) throws -> TrainingResult {
      var sampler = try sampler()
      return try trainer(nil, kernels: kernels).run(&sampler, hooks: hooks())
    }

    @Test func `a training that fails anywhere goes on to the same bytes (torchtune 2439)`() throws
    {
      let expected = try Self.uninterrupted()
      // Steps, records, evaluations of weights and average, kept checkpoints, saved states.
      var moment = 0
      var fails = true
      while fails {
        fails = false
        moment += 1
        try Self.withFolder { folder in
          var count = 0
          func pass() throws {
            count += 1
            if count == moment {
              fails = true
              throw Crash()
            }
          }
          var hooks = Self.hooks()
          hooks.record = { _ in try pass() }
          hooks.evaluate = {
            try pass()
            return try Self.score($0)
          }
          hooks.keep = { _ in try pass() }
          hooks.keepBest = { _ in try pass() }
          hooks.event = { _ in try pass() }
          var first = try Self.sampler()
          do { _ = try Self.trainer(folder).run(&first, hooks: hooks) } catch is Crash {}
          var second = try Self.sampler()
          let result = try Self.trainer(folder).run(&second, hooks: Self.hooks())
          try Self.expectSame(result, expected)
        }
      }
      #expect(moment > 15)
    }

    /// In the graphs' form, too, in which an update makes new arrays.
    @Test(arguments: [1, 3, 4, 7], [Kernels.fused, .plain])
    func `a training that was asked to stop goes on to the same bytes`(
      stop: Int, kernels: Kernels
    ) throws {
      let expected = try Self.uninterrupted(kernels)
      try Self.withFolder { folder in
        var done = 0
        var hooks = Self.hooks()
        hooks.step = { done = $0.step }
        hooks.shouldStop = { done == stop }
        var first = try Self.sampler()
        #expect(throws: TrainingError.stopped(step: stop, directory: folder)) {
          try Self.trainer(folder, kernels: kernels).run(&first, hooks: hooks)
        }
        var second = try Self.sampler()
        let result = try Self.trainer(folder, kernels: kernels)
          .run(&second, hooks: Self.hooks())
        #expect(result.resumedAt == stop)
        try Self.expectSame(result, expected)
      }
    }

    @Test func `an evaluation that was interrupted is done first on resume`() throws {
      let expected = try Self.uninterrupted()
      try Self.withFolder { folder in
        var hooks = Self.hooks()
        hooks.evaluate = { _ in throw TrainingPause() }
        var first = try Self.sampler()
        #expect(throws: TrainingError.stopped(step: 3, directory: folder)) {
          try Self.trainer(folder).run(&first, hooks: hooks)
        }
        var evaluated: [Int] = []
        hooks.evaluate = {
          evaluated.append($0.step)
          return try Self.score($0)
        }
        var second = try Self.sampler()
        let result = try Self.trainer(folder).run(&second, hooks: hooks)
        #expect(result.resumedAt == 3)
        #expect(evaluated == [3, 3, 6, 6, 8, 8])
        try Self.expectSame(result, expected)
      }
    }

    @Test func `a finished training's state gives its result without another step`() throws {
      try Self.withFolder { folder in
        var first = try Self.sampler()
        let expected = try Self.trainer(folder).run(&first, hooks: Self.hooks())
        var hooks = Self.hooks()
        hooks.step = { _ in Issue.record("no step is left") }
        var second = try Self.sampler()
        let result = try Self.trainer(folder).run(&second, hooks: hooks)
        try Self.expectSame(result, expected)
      }
    }

    // MARK: The state's files

    @Test func `a state has the files that other trainers name so`() throws {
      try Self.withFolder { folder in
        var sampler = try Self.sampler()
        _ = try Self.trainer(folder).run(&sampler, hooks: Self.hooks())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["state-8"])
        let state = folder + "/state-8"
        let names = try FileManager.default.contentsOfDirectory(atPath: state).sorted()
        #expect(
          names == [
            "config.json", "model.safetensors", "optimizer_state.safetensors",
            "trainer_state.json",
          ])
        // The weights are a checkpoint like any other.
        let weights = try Checkpoint.open(directory: state)
        try weights.validate()
        let buffers = try Checkpoint.tensors(inFile: "optimizer_state.safetensors", of: state)
        for name in weights.names {
          for buffer in ["exp_avg.", "exp_avg_sq.", "ema."] {
            #expect(buffers.info(buffer + name)?.shape == weights.info(name)?.shape)
          }
        }
        let json = try JSON.parse(
          Data(contentsOf: URL(fileURLWithPath: state + "/trainer_state.json")), origin: "state")
        #expect(json["global_step"]?.int == 8)
      }
    }

    @Test func `a full disk leaves the state before`() throws {
      let expected = try Self.uninterrupted()
      for limit in [0, 100, 5000, 20_000] {
        try Self.withFolder { folder in
          // The first state is written, the second finds no room.
          let saves = Mutex(0)
          let written = Mutex(0)
          var trainer = try Self.trainer(folder)
          trainer.output = OutputCalls { descriptor, bytes, offset in
            let isFull =
              saves.withLock { $0 >= 1 }
              && written.withLock { written in
                defer { written += bytes.byteCount }
                return written + bytes.byteCount > limit
              }
            guard !isFull else {
              errno = ENOSPC
              return -1
            }
            return bytes.withUnsafeBytes {
              pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset))
            }
          }
          var hooks = Self.hooks()
          hooks.event = { if case .saved = $0 { saves.withLock { $0 += 1 } } }
          var first = try Self.sampler()
          #expect(throws: CheckpointError.self) { try trainer.run(&first, hooks: hooks) }
          #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["state-2"])
          var second = try Self.sampler()
          let result = try Self.trainer(folder).run(&second, hooks: Self.hooks())
          #expect(result.resumedAt == 2)
          try Self.expectSame(result, expected)
        }
      }
    }

    @Test func `a kill in the middle of a save leaves the state before`() async throws {
      let expected = try Self.uninterrupted()
      for writes in [1, 2, 4] {
        let folder = FileManager.default.temporaryDirectory
          .appending(path: "koine-kill-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await #expect(processExitsWith: .signal(SIGKILL)) {
          [folder = folder as String, writes = writes as Int] in
          let saves = Mutex(0)
          let count = Mutex(0)
          var trainer = try ResumeTests.trainer(folder)
          trainer.output = OutputCalls { descriptor, bytes, offset in
            if saves.withLock({ $0 >= 1 }) {
              let isLast = count.withLock { count in
                count += 1
                return count == writes
              }
              if isLast { kill(getpid(), SIGKILL) }
            }
            return bytes.withUnsafeBytes {
              pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset))
            }
          }
          var hooks = ResumeTests.hooks()
          hooks.event = { if case .saved = $0 { saves.withLock { $0 += 1 } } }
          var sampler = try ResumeTests.sampler()
          _ = try trainer.run(&sampler, hooks: hooks)
        }
        var sampler = try Self.sampler()
        let result = try Self.trainer(folder).run(&sampler, hooks: Self.hooks())
        #expect(result.resumedAt == 2)
        try Self.expectSame(result, expected)
      }
    }

    @Test func `a state of other settings is refused with the setting that differs`() throws {
      try Self.withFolder { folder in
        var first = try Self.sampler()
        _ = try Self.trainer(folder).run(&first, hooks: Self.hooks())
        let trainer = try Self.trainer(folder)
        var settings = trainer.settings
        settings.learningRate = 1e-3
        var loop = trainer.loop
        loop.averageDecay = 0.5
        for (other, key) in [
          (
            try Trainer(
              start: Self.start(), settings: settings, loop: trainer.loop, stateDirectory: folder,
              identity: "test"), "settings.learning_rate"
          ),
          (
            try Trainer(
              start: Self.start(), settings: trainer.settings, loop: loop, stateDirectory: folder,
              identity: "test"), "loop.ema_decay"
          ),
          (
            try Trainer(
              start: Self.start(), settings: trainer.settings, loop: trainer.loop,
              stateDirectory: folder, identity: "other"), "identity"
          ),
        ] {
          var again = try Self.sampler()
          do {
            _ = try other.run(&again)
            Issue.record("the state is of another training")
          } catch TrainingError.foreignState(_, let found, _, _) { #expect(found == key) }
        }
      }
    }

    @Test(arguments: ["trainer_state.json", "optimizer_state.safetensors", "model.safetensors"])
    func `a damaged state is an error that names its folder`(file: String) throws {
      try Self.withFolder { folder in
        var first = try Self.sampler()
        _ = try Self.trainer(folder).run(&first, hooks: Self.hooks())
        let path = folder + "/state-8/" + file
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: path))
        var again = try Self.sampler()
        do {
          _ = try Self.trainer(folder).run(&again)
          Issue.record("half a file is no state")
        } catch let error as any Diagnosed {
          #expect("\(error)".contains("state-8"))
        }
      }
    }
  }
#endif
