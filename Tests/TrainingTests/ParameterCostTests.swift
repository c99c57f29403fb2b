// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Tensors
  import Testing

  @testable import Training

  /// What a training will hold and compute, from settings and shapes alone.
  struct ParameterCostTests {
    private let config = TrainingGolden.tinyConfig("llama", tied: true)

    private func memory(
      _ yaml: String, keepsAverage: Bool = false, storedByteCount: (String) -> Int? = { _ in nil }
    ) throws -> ParameterMemory {
      let settings = try TrainingGolden.settings(yaml)
      return try ParameterPlan(config: config, origin: "a test", settings: settings).memory(
        settings, keepsAverage: keepsAverage, storedByteCount: storedByteCount)
    }

    private func tensors() throws -> [TensorOutline] {
      let plan = try ParameterPlan(
        config: config, origin: "a test", settings: TrainingGolden.settings("{}"))
      return plan.trained.map(\.outline)
    }

    private func count(_ tensors: [TensorOutline]) -> Int { tensors.reduce(0) { $0 + $1.count } }

    @Test func `AdamW over all weights takes five times as much as they do`() throws {
      let all = 4 * count(try tensors())
      let whole = ParameterMemory(duringSteps: 5 * all, forCheckpoint: 0)
      #expect(try memory("{}") == whole)
      #expect(try memory("{micro_batches: 2}").duringSteps == 6 * all)
      #expect(try memory("{}", keepsAverage: true).duringSteps == 6 * all)
      #expect(try memory("{optimizer: {type: sgd, momentum: 0}}").duringSteps == 3 * all)
    }

    @Test func `frozen weights take what they take in the checkpoint`() throws {
      let tensors = try tensors()
      let embedding = tensors.filter { $0.role == .embedding }
      let rest = count(tensors) - count(embedding)
      #expect(
        try memory("train_only: [embeddings]").duringSteps == 5 * 4 * count(embedding) + 4 * rest)
      let halves = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, 2 * $0.count) })
      #expect(
        try memory("train_only: [embeddings]", storedByteCount: { halves[$0] }).duringSteps
          == 18 * count(embedding) + 2 * rest)
      // Matrices that are kept in 16 bits; gradients and moments are float32 all the same.
      #expect(
        try memory("{train_only: [embeddings], masters: stored}", storedByteCount: { halves[$0] })
          .duringSteps == 16 * count(embedding) + 2 * rest)
    }

    @Test func `an adapter takes its factors, and the folded weights once a checkpoint is made`()
      throws
    {
      let tensors = try tensors()
      let changed = tensors.filter { $0.name.hasSuffix("q_proj.weight") }
      let factors = changed.reduce(0) { $0 + 3 * ($1.shape[0] + $1.shape[1]) }
      let lora = try memory("adapter: {rank: 3, targets: [q_proj]}")
      #expect(lora.duringSteps == 4 * count(tensors) + 16 * factors)
      #expect(lora.forCheckpoint == 4 * count(changed))
      let lengths = changed.reduce(0) { $0 + $1.shape[0] }
      #expect(
        try memory("adapter: {type: dora, rank: 3, targets: [q_proj]}").duringSteps
          == lora.duringSteps + 16 * lengths)
    }

    @Test func `a frozen weight takes four operations a token, a trained one six`() throws {
      func operations(_ yaml: String) throws -> Int {
        let settings = try TrainingGolden.settings(yaml)
        return try ParameterPlan(config: config, origin: "a test", settings: settings)
          .operationsPerToken(settings)
      }
      let tensors = try tensors()
      // The tied embedding is the head; norms and biases are no matrices.
      let embedding = count(tensors.filter { $0.role == .embedding })
      let matrices = count(tensors.filter { $0.role == .matrix })
      #expect(embedding > 0 && matrices > 0)
      #expect(try operations("{}") == 6 * (embedding + matrices))
      #expect(try operations("train_only: [embeddings]") == 6 * embedding + 4 * matrices)
      #expect(try operations("freeze: [embeddings]") == 4 * embedding + 6 * matrices)
      let factors = tensors.filter { $0.name.hasSuffix("q_proj.weight") }
        .reduce(0) { $0 + 3 * ($1.shape[0] + $1.shape[1]) }
      #expect(
        try operations("adapter: {type: dora, rank: 3, targets: [q_proj]}")
          == 4 * (embedding + matrices) + 6 * factors)
    }

    @Test func `a group for frozen tensors only is refused, for it would change nothing`() throws {
      for yaml in [
        "{freeze: [embeddings], groups: [{match: embeddings, learning_rate_factor: 5}]}",
        "{adapter: {targets: [q_proj]}, groups: [{match: '*.q_proj', weight_decay: 0}]}",
      ] {
        let settings = try TrainingGolden.settings(yaml)
        let error = #expect(throws: TrainingError.self) {
          try ParameterPlan(config: config, origin: "a test", settings: settings)
        }
        #expect(
          error?.diagnosis.what.hasPrefix(
            "`groups.match` should be a pattern for tensors that are trained, found `") == true)
      }
    }
  }
#endif
