// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// mergekit's YAML, right and wrong.
@Suite struct MergeRecipeTests {
  private func lines(_ text: String) -> [String] {
    do {
      let recipe = try MergeRecipe.parse(text, origin: "merge.yaml")
      _ = try Merge.plan(recipe) { _ in try MergeModels.checkpoint(seed: 1, shapes: [[2]]) }
      return ["no error"]
    } catch {
      let text = (error as? any Diagnosed)?.description ?? "\(error)"
      return text.split(separator: "\n").map(String.init)
    }
  }

  @Test func `a recipe as people write it is read whole`() throws {
    let recipe = try MergeRecipe.parse(
      """
      # from a model card
      merge_method: ties
      base_model: org/base
      models:
        - model: org/base
        - model: org/ct
          parameters:
            weight: 0.3
            density: 0.5
        - model: org/sft
          parameters: {weight: 1e-1}
      parameters:
        density: 0.8
        normalize: 1.0
        int8_mask: true
        lambda: 0.9
      tokenizer_source: base
      dtype: float32
      out_dtype: torch.bfloat16
      """, origin: "merge.yaml")
    var expected = MergeRecipe(
      method: "ties",
      models: [
        .init("org/base"), .init("org/ct", parameters: ["weight": 0.3, "density": 0.5]),
        .init("org/sft", parameters: ["weight": 0.1]),
      ], baseModel: "org/base",
      parameters: ["density": 0.8, "normalize": true, "lambda": 0.9], elementType: .bfloat16)
    expected.dtype = .float32
    expected.tokenizer = TokenizerSection(source: .base)
    #expect(recipe == expected)
  }

  @Test func `a misspelt key is named with its line and the nearest`() {
    #expect(
      lines("merge_method: linear\nmodels:\n  - model: a\n    paramaters: {weight: 1}\n") == [
        "Unknown key `paramaters` in `models[0]`.", "merge.yaml, line 4",
        "Did you mean `parameters`?",
      ])
    #expect(
      lines("merge_method: linear\nmodel: []\nmodels: []\n") == [
        "Unknown key `model`.", "merge.yaml, line 2", "Did you mean `models`?",
      ])
    #expect(
      lines("models: []\nmerge_metod: linear\n") == [
        "Unknown key `merge_metod`.", "merge.yaml, line 2", "Did you mean `merge_method`?",
      ])
    #expect(lines("models: []\n").first == "The key `merge_method` is missing.")
  }

  @Test func `a misspelt parameter and a misplaced one`() {
    let head = "merge_method: ties\nbase_model: b\nmodels:\n  - model: a\n    parameters:\n"
    #expect(
      lines(head + "      wieght: 1\n") == [
        "The method `ties` has no parameter `wieght`.", "merge.yaml, line 6",
        "Did you mean `weight`?",
      ])
    // `weight` beside `parameters` instead of under it.
    #expect(
      lines("merge_method: linear\nmodels:\n  - model: a\n    weight: 1\n")[0]
        == "`models[0].weight` should be below `parameters` there: `parameters: {weight: …}`, found it "
        + "beside them.")
  }

  @Test func `an unknown method`() {
    let found = lines("merge_method: tias\nmodels: []\n")
    #expect(found[0].hasPrefix("The merge method `tias` is unknown; known: linear, slerp, "))
    #expect(found.dropFirst() == ["merge.yaml, line 1", "Did you mean `ties`?"])
  }

  @Test func `values of the wrong kind`() {
    #expect(
      lines("merge_method: linear\nmodels:\n  - model: a\n    parameters: {weight: heavy}\n")[0]
        == "`models[0].parameters.weight` should be a number, found `heavy`.")
    #expect(
      lines("merge_method: linear\nmodels:\n  - model: a\n    parameters: {weight: [0, x]}\n")[1]
        == "merge.yaml, line 4")
    #expect(
      lines("merge_method: linear\nmodels: []\ndtype: int8\n")[0]
        == "`dtype` should be float32, bfloat16 or float16, found `int8`.")
    #expect(lines("merge_method: [1\n").count == 3)
    #expect(lines("- a\n")[0].hasPrefix("`the document` should be a mapping"))
  }

  private func plan(_ recipe: MergeRecipe) -> [String] {
    do {
      _ = try Merge.plan(recipe) { _ in try MergeModels.checkpoint(seed: 1, shapes: [[2]]) }
      return ["no error"]
    } catch {
      return ((error as? MergeError)?.description ?? "\(error)").split(separator: "\n")
        .map(String.init)
    }
  }

  @Test func `a missing weight names the model`() {
    #expect(
      plan(
        MergeRecipe(
          method: "linear", models: [.init("a", parameters: ["weight": 1])], baseModel: "b"))
        == [
          "The method `linear` needs the parameter `weight`.", "model b",
          "Add `weight` to the model's `parameters`, or at the top level for all models.",
        ])
    #expect(
      plan(MergeRecipe(method: "slerp", models: [.init("a")], baseModel: "b")) == [
        "The method `slerp` needs the parameter `t`.", "`parameters` at the top level",
        "Add `t` to `parameters` at the top level.",
      ])
  }

  @Test func `a recipe built in code is checked like a file`() {
    #expect(
      plan(
        MergeRecipe(
          method: "ties", models: [.init("a", parameters: ["wight": 1])], baseModel: "b")) == [
          "The method `ties` has no parameter `wight`.", "model a", "Did you mean `weight`?",
        ])
    #expect(
      plan(
        MergeRecipe(
          method: "ties", models: [.init("a", parameters: ["weight": 1, "lambda": 2])],
          baseModel: "b"))[0]
        == "The parameter `lambda` of `ties` is one for all models, found under `a`.")
    #expect(
      plan(
        MergeRecipe(
          method: "ties", models: [.init("a", parameters: ["weight": "x"])], baseModel: "b"))[0]
        == #"`weight` should be a number, found "x"."#)
  }

  @Test func `bases and numbers of models`() {
    let one = MergeRecipe.Model("a", parameters: ["weight": 1])
    #expect(
      plan(MergeRecipe(method: "ties", models: [one])) == [
        "The method `ties` needs a `base_model`, found none.", "`base_model`",
        "Name the model that the others were trained from.",
      ])
    #expect(
      plan(
        MergeRecipe(
          method: "slerp", models: [.init("a"), .init("c")], baseModel: "b", parameters: ["t": 0.5])
      )[0]
        == "The method `slerp` merges 1 model(s) besides the base, found 2.")
    #expect(
      plan(MergeRecipe(method: "ties", models: [.init("b")], baseModel: "b"))[0]
        == "The method `ties` merges at least 1 model(s) besides the base, found 0.")
    #expect(
      plan(MergeRecipe(method: "linear", models: [one, one])) == [
        "The model `a` is listed twice.", "`models`", "List it once, with the sum of its weights.",
      ])
  }

  @Test(arguments: [
    ("ties", ["weight": 1, "density": 1.5] as [String: JSON], [:] as [String: JSON]),
    ("dare_ties", ["weight": 1, "density": -0.1], [:]),
    ("iso_cts", [:], ["common_space_fraction": 1.5]),
    ("linear", ["weight": 0], [:]),
    ("ties_sv", ["weight": 1, "slack": -1], [:]),
    ("ties_sv", ["weight": 1, "protect": 2], [:]),
    ("ties_sv", ["weight": 1, "protect": 0.5, "slack": 1], [:]),
    ("dare_ties", ["weight": 1], ["seed": -1]),
    ("task_arithmetic", ["weight": 1e300], [:]),
  ])
  func `values out of range`(method: String, own: [String: JSON], shared: [String: JSON]) {
    let recipe = MergeRecipe(
      method: method, models: [.init("a", parameters: own)],
      baseModel: method == "linear" ? nil : "b", parameters: shared)
    let found = plan(recipe)
    #expect(found.count == 3 && found[0].contains(" should be "), "\(found)")
  }

  @Test func `the base may be listed or not`() throws {
    let base = try MergeModels.checkpoint(seed: 1)
    let child = try MergeModels.checkpoint(seed: 2)
    func merged(_ models: [MergeRecipe.Model]) throws -> [String: [Float]] {
      let recipe = MergeRecipe(
        method: "task_arithmetic", models: models, baseModel: "base", parameters: ["weight": 0.5])
      return try MergeModels.values(Merge.plan(recipe) { $0 == "base" ? base : child })
    }
    let unlisted = try merged([.init("child")])
    #expect(try merged([.init("base"), .init("child")]) == unlisted)
    #expect(try merged([.init("child"), .init("base")]) == unlisted)
  }
}
