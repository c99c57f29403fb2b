// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// How statistics come from a recipe to a method.
@Suite struct StatisticsPlanTests {
  private let shapes = MergeModels.layered(layers: 2)

  /// The Gram matrices that `koine statistics` would make of a tiny Llama.
  private static func grams(_ checkpoint: Checkpoint) -> [String: String] {
    var map: [String: String] = [:]
    for name in checkpoint.names where name.contains("_proj") || name == "lm_head.weight" {
      map[name] = name.replacing("k_proj", with: "q_proj").replacing("v_proj", with: "q_proj")
        .replacing("up_proj", with: "gate_proj")
    }
    return map
  }

  private func models(_ names: [String], heads: Set<String> = []) throws -> [String: Checkpoint] {
    var models: [String: Checkpoint] = [:]
    for name in names {
      models[name] = try MergeModels.llama(
        name, MergeModels.layered(layers: 2, head: heads.contains(name)))
    }
    return models
  }

  /// Statistics of each model, called `of NAME`.
  private func plan(
    _ recipe: MergeRecipe, _ models: [String: Checkpoint], _ kind: ModelStatistics.Kind,
    change: (ModelStatistics) throws -> ModelStatistics = { $0 }
  ) throws -> MergePlan {
    try withoutActuallyEscaping(change) { change in
      try MergePlan.make(
        recipe,
        from: ModelResolver(
          statistics: { path in
            let name = String(path.dropFirst(3))
            let model = try #require(models[name])
            return try change(
              MergeModels.statistics(
                kind, of: name, model, grams: kind == .gram ? Self.grams(model) : nil))
          },
          resolve: { try #require(models[$0.description]) }))
    }
  }

  private func recipe(_ method: String, _ names: [String]) -> MergeRecipe {
    MergeRecipe(
      method: method, models: names.map { MergeRecipe.Model($0, statistics: "of \($0)") })
  }

  @Test func `fisher of whole models is its formula, tensor by tensor`() throws {
    let models = try models(["a", "b"])
    let merged = try plan(recipe("fisher", ["a", "b"]), models, .fisher).checkpoint
    let statistics = try models.mapValues { _ in [String: [Float]]() }.keys.sorted().map { name in
      try MergeModels.statistics(.fisher, of: name, #require(models[name]))
    }
    for tensor in merged.names {
      let x = try ["a", "b"].map { try #require(models[$0]).floats(tensor) }
      let f = try statistics.map { try Self.floats(#require($0.source(of: tensor))) }
      let expected = x[0].indices.map { i -> Float in
        let (a, b) = (Double(f[0][i]) + 1e-6, Double(f[1][i]) + 1e-6)
        return Float((a * Double(x[0][i]) + b * Double(x[1][i])) / (a + b))
      }
      #expect(try merged.floats(tensor) == expected, "\(tensor)")
    }
  }

  private static func floats(_ source: TensorSource) throws -> [Float] {
    var values = [Float](repeating: .nan, count: source.info.shape.elementCount)
    let reader = try source.prepare()
    try values.withMutableChunk { try reader.read(from: 0, into: $0) }
    return values
  }

  @Test func `regmean solves linear layers and averages the rest`() throws {
    let models = try models(["a", "b"])
    let merged = try plan(recipe("regmean", ["a", "b"]), models, .gram)
    let mean = try plan(
      MergeRecipe(
        method: "linear",
        models: ["a", "b"].map { MergeRecipe.Model($0, parameters: ["weight": 1]) }), models, .gram)
    for tensor in merged.checkpoint.names {
      let isLinear = tensor.contains("_proj")
      #expect(
        try (merged.checkpoint.floats(tensor) == mean.checkpoint.floats(tensor)) == !isLinear,
        "\(tensor)")
    }
    #expect(merged.log.messages.isEmpty)
  }

  @Test func `statistics of a layer go with the layer that a slice takes`() throws {
    let models = try models(["a", "b"])
    let whole = try plan(recipe("fisher", ["a", "b"]), models, .fisher).checkpoint
    let slice = MergeRecipe.Slice(
      ["a", "b"].map {
        MergeRecipe.Source(
          ModelReference(path: $0), layers: 1, to: 2, statistics: "of \($0)")
      })
    let sliced = try plan(MergeRecipe(method: "fisher", slices: [slice]), models, .fisher)
      .checkpoint
    for part in ["mlp.down_proj.weight", "input_layernorm.weight"] {
      #expect(
        try sliced.floats("model.layers.0.\(part)") == whole.floats("model.layers.1.\(part)"))
    }
  }

  @Test func `a tied head has its embedding's information`() throws {
    let models = try models(["a", "b"], heads: ["b"])
    let merged = try plan(recipe("fisher", ["a", "b"]), models, .fisher).checkpoint
    let (a, b) = try (#require(models["a"]), #require(models["b"]))
    let f = try (
      Self.floats(
        #require(
          MergeModels.statistics(.fisher, of: "a", a).source(of: "model.embed_tokens.weight"))),
      Self.floats(
        #require(MergeModels.statistics(.fisher, of: "b", b).source(of: "lm_head.weight")))
    )
    let x = try (a.floats("model.embed_tokens.weight"), b.floats("lm_head.weight"))
    let expected = x.0.indices.map { i -> Float in
      let (left, right) = (Double(f.0[i]) + 1e-6, Double(f.1[i]) + 1e-6)
      return Float((left * Double(x.0[i]) + right * Double(x.1[i])) / (left + right))
    }
    #expect(try merged.floats("lm_head.weight") == expected)
  }

  @Test func `a head that one model ties is averaged by regmean, with a note`() throws {
    let models = try models(["a", "b"], heads: ["b"])
    for order in [["a", "b"], ["b", "a"]] {
      let merged = try plan(recipe("regmean", order), models, .gram)
      #expect(merged.notes.contains { $0.contains("A head that some models tie") })
      let x = try (
        #require(models["a"]).floats("model.embed_tokens.weight"),
        #require(models["b"]).floats("lm_head.weight")
      )
      let expected = zip(x.0, x.1).map { Float((Double($0) + Double($1)) / 2) }
      #expect(try merged.checkpoint.floats("lm_head.weight") == expected)
    }
  }

  @Test func `no number of weights or statistics is read by planning`() throws {
    let models = try models(["a", "b"])
    var silent: [String: Checkpoint] = [:]
    for (name, model) in models {
      var sources: [String: TensorSource] = [:]
      for tensor in model.names {
        sources[tensor] = TensorSource(info: try #require(model.info(tensor)), origin: name) {
          () throws(CheckpointError) in
          throw .cannotRead(path: name, reason: "nobody may")
        }
      }
      silent[name] = Checkpoint(
        config: model.config, origin: name, sources: sources, tokenizerFiles: [])
    }
    for (method, kind) in [("fisher", ModelStatistics.Kind.fisher), ("regmean", .gram)] {
      _ = try MergePlan.make(
        recipe(method, ["a", "b"]),
        from: ModelResolver(
          statistics: { path in
            let model = try #require(silent[String(path.dropFirst(3))])
            var homes: [String: String] = [:]
            var sources: [String: TensorSource] = [:]
            for (layer, home) in kind == .gram
              ? Self.grams(model) : Dictionary(uniqueKeysWithValues: model.names.map { ($0, $0) })
            {
              homes[layer] = home
              let own = try #require(model.info(home))
              let size = own.shape.rank == 2 ? own.shape[1] : 0
              sources[home] = TensorSource(
                info: TensorInfo(
                  elementType: .float32, shape: kind == .gram ? [size, size] : own.shape),
                origin: path
              ) { () throws(CheckpointError) in
                throw .cannotRead(path: path, reason: "nobody may")
              }
            }
            return try ModelStatistics(
              kind: kind,
              provenance: .init(
                model: "m", weightsHash: "", textHash: "", tokenCount: 1, exampleCount: 1,
                sequenceLength: 1, seed: 0),
              norm: 1, homes: homes, sources: sources, origin: path)
          }, resolve: { try #require(silent[$0.description]) }))
    }
  }

  @Test func `a token's information goes where its row goes`() throws {
    let folders = MergeVocabularyTests.Folders()
    let models = [
      "a": try folders.model("a", ["x", "y", "z"], start: 10),
      "b": try folders.model("b", ["z", "y", "w"], start: 20),
    ]
    var recipe = recipe("fisher", ["a", "b"])
    recipe.baseModel = ModelReference(path: "a")
    recipe.tokenizer = TokenizerSection(source: .base)
    let merged = try plan(recipe, models, .fisher).checkpoint
    let f = try ["a", "b"].map { name -> [Double] in
      let statistics = try MergeModels.statistics(.fisher, of: name, #require(models[name]))
      return try Self.floats(#require(statistics.source(of: "model.embed_tokens.weight")))
        .map { Double($0) + 1e-6 }
    }
    // x is a's alone; y has the same number in both; z is a's last and b's first.
    let expected = [
      10, Float((11 * f[0][1] + 21 * f[1][1]) / (f[0][1] + f[1][1])),
      Float((12 * f[0][2] + 20 * f[1][0]) / (f[0][2] + f[1][0])),
    ]
    #expect(try merged.floats("model.embed_tokens.weight") == expected)
    recipe.tokenizer?.tokens = [.init("x", source: .zero)]
    #expect(
      MergeModels.lines { _ = try plan(recipe, models, .fisher) }[0]
        == "The method `fisher` cannot weigh the row that a rule gives to `x`.")
  }

  // MARK: Errors

  @Test func `a model without statistics is told the command that makes them`() throws {
    let models = try models(["a", "b"])
    var lacking = recipe("fisher", ["a", "b"])
    lacking.models[1].statistics = nil
    #expect(
      MergeModels.lines { _ = try plan(lacking, models, .fisher) }
        == [
          "The method `fisher` needs statistics of every model, found none of this one.", "model b",
          "Make them with `koine statistics b --text FILE --kind fisher --out FOLDER`, and add "
            + "`statistics: FOLDER` below the model.",
        ])
    // A base that is not listed is a source too.
    var based = recipe("regmean", ["a"])
    based.baseModel = ModelReference(path: "b")
    #expect(MergeModels.lines { _ = try plan(based, models, .gram) }[1] == "model b")
  }

  @Test func `statistics of the other kind are refused`() throws {
    let models = try models(["a", "b"])
    #expect(
      MergeModels.lines { _ = try plan(recipe("fisher", ["a", "b"]), models, .gram) }
        == [
          "The method `fisher` needs statistics of the kind `fisher`, found `gram`.",
          "of a, model a",
          "Make them with `koine statistics a --text FILE --kind fisher --out FOLDER`.",
        ])
  }

  @Test func `statistics that lack a tensor, or have it in another shape, are refused`() throws {
    let models = try models(["a", "b"])
    let name = "model.layers.1.mlp.down_proj.weight"
    for kind in [ModelStatistics.Kind.fisher, .gram] {
      let method = kind == .fisher ? "fisher" : "regmean"
      func lines(_ replacement: Shape?) -> [String] {
        MergeModels.lines {
          _ = try plan(recipe(method, ["a", "b"]), models, kind) { statistics in
            guard statistics.provenance.model == "b" else { return statistics }
            var homes: [String: String] = [:]
            var sources: [String: TensorSource] = [:]
            for tensor in statistics.names {
              homes[tensor] = tensor
              sources[tensor] = statistics.source(of: tensor)
            }
            homes[name] = replacement == nil ? nil : name
            if let replacement {
              sources[name] = TensorSource(
                info: TensorInfo(elementType: .float32, shape: replacement), origin: "x"
              ) { () throws(CheckpointError) in throw .cannotRead(path: "x", reason: "y") }
            }
            return try ModelStatistics(
              kind: kind, provenance: statistics.provenance, norm: statistics.norm, homes: homes,
              sources: sources, origin: "x")
          }
        }
      }
      #expect(
        lines(nil)
          == [
            "The statistics have nothing of the tensor `\(name)`.", "of b, model b",
            "Make them again from this very model with `koine statistics`.",
          ])
      let expected = kind == .fisher ? "[2, 3]" : "[3, 3]"
      #expect(
        lines([5, 5])[0]
          == "The statistics of `\(name)` should have the shape \(expected), found [5, 5].")
    }
  }

  @Test func `statistics of a model by another name are used with a note`() throws {
    let models = try models(["a", "b"])
    let renamed = try plan(recipe("fisher", ["a", "b"]), models, .fisher) { statistics in
      var provenance = statistics.provenance
      provenance.model = provenance.model == "a" ? "/other/place/a/" : "c"
      var sources: [String: TensorSource] = [:]
      for tensor in statistics.names { sources[tensor] = statistics.source(of: tensor) }
      return try ModelStatistics(
        kind: .fisher, provenance: provenance, norm: 1,
        homes: Dictionary(uniqueKeysWithValues: statistics.names.map { ($0, $0) }),
        sources: sources, origin: "x")
    }
    #expect(
      renamed.notes.contains("The statistics in of b were made of `c` and are used for b."))
    #expect(!renamed.notes.contains { $0.contains("of a ") })
  }

  @Test func `statistics of other weights are refused when they are asked for, or let pass`() throws
  {
    let models = try models(["a", "b"])
    func merge(
      _ samples: [String: String], _ options: MergePlan.Options = .init()
    ) throws -> [String] {
      let resolver = ModelResolver(
        statistics: { path in
          let name = String(path.dropFirst(3))
          let made = try MergeModels.statistics(.fisher, of: name, #require(models[name]))
          var provenance = made.provenance
          provenance.weightsSample = samples[name]
          return try ModelStatistics(
            kind: .fisher, provenance: provenance, norm: 1,
            homes: Dictionary(uniqueKeysWithValues: made.names.map { ($0, $0) }),
            sources: Dictionary(
              uniqueKeysWithValues: made.names.compactMap { tensor in
                made.source(of: tensor).map { (tensor, $0) }
              }), origin: path)
        }, resolve: { try #require(models[$0.description]) })
      let plan = try MergePlan.make(recipe("fisher", ["a", "b"]), from: resolver, options: options)
      for name in plan.checkpoint.names { _ = try plan.checkpoint.floats(name) }
      return plan.notes.filter { $0.hasPrefix("Whether") }
    }
    var samples = try models.mapValues { try $0.weightsSample() }
    #expect(samples["a"] != samples["b"])
    #expect(try merge(samples).isEmpty)
    #expect(
      try merge([:])
        == ["a", "b"].map {
          "Whether the statistics in `of \($0)` are of \($0)'s weights is not checked: they hold no "
            + "sample of them."
        })
    samples["b"] = samples["a"]
    #expect(
      MergeModels.lines { _ = try merge(samples) } == [
        "The statistics were made of other weights than those of \(models["b"]?.origin ?? "").",
        "of b",
        "Make them again of this very model with `koine statistics`; `--allow-crimes` uses them "
          + "as they are.",
      ])
    #expect(try merge(samples, .init(allowsDifferentConfigs: true)).isEmpty)
  }

  @Test func `what regularised a tensor is in the log once it is computed`() throws {
    let models = try models(["a", "b"])
    var flat = recipe("regmean", ["a", "b"])
    flat.parameters = ["alpha": 1]
    let plan = try plan(flat, models, .gram) { statistics in
      var sources: [String: TensorSource] = [:]
      for tensor in statistics.names {
        let size = try #require(statistics.shape(of: tensor))[0]
        let ones = try Checkpoint.inMemory(
          config: [:],
          tensors: [("g", [size, size], [Float](repeating: 1, count: size * size))])
        sources[tensor] = try ones.source("g")
      }
      return try ModelStatistics(
        kind: .gram, provenance: statistics.provenance, norm: 0,
        homes: Dictionary(uniqueKeysWithValues: statistics.names.map { ($0, $0) }),
        sources: sources, origin: "x")
    }
    #expect(plan.log.messages.isEmpty)
    _ = try plan.checkpoint.floats("model.layers.1.mlp.down_proj.weight")
    _ = try plan.checkpoint.floats("model.layers.0.self_attn.q_proj.weight")
    _ = try plan.checkpoint.floats("model.layers.0.self_attn.q_proj.weight")
    #expect(plan.log.messages.count == 2)
    #expect(
      plan.log.messages.first?.hasPrefix(
        "`model.layers.0.self_attn.q_proj.weight`: its Gram matrices were not positive definite")
        == true)
  }

  // MARK: YAML

  @Test func `the recipe names statistics below a model`() throws {
    let read = try MergeRecipe.parse(
      """
      merge_method: fisher
      models:
        - model: a
          statistics: stats/a
          parameters: {weight: 2}
        - {model: b, statistics: stats/b}
      """, origin: "r.yaml")
    #expect(read.models.map(\.statistics) == ["stats/a", "stats/b"])
    #expect(read.notes.isEmpty)
    let sliced = try MergeRecipe.parse(
      """
      merge_method: regmean
      slices:
        - sources:
            - {model: a, layer_range: [0, 2], statistics: stats/a}
            - {model: b, layer_range: [0, 2], statistics: stats/b}
      """, origin: "r.yaml")
    #expect(sliced.slices[0].sources.map(\.statistics) == ["stats/a", "stats/b"])
    let other = try MergeRecipe.parse(
      """
      merge_method: linear
      models:
        - {model: a, statistics: stats/a, parameters: {weight: 1}}
      """, origin: "r.yaml")
    #expect(
      other.notes
        == ["r.yaml, line 3: `statistics` changes nothing, `linear` does not read it."])
    #expect(
      MergeModels.lines {
        _ = try MergeRecipe.parse(
          "merge_method: fisher\nmodels:\n  - {model: a, statistics: \"\"}", origin: "r.yaml")
      }[0] == "`models[0].statistics` should be a folder, found an empty text.")
  }
}
