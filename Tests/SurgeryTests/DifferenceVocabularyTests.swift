// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// Rows of the vocabulary in differences.
@Suite struct DifferenceVocabularyTests {
  let folders = MergeVocabularyTests.Folders()

  private func transfer(
    target: Checkpoint, tuned: Checkpoint, base: Checkpoint, _ section: TokenizerSection?,
    method: String = "transfer", lambda: JSON = 1
  ) throws -> MergePlan {
    let models = ["target": target, "tuned": tuned, "base": base]
    var recipe = MergeRecipe(
      method: method,
      models: [
        .init(
          ModelReference(
            .difference(
              .init(tuned: ModelReference(path: "tuned"), base: ModelReference(path: "base")))),
          parameters: ["weight": 1])
      ], baseModel: "target", parameters: ["lambda": lambda])
    recipe.tokenizer = section
    return try MergePlan.make(
      recipe, from: ModelResolver { try #require(models[$0.description]) })
  }

  private func rows(_ plan: MergePlan) throws -> [Float] {
    try plan.checkpoint.floats("model.embed_tokens.weight")
  }

  private let tuned = TokenizerSection(source: .model(ModelReference(path: "tuned")))

  @Test func `a token that only the tuned model has gets its row`() throws {
    let target = try folders.model("target", ["x", "y"], start: 10)
    let base = try folders.model("base", ["x", "y"], start: 100)
    let chat = try folders.model("tuned", ["x", "y", "chat"], start: 105)
    let plan = try transfer(target: target, tuned: chat, base: base, tuned)
    #expect(try rows(plan) == [15, 16, 107])
    #expect(plan.checkpoint.config["vocab_size"]?.int == 3)
    let half = try transfer(target: target, tuned: chat, base: base, tuned, lambda: 0.5)
    #expect(try rows(half) == [12.5, 13.5, 53.5])
    let union = try transfer(
      target: target, tuned: chat, base: base, TokenizerSection(source: .union), method: "ties")
    #expect(try rows(union) == [15, 16, 107])
    // In the target's own vocabulary there is no place for it.
    let own = try transfer(
      target: target, tuned: chat, base: base, TokenizerSection(source: .base))
    #expect(try rows(own) == [15, 16])
  }

  @Test func `rows follow their tokens in all three`() throws {
    let target = try folders.model("target", ["z", "x", "mine", "y"], start: 10)
    let base = try folders.model("base", ["y", "x", "z"], start: 100)
    let chat = try folders.model("tuned", ["x", "y", "z"], start: 1000)
    let plan = try transfer(
      target: target, tuned: chat, base: base, TokenizerSection(source: .base))
    // z: 1002 − 102, x: 1000 − 101, y: 1001 − 100; the target's own token has no difference.
    #expect(try rows(plan) == [910, 910, 12, 914])
  }

  @Test func `rules force rows of models, and a difference lends none`() throws {
    let target = try folders.model("target", ["x", "y"], start: 10)
    let base = try folders.model("base", ["x", "y"], start: 100)
    let chat = try folders.model("tuned", ["x", "y"], start: 105)
    let section = TokenizerSection(
      source: .base,
      tokens: [.init("y", source: .model(ModelReference(path: "target")), isForced: true)])
    #expect(try rows(transfer(target: target, tuned: chat, base: base, section)) == [15, 11])
  }

  @Test func `without tokenizers rows belong together by number, and none is cut off`() throws {
    func model(_ rows: [Float]) throws -> Checkpoint {
      try Checkpoint.inMemory(
        config: [
          "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 0,
          "tie_word_embeddings": true,
        ], tensors: [("model.embed_tokens.weight", [rows.count, 1], rows)])
    }
    let three = try model([10, 11, 12])
    let plan = try transfer(target: three, tuned: model([5, 6, 7]), base: model([1, 1]), nil)
    #expect(try rows(plan) == [14, 16, 19])
    let lines = MergeModels.lines {
      _ = try transfer(target: three, tuned: model([5, 6, 7]), base: model([1, 1, 1, 1]), nil)
    }
    #expect(lines[0].contains("has shape [3, 1] in one model and [4, 1] in another"))
    #expect(lines[2] == MergeError.vocabularyAdvice)
  }

  @Test func `rows behind the tokens stay with their numbers`() throws {
    // Padding of two rows each.
    let target = try folders.model("target", ["x", "y"], start: 10, rows: 4)
    let base = try folders.model("base", ["y", "x"], start: 100, rows: 4)
    let chat = try folders.model("tuned", ["x", "y"], start: 105, rows: 4)
    let difference = ModelReference(
      .difference(.init(tuned: ModelReference(path: "tuned"), base: ModelReference(path: "base"))))
    let models = ["target": target, "tuned": chat, "base": base]
    let recipe = MergeRecipe(method: "transfer", models: [.init(difference)], baseModel: "target")
    let plan = try MergePlan.make(
      recipe, from: ModelResolver { try #require(models[$0.description]) })
    // 105 − 101, 106 − 100, then by number 107 − 102 and 108 − 103.
    #expect(try rows(plan) == [14, 17, 17, 18])
  }

  @Test func `a target with another vocabulary needs a tokenizer section`() throws {
    let target = try folders.model("target", ["x", "y"], start: 10)
    let base = try folders.model("base", ["x", "y"], start: 100)
    let chat = try folders.model("tuned", ["x", "y", "chat"], start: 105)
    let lines = MergeModels.lines {
      _ = try transfer(target: target, tuned: chat, base: base, nil)
    }
    #expect(lines[0] == "`vocab_size` is 2 in one model's config.json and 3 in another's.")
    #expect(lines[2] == MergeError.vocabularyAdvice)
  }
}
