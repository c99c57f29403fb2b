// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Tensors that some models lack, tie or store in another form.
extension MergePlanTests {
  private func optional(_ present: [String], _ method: String) throws -> MergePlan {
    var models: [String: Checkpoint] = [:]
    for name in ["a", "b", "c"] {
      let bias: [(name: String, shape: Shape)] =
        present.contains(name) ? [("model.layers.0.self_attn.q_proj.bias", [2])] : []
      models[name] = try MergeModels.llama(name, MergeModels.layered(layers: 1) + bias)
    }
    let card = try MergeMethods.named(method).card
    let sources = card.base == .isSource ? ["a", "b", "c"] : ["b", "c"]
    let names = Array(sources.prefix(card.sourceCount.upperBound))
    var parameters: [String: JSON] = [:]
    if card.perSource.contains(where: { $0.name == "weight" }) { parameters["weight"] = 1 }
    if card.requiredShared.contains("t") { parameters["t"] = 0.5 }
    return try plan(
      MergeRecipe(
        method: method, models: names.map { .init($0) },
        baseModel: card.base == .isSource ? nil : "a", parameters: parameters), models)
  }

  private func action(_ present: [String], _ method: String) throws -> String {
    let plan = try optional(present, method)
    guard let tensor = plan.tensors.first(where: { $0.name.hasSuffix("bias") }) else {
      return "left out"
    }
    let models = ((tensor.base.map { [$0] } ?? []) + tensor.sources).map(\.model)
    return "\(tensor.action) \(models.joined(separator: " "))"
  }

  @Test func `a bias that some models lack is merged from the others`() throws {
    #expect(try action(["a", "b", "c"], "linear") == "merge a b c")
    #expect(try action(["a", "c"], "linear") == "merge a c")
    #expect(try action(["c"], "linear") == "merge c")
    #expect(try action(["a", "c"], "ties") == "merge a c")
    // Only the base: nothing changes it.
    #expect(try action(["a"], "ties") == "copy a")
    #expect(throws: MergeError.self) { try action(["b", "c"], "ties") }
    #expect(
      try optional(["a", "c"], "linear").notes.contains(
        "Missing in some models, merged from the others: `model.layers.0.self_attn.q_proj.bias`."))
  }

  @Test func `methods of two models pass a single one through, each in its way`() throws {
    #expect(try action(["a"], "slerp") == "copy a")
    #expect(try action(["b"], "slerp") == "copy b")
    #expect(try action(["a", "b"], "slerp") == "merge a b")
    #expect(try action(["a"], "nearswap") == "copy a")
    #expect(throws: MergeError.self) { try action(["b"], "nearswap") }
    #expect(try action(["a", "b"], "model_stock") == "copy a")
    #expect(try action(["b", "c"], "model_stock") == "left out")
    #expect(try action(["a", "b", "c"], "model_stock") == "merge a b c")
  }

  @Test func `parameters follow their model where another lacks the tensor`() throws {
    var models = try llamas("a", "b", layers: 1)
    let bias = "model.layers.0.self_attn.q_proj.bias"
    let shapes = MergeModels.layered(layers: 1) + [(name: bias, shape: Shape([2]))]
    models["b"] = try MergeModels.llama("b", shapes)
    let recipe = MergeRecipe(
      method: "linear",
      models: [.init("a", parameters: ["weight": 0.25]), .init("b", parameters: ["weight": 0.5])],
      parameters: ["normalize": false])
    let merged = try plan(recipe, models).checkpoint
    #expect(try merged.floats(bias) == #require(models["b"]).floats(bias).map { $0 / 2 })
  }

  @Test func `a required tensor that one model lacks is an error`() throws {
    var models = try llamas("a", "b", layers: 1)
    models["b"] = try MergeModels.llama(
      "b", MergeModels.layered(layers: 1).filter { !$0.name.hasSuffix("v_proj.weight") })
    let recipe = MergeRecipe(
      method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1])
    #expect(
      lines(recipe, models)[0].hasPrefix(
        "The tensor `model.layers.0.self_attn.v_proj.weight` of shape [2, 2] is in one model"))
  }

  // MARK: Heads

  @Test func `a stack of tied models is tied to the first slice's embedding, and says so`() throws {
    let models = try llamas("a", "b")
    let recipe = MergeRecipe(
      method: "linear", slices: [.init([source("a", 0, 2)]), .init([source("b", 1, 3)])],
      parameters: ["weight": 1])
    let plan = try plan(recipe, models)
    #expect(!plan.checkpoint.names.contains("lm_head.weight"))
    #expect(plan.notes.contains { $0.hasPrefix("All heads are tied") })
  }

  @Test func `the config's word on ties is that of the result's head`() throws {
    var models = try llamas("tied", "other")
    models["untied"] = try MergeModels.llama(
      "untied", MergeModels.layered(layers: 3, head: true))
    func stack(_ first: String, _ last: String, base: String?) throws -> Checkpoint {
      try plan(
        MergeRecipe(
          method: "linear", slices: [.init([source(first, 0, 1)]), .init([source(last, 1, 3)])],
          baseModel: base, parameters: ["weight": 1]), models
      ).checkpoint
    }
    // An untied head on a tied donor.
    let written = try stack("tied", "untied", base: nil)
    #expect(written.config["tie_word_embeddings"]?.bool == false)
    #expect(
      try written.floats("lm_head.weight") == #require(models["untied"]).floats("lm_head.weight"))
    // An untied donor whose last slice is tied: the head is that model's embedding.
    let lent = try stack("tied", "other", base: "untied")
    #expect(lent.config["tie_word_embeddings"]?.bool == false)
    #expect(
      try lent.floats("lm_head.weight")
        == #require(models["other"]).floats("model.embed_tokens.weight"))
  }

  @Test func `an unknown model's head is tied where there is none`() throws {
    func model(_ name: String, head: Bool) throws -> Checkpoint {
      var tensors = [
        (name: "model.embed_tokens.weight", shape: Shape([2, 1]), values: [Float(1), 2])
      ]
      if head { tensors.append((name: "lm_head.weight", shape: [2, 1], values: [5, 6])) }
      return try Checkpoint.inMemory(config: [:], tensors: tensors, origin: name)
    }
    let models = ["a": try model("a", head: false), "b": try model("b", head: true)]
    let recipe = MergeRecipe(
      method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1])
    let merged = try plan(recipe, models).checkpoint
    #expect(try merged.floats("lm_head.weight") == [3, 4])
    #expect(merged.config["tie_word_embeddings"]?.bool == false)
  }

  @Test func `experts whose number the config lacks are an error, not a loss`() throws {
    let model = try Checkpoint.inMemory(
      config: [
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "num_hidden_layers": 1,
      ],
      tensors: [
        (
          name: "model.layers.0.block_sparse_moe.experts.0.w1.weight", shape: [1],
          values: [1]
        )
      ])
    let recipe = MergeRecipe(method: "linear", models: [.init("m")], parameters: ["weight": 1])
    let found = lines(recipe, ["m": model])
    #expect(
      found[0].contains("num_local_experts")
        && found[0].contains("`model.layers.0.block_sparse_moe.experts.0.w1.weight`"), "\(found)")
  }

  @Test func `experts that lie one by one meet fused ones`() throws {
    func model(_ name: String, fused: Bool) throws -> Checkpoint {
      let stem = "model.layers.0.mlp.experts"
      var tensors: [(name: String, shape: Shape, values: [Float])] = []
      if fused {
        tensors.append(
          (name: "\(stem).gate_up_proj", shape: [2, 4, 1], values: (0..<8).map { Float($0) }))
        tensors.append((name: "\(stem).down_proj", shape: [2, 1, 2], values: [0, 1, 2, 3]))
      } else {
        for expert in 0..<2 {
          for (part, start) in [("gate_proj", 0), ("up_proj", 2)] {
            tensors.append(
              (
                name: "\(stem).\(expert).\(part).weight", shape: [2, 1],
                values: [Float(4 * expert + start), Float(4 * expert + start + 1)]
              ))
          }
          tensors.append(
            (
              name: "\(stem).\(expert).down_proj.weight", shape: [1, 2],
              values: [Float(2 * expert), Float(2 * expert + 1)]
            ))
        }
      }
      return try Checkpoint.inMemory(
        config: [
          "architectures": ["Qwen3MoeForCausalLM"], "num_hidden_layers": 1, "num_experts": 2,
        ], tensors: tensors, origin: name)
    }
    let (one, two) = (try model("one", fused: true), try model("two", fused: false))
    func merged(_ a: Checkpoint, _ b: Checkpoint) throws -> Checkpoint {
      try plan(
        MergeRecipe(
          method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1]),
        ["a": a, "b": b]
      ).checkpoint
    }
    for checkpoint in [try merged(one, two), try merged(two, one), try merged(one, one)] {
      #expect(checkpoint.names == one.names)
      for name in one.names { #expect(try checkpoint.floats(name) == one.floats(name), "\(name)") }
    }
    // Where all lie one by one, so does the result.
    #expect(try merged(two, two).names == two.names)
  }
}
