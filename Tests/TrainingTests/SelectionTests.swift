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

  /// Groups, freezing, and what patterns mean.
  struct SelectionTests {
    private func start() throws -> Checkpoint {
      try TrainingGolden.checkpoint(TrainingGolden.tinyConfig("llama", tied: false))
    }

    private func train(_ yaml: String, _ start: Checkpoint) throws -> Checkpoint {
      var settings = try TrainingGolden.settings(yaml)
      settings.steps = 3
      settings.batchSize = 2
      settings.learningRate = 1e-2
      settings.warmup = 0
      var sampler = try ListSampler(
        tokens: GoldenLossTests.tokens("llama-rich").map { $0.map { $0 % 40 } })
      return try Trainer(start: start, settings: settings).run(&sampler).checkpoint
    }

    /// The names of tensors that training changed.
    private func changed(_ yaml: String) throws -> [String] {
      let start = try start()
      let result = try train(yaml, start)
      try result.validate()
      #expect(result.names.sorted() == start.names.sorted())
      return try start.names.filter { try start.floats($0) != result.floats($0) }.sorted()
    }

    @Test func `what is frozen keeps its bits, what is not changes`() throws {
      #expect(
        try changed("train_only: embeddings") == ["lm_head.weight", "model.embed_tokens.weight"])
      #expect(
        try changed("train_only: ['model.layers.1.mlp.*', model.norm]") == [
          "model.layers.1.mlp.down_proj.weight", "model.layers.1.mlp.gate_proj.weight",
          "model.layers.1.mlp.up_proj.weight", "model.norm.weight",
        ])
      let all = try start().names
      #expect(
        try changed("freeze: [embeddings, norms, '/layers.0/']")
          == all.filter {
            !$0.contains("norm") && !$0.contains("layers.0") && !$0.contains("embed")
              && !$0.contains("lm_head")
          }.sorted())
      #expect(
        try changed("{train_only: new_blocks, new_blocks: [1]}")
          == all.filter { $0.contains("layers.1.") }.sorted())
      #expect(
        try changed(
          "groups: [{match: '*', learning_rate_factor: 0}, {match: model.norm, learning_rate_factor: 1}]"
        )
          == ["model.norm.weight"])
    }

    @Test func `new rows alone are trained, and as with the whole tensor`() throws {
      let start = try start()
      let name = "model.embed_tokens.weight"
      let before = try start.floats(name)
      let rows = "[{match: embeddings, learning_rate_factor: 0}, {match: model.embed_tokens, "
      let result = try train(
        "{train_only: model.embed_tokens, groups: \(rows)learning_rate_factor: 1, rows: {from: 30}}]}",
        start)
      let after = try result.floats(name)
      #expect(after[..<(30 * 24)].elementsEqual(before[..<(30 * 24)]))
      #expect(zip(after[(30 * 24)...], before[(30 * 24)...]).contains { $0 != $1 })
      let byIDs = try train(
        "{train_only: model.embed_tokens, groups: \(rows)learning_rate_factor: 1, rows: {ids: [39, 38, 37, 36, 35, 34, 33, 32, 31, 30]}}]}",
        start)
      #expect(try byIDs.floats(name) == after)
    }

    @Test func `factors of groups multiply the rate, and the last decay counts`() throws {
      let start = try start()
      let plan = try ParameterPlan(
        config: start.config, origin: "a test",
        settings: TrainingGolden.settings(
          "{decay_embeddings: false, groups: [{match: '*.mlp.*', weight_decay: 0.5, "
            + "learning_rate_factor: 3}, {match: '*.up_proj', weight_decay: 0}]}"))
      func part(_ name: String) throws -> ParameterPlan.Part {
        try #require(plan.trained.first { $0.outline.name == name })
      }
      #expect(try part("model.layers.0.mlp.gate_proj.weight").weightDecay == 0.5)
      #expect(try part("model.layers.0.mlp.up_proj.weight").weightDecay == 0)
      #expect(try part("model.layers.0.mlp.up_proj.weight").rates.map(\.factor) == [3])
      #expect(try part("model.embed_tokens.weight").weightDecay == 0)
      #expect(try part("model.norm.weight").weightDecay == 0)
      #expect(try part("model.layers.0.self_attn.q_proj.weight").weightDecay == 0.1)
    }

    @Test func `a pattern that matches nothing is an error with a suggestion`() throws {
      let start = try start()
      for (yaml, key, nearest) in [
        ("freeze: [embedding]", "freeze", "embeddings"),
        ("train_only: ['model.layers.0.mlp.up_pro']", "train_only", "model.layers.*.mlp.up_proj"),
        (
          "groups: [{match: 'model.embed_token.weight', weight_decay: 0}]", "groups.match",
          "model.embed_tokens.weight"
        ),
        ("adapter: {targets: [q_prj]}", "adapter.targets", "q_proj"),
        ("adapter: {train: ['lm_heads']}", "adapter.train", "lm_head"),
      ] {
        let settings = try TrainingGolden.settings(yaml)
        let error = #expect(throws: TrainingError.self) {
          try ParameterPlan(config: start.config, origin: "a test", settings: settings)
        }
        guard case .noMatch(_, let found, let guess, _)? = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
        #expect(found == key)
        #expect(guess == nearest)
        #expect(error?.diagnosis.next == "Did you mean `\(nearest)`?")
      }
    }

    @Test func `settings that cannot be carried out are refused`() throws {
      let start = try start()
      for (yaml, expected) in [
        ("freeze: '*'", TrainingError.nothingTrained),
        ("train_only: '/[/'", .pattern("/[/", problem: "it cannot be read")),
      ] {
        let settings = try TrainingGolden.settings(yaml)
        #expect(throws: expected) {
          try ParameterPlan(config: start.config, origin: "a test", settings: settings)
        }
      }
      for yaml in [
        "groups: [{match: model.embed_tokens, learning_rate_factor: 2, rows: {from: 40}}]",
        "groups: [{match: model.norm, learning_rate_factor: 2, rows: {from: 1}}]",
      ] {
        let settings = try TrainingGolden.settings(yaml)
        #expect(throws: TrainingError.self) {
          try ParameterPlan(config: start.config, origin: "a test", settings: settings)
        }
      }
      for yaml in [
        "groups: [{weight_decay: 1}]", "groups: [{match: a, rows: {from: 1}}]",
        "groups: [{match: a, learning_rate_factor: 1, weight_decay: 0, rows: {from: 1}}]",
        "groups: [{match: a, learning_rate_factor: 1, rows: {from: 1, ids: [2]}}]",
        "groups: [{match: a, learning_rate_factor: 1, rows: {ids: [-2]}}]",
        "groups: [{match: a, learning_rate_factor: 1, rows: {file: /nowhere/ids.txt}}]",
        "train_only: new_blocks", "{adapter: {}, freeze: norms}", "adapter: {rank: 0}",
        "adapter: {dropout: 1}", "adapter: {type: ia3}", "adapter: {targets: []}",
      ] {
        #expect(throws: DocumentError.self, "\(yaml)") { try TrainingGolden.settings(yaml) }
      }
    }

    @Test func `globs match whole names`() {
      func matches(_ glob: String, _ name: String) -> Bool {
        TensorPattern.matches(Array(glob.utf8), name)
      }
      #expect(matches("*", "") && matches("a*b*c", "aXXbYc") && matches("?b", "ab"))
      #expect(!matches("a", "ab") && !matches("*a", "ab") && !matches("", "a"))
      #expect(matches("model.layers.*.mlp.*", "model.layers.10.mlp.up_proj.weight"))
      // Exponential where every star is tried everywhere.
      #expect(
        !matches(String(repeating: "*a", count: 60), String(repeating: "a", count: 5000) + "b"))
    }
  }
#endif
