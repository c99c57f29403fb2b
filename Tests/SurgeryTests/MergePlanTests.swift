// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Which tensors come from where.
@Suite struct MergePlanTests {
  typealias Source = MergeRecipe.Source

  func source(
    _ model: String, _ start: Int, _ end: Int, _ parameters: [String: JSON] = [:]
  ) -> Source {
    Source(ModelReference(path: model), layers: start, to: end, parameters: parameters)
  }

  func plan(
    _ recipe: MergeRecipe, _ models: [String: Checkpoint],
    options: MergePlan.Options = MergePlan.Options()
  ) throws -> MergePlan {
    try MergePlan.make(
      recipe, from: ModelResolver { try #require(models[$0.description]) }, options: options)
  }

  func lines(_ recipe: MergeRecipe, _ models: [String: Checkpoint]) -> [String] {
    MergeModels.lines { _ = try plan(recipe, models) }
  }

  func llamas(_ names: String..., layers: Int = 3) throws -> [String: Checkpoint] {
    var models: [String: Checkpoint] = [:]
    for name in names {
      models[name] = try MergeModels.llama(name, MergeModels.layered(layers: layers))
    }
    return models
  }

  // MARK: Golden

  static let cases = [
    "gradient_one", "gradient_two", "gradient_three", "gradient_five", "gradient_text", "filters",
    "one_condition", "fall_through", "empty_list", "slices", "names", "flags", "scopes",
    "base_appended", "slice_base", "tied_and_untied", "untied_and_tied", "mixed_types", "out_type",
    "empty_slice",
  ]

  /// Bit for bit where one product is rounded; two units where mergekit rounds each step of a sum
  /// that we round once. See Golden/merge-planning/make.py.
  @Test(arguments: cases)
  func `layers, scopes, filters and gradients are mergekit's`(name: String) throws {
    let folder = golden("merge-planning")
    let text = try String(
      contentsOf: folder.appendingPathComponent("cases/\(name).yaml"), encoding: .utf8)
    let recipe = try MergeRecipe.parse(text, origin: "\(name).yaml")
    let merged = try Merge.plan(recipe) { reference in
      try Checkpoint.open(directory: folder.appendingPathComponent("models/\(reference)").path)
    }
    let file = try SafetensorsFile(
      folder.appendingPathComponent("results/\(name).safetensors").path)
    let expected = try Checkpoint.reading(file)
    #expect(merged.names == expected.names)
    let isProduct = recipe.method == "passthrough"
    for tensor in expected.names {
      #expect(merged.info(tensor) == expected.info(tensor), "\(tensor)")
      let (ours, theirs) = (try merged.floats(tensor), try expected.floats(tensor))
      for i in theirs.indices where ours[i] != theirs[i] {
        let unit = max(theirs[i].magnitude, 0.25).ulp * (name == "out_type" ? 65_536 : 1)
        #expect(
          !isProduct && (ours[i] - theirs[i]).magnitude <= 2 * unit,
          "\(tensor)[\(i)]: \(ours[i]), mergekit \(theirs[i])")
      }
    }
    let config = try JSON.parse(
      Data(contentsOf: folder.appendingPathComponent("results/\(name).config.json")),
      origin: "config")
    #expect(merged.config["num_hidden_layers"]?.int == config["num_hidden_layers"]?.int)
  }

  @Test func `every golden case has its test`() throws {
    let found = try FileManager.default.contentsOfDirectory(
      atPath: golden("merge-planning").appendingPathComponent("cases").path)
    // Those of vocabularies are in MergeVocabularyTests.
    let own = found.map { String($0.dropLast(5)) }.filter { !$0.hasPrefix("tokens_") }
    #expect(own.sorted() == Self.cases.sorted())
  }

  // MARK: Slices

  @Test func `layers move and repeat, what is outside comes from the first and the last slice`()
    throws
  {
    let models = try llamas("a", "b")
    let recipe = MergeRecipe(
      method: "linear",
      slices: [
        .init([source("a", 0, 2)]), .init([source("b", 1, 3)]), .init([source("a", 1, 2)]),
        .init([source("b", 2, 3)]),
      ], parameters: ["weight": 1])
    let plan = try plan(recipe, models)
    #expect(plan.checkpoint.config["num_hidden_layers"]?.int == 6)
    let homes = [("a", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 1), ("b", 2)]
    let stem = "self_attn.o_proj.weight"
    for (layer, home) in homes.enumerated() {
      #expect(
        try plan.checkpoint.floats("model.layers.\(layer).\(stem)")
          == #require(models[home.0]).floats("model.layers.\(home.1).\(stem)"))
    }
    for (name, home) in [("model.embed_tokens.weight", "a"), ("model.norm.weight", "b")] {
      #expect(try plan.checkpoint.floats(name) == #require(models[home]).floats(name))
    }
    // The depth runs from 0 to 1 in each slice; a single layer is the last.
    let depths = (0..<6).map { layer in
      plan.tensors.first { $0.name == "model.layers.\(layer).\(stem)" }?.depth
    }
    #expect(depths == [0, 1, 0, 1, 1, 1])
    #expect(plan.notes.contains("Config and tokenizer are those of a, the first model."))
  }

  @Test func `models of different depth can be sliced, and lists with an entry per layer follow`()
    throws
  {
    let a = try MergeModels.llama(
      "a", MergeModels.layered(layers: 2), config: ["layer_types": ["full", "sliding"]])
    let b = try MergeModels.llama(
      "b", MergeModels.layered(layers: 3), config: ["layer_types": ["x", "y", "z"]])
    let recipe = MergeRecipe(
      method: "linear", slices: [.init([source("a", 0, 2)]), .init([source("b", 1, 3)])],
      parameters: ["weight": 1])
    let plan = try plan(recipe, ["a": a, "b": b])
    #expect(plan.checkpoint.config["layer_types"] == ["full", "sliding", "y", "z"])
    #expect(plan.checkpoint.config["num_hidden_layers"]?.int == 4)
    #expect(
      lines(
        MergeRecipe(method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1]),
        ["a": a, "b": b])[0]
        == "`num_hidden_layers` is 2 in one model's config.json and 3 in another's.")
  }

  @Test func `slices that a model does not have`() throws {
    let models = try llamas("a", "b")
    func slice(_ sources: [Source], method: String = "linear", base: String? = nil) -> [String] {
      lines(
        MergeRecipe(
          method: method, slices: [.init(sources)], baseModel: base, parameters: ["weight": 1]),
        models)
    }
    #expect(
      slice([source("a", 1, 4)]) == [
        "The layers 1 to 4 are asked of a model that has 3.", "`slices[0]`, model a",
        "Correct `layer_range`: from 0 to at most 3, the end not included.",
      ])
    #expect(
      slice([source("b", 0, 1)], method: "ties", base: "a") == [
        "The method `ties` needs the base `a`, which is no source of the slice.", "`slices[0]`",
        "List it among the `sources` with its `layer_range`.",
      ])
    #expect(
      slice([source("a", 0, 1), source("a", 1, 2)])[0] == "The model `a` is listed twice.")
    #expect(slice([])[0] == "The slice has no sources.")
    #expect(slice([source("a", 0, 1), source("b", 0, 2)])[0].hasSuffix("found 1 and 2."))
  }

  // MARK: Modules

  @Test func `a model of one module may call it default`() throws {
    let models = try llamas("a")
    var recipe = MergeRecipe(method: "linear", models: [], parameters: ["weight": 1])
    recipe.modules = [.init("default", slices: [.init([source("a", 1, 3)])])]
    #expect(try plan(recipe, models).checkpoint.config["num_hidden_layers"]?.int == 2)
    recipe.modules = [.init("defualt", slices: [.init([source("a", 1, 3)])])]
    #expect(
      lines(recipe, models) == [
        "LlamaForCausalLM has no module `defualt`; it has default.", "`modules`",
        "Did you mean `default`?",
      ])
  }

  private func twoStacks(_ name: String) throws -> Checkpoint {
    try Checkpoint.inMemory(
      config: ["encoder_layers": 2, "decoder_layers": 1],
      tensors: ["encoder.layers.0.w", "encoder.layers.1.w", "decoder.layers.0.w", "norm"].map {
        (name: $0, shape: [1], values: [name == "a" ? 1 : 2])
      }, origin: name)
  }

  @Test func `each module of a model of several is planned by itself`() throws {
    let models = ["a": try twoStacks("a"), "b": try twoStacks("b")]
    let whole = MergeRecipe(
      method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1])
    let merged = try plan(whole, models).checkpoint
    #expect(merged.names == models["a"]?.names)
    for name in merged.names { #expect(try merged.floats(name) == [1.5], "\(name)") }
    // Slices of a model of several modules belong to one of them.
    let sliced = MergeRecipe(
      method: "linear", slices: [.init([source("a", 0, 1)])], parameters: ["weight": 1])
    #expect(lines(sliced, models)[0].hasPrefix("The recipe says nothing of"))
  }

  // MARK: Architectures

  @Test func `an unknown architecture merges by name, with a note`() throws {
    func model(_ name: String) throws -> Checkpoint {
      try Checkpoint.inMemory(
        config: ["architectures": ["NewForCausalLM"], "num_hidden_layers": 2],
        tensors: ["net.h.0.w", "net.h.1.w", "wte"].map {
          (name: $0, shape: [2], values: name == "a" ? [1, 2] : [3, 4])
        }, origin: name)
    }
    let models = ["a": try model("a"), "b": try model("b")]
    let recipe = MergeRecipe(
      method: "linear",
      models: [.init("a", parameters: ["weight": [0, 1]]), .init("b", parameters: ["weight": 1])])
    let plan = try plan(recipe, models)
    #expect(try plan.checkpoint.floats("net.h.0.w") == [3, 4])
    #expect(try plan.checkpoint.floats("net.h.1.w") == [2, 3])
    #expect(
      plan.notes.contains(
        "The architecture NewForCausalLM is not known here; tensors are merged by name, and layers "
          + "are found by their numbers."))
    let stack = MergeRecipe(
      method: "linear", slices: [.init([source("a", 0, 2)]), .init([source("b", 1, 2)])],
      parameters: ["weight": 1])
    let stacked = try self.plan(stack, models).checkpoint
    #expect(stacked.names == ["net.h.0.w", "net.h.1.w", "net.h.2.w", "wte"])
    #expect(stacked.config["num_hidden_layers"]?.int == 3)
  }

  @Test func `models of different architectures are refused`() throws {
    var models = try llamas("a", "b")
    models["b"] = try MergeModels.llama(
      "b", MergeModels.layered(layers: 3), config: ["architectures": ["LlamaModel"]])
    let recipe = MergeRecipe(
      method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1])
    #expect(
      lines(recipe, models)[0]
        == "`architectures` is LlamaForCausalLM in one model's config.json and LlamaModel in "
        + "another's.")
    // Unless the recipe says what to take it for.
    var same = recipe
    same.models[1].model.architecture = "LlamaForCausalLM"
    #expect(try plan(same, models).checkpoint.names == models["a"]?.names)
  }

  @Test func `tensors that the layout lacks are merged by name, layer by layer`() throws {
    var models: [String: Checkpoint] = [:]
    for name in ["a", "b"] {
      let extra: [(name: String, shape: Shape)] = (0..<2).map {
        ("model.layers.\($0).self_attn.sink.weight", [2])
      }
      models[name] = try MergeModels.llama(
        name, MergeModels.layered(layers: 2) + extra + [(name: "model.extra", shape: Shape([3]))])
    }
    let recipe = MergeRecipe(
      method: "linear", slices: [.init([source("a", 1, 2)]), .init([source("b", 1, 2)])],
      parameters: ["weight": 1])
    let plan = try plan(recipe, models)
    let stem = "self_attn.sink.weight"
    #expect(
      try plan.checkpoint.floats("model.layers.0.\(stem)")
        == #require(models["a"]).floats("model.layers.1.\(stem)"))
    #expect(
      try plan.checkpoint.floats("model.layers.1.\(stem)")
        == #require(models["b"]).floats("model.layers.1.\(stem)"))
    #expect(
      try plan.checkpoint.floats("model.extra") == #require(models["a"]).floats("model.extra"))
    #expect(
      plan.notes.contains(
        "Not part of the layout of LlamaForCausalLM, merged by name: `model.extra` and 1 more."))
  }

  @Test func `settings that differ can be allowed, and are then a note`() throws {
    var models = try llamas("a", "b")
    models["b"] = models["b"]?.replacing(
      config: {
        var config = models["b"]?.config ?? [:]
        config["rope_theta"] = 500_000
        return config
      }())
    models["a"] = models["a"]?.replacing(
      config: {
        var config = models["a"]?.config ?? [:]
        config["rope_theta"] = 10_000
        return config
      }())
    let recipe = MergeRecipe(
      method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1])
    #expect(lines(recipe, models)[0].hasPrefix("`rope_theta` is 10000 in one"))
    let plan = try plan(recipe, models, options: .init(allowsDifferentConfigs: true))
    #expect(
      plan.notes.contains("`rope_theta` is 10000 in a and 500000 in b; the result has the former."))
  }

  // MARK: Nesting and adapters

  @Test func `a nested merge is computed as it is read`() throws {
    let models = try llamas("a", "b", "c")
    let inner = MergeRecipe(
      method: "linear", models: [.init("a"), .init("b")], parameters: ["weight": 1])
    let outer = MergeRecipe(
      method: "task_arithmetic",
      models: [.init(ModelReference(.merge(inner)), parameters: ["weight": 1])], baseModel: "c")
    let plan = try plan(outer, models)
    let name = "model.norm.weight"
    let (a, b, c) = (
      try #require(models["a"]).floats(name), try #require(models["b"]).floats(name),
      try #require(models["c"]).floats(name)
    )
    let expected = c.indices.map { i in
      c[i] + (Float((Double(a[i]) + Double(b[i])) / 2) - c[i])
    }
    #expect(try plan.checkpoint.floats(name) == expected)
    #expect(
      plan.notes.contains(
        "the linear merge of a, b: Config and tokenizer are those of a, the first model."))
  }

  @Test func `a model is resolved once, with its adapter`() throws {
    let base = try MergeModels.llama("a", MergeModels.layered(layers: 1))
    var asked: [String] = []
    let recipe = try MergeRecipe.parse(
      """
      merge_method: linear
      slices:
        - sources: [{model: a+x, layer_range: [0, 1]}, {model: a, layer_range: [0, 1]}]
        - sources: [{model: a, layer_range: [0, 1]}, {model: a+x, layer_range: [0, 1]}]
      parameters: {weight: 1}
      """, origin: "m")
    _ = try Merge.plan(recipe) { reference in
      asked.append(reference)
      return base
    }
    #expect(asked == ["a+x", "a"])
  }

  @Test
  func `folders have no revisions, and adapters are folded into stored models and nested merges`()
    throws
  {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try CheckpointWriter.write(
      try MergeModels.llama("a", MergeModels.layered(layers: 1)), to: folder)
    func lines(_ reference: ModelReference, _ resolver: ModelResolver) -> [String] {
      MergeModels.lines {
        _ = try MergePlan.make(
          MergeRecipe(method: "linear", models: [.init(reference, parameters: ["weight": 1])]),
          from: resolver)
      }
    }
    #expect(lines(ModelReference(path: folder), .folders()) == ["no error"])
    #expect(
      lines(ModelReference(.stored(.init(path: folder, revision: "v1"))), .folders())[0]
        .hasPrefix("A folder has no revisions"))
    let adapted = ModelReference(.stored(.init(path: folder)), adapter: .init(path: "lora"))
    #expect(lines(adapted, .folders())[1].contains("lora"))
    let nested = ModelReference(
      .merge(
        MergeRecipe(method: "linear", models: [.init(folder, parameters: ["weight": 1])])),
      adapter: .init(path: "lora"))
    #expect(
      lines(nested, ModelResolver { try Checkpoint.open(directory: $0.description) })[0]
        == "The adapter `lora` cannot be folded in here.")
    #expect(lines(nested, .folders { model, _ in model }) == ["no error"])
    #expect(lines(adapted, .folders { model, _ in model }) == ["no error"])
  }

  @Test func `a tensor that other layers have and no model holds is an error`() throws {
    let shapes = MergeModels.layered(layers: 3).filter { !$0.name.contains("layers.1.mlp.up_proj") }
    let models = ["a": try MergeModels.llama("a", shapes)]
    let found = lines(MergeRecipe(method: "passthrough", models: [.init("a")]), models)
    #expect(
      found.first
        == "The tensor `model.layers.1.mlp.up_proj.weight` is in none of the models, but "
        + "`model.layers.0.mlp.up_proj.weight` is.")
  }

  @Test func `a folder that is not there and looks like a hub's name is told how to be fetched`() {
    let recipe = MergeRecipe(method: "passthrough", models: [.init("some-lab/no-such_model-1.5b")])
    let found = MergeModels.lines { _ = try MergePlan.make(recipe, from: .folders()) }
    #expect(found.last?.contains("koine hub download some-lab/no-such_model-1.5b") == true)
  }
}
