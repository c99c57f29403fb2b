// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Checkpoints

/// Every layout against the names that transformers gives to the tensors of tiny models.
@Suite struct LayoutTests {
  /// A model of `Tests/Golden/layouts/golden.json`; `make.py` there says what its keys are.
  struct GoldenModel: CustomTestStringConvertible {
    let config: JSON
    /// In the order of the state dict.
    let tensors: [(name: String, vocabularyAxis: Int?)]
    let tied: [(name: String, other: String)]
    let saved: [String]

    init(_ json: JSON) throws {
      config = try #require(json["config"])
      tensors = Self.flat(try #require(json["tensors"]), prefix: "")
      tied = (json["tied"]?.object?.members ?? []).compactMap { name, other in
        other.string.map { (name, $0) }
      }
      let names = Set(tied.map(\.name))
      saved =
        json["saved"].map { Self.flat($0, prefix: "").map(\.name) }
        ?? tensors.map(\.name).filter { !names.contains($0) }
    }

    private static func flat(_ tree: JSON, prefix: String) -> [(name: String, vocabularyAxis: Int?)]
    {
      guard let object = tree.object else {
        return [(prefix, tree.int.flatMap { $0 < 0 ? nil : $0 })]
      }
      return object.members.flatMap { flat($1, prefix: prefix.isEmpty ? $0 : "\(prefix).\($0)") }
    }

    var architecture: String { config["architectures"]?.array?.first?.string ?? "none" }
    var testDescription: String { config.serialized() }
  }

  static let golden: [GoldenModel] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Golden/layouts/golden.json")
    do {
      let json = try JSON.parse(Array(Data(contentsOf: file)), origin: "golden.json")
      return try (json["models"]?.array ?? []).map(GoldenModel.init)
    } catch {
      Issue.record("golden.json: \(error)")
      return []
    }
  }()

  /// The layout with its templates filled in for the model's depths.
  private func filled(
    _ model: GoldenModel
  ) throws -> (layout: ModelLayout, tensors: [(module: String, tensor: ModelLayout.Tensor)]) {
    let layout = try #require(ModelLayout.known(model.config))
    #expect(layout.architecture == model.architecture)
    #expect(!layout.isInferred)
    var tensors: [(String, ModelLayout.Tensor)] = []
    for module in layout.modules {
      let depth = try #require(module.depth(in: model.config), "\(module.name)")
      tensors += module.tensors(layers: depth, config: model.config).map { (module.name, $0) }
    }
    return (layout, tensors)
  }

  @Test func `the golden file has every class of every layout`() {
    let tested = Set(Self.golden.map(\.architecture))
    #expect(tested == Set(ModelLayout.all.map(\.architecture)))
  }

  @Test(arguments: golden)
  func `a layout has exactly the tensors of its class`(_ model: GoldenModel) throws {
    let tensors = try filled(model).tensors.map(\.tensor)
    let real = Set(model.tensors.map(\.name))
    var found: Set<String> = []
    for tensor in tensors {
      let forms = Set([tensor.name] + tensor.aliases).intersection(real)
      #expect(forms.count <= 1, "\(forms)")
      #expect(tensor.isOptional || forms.count == 1, "\(tensor.name) is required")
      for form in forms {
        #expect(found.insert(form).inserted, "\(form) is in two tensors")
      }
    }
    #expect(found == real, "\(real.symmetricDifference(found).sorted())")
  }

  @Test(arguments: golden)
  func `a layout names the tensors of a saved file as the file does`(_ model: GoldenModel) throws {
    let tensors = try filled(model).tensors.map(\.tensor)
    let saved = Set(model.saved)
    let names = Set(tensors.map(\.name))
    #expect(saved.isSubset(of: names), "\(saved.subtracting(names).sorted())")
    let missing = tensors.filter { !$0.isOptional && !saved.contains($0.name) }
    #expect(missing.isEmpty, "\(missing.map(\.name))")
  }

  /// Variants of a class cover what its config can leave out; buffers of old files are in none.
  @Test func `an optional tensor is in no model of its class or is absent from one`() throws {
    for (architecture, models) in Dictionary(grouping: Self.golden, by: \.architecture)
    where models.count > 2 {
      let layout = try #require(ModelLayout.known(models[0].config))
      for template in layout.modules.flatMap(\.tensors) where template.isOptional {
        var there = 0
        var wanted = 0
        for model in models {
          let module = try #require(
            layout.modules.first { $0.tensors.contains { $0.name == template.name } })
          let layers = template.stage == .layer ? module.depth(in: model.config) ?? 0 : 1
          for names in [Set(model.tensors.map(\.name)), Set(model.saved)] {
            let filled = (0..<layers).flatMap { template.filled(layer: $0, config: model.config) }
            wanted += filled.count
            there += filled.filter { !names.isDisjoint(with: [$0.name] + $0.aliases) }.count
          }
        }
        #expect(there < wanted, "\(template.name) of \(architecture) is required")
      }
    }
  }

  @Test(arguments: golden)
  func `the vocabulary axis is where vocab_size stands`(_ model: GoldenModel) throws {
    let tensors = try filled(model).tensors.map(\.tensor)
    let axes = Dictionary(
      model.tensors.map { ($0.name, $0.vocabularyAxis) }, uniquingKeysWith: { first, _ in first })
    for tensor in tensors {
      for name in [tensor.name] + tensor.aliases {
        if let axis = axes[name] { #expect(axis == tensor.vocabularyAxis, "\(name)") }
      }
    }
  }

  @Test(arguments: golden)
  func `a tied tensor is optional and has the other's name`(_ model: GoldenModel) throws {
    let tensors = try filled(model).tensors.map(\.tensor)
    for (name, other) in model.tied {
      let tensor = try #require(tensors.first { ([$0.name] + $0.aliases).contains(name) })
      #expect(tensor.isOptional, "\(name)")
      #expect(tensor.tiedNames.first == other, "\(name)")
    }
  }

  @Test(arguments: golden)
  func `tensors stand in the order of the model`(_ model: GoldenModel) throws {
    let (layout, tensors) = try filled(model)
    // transformers registers the heads of XLM-RoBERTa before the body that they follow.
    let names = model.tensors.map(\.name).filter {
      !model.architecture.hasPrefix("XLMRobertaFor") || $0.hasPrefix("roberta.")
    }
    let places = Dictionary(
      names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    func found(_ module: ModelLayout.Module, _ stage: ModelLayout.Stage) -> [Int] {
      tensors.filter { $0.module == module.name && $0.tensor.stage == stage }
        .flatMap { [$0.tensor.name] + $0.tensor.aliases }
        // What stands in the first layer only, or is a weight of the layers' mean, is in no layer.
        .filter { !$0.contains("relative_attention_bias") && $0 != "layer_weights" }
        .compactMap { places[$0] }
    }
    for module in layout.modules where !module.depthKey.isEmpty {
      let layers = found(module, .layer)
      let first = try #require(layers.min())
      let last = try #require(layers.max())
      #expect(found(module, .before).allSatisfy { $0 < first }, "\(module.name)")
      #expect(found(module, .after).allSatisfy { $0 > last }, "\(module.name)")
      // Nothing that a layer holds is outside of the layers.
      let depth = try #require(module.depth(in: model.config))
      #expect(layers.count.isMultiple(of: depth) || model.config["mlp_only_layers"] != nil)
    }
  }

  @Test func `a deeper model has the same tensors in more layers`() throws {
    let layout = try #require(ModelLayout.known(["architectures": ["LlamaForCausalLM"]]))
    let module = layout.modules[0]
    let names = module.tensors(layers: 12, config: [:]).map(\.name)
    #expect(names.contains("model.layers.11.mlp.up_proj.weight"))
    #expect(!names.contains("model.layers.12.mlp.up_proj.weight"))
    #expect(names.filter { $0.hasSuffix(".input_layernorm.weight") }.count == 12)
    #expect(names.first == "model.embed_tokens.weight")
    #expect(names.last == "lm_head.weight")
    #expect(module.tensors(layers: 0, config: [:]).allSatisfy { $0.stage != .layer })
  }

  @Test func `experts are as many as the config says and fused ones know their parts`() throws {
    let config: JSON = [
      "architectures": ["Qwen3MoeForCausalLM"], "num_hidden_layers": 2, "num_experts": 4,
    ]
    let module = try #require(ModelLayout.known(config)).modules[0]
    let tensors = module.tensors(layers: 2, config: config)
    let names = Set(tensors.map(\.name))
    #expect(names.contains("model.layers.1.mlp.experts.3.up_proj.weight"))
    #expect(!names.contains("model.layers.1.mlp.experts.4.up_proj.weight"))
    let fused = try #require(
      tensors.first { $0.name == "model.layers.1.mlp.experts.gate_up_proj" })
    #expect(
      fused.parts == [
        "model.layers.1.mlp.experts.{expert}.gate_proj.weight",
        "model.layers.1.mlp.experts.{expert}.up_proj.weight",
      ])
    #expect(fused.expertsKey == "num_experts")
    // The same number under the key of transformers 5.
    var other = config
    other["num_experts"] = nil
    other["num_local_experts"] = 4
    #expect(Set(module.tensors(layers: 2, config: other).map(\.name)) == names)
    // Without a number, per-expert tensors are unknown; the fused ones remain.
    other["num_local_experts"] = nil
    let rest = module.tensors(layers: 2, config: other).map(\.name)
    #expect(!rest.contains { $0.contains("experts.0") || $0.contains("{") })
    #expect(rest.contains("model.layers.0.mlp.experts.down_proj"))
  }

  @Test func `names with and without the prefix are aliases`() throws {
    #expect(
      try tensor("transformer.h.{layer}.ln_1.weight", of: "GPT2LMHeadModel").aliases == [
        "h.{layer}.ln_1.weight"
      ])
    #expect(
      try tensor("h.{layer}.ln_1.weight", of: "GPT2Model").aliases == [
        "transformer.h.{layer}.ln_1.weight"
      ])
    #expect(
      try tensor("transformer.norm.weight", of: "LlamaForQuestionAnswering").aliases == [
        "model.norm.weight", "norm.weight",
      ])
    #expect(try tensor("lm_head.weight", of: "LlamaForCausalLM").aliases.isEmpty)
    #expect(
      try tensor("lm_head.weight", of: "GPT2LMHeadModel").tiedNames == [
        "transformer.wte.weight", "wte.weight",
      ])
    #expect(
      try tensor("bert.embeddings.LayerNorm.weight", of: "BertForMaskedLM").aliases == [
        "embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.gamma",
        "embeddings.LayerNorm.gamma",
      ])
    #expect(
      try tensor("model.layers.{layer}.block_sparse_moe.gate.weight", of: "MixtralForCausalLM")
        .aliases.contains("model.layers.{layer}.mlp.gate.weight"))
  }

  private func tensor(_ name: String, of architecture: String) throws -> ModelLayout.Tensor {
    let layout = try #require(ModelLayout.known(["architectures": [.string(architecture)]]))
    return try #require(layout.modules.flatMap(\.tensors).first { $0.name == name })
  }

  // MARK: Depths

  @Test func `depths are read and written where the config has them`() throws {
    var config: JSON = ["architectures": ["T5ForConditionalGeneration"], "num_layers": 6]
    let layout = try #require(ModelLayout.known(config))
    #expect(layout.modules.map(\.name) == ["encoder", "decoder", "shared"])
    // A decoder is as deep as the encoder unless it says otherwise.
    #expect(layout.modules.map { $0.depth(in: config) } == [6, 6, 0])
    for (module, depth) in zip(layout.modules, [4, 6, 0]) { module.setDepth(depth, in: &config) }
    #expect(layout.modules.map { $0.depth(in: config) } == [4, 6, 0])
    #expect(config["num_layers"] == 4)
    #expect(config["num_decoder_layers"] == 6)
    #expect(config.object?.count == 3)
  }

  @Test func `keys of the same meaning are kept in step`() throws {
    var config: JSON = ["architectures": ["GPT2LMHeadModel"], "num_hidden_layers": 3]
    let module = try #require(ModelLayout.known(config)).modules[0]
    #expect(module.depthKey == "n_layer")
    #expect(module.depth(in: config) == 3)
    module.setDepth(5, in: &config)
    #expect(config["n_layer"] == 5)
    #expect(config["num_hidden_layers"] == 5)
  }

  @Test(arguments: [JSON.null, -1, 1_000_000, 2.5, "12"])
  func `a depth that is no count is nil`(_ depth: JSON) throws {
    let config: JSON = ["architectures": ["LlamaForCausalLM"], "num_hidden_layers": depth]
    #expect(try #require(ModelLayout.known(config)).modules[0].depth(in: config) == nil)
  }

  // MARK: Which layout

  @Test func `the class decides, then model_type, and an unknown class has no layout`() {
    #expect(
      ModelLayout.known(["architectures": ["BertModel"], "model_type": "llama"])?.architecture
        == "BertModel")
    #expect(ModelLayout.known(["model_type": "mt5"])?.architecture == "MT5ForConditionalGeneration")
    #expect(
      ModelLayout.known(["model_type": "qwen2", "architectures": []])?.architecture
        == "Qwen2ForCausalLM")
    #expect(
      ModelLayout.known(["architectures": ["LlamaForReward"], "model_type": "llama"]) == nil)
    #expect(ModelLayout.known(["model_type": "nothing"]) == nil)
    #expect(ModelLayout.known([:]) == nil)
  }

  /// Class, model_type and depth in config.json of models that many merge.
  @Test(arguments: [
    ("GemmaForCausalLM", "gemma", 18), ("LlamaForCausalLM", "llama", 32),
    ("MistralForCausalLM", "mistral", 32), ("Qwen2ForCausalLM", "qwen2", 28),
    ("Qwen3ForCausalLM", "qwen3", 36),
  ])
  func `the configs of public models have a layout`(
    _ architecture: String, _ type: String, _ depth: Int
  ) throws {
    let full: JSON = [
      "architectures": [.string(architecture)], "model_type": .string(type),
      "num_hidden_layers": JSON(depth),
    ]
    var bare = full
    bare["architectures"] = nil
    for config in [full, bare] {
      let layout = try #require(ModelLayout.known(config))
      #expect(layout.architecture == architecture)
      #expect(layout.modules.map { $0.depth(in: config) } == [depth])
    }
  }

  @Test(arguments: Blueprint.all.map(\.modelType))
  func `a layout agrees with the blueprint`(modelType: String) throws {
    let blueprint = try #require(Blueprint.named(modelType))
    let layout = try #require(ModelLayout.known(["model_type": .string(modelType)]))
    let tensors = layout.modules.flatMap(\.tensors)
    for template in blueprint.templates {
      let tensor = try #require(tensors.first { $0.name == template.name }, "\(template.name)")
      #expect(tensor.isOptional == (template.presence != .always), "\(template.name)")
      #expect(tensor.vocabularyAxis == template.vocabularyAxis, "\(template.name)")
      #expect((tensor.stage == .layer) == template.name.contains("{layer}"))
    }
    let names = Set(blueprint.templates.map(\.name))
    for tensor in tensors where !names.contains(tensor.name) {
      #expect(tensor.isOptional, "\(tensor.name)")
      #expect(blueprint.ignoredSuffixes.contains { tensor.name.hasSuffix($0) }, "\(tensor.name)")
    }
  }
}
