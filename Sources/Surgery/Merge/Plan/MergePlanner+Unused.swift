// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints

// No tensor of an input is lost without a word: what the result is not made of is said in a note.

extension MergePlanner {
  /// Puts down what a tensor of the result is made of.
  mutating func use(_ home: TensorHome?, of model: InputModel) {
    guard let home,
      let index = models.firstIndex(where: { $0.reference == model.reference })
    else { return }
    switch home {
    case .stored(let name), .tied(let name): used[index].insert(name)
    case .assembled(let experts): used[index].formUnion(experts.joined())
    }
  }

  /// Says which tensors of the models have no part in the result. Layers that slices leave out are
  /// the recipe's own word and need none.
  mutating func noteUnused(_ modules: [Module]) {
    let isSliced = !recipe.slices.isEmpty || recipe.modules.contains { !$0.slices.isEmpty }
    for (model, used) in zip(models, used) {
      for name in model.checkpoint.names where !used.contains(name) {
        if let (layer, depth) = layer(of: name, in: model, modules) {
          if layer < depth, isSliced { continue }
          if layer >= depth {
            notes.count(
              "Not in the result, for \(model.name) has \(depth) layers by its config.json", name)
            continue
          }
        }
        if model.tiesHead == true, isTiedHead(name, modules) {
          notes.count(
            "Left out, for \(model.name) ties its head to the embedding by its config.json", name)
        } else if isSliced {
          notes.count("Not in the result, whose first and last slices are of other models", name)
        } else {
          notes.count("In \(model.name), and not in the result", name)
        }
      }
    }
  }

  /// The number of the layer that a name belongs to, and how many there are.
  private func layer(
    of name: String, in model: InputModel, _ modules: [Module]
  ) -> (layer: Int, depth: Int)? {
    for module in modules {
      for prefix in module.layout.layerPrefixes where name.hasPrefix(prefix) {
        let digits = name.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber }
        guard let layer = Int(digits) else { continue }
        return (layer, depth(of: module.layout, in: model))
      }
    }
    return nil
  }

  private func isTiedHead(_ name: String, _ modules: [Module]) -> Bool {
    name.hasSuffix("lm_head.weight")
      || modules.contains { module in
        module.layout.tensors.contains {
          $0.stage == .after && !$0.tiedNames.isEmpty && ([$0.name] + $0.aliases).contains(name)
        }
      }
  }
}
