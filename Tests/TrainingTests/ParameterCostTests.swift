// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Tensors
  import Testing

  @testable import Training

  /// What a training will compute, from settings and shapes alone.
  struct ParameterCostTests {
    private let config = TrainingGolden.tinyConfig("llama", tied: true)

    private func tensors() throws -> [TensorOutline] {
      let plan = try ParameterPlan(
        config: config, origin: "a test", settings: TrainingGolden.settings("{}"))
      return plan.trained.map(\.outline)
    }

    private func count(_ tensors: [TensorOutline]) -> Int { tensors.reduce(0) { $0 + $1.count } }

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
