// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

@testable import Checkpoints

extension FuzzTarget {
  static let layouts = [
    FuzzTarget(name: "layout", usualCount: 300, parts: ["layout.json", "config.json"]) { seed in
      let texts = LayoutFiles.files.map(\.bytes)
      return (
        FuzzMutator(
          seeds: texts.map { [$0, Array(mergeConfig.utf8)] }, tokens: jsonTokens + layoutTokens,
          seed: seed), readLayout
      )
    },
    FuzzTarget(name: "names", usualCount: 2_500, parts: ["names", "config.json"]) { seed in
      (
        FuzzMutator(
          seeds: names.map { [Array($0.utf8), Array(mergeConfig.utf8)] },
          tokens: jsonTokens + [".0.", ".1.", "layers", "encoder", "experts.3.", "00", "."],
          seed: seed), readNames
      )
    },
  ]

  private static let layoutTokens = [
    "{layer}", "{expert}", "?", "\"tied\": ", "\"experts\": ", "\"parts\": [", "\"aliases\": ",
    "\"depth\": \"num_hidden_layers\"", "\"vocabulary_axis\": 0", "\"prefix\": \"model.\"",
    "\"old_endings\": {",
  ]

  private static func readLayout(_ input: FuzzInput) throws {
    let family = try LayoutFamily(String(decoding: input[0], as: UTF8.self), origin: "x.json")
    let config = (try? JSON.parse(input[1], origin: "config.json")) ?? [:]
    for layout in family.layouts {
      for module in layout.modules {
        _ = module.tensors(layers: min(3, module.depth(in: config) ?? 0), config: [:])
        var changed = config
        module.setDepth(2, in: &changed)
        guard module.depthKey.isEmpty || module.depth(in: changed) == 2 || changed.object == nil
        else { throw FuzzViolation("`\(module.depthKey)` was set and is not read") }
      }
    }
  }

  private static let names = [
    """
    model.embed_tokens.weight
    model.layers.0.self_attn.q_proj.weight
    model.layers.1.self_attn.q_proj.weight
    model.norm.weight
    lm_head.weight
    """,
    """
    encoder.block.0.layer.0.weight
    encoder.block.0.layer.1.weight
    encoder.block.1.layer.0.weight
    decoder.block.0.layer.0.weight
    shared.weight
    """,
    """
    h.0.mlp.experts.0.w1
    h.0.mlp.experts.1.w1
    h.1.mlp.experts.0.w1
    wte.weight
    vision.blocks.0.w
    """,
  ]

  /// Names in lines; the layout read off them must give every name a place.
  private static func readNames(_ input: FuzzInput) throws {
    let config = try JSON.parse(input[1], origin: "config.json")
    var seen = JSONObject()
    for line in input[0].split(separator: 0x0A) {
      seen[String(decoding: line, as: UTF8.self)] = true
    }
    // Planning refuses names that look like templates.
    let names = seen.keys.filter { !$0.contains("{layer}") && !$0.contains("{expert}") }
    let layout = ModelLayout.inferred(names: [names], config: config)
    let tensors = layout.modules.flatMap { module in
      module.tensors(layers: min(200, module.depth(in: config) ?? 0), config: config)
    }
    guard tensors.count < 10_000 else { return }
    var places = JSONObject()
    for tensor in tensors { places[tensor.name] = true }
    for name in names where places[name] == nil {
      // Names that differ in canonically equal characters are one text for Swift.
      if tensors.contains(where: { $0.name == name }) { continue }
      throw FuzzViolation("`\(name)` has no place in the layout")
    }
  }
}
