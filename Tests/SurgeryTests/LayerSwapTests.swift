// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// Layer swapping, and where tensors stand.
@Suite struct LayerSwapTests {
  private func shares(_ count: Int, _ change: (inout LayerSwap.Parameters) -> Void = { _ in })
    throws -> [Double]
  {
    var parameters = LayerSwap.Parameters()
    change(&parameters)
    let swap = try LayerSwap(parameters)
    return (0..<count).map { swap.share(at: .layer(index: $0, of: count)) }
  }

  @Test func `of 32 layers the paper's 5 and 4 stay, and one on either side is a mean`() throws {
    func expected(_ bottom: Int, _ middle: Int, _ top: Int) -> [Double] {
      let (low, high) = (
        [Double](repeating: 0, count: bottom), [Double](repeating: 0, count: top)
      )
      return low + [0.5] + [Double](repeating: 1, count: middle) + [0.5] + high
    }
    #expect(try shares(32) == expected(5, 21, 4))
    // 16 layers: ⌈2.5⌉ and 2; 24: ⌈3.75⌉ and 3.
    #expect(try shares(16) == expected(3, 9, 2))
    #expect(try shares(24).count { $0 == 0 } == 7)
  }

  @Test func `zones go over linearly and may fill what is between the ends`() throws {
    #expect(
      try shares(10) { ($0.bottom, $0.top, $0.transition) = (1, 2, 3) }
        == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0, 0])
    #expect(
      try shares(8) { ($0.bottom, $0.top, $0.transition) = (1, 1, 3) }
        == [0, 0.25, 0.5, 0.75, 0.75, 0.5, 0.25, 0])
    #expect(try shares(3) { ($0.bottom, $0.top, $0.transition) = (0, 0, 0) } == [1, 1, 1])
    #expect(try shares(3) { ($0.bottom, $0.top, $0.transition) = (3, 0, 0) } == [0, 0, 0])
  }

  private func plan(
    _ parameters: [String: JSON] = [:], layers: Int = 8, head: Bool = true,
    modify: (inout MergeRecipe) -> Void = { _ in }
  ) throws -> (plan: MergePlan, language: Checkpoint, task: Checkpoint) {
    let shapes = MergeModels.layered(layers: layers, head: head)
    let language = try MergeModels.llama("language", shapes)
    let task = try MergeModels.llama("task", shapes)
    var recipe = MergeRecipe(
      method: "layer_swap", models: [.init("task")], baseModel: "language", parameters: parameters)
    modify(&recipe)
    let plan = try MergePlan.make(
      recipe, from: ModelResolver { $0.description == "task" ? task : language })
    return (plan, language, task)
  }

  @Test func `ends, embedding and head are the language expert's, the middle the task expert's`()
    throws
  {
    let (plan, language, task) = try plan()
    func stem(_ layer: Int) -> String { "model.layers.\(layer).mlp.down_proj.weight" }
    // ⌈40/32⌉ = 2 below, 1 above, one between: 0 0 ½ 1 1 1 ½ 0.
    for name in [
      stem(0), stem(1), stem(7), "model.embed_tokens.weight", "model.norm.weight",
      "lm_head.weight",
    ] {
      #expect(try plan.checkpoint.floats(name) == language.floats(name), "\(name)")
    }
    for layer in 3...5 {
      #expect(try plan.checkpoint.floats(stem(layer)) == task.floats(stem(layer)))
    }
    for layer in [2, 6] {
      let expected = zip(try language.floats(stem(layer)), try task.floats(stem(layer)))
        .map { Float((Double($0) + Double($1)) / 2) }
      #expect(try plan.checkpoint.floats(stem(layer)) == expected)
    }
  }

  @Test func `what is outside the layers may be shared`() throws {
    let (plan, language, task) = try plan(["embeddings": 1, "head": 0.25])
    let name = "model.embed_tokens.weight"
    #expect(try plan.checkpoint.floats(name) == task.floats(name))
    for name in ["lm_head.weight", "model.norm.weight"] {
      let expected = zip(try language.floats(name), try task.floats(name))
        .map { Float(0.75 * Double($0) + 0.25 * Double($1)) }
      #expect(try plan.checkpoint.floats(name) == expected)
    }
  }

  @Test func `layers are those of the result, whatever layers they come from`() throws {
    let (plan, language, task) = try plan(["bottom": 1, "top": 1, "transition": 0]) { recipe in
      func sources(_ start: Int, _ end: Int) -> MergeRecipe.Slice {
        .init(
          ["language", "task"].map {
            .init(ModelReference(path: $0), layers: start, to: end)
          })
      }
      recipe.models = []
      recipe.slices = [sources(4, 6), sources(0, 2)]
    }
    let stem = "self_attn.o_proj.weight"
    for (layer, (model, home)) in [(language, 4), (task, 5), (task, 0), (language, 1)].enumerated()
    {
      #expect(
        try plan.checkpoint.floats("model.layers.\(layer).\(stem)")
          == model.floats("model.layers.\(home).\(stem)"))
    }
    let places = plan.tensors.filter { $0.name.hasSuffix(stem) }.map(\.place)
    #expect(places == (0..<4).map { .layer(index: $0, of: 4) })
    #expect(plan.tensors.first { $0.name == "lm_head.weight" }?.place == .after)
    #expect(plan.tensors.first { $0.name == "model.embed_tokens.weight" }?.place == .before)
  }

  @Test func `each module is divided by its own number of layers`() throws {
    func model(_ value: Float) throws -> Checkpoint {
      let names =
        (0..<6).map { "encoder.block.\($0).w" } + (0..<4).map { "decoder.block.\($0).w" }
      return try Checkpoint.inMemory(
        config: [:], tensors: names.map { ($0, [1], [value]) }, origin: "\(value)")
    }
    let recipe = MergeRecipe(
      method: "layer_swap", models: [.init("task")], baseModel: "language",
      parameters: ["bottom": 1, "top": 1])
    let merged = try MergePlan.make(
      recipe, from: ModelResolver { try model($0.description == "task" ? 1 : 0) }
    ).checkpoint
    func values(_ stack: String, _ count: Int) throws -> [Float] {
      try (0..<count).map { try merged.floats("\(stack).block.\($0).w")[0] }
    }
    #expect(try values("encoder", 6) == [0, 0.5, 1, 1, 0.5, 0])
    #expect(try values("decoder", 4) == [0, 0.5, 0.5, 0])
  }

  // MARK: Errors

  private func lines(_ parameters: [String: JSON], layers: Int = 8) -> [String] {
    MergeModels.lines { _ = try plan(parameters, layers: layers) }
  }

  @Test func `zones that do not fit are an error of the plan`() {
    #expect(
      lines(["bottom": 4, "top": 3]) == [
        "The zones of `layer_swap` take 9 layers (bottom 4, top 3, twice 1 between), and the result "
          + "has 8.",
        "`bottom`, `top` and `transition`", "Lower them until the zones fit.",
      ])
    #expect(lines(["bottom": 3, "top": 3]) == ["no error"])
    // Too few layers for the defaults.
    #expect(lines([:], layers: 2)[0].contains("take 4 layers (bottom 1, top 1, twice 1 between)"))
    #expect(lines([:], layers: 4) == ["no error"])
  }

  @Test func `parameters out of range`() {
    #expect(
      lines(["bottom": -1])[0] == "`bottom` should be a whole number of at least 0, found -1.")
    #expect(lines(["top": 1.5])[0] == "`top` should be a whole number of at least 0, found 1.5.")
    #expect(
      lines(["transition": 200_000])[0]
        == "`transition` should be a whole number from 0 to 100000, found 200000.0.")
    for name in ["embeddings", "head"] {
      #expect(lines([name: 1.5])[0] == "`\(name)` should be a number from 0 to 1, found 1.5.")
    }
  }

  @Test func `there are two models, and both have every tensor`() throws {
    let three = MergeModels.lines { _ = try plan { $0.models.append(.init("other")) } }
    #expect(three[0] == "The method `layer_swap` merges 1 model(s) besides the base, found 2.")
    let orphan = MergeModels.lines { _ = try plan { $0.baseModel = nil } }
    #expect(orphan[0] == "The method `layer_swap` needs a `base_model`, found none.")
    let shapes = MergeModels.layered(layers: 4)
    let bias = shapes + [("model.layers.1.self_attn.q_proj.bias", [2])]
    let recipe = MergeRecipe(
      method: "layer_swap", models: [.init("task")], baseModel: "language")
    let lines = MergeModels.lines {
      _ = try MergePlan.make(
        recipe,
        from: ModelResolver {
          try MergeModels.llama($0.description, $0.description == "task" ? bias : shapes)
        })
    }
    #expect(lines[0].contains("q_proj.bias` of shape [2] is in one model and missing in another"))
  }
}
