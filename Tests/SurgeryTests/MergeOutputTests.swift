// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Cards, estimates and the files beside the weights.
@Suite struct MergeOutputTests {
  private func models(_ config: JSON = ["model_type": "other"]) throws -> [String: Checkpoint] {
    let base = try MergeModels.checkpoint(seed: 1, config: config)
    return [
      "base": base, "one": try MergeModels.checkpoint(seed: 2, around: base, config: config),
      "two": try MergeModels.checkpoint(seed: 3, around: base, config: config),
    ]
  }

  private func plan(
    _ recipe: MergeRecipe, _ models: [String: Checkpoint]? = nil
  ) throws -> MergePlan {
    let models = try models ?? self.models()
    return try MergePlan.make(
      recipe, from: ModelResolver { try #require(models[$0.description]) })
  }

  private var ties: MergeRecipe {
    MergeRecipe(
      method: "ties", models: [MergeRecipe.Model("one"), MergeRecipe.Model("two")],
      baseModel: "base", parameters: ["weight": 1.0, "density": 0.5])
  }

  @Test(arguments: [
    ("float16", 65_000, 1), ("float16", 200_000, 2), ("float32", 3e38, 3), ("bfloat16", 3e38, 3),
  ])
  func `a result that overflows its type says where`(
    type: String, size: Float, tensors: Int
  ) throws {
    // 65,520 is the first number that float16 has no room for; two of 3e38 are too large for any.
    let count = 70_001
    func values(_ factor: Float) -> [Float] {
      (0..<count).map { $0 >= 69_000 ? factor * size : Float($0 % 7) }
    }
    var models: [String: Checkpoint] = [:]
    for name in ["one", "two"] {
      models[name] = try Checkpoint.inMemory(
        config: [:],
        tensors: [
          ("a", [70_001], values(1)), ("b", [70_001], values(tensors > 1 ? 1 : 0)),
          ("c", [2], [1, tensors > 2 ? -size : 2]),
        ])
    }
    var recipe = MergeRecipe(
      method: "linear", models: ["one", "two"].map { MergeRecipe.Model($0) },
      parameters: ["weight": 1.0, "normalize": JSON.bool(type == "float16" && size > 65_000)])
    recipe.outDtype = ElementType(torchName: type)
    let plan = try plan(recipe, models)
    #expect(plan.log.messages.isEmpty)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    try CheckpointWriter.write(plan.checkpoint, to: folder.path)
    let others = ["", " and another tensor", " and 2 other tensors"][tensors - 1]
    #expect(
      plan.log.messages == [
        "The result is not finite: `a`\(others) overflowed "
          + "\(ElementType(torchName: type)?.rawValue ?? ""), first at element 69000. Choose a "
          + "wider `dtype`, or smaller weights."
      ])
    let written = plan.log.messages
    // Reading tells the same, and nothing twice.
    _ = try plan.checkpoint.floats("a")
    #expect(plan.log.messages == written)
    let read = try self.plan(recipe, models)
    for name in ["a", "b", "c"] { _ = try read.checkpoint.floats(name) }
    #expect(read.log.messages == written)
  }

  @Test func `numbers that are not finite are found at any place of any type`() throws {
    for type in [ElementType.float32, .bfloat16, .float16] {
      for count in [1, 15, 16, 17, 1024, 1039, 3000] {
        for bad in [Float.nan, .infinity, -.infinity] {
          for place in Set([0, 7, count / 2, count - 1]) where place < count {
            // The largest finite numbers of each are none.
            var values = (0..<count).map { Float($0 % 2 == 0 ? 65_504 : -1) }
            func found() throws -> Int? {
              let bytes = try Checkpoint.inMemory(
                config: [:], tensors: [("w", [count], values)], elementType: type
              ).source("w").prepare().bytes(0..<count, as: type)
              return Conversion.firstNonFinite(bytes.span.bytes, as: type, count: count)
            }
            #expect(try found() == nil)
            values[place] = bad
            #expect(try found() == place)
          }
        }
      }
    }
  }

  @Test func `a card has the method, its source, the models and the recipe as it was written`()
    throws
  {
    let text = "# A comment with ``` in it.\nmerge_method: ties\n"
    let card = ModelCard(
      recipeText: text, recipe: ties, plan: try plan(ties), version: "9.9", options: "--x")
    let page = card.markdown(title: "Mine")
    #expect(page.hasPrefix("---\nlibrary_name: transformers\ntags:\n- koine\n- merge\n- ties\n---"))
    #expect(page.contains("\n# Mine\n") && page.contains("Koine 9.9"))
    #expect(page.contains("arXiv:2306.01708"))
    #expect(page.contains("- `base`, the base\n- `one`\n- `two`\n"))
    #expect(page.contains("koine merge koine_config.yaml OUT --x` makes it again"))
    // The fence is longer than any in the recipe.
    #expect(page.contains("````yaml\n\(text)````"))
    let documents = card.documents(title: "Mine")
    #expect(documents.map(\.name) == ["README.md", "koine_config.yaml"])
    #expect(try documents[1].bytes() == Array(text.utf8))
  }

  @Test(
    arguments: [
      ("owner/name", true), ("owner/name-1.5_b", true), ("/owner/name", false), ("./name", false),
      ("name", false), ("a/b/c", false), ("owner/na me", false), ("~/name", false), ("", false),
    ])
  func `a card names as a base only what a hub could know`(name: String, isNamed: Bool) throws {
    let models = try models(["model_type": "other", "_name_or_path": JSON(name)])
    let page = ModelCard(
      recipeText: "", recipe: ties, plan: try plan(ties, models), version: "1"
    ).markdown(title: "Mine")
    #expect(page.contains("base_model:\n- \(name)\nlibrary_name") == isNamed)
    #expect(page.contains("base_model:") == isNamed)
  }

  @Test func `a plan lists every stored model once, those of nested merges too`() throws {
    var outer = ties
    outer.models = [MergeRecipe.Model(ModelReference(.merge(ties))), MergeRecipe.Model("two")]
    #expect(try plan(outer).models.map(\.name).sorted() == ["base", "one", "two"])
  }

  @Test func `an estimate counts inputs, output and memory, and measures the time`() throws {
    let plan = try plan(ties)
    let size = 4 * MergeModels.awkwardShapes.reduce(0) { $0 + $1.elementCount }
    let estimate = MergeEstimate(plan, threads: 2)
    #expect(estimate.inputByteCount == 3 * size && estimate.outputByteCount == size)
    // Two threads, three inputs, of the largest tensor.
    #expect(estimate.workingByteCount == 2 * 4099 * 4 * 8)
    #expect(estimate.seconds == nil)
    let measured = try MergeEstimate.measured(plan, threads: 2)
    #expect((measured.seconds ?? -1) > 0)
    #expect(measured.workingByteCount == estimate.workingByteCount)
  }

  @Test func `an estimate of a model that cannot be merged says why`() throws {
    var models = try models()
    models["two"] = try Checkpoint.inMemory(
      config: ["model_type": "other"],
      tensors: MergeModels.awkwardShapes.enumerated().map { number, shape in
        (
          name: "t\(number)", shape: shape,
          values: Array(repeating: Float.nan, count: shape.elementCount)
        )
      }, elementType: .float32, origin: "two")
    let plan = try plan(ties, models)
    #expect(throws: CheckpointError.self) { try MergeEstimate.measured(plan) }
  }

  @Test func `a plan without the tokenizer has none of its files`() throws {
    let models = try models()
    let plan = try MergePlan.make(
      ties, from: ModelResolver { try #require(models[$0.description]) },
      options: {
        var options = MergePlan.Options()
        options.copiesTokenizer = false
        return options
      }())
    #expect(plan.checkpoint.tokenizerFiles.isEmpty)
  }

  @Test func `stages come after those they use, each with the documents it needs`() throws {
    let text = """
      name: outer
      merge_method: linear
      models: [{model: inner, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]
      ---
      name: inner
      merge_method: linear
      models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]
      ---
      merge_method: passthrough
      models: [{model: outer}]
      """
    let graph = try MergeGraph.parse(text, origin: "graph.yaml")
    let stages = graph.stages { "kept/\($0)" }
    #expect(stages.map(\.name) == ["inner", "outer", nil])
    #expect(stages[1].recipe.folders == ["kept/inner", "b"])
    #expect(stages[2].recipe.folders == ["kept/outer"])
    for stage in stages {
      let again = try MergeGraph.parse(stage.text, origin: "stage.yaml")
      #expect(again.result.method == stage.recipe.method)
      #expect(again.stages { "kept/\($0)" }.last?.recipe == stage.recipe)
    }
  }
}
