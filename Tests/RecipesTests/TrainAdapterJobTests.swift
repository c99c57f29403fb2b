// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Runs
  import Surgery
  import Tensors
  import Testing
  import Tokenization

  @testable import Recipes
  @testable import Training

  /// `koine train` with an `adapter` section, from a base that it trained before; and the batch that
  /// a training which diverged leaves behind.
  struct TrainAdapterJobTests {
    typealias Place = TrainJobTests.Place

    private let environment = RunEnvironment(
      engine: "MLX", blas: "a BLAS", device: "cpu", system: "a system", coreCount: 1)

    /// A base of two layers in `base`, beside what is trained from it.
    private func base(_ place: Place, width: Int = 16) throws -> String {
      let folder = place.root + "/base"
      let recipe = try TrainRecipe(
        yaml: """
          seed: 3
          window_length: 32
          config: {hidden_size: \(width), num_hidden_layers: 2, num_attention_heads: 2,
            tie_word_embeddings: true, max_position_embeddings: 64}
          tokenizer: {vocab_size: 300}
          text: {eng: {files: [eng.txt], deduplicate: false}}
          training: {steps: 4, batch_size: 2, learning_rate: 1e-2}

          """, origin: "base.yaml")
      _ = try TrainJob(recipe, out: folder, dataFolder: place.data).run(environment: environment)
      return folder
    }

    private func job(_ place: Place, base: String, adapter: String) throws -> TrainJob {
      try job(place, base: base, training: "learning_rate: 3e-2, adapter: \(adapter)")
    }

    private func job(_ place: Place, base: String, training: String) throws -> TrainJob {
      let recipe = try TrainRecipe(
        yaml: """
          seed: 5
          model: \(base)
          window_length: 32
          text: {fao: {files: [fao.txt], deduplicate: false}}
          training: {steps: 6, batch_size: 2, save_every: 2, log_every: 1, \(training)}

          """, origin: "adapter.yaml")
      return TrainJob(recipe, out: place.out, dataFolder: place.data)
    }

    private func logits(_ checkpoint: Checkpoint) throws -> [Float] {
      try Model(checkpoint, weights: .float32).logits([3, 17, 8, 25, 39, 1, 2]).flatMap { $0 }
    }

    private func worst(_ a: [Float], _ b: [Float]) -> Float {
      #expect(a.count == b.count && !a.isEmpty)
      return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test(arguments: [
      "{rank: 3}", "{rank: 2, alpha: 8, use_rslora: true, targets: [q_proj, down_proj]}",
      "{type: dora, rank: 2, dropout: 0.2}", "{rank: 2, train: [embeddings]}",
    ])
    func `both adapter folders of a training fold to the logits of its model`(adapter: String)
      throws
    {
      let place = try Place()
      let base = try base(place)
      let summary = try job(place, base: base, adapter: adapter).run(environment: environment)
      #expect(summary.json["steps"]?.int == 6)
      let start = try Checkpoint.open(directory: base)
      let trained = try Checkpoint.open(directory: place.out)
      let expected = try logits(trained)
      #expect(try worst(expected, logits(start)) > 0.01)
      for format in ["mlx", "peft"] {
        let folder = place.out + "/adapter/" + format
        let folded = try Adapter.open(directory: folder).folded(into: start)
        #expect(try worst(logits(folded), expected) < 2e-4, "\(format)")
        let config = try JSON.parse(
          try Disk.read(folder + "/adapter_config.json"), origin: "adapter_config.json")
        // The model to load beside it, as the recipe names it.
        #expect((config["model"] ?? config["base_model_name_or_path"])?.string == base)
      }
    }

    @Test(arguments: [4, 8])
    func `an adapter of a quantised base folds to the logits of its training`(bits: Int) throws {
      let place = try Place()
      let base = place.root + "/quantised"
      let whole = try Checkpoint.open(directory: self.base(place, width: 64))
      let quantised = try ModelQuantization(groups: #require(AffineGroups(bits: bits, size: 32)))
        .apply(to: whole).model
      try CheckpointWriter.write(quantised, to: base)
      let start = try Checkpoint.open(directory: base)
      #expect(start.quantization != nil)
      #expect(try worst(logits(start), logits(whole)) > 1e-5)
      _ = try job(place, base: base, adapter: "{rank: 3}").run(environment: environment)
      let trained = try Checkpoint.open(directory: place.out)
      #expect(trained.quantization == nil)
      let expected = try logits(trained)
      #expect(try worst(expected, logits(start)) > 0.01)
      for format in ["mlx", "peft"] {
        let folded = try Adapter.open(directory: place.out + "/adapter/" + format)
          .folded(into: start)
        #expect(try worst(logits(folded), expected) < 2e-4, "\(format)")
      }
    }

    @Test(arguments: [1, 4])
    func `an adapter's training that was interrupted goes on to the same bytes`(stop: Int) throws {
      let (whole, broken) = (try Place(), try Place())
      let adapter = "{rank: 2, dropout: 0.3, train: [embeddings]}"
      // One base for both: its path stands in the adapters' configurations.
      let base = try base(whole)
      _ = try job(whole, base: base, adapter: adapter).run(environment: environment)
      let cancellation = Cancellation()
      #expect(throws: TrainInterrupted.self) {
        try job(broken, base: base, adapter: adapter).run(
          environment: environment, cancellation: cancellation
        ) {
          if case .step(let progress) = $0, progress.step == stop { cancellation.request() }
        }
      }
      #expect(!Disk.exists(broken.out + "/adapter"))
      let summary = try job(broken, base: base, adapter: adapter).run(environment: environment)
      #expect(summary.json["resumed_at"]?.int == stop)
      for file in [
        "model.safetensors", "adapter/mlx/adapters.safetensors", "adapter/mlx/adapter_config.json",
        "adapter/peft/adapter_model.safetensors", "adapter/peft/adapter_config.json",
      ] {
        #expect(
          try Disk.read(broken.out + "/" + file) == Disk.read(whole.out + "/" + file), "\(file)")
      }
    }

    @Test func `the batch of a training that diverged is there line by line`() throws {
      let place = try Place()
      let base = try base(place)
      // Each step takes the weights a thousand million times as far.
      let job = try job(
        place, base: base,
        training: """
          learning_rate: 100, weight_decay: 10, groups: [{match: matrices, \
          learning_rate_factor: 1000000}]
          """)
      let windows = try job.batch(windowCount: 12)
      let tokenizer = try Tokenizer.load(directory: base)
      do {
        _ = try job.run(environment: environment)
        Issue.record("such rates go beyond all numbers")
      } catch TrainingError.notFinite(let step, _, _, _) {
        let path = place.out + "/batch-step-\(step).jsonl"
        let lines = try Disk.readText(path).split(separator: "\n")
        #expect(lines.count == 2)
        for (row, line) in lines.enumerated() {
          let json = try JSON.parse(String(line), origin: path)
          #expect(json["step"]?.int == step)
          // The windows that `--show-batch` shows for this step.
          let window = windows[step * 2 + row].tokens
          #expect(json["ids"]?.array?.compactMap(\.int) == window.map { Int($0.id) })
          #expect(json["weights"]?.array?.compactMap(\.double) == window.compactMap(\.weight))
          #expect(json["text"]?.string == tokenizer.decode(window.map(\.id)))
        }
      }
    }
  }
#endif
