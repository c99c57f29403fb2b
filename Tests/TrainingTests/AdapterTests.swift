// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Surgery
  import Tensors
  import Testing

  @testable import Training

  /// Adapters from training to the folders that others load.
  struct AdapterTests {
    private func rows(vocabulary: Int) -> [[Int32]] {
      let random = CounterRandom(seed: 8, stream: "rows")
      return (0..<30).map { row in
        (0..<17).map { Int32(random.bits(at: row % 4 * 64 + $0) % UInt32(vocabulary)) }
      }
    }

    private func train(_ yaml: String, _ start: Checkpoint) throws -> TrainingResult {
      var settings = try TrainingGolden.settings(yaml)
      settings.steps = 8
      settings.batchSize = 2
      settings.learningRate = 2e-2
      settings.warmup = 0
      settings.logEvery = 1
      settings.seed = 4
      let vocabulary = try #require(start.config["vocab_size"]?.int)
      var sampler = try ListSampler(tokens: rows(vocabulary: vocabulary))
      return try Trainer(start: start, settings: settings).run(&sampler)
    }

    private func logits(_ checkpoint: Checkpoint) throws -> [Float] {
      try Model(checkpoint, weights: .float32).logits([3, 17, 8, 25, 39, 1, 2]).flatMap { $0 }
    }

    private func worst(_ a: [Float], _ b: [Float]) -> Float {
      #expect(a.count == b.count && !a.isEmpty)
      return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    private func folder() -> String {
      FileManager.default.temporaryDirectory.appending(path: "koine-\(UUID().uuidString)").path
    }

    @Test(arguments: [
      "{adapter: {rank: 3}}", "{adapter: {type: dora, rank: 2, use_rslora: true}}",
      "{adapter: {targets: [q_proj, v_proj], train: [embeddings, model.norm]}}",
      "{adapter: {targets: ['model.layers.1.mlp.*'], rank: 4, dropout: 0.2}}",
      "{adapter: {type: dora, train: [norms]}, optimizer: muon}",
    ])
    func `both folders folded give the trained logits (peft 2368, unsloth 219)`(yaml: String) throws
    {
      for tied in [false, true] {
        let start = try TrainingGolden.checkpoint(
          TrainingGolden.tinyConfig("llama", tied: tied), scale: 0.5)
        let result = try train(yaml, start)
        let adapter = try #require(result.adapter)
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try adapter.write(to: folder, base: "base")
        let trained = try logits(result.checkpoint)
        #expect(try worst(trained, logits(start)) > 0.05)
        for format in ["peft", "mlx"] {
          let folded = try Adapter.open(directory: folder + "/" + format).folded(into: start)
          #expect(try worst(logits(folded), trained) < 2e-4, "\(format)")
        }
      }
    }

    @Test func `what is folded in gives the loss of training`() throws {
      let start = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig("qwen3", tied: true))
      let result = try train("{adapter: {type: dora, rank: 4, train: [embeddings]}}", start)
      // One more step of rate 0 from the folded model: its loss is that of the next batch.
      var settings = TrainingSettings()
      settings.steps = 1
      settings.batchSize = 16
      settings.learningRate = 0
      settings.logEvery = 1
      var sampler = try ListSampler(tokens: rows(vocabulary: 40))
      let loss = try Trainer(start: result.checkpoint, settings: settings).run(&sampler)
        .records[0].trainLoss
      #expect(loss < result.records[0].trainLoss - 0.1)
    }

    @Test func `nothing changes at first, and frozen weights never do`() throws {
      let start = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig("llama", tied: true))
      for kind in ["lora", "dora"] {
        let settings = try TrainingGolden.settings(
          "adapter: {type: \(kind), rank: 2, dropout: 0.5}")
        try Engine.run {
          let model = try Parameterization(start: start, settings: settings)
          let fresh = try model.checkpoint()
          #expect(try worst(logits(fresh), logits(start)) < 1e-5)
          #expect(!model.trained.contains { $0.outline.role != .factor })
          #expect(model.trainedCount < start.parameterCount)
        }
        let result = try train("{adapter: {type: \(kind), targets: [q_proj]}}", start)
        for name in start.names where !name.contains("q_proj") {
          #expect(try result.checkpoint.floats(name) == start.floats(name))
        }
      }
    }

    @Test func `a changed vocabulary stays tied under LoRA (transformers #45127)`() throws {
      // A base whose vocabulary was extended from 40 to 48 tokens; head and embedding are one.
      var config = TrainingGolden.tinyConfig("llama", tied: true)
      config["vocab_size"] = 48
      let start = try TrainingGolden.checkpoint(config)
      let result = try train("{adapter: {rank: 4, train: [embeddings]}}", start)
      #expect(try #require(result.records.last).trainLoss < result.records[0].trainLoss)
      let folder = folder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try #require(result.adapter).write(to: folder, base: "base")
      let settings = try JSON.parse(
        Data(contentsOf: URL(filePath: folder + "/peft/adapter_config.json")), origin: "peft")
      #expect(settings["ensure_weight_tying"] == true)
      for format in ["peft", "mlx"] {
        let folded = try Adapter.open(directory: folder + "/" + format).folded(into: start)
        #expect(folded.config["tie_word_embeddings"] == true)
        #expect(folded.config["vocab_size"]?.int == 48)
        #expect(folded.info("lm_head.weight") == nil)
        // The collapse: a head of the old embedding under hidden states of the new one.
        #expect(try worst(logits(folded), logits(result.checkpoint)) < 2e-4)
      }
    }

    @Test func `projections of one input are dropped alike, and another pass otherwise`() throws {
      try Engine.run {
        let random = CounterRandom(seed: 4, stream: "dropout.0.0.x")
        let x = try DeviceArray([Float](repeating: 2, count: 5000), shape: [50, 100])
        for kernels in [Kernels.fused, .plain] {
          let dropped = try kernels.dropout(x, Dropout(rate: 0.25, random: random)).floats()
          for (index, value) in dropped.enumerated() {
            let isKept = Double(random.bits(at: index)) >= 0.25 * 4_294_967_296
            #expect(value == (isKept ? 2 * (1 / (1 - Float(0.25))) : 0))
          }
          #expect(abs(dropped.reduce(0, +) / 5000 - 2) < 0.1)
          // The last thirty rows on their own are dropped as they were.
          let part = try DeviceArray([Float](repeating: 2, count: 3000), shape: [3, 10, 100])
          let alone = Dropout(rate: 0.25, random: random, firstPosition: 20)
          #expect(try kernels.dropout(part, alone).floats() == Array(dropped[2000...]))
        }
      }
    }

    @Test func `biases beside a change are refused`() throws {
      var config = TrainingGolden.tinyConfig("llama", tied: true)
      config["attention_bias"] = true
      let start = try TrainingGolden.checkpoint(config)
      let settings = try TrainingGolden.settings("adapter: {train: [biases]}")
      let error = #expect(throws: TrainingError.self) {
        try ParameterPlan(config: start.config, origin: "a test", settings: settings)
      }
      #expect(error?.diagnosis.what.contains("no biases, which PEFT cannot save") == true)
    }

    @Test func `an adapter is replaced only by force`() throws {
      let start = try TrainingGolden.checkpoint(TrainingGolden.tinyConfig("llama", tied: true))
      let adapter = try #require(train("{adapter: {rank: 2}}", start).adapter)
      let folder = folder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try adapter.write(to: folder, base: "base")
      #expect(throws: CheckpointError.self) { try adapter.write(to: folder, base: "base") }
      try adapter.write(to: folder, base: "base", force: true)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder + "/mlx").sorted()
          == ["adapter_config.json", "adapters.safetensors"])
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder + "/peft").sorted()
          == ["adapter_config.json", "adapter_model.safetensors"])
    }
  }
#endif
