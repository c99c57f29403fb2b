// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors
import Testing

@testable import Checkpoints

/// Layouts made from names alone.
@Suite struct LayoutInferredTests {
  private func stack(_ prefix: String, _ layers: some Sequence<Int>, _ ends: [String]) -> [String] {
    layers.flatMap { layer in ends.map { "\(prefix).\(layer).\($0)" } }
  }

  /// On models whose layouts are known: the same stacks, keys and tensors.
  @Test(arguments: LayoutTests.golden)
  func `inference finds the stacks that the files state`(_ model: LayoutTests.GoldenModel) throws {
    let known = try #require(ModelLayout.known(model.config))
    for tensors in [model.tensors.map(\.name), model.saved] {
      let inferred = ModelLayout.inferred(names: [tensors], config: model.config)
      #expect(inferred.isInferred)
      #expect(inferred.architecture == model.architecture)
      var left = Set(tensors)
      for module in inferred.modules {
        let depth = try #require(module.depth(in: model.config))
        for template in module.tensors {
          let names = (template.stage == .layer ? (0..<depth).map(Optional.some) : [nil])
            .flatMap { template.filled(layer: $0, config: model.config) }.map(\.name)
          let there = names.filter(tensors.contains)
          // Optional is what some layer lacks, and nothing else.
          #expect(template.isOptional == (there.count < names.count), "\(template.name)")
          #expect(!there.isEmpty, "\(template.name)")
          for name in there { #expect(left.remove(name) != nil, "\(name)") }
        }
      }
      #expect(left.isEmpty, "\(left.sorted())")
      let stacks = inferred.modules.filter { !$0.depthKey.isEmpty }
      let keys = known.modules.filter { !$0.depthKey.isEmpty }.map(\.depthKey)
      #expect(stacks.map(\.depthKey).sorted() == keys.sorted())
    }
  }

  @Test func `one stack is the default module and all outside comes before`() {
    let names =
      ["emb.weight", "head.weight", "norm.weight"] + stack("net.blocks", 0..<3, ["a.w", "b.0.w"])
    let config: JSON = ["architectures": ["New"], "n_layers": 3, "vocab_size": 10]
    let layout = ModelLayout.inferred(names: [names.shuffled()], config: config)
    #expect(layout.architecture == "New")
    #expect(layout.modules.map(\.name) == ["default"])
    #expect(layout.modules[0].depthKey == "n_layers")
    #expect(
      layout.modules[0].tensors.map(\.name) == [
        "emb.weight", "head.weight", "norm.weight", "net.blocks.{layer}.a.w",
        "net.blocks.{layer}.b.0.w",
      ])
    #expect(
      layout.modules[0].tensors.map(\.stage) == [.before, .before, .before, .layer, .layer])
    #expect(layout.modules[0].depth(in: ["n_layers": 7]) == 7)
  }

  @Test func `without a key the depth is the count in the names and cannot be written`() {
    let names = stack("net", 0..<4, ["w"])
    var config: JSON = ["layer_norm_eps": 4, "max_window_layers": 4, "moe_layer_freq": 4]
    let module = ModelLayout.inferred(names: [names], config: config).modules[0]
    #expect(module.depthKey == "")
    #expect(module.depth(in: config) == 4)
    let before = config
    module.setDepth(9, in: &config)
    #expect(config == before)
  }

  @Test func `several stacks are modules named by their prefixes with the keys of their roles`() {
    let names =
      stack("model.encoder.layers", 0..<2, ["w"]) + stack("model.decoder.layers", 0..<2, ["w"])
      + ["model.shared.weight"]
    let config: JSON = ["num_hidden_layers": 2, "decoder_layers": 2, "encoder_layers": 2]
    let layout = ModelLayout.inferred(names: [names], config: config)
    #expect(
      layout.modules.map(\.name) == ["default", "model.decoder.layers", "model.encoder.layers"])
    #expect(layout.modules.map(\.depthKey) == ["", "decoder_layers", "encoder_layers"])
    #expect(layout.modules.map { $0.depth(in: config) } == [0, 2, 2])
    #expect(layout.modules[0].tensors.map(\.name) == ["model.shared.weight"])
  }

  @Test func `keys may lie in sections and a vision tower takes not the text's`() {
    let names =
      stack("vision_tower.blocks", 0..<2, ["w"]) + stack("language_model.layers", 0..<2, ["w"])
    let config: JSON = [
      "text_config": ["num_hidden_layers": 2], "vision_config": ["depth": 2, "num_layers": 5],
    ]
    let layout = ModelLayout.inferred(names: [names], config: config)
    #expect(layout.modules.map(\.name) == ["language_model.layers", "vision_tower.blocks"])
    #expect(
      layout.modules.map(\.depthKey) == ["text_config.num_hidden_layers", "vision_config.depth"])
    let deeper: JSON = ["text_config": ["num_hidden_layers": 6]]
    #expect(layout.modules[0].depth(in: deeper) == 6)
  }

  @Test func `stacks that the config knows leave other numbered names outside`() {
    let names = stack("layers", 0..<2, ["w"]) + stack("projector", [0, 1, 2], ["w"])
    let inferred = ModelLayout.inferred(names: [names], config: ["num_layers": 2])
    #expect(inferred.modules.map(\.name) == ["default"])
    #expect(
      inferred.modules[0].tensors.map(\.name)
        == ["projector.0.w", "projector.1.w", "projector.2.w", "layers.{layer}.w"])
    let unknown = ModelLayout.inferred(names: [names.map { "m.\($0)" }], config: [:])
    #expect(unknown.modules.map(\.name) == ["m.layers", "m.projector"])
  }

  @Test func `a stack with gaps or not from 0 has no layers`() {
    let names = ["head.0.w", "head.2.w", "tail.1.w", "tail.2.w", "zero.00.w", "zero.01.w"]
    let layout = ModelLayout.inferred(names: [names], config: [:])
    #expect(layout.modules.map(\.name) == ["default"])
    #expect(layout.modules[0].tensors.map(\.name) == names)
    #expect(layout.modules[0].tensors.allSatisfy { $0.stage == .before })
    #expect(layout.modules[0].depth(in: [:]) == 0)
  }

  @Test func `the outermost stack that the config knows counts, experts never`() {
    let experts = (0..<4).flatMap { expert in ["moe.experts.\(expert).w"] }
    let one = stack("model.layers", 0..<1, experts)
    let config: JSON = ["num_hidden_layers": 1]
    #expect(
      ModelLayout.inferred(names: [one], config: config).modules[0].tensors.first?.name
        == "model.layers.{layer}.moe.experts.0.w")
    // A wrapper numbered 0 around the real stack.
    let wrapped = stack("model.0.layers", 0..<3, ["w"]) + ["model.0.norm"]
    for config: JSON in [["num_hidden_layers": 3], [:]] {
      let layout = ModelLayout.inferred(names: [wrapped], config: config)
      #expect(
        layout.modules.flatMap(\.tensors).map(\.name) == [
          "model.0.norm", "model.0.layers.{layer}.w",
        ])
    }
    // One layer more than the config says, as for multi-token prediction; as many experts as layers.
    let more = stack("model.layers", 0..<5, experts)
    let layout = ModelLayout.inferred(names: [more], config: ["num_hidden_layers": 4])
    #expect(layout.modules.map { $0.depth(in: [:]) } == [5])
  }

  @Test func `what a model or a layer lacks is optional`() {
    let a = ["e", "only.a"] + stack("l", 0..<2, ["w", "b"]) + ["l.0.first"]
    let b = ["e"] + stack("l", 0..<3, ["w"])
    let layout = ModelLayout.inferred(names: [a, b], config: ["n_layer": 2])
    let optional = Dictionary(
      uniqueKeysWithValues: layout.modules.flatMap(\.tensors).map { ($0.name, $0.isOptional) })
    #expect(
      optional == [
        "e": false, "only.a": true, "l.{layer}.w": false, "l.{layer}.b": true,
        "l.{layer}.first": true,
      ])
    #expect(layout.modules[0].depthKey == "n_layer")
  }

  @Test func `the order of names and the hash seed do not matter`() {
    let names = LayoutTests.golden.first { $0.architecture == "WhisperModel" }?.saved ?? []
    let config: JSON = ["encoder_layers": 1, "decoder_layers": 2]
    let layout = ModelLayout.inferred(names: [names], config: config)
    for _ in 0..<5 {
      #expect(ModelLayout.inferred(names: [names.shuffled()], config: config) == layout)
    }
  }

  @Test func `no names and no models make an empty default module`() {
    for names in [[[]], []] as [[[String]]] {
      let layout = ModelLayout.inferred(names: names, config: [:])
      #expect(layout.modules.map(\.name) == ["default"])
      #expect(layout.modules[0].tensors.isEmpty)
      #expect(layout.architecture == "")
    }
  }

  @Test func `embeddings and heads have their vocabulary where vocab_size stands`() {
    func info(_ extents: [Int]) -> TensorInfo {
      TensorInfo(elementType: .float32, shape: Shape(extents))
    }
    let infos = [
      "tok_embeddings.weight": info([10, 4]), "lm_head.weight": info([10, 4]),
      "output.weight": info([4, 10]), "lm_head.bias": info([10]),
      "position_embeddings.weight": info([10, 4]), "norm.weight": info([10]),
      "embed_other.weight": info([11, 4]), "square_embed.weight": info([10, 10]),
      "layers.0.w": info([10, 4]),
    ]
    let other = infos.mapValues { _ in info([7]) }
    for config: JSON in [["vocab_size": 10], ["text_config": ["vocab_size": 10]]] {
      let layout = ModelLayout.inferred(infos: [infos, other], config: config)
      let axes = layout.modules.flatMap(\.tensors).reduce(into: [String: Int]()) {
        if let axis = $1.vocabularyAxis { $0[$1.name] = axis }
      }
      #expect(
        axes == [
          "tok_embeddings.weight": 0, "lm_head.weight": 0, "output.weight": 1, "lm_head.bias": 0,
          "square_embed.weight": 0,
        ])
    }
    let none = ModelLayout.inferred(infos: [infos], config: [:])
    #expect(none.modules.flatMap(\.tensors).allSatisfy { $0.vocabularyAxis == nil })
  }
}
