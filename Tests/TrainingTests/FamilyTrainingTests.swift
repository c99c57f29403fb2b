// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Models
  import Testing

  @testable import Training

  /// Every family from random weights through training.
  struct FamilyTrainingTests {
    private func config(_ modelType: String) -> JSON {
      [
        "model_type": .string(modelType), "vocab_size": 40, "hidden_size": 24,
        "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 6, "max_position_embeddings": 64,
        "sliding_window": 5, "initializer_range": 0.1,
      ]
    }

    private static let families = Blueprint.all.map(\.modelType)

    @Test(arguments: families)
    func `norms of a new model change nothing`(modelType: String) throws {
      let config = config(modelType)
      let blueprint = try #require(Blueprint.named(modelType))
      let checkpoint = try Initialization.random(config: config, seed: 3)
      try checkpoint.validate()
      for name in checkpoint.names where blueprint.template(of: name)?.role == .norm {
        let values = try checkpoint.floats(name)
        #expect(values.allSatisfy { $0 == (modelType.hasPrefix("gemma") ? 0 : 1) }, "\(name)")
      }
    }

    @Test(arguments: families)
    func `a new model of every family learns, and what is trained is a whole checkpoint`(
      modelType: String
    ) throws {
      let examples: [TrainingExample] = (0..<12).map { index in
        let prompt: [Int32] = (0..<6).map { place in Int32(1 + (index * 5 + place) % 30) }
        let answer = Int32(31 + index % 4)
        return TrainingExample(prompt: prompt, answer: [answer])
      }
      var sampler = try ExampleSampler(
        examples, name: "examples", windowLength: 24, endOfText: 0, seed: 2)
      var settings = TrainingSettings()
      settings.steps = 30
      settings.batchSize = 4
      settings.learningRate = 1e-2
      settings.warmup = 0
      settings.logEvery = 1
      let start = try Initialization.random(config: config(modelType), seed: 3)
      let result = try Trainer(start: start, settings: settings).run(&sampler)
      let losses: [Double] = result.records.map { $0.trainLoss }
      #expect(losses.count == 30)
      #expect(try #require(losses.last) < 0.6 * losses[0], "\(losses)")
      try result.checkpoint.validate()
      #expect(result.checkpoint.names.sorted() == start.names.sorted())
    }
  }
#endif
