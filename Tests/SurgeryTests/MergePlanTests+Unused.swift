// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// No tensor of an input is lost without a word, and no count of a config believed that cannot be.
extension MergePlanTests {
  private func model(_ names: [String], _ config: JSON, origin: String = "m") throws -> Checkpoint {
    try Checkpoint.inMemory(
      config: config, tensors: names.map { (name: $0, shape: [1], values: [1]) }, origin: origin)
  }

  private func linear(_ names: String...) -> MergeRecipe {
    MergeRecipe(method: "linear", models: names.map { .init($0) }, parameters: ["weight": 1])
  }

  @Test(arguments: [
    ("1", "4"), ("-1", "a whole number"), ("\"2\"", "a whole number"), ("2.5", "a whole number"),
    ("1000000000", "a whole number"), ("3", "2"), ("null", "the number of experts"),
  ])
  func `experts that the config does not count are an error`(found: String, expected: String) throws
  {
    let stem = "model.layers.0.block_sparse_moe."
    let experts = expected == "4" ? 4 : 2
    let model = try model(
      [stem + "gate.weight"]
        + (0..<experts).flatMap { expert in
          ["w1", "w2", "w3"].map { "\(stem)experts.\(expert).\($0).weight" }
        },
      [
        "architectures": ["MixtralForCausalLM"], "num_hidden_layers": 1,
        "num_local_experts": try JSON.parse(found, origin: "c"),
      ])
    let lines = lines(linear("m"), ["m": model])
    #expect(
      lines[0].hasPrefix("`num_local_experts` should be \(expected)")
        && lines[1] == "m/config.json", "\(lines)")
  }

  @Test(arguments: ["-1", "\"2\"", "2.5", "[2]", "true", "1000000000", "{}"])
  func `a count of layers or tokens that cannot be one is an error, needed or not`(
    found: String
  ) throws {
    let value = try JSON.parse(found, origin: "c")
    let shapes = MergeModels.layered(layers: 2)
    for architecture in ["LlamaForCausalLM", "UnknownForCausalLM"] {
      for key in ["num_hidden_layers", "vocab_size"] {
        if key == "vocab_size", found == "1000000000" { continue }
        var models = try llamas("a", layers: 2)
        models["b"] = try MergeModels.llama(
          "b", shapes, config: ["architectures": [JSON(architecture)], key: value])
        for recipe in [
          linear("b"),
          // Here the count is not even asked for.
          MergeRecipe(
            method: "linear", slices: [.init([source("b", 0, 1)])], parameters: ["weight": 1]),
        ] {
          let lines = lines(recipe, models)
          #expect(
            lines[0] == "`\(key)` should be a whole number of at least 0, found \(found)."
              && lines[1] == "b/config.json", "\(lines)")
        }
      }
    }
  }

  @Test func `counts that are absent or null are read off the names`() throws {
    let shapes = MergeModels.layered(layers: 2)
    for (key, value) in [("num_hidden_layers", JSON.null), ("other", 1)] {
      let model = try model(
        shapes.map(\.name), ["architectures": ["MistralForCausalLM"], key: value])
      #expect(try plan(linear("m"), ["m": model]).tensors.count == shapes.count)
    }
  }

  @Test func `layers that the config does not count are told of`() throws {
    let model = try MergeModels.llama(
      "a", MergeModels.layered(layers: 3), config: ["num_hidden_layers": 1])
    let plan = try plan(linear("a"), ["a": model])
    #expect(!plan.checkpoint.names.contains { $0.contains("layers.1.") })
    #expect(
      plan.notes.contains(
        "Not in the result, for a has 1 layers by its config.json: "
          + "`model.layers.1.input_layernorm.weight` and 17 more."), "\(plan.notes)")
  }

  @Test func `a layer that another unknown model has is told of`() throws {
    func unknown(_ name: String, _ layers: Int) throws -> Checkpoint {
      try model(
        (0..<layers).map { "h.\($0).w" }, ["model_type": "strange", "n_layer": 2], origin: name)
    }
    let plan = try plan(
      linear("a", "b"), ["a": try unknown("a", 2), "b": try unknown("b", 3)])
    #expect(
      plan.notes.contains("Not in the result, for b has 2 layers by its config.json: `h.2.w`."),
      "\(plan.notes)")
  }

  @Test func `a head beside an embedding that the config ties to it is told of`() throws {
    let model = try MergeModels.llama(
      "a", MergeModels.layered(layers: 1, head: true), config: ["tie_word_embeddings": true])
    let plan = try plan(linear("a"), ["a": model])
    #expect(!plan.checkpoint.names.contains("lm_head.weight"))
    #expect(
      plan.notes.contains(
        "Left out, for a ties its head to the embedding by its config.json: `lm_head.weight`."),
      "\(plan.notes)")
  }

  @Test func `what stands outside of the layers of a slice in the middle is told of`() throws {
    let models = try llamas("a", "b", layers: 3)
    func stack(_ slices: (String, Int, Int)...) throws -> [String] {
      try plan(
        MergeRecipe(
          method: "passthrough", slices: slices.map { .init([source($0.0, $0.1, $0.2)]) }), models
      ).notes
    }
    let told = "Not in the result, whose first and last slices are of other models: "
    #expect(
      try stack(("a", 0, 1), ("b", 1, 2), ("a", 2, 3)).contains(
        told + "`model.embed_tokens.weight` and 1 more."))
    // Layers that the slices leave out are the recipe's own word.
    #expect(try !stack(("a", 0, 1), ("a", 2, 3)).contains { $0.hasPrefix("Not in") })
  }

  @Test func `of models of every architecture each tensor is in the result or told of`() throws {
    let layouts = ModelLayout.all.map(Optional.some) + [nil]
    var lossCount = 0
    for (number, layout) in layouts.enumerated() {
      for round in 0..<4 {
        let random = CounterRandom(seed: 11, stream: "\(number) \(round)")
        var draws = 0
        func draw(_ count: Int) -> Int {
          draws += 1
          return min(count - 1, Int(random.uniform(at: draws) * Float(count)))
        }
        var config: JSON = ["architectures": [JSON(layout?.architecture ?? "Strange")]]
        var names: Set<String> = []
        for module in layout?.modules ?? [] {
          for key in Set(module.tensors.compactMap(\.expertsKey)) { config[key] = 2 }
          for tensor in module.tensors(layers: 2, config: config) { names.insert(tensor.name) }
        }
        for module in layout?.modules ?? [] { module.setDepth(draw(3), in: &config) }
        if layout == nil { names = ["x.0.w", "x.1.w", "y", "x.1.z"] }
        // Names beside the layout's: moved layers, other numbers, further parts.
        for _ in 0..<6 {
          guard let name = names.sorted().dropFirst(draw(names.count)).first else { break }
          switch draw(5) {
          case 0: names.insert(name.replacing(".1.", with: ".7."))
          case 1: names.insert(name.replacing(".0.", with: ".00."))
          case 2: names.insert(name + ".more")
          case 3: names.insert("head." + name)
          default: names.remove(name)
          }
        }
        let model = try model(names.sorted(), config)
        let plan: MergePlan
        do { plan = try self.plan(linear("m"), ["m": model]) } catch {
          // An error is a word, too.
          #expect(error is any Diagnosed, "\(error)")
          continue
        }
        let lost = names.subtracting(plan.checkpoint.names)
        let told = plan.notes.reduce(0) { $0 + Self.count(in: $1) }
        lossCount += lost.count
        #expect(lost.count == told, "\(config) \(lost.sorted()) \(plan.notes)")
      }
    }
    #expect(lossCount > 500)
  }

  /// How many tensors a note says are left out.
  private static func count(in note: String) -> Int {
    guard ["Not in the result", "Left out", "In m, and not"].contains(where: note.hasPrefix) else {
      return 0
    }
    let words = note.split(separator: " ")
    guard words.last == "more.", let more = words.dropLast().last.flatMap({ Int($0) }) else {
      return 1
    }
    return 1 + more
  }
}
