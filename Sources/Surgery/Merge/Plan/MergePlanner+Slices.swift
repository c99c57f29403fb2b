// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

extension MergePlanner {
  /// A module of the layout with the slices that make it.
  struct Module {
    let layout: ModelLayout.Module
    let slices: [PlannedSlice]
    let parameters: [String: JSON]

    var layerCount: Int { slices.reduce(0) { $0 + $1.layerCount } }
  }

  /// The layout's modules, with whole models turned into one slice over all layers.
  func modules() throws(MergeError) -> [Module] {
    for model in models {
      guard let (key, found) = layout.wrongCount(in: model.config) else { continue }
      throw .checkpoint(
        .config(
          key: key, origin: model.checkpoint.origin, expected: "a whole number of at least 0",
          found: found))
    }
    for module in layout.modules {
      for model in models { try checkCounts(of: module, in: model) }
    }
    if recipe.modules.isEmpty {
      if !recipe.slices.isEmpty, layout.modules.count(where: { !$0.hasNoLayers }) > 1 {
        throw .recipe(
          .missingModule(layout.modules[0].name, architecture: layout.title), origin: "`slices`")
      }
      var modules: [Module] = []
      for module in layout.modules {
        let slices =
          recipe.slices.isEmpty
          ? try whole(recipe.models, module, place: "`models`")
          : try cut(recipe.slices, module, place: "slices")
        modules.append(Module(layout: module, slices: slices, parameters: [:]))
      }
      return modules
    }
    let known = layout.modules.map(\.name)
    for module in recipe.modules where !known.contains(module.name) {
      // mergekit itself writes `default` for models of one module, whatever we call it.
      if module.name == "default", known.count == 1 { continue }
      throw .recipe(
        .unknownModule(module.name, architecture: layout.title, known: known), origin: "`modules`")
    }
    var modules: [Module] = []
    for module in layout.modules {
      let found = recipe.modules.first {
        $0.name == module.name || (known.count == 1 && $0.name == "default")
      }
      guard let found else {
        throw .recipe(
          .missingModule(module.name, architecture: layout.title), origin: "`modules`")
      }
      let place = "modules.\(found.name)"
      let slices =
        found.slices.isEmpty
        ? try whole(found.models, module, place: "\(place).models")
        : try cut(found.slices, module, place: "\(place).slices")
      modules.append(Module(layout: module, slices: slices, parameters: found.parameters))
    }
    return modules
  }

  /// The most tensors of experts in one model, ten times those of the largest public ones.
  private static let expertLimit = 1_000_000

  /// Refuses a config whose layers or experts cannot be in the model: each layer has a tensor at
  /// least. Else a line of a config could ask for years of planning.
  private func checkCounts(
    of module: ModelLayout.Module, in model: InputModel
  ) throws(MergeError) {
    let depth = depth(of: module, in: model)
    let count = model.checkpoint.names.count
    guard depth <= max(count, 1) else {
      throw .checkpoint(
        .config(
          key: module.depthKey.isEmpty ? "the number of layers" : module.depthKey,
          origin: model.checkpoint.origin,
          expected: "at most \(count) layers, as many as there are tensors", found: "\(depth)"))
    }
    for tensor in module.tensors {
      guard let key = tensor.expertsKey else { continue }
      let stored = lastExpert(of: tensor, in: model)
      guard let experts = tensor.expertCount(in: model.config) else {
        // Without their number they would be missing from the result.
        guard let stored else { continue }
        throw .checkpoint(
          .config(
            key: key, origin: model.checkpoint.origin,
            expected: "the number of experts, to which `\(stored.name)` belongs", found: "none"))
      }
      if let stored, stored.number + 1 != experts {
        throw .checkpoint(
          .config(
            key: key, origin: model.checkpoint.origin,
            expected: "\(stored.number + 1), for the last of the experts has `\(stored.name)`",
            found: "\(experts)"))
      }
      guard max(depth, 1) * experts > Self.expertLimit else { continue }
      throw .checkpoint(
        .config(
          key: key, origin: model.checkpoint.origin,
          expected:
            "at most \(Self.expertLimit / max(depth, 1)) experts in each of \(depth) layers",
          found: "\(experts)"))
    }
  }

  /// The tensor of the template in the model whose expert has the greatest number.
  private func lastExpert(
    of tensor: ModelLayout.Tensor, in model: InputModel
  ) -> (number: Int, name: String)? {
    var last: (number: Int, name: String)?
    for form in [tensor.name] + tensor.aliases {
      guard let place = form.firstRange(of: "{expert}") else { continue }
      let start = Self.withoutNumbers(String(form[..<place.lowerBound]))
      let whole = Self.withoutNumbers(form)
      // How many parts of a name stand before the expert's number.
      let depth = start.split(separator: ".", omittingEmptySubsequences: false).count - 1
      for name in model.checkpoint.names where Self.withoutNumbers(name) == whole {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let number = Int(parts[depth]), number > last?.number ?? -1 else { continue }
        last = (number, name)
      }
    }
    return last
  }

  /// One slice over all layers; a base that is not listed is the last input.
  private func whole(
    _ listed: [MergeRecipe.Model], _ module: ModelLayout.Module, place: String
  ) throws(MergeError) -> [PlannedSlice] {
    let all = listed.withBase(recipe.baseModel)
    let first = model(all[0].model)
    let depth = depth(of: module, in: first)
    for other in all.dropFirst() {
      let found = self.depth(of: module, in: model(other.model))
      guard found == depth else {
        throw .configs(
          key: module.depthKey.isEmpty ? "the number of layers" : module.depthKey,
          first: String(depth), firstModel: first.checkpoint.origin, second: String(found),
          secondModel: model(other.model).checkpoint.origin)
      }
    }
    return [
      PlannedSlice(
        inputs: all.map {
          .init(model: $0.model, start: 0, parameters: $0.parameters, statistics: $0.statistics)
        },
        layerCount: depth, parameters: [:],
        cast: try Cast(all.map(\.model), base: recipe.baseModel, card: card, place: place),
        place: place)
    ]
  }

  private func cut(
    _ slices: [MergeRecipe.Slice], _ module: ModelLayout.Module, place: String
  ) throws(MergeError) -> [PlannedSlice] {
    var planned: [PlannedSlice] = []
    for (index, slice) in slices.enumerated() {
      let place = "`\(place)[\(index)]`"
      for source in slice.sources {
        let depth = depth(of: module, in: model(source.model))
        // A module without layers of its own gives what is outside layers to every slice.
        if module.hasNoLayers { continue }
        guard source.end <= depth || source.layerCount == 0 else {
          throw .slice(
            .beyondModel(
              model: source.model.description, start: source.start, end: source.end, depth: depth),
            place: place)
        }
      }
      planned.append(
        PlannedSlice(
          inputs: slice.sources.map {
            .init(
              model: $0.model, start: $0.start, parameters: $0.parameters,
              statistics: $0.statistics)
          }, layerCount: module.hasNoLayers ? 0 : slice.sources[0].layerCount,
          parameters: slice.parameters, cast: try Cast(slice, recipe, card, place: place),
          place: place))
    }
    return planned
  }

  /// The number of layers: the config's word, else one more than the largest number in the names.
  func depth(of module: ModelLayout.Module, in model: InputModel) -> Int {
    if let depth = module.depth(in: model.config), !layout.isInferred || !module.depthKey.isEmpty {
      return depth
    }
    var depth = 0
    for prefix in module.layerPrefixes {
      for name in model.checkpoint.names where name.hasPrefix(prefix) {
        let digits = name.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber }
        if let layer = Int(digits), layer < 100_000 { depth = max(depth, layer + 1) }
      }
    }
    return depth
  }
}

extension Cast {
  init(
    _ slice: MergeRecipe.Slice, _ recipe: MergeRecipe, _ card: MethodCard, place: String
  ) throws(MergeError) {
    try self.init(
      slice.sources.map(\.model), base: slice.baseModel ?? recipe.baseModel, card: card,
      place: place)
  }
}

extension [MergeRecipe.Model] {
  /// The models, and the base as the last where it is not listed.
  func withBase(_ base: ModelReference?) -> Self {
    guard let base, !contains(where: { $0.model == base }) else { return self }
    return self + [MergeRecipe.Model(base)]
  }
}

extension ModelLayout {
  /// The architecture for messages.
  var title: String { architecture.isEmpty ? "the architecture" : architecture }
}

extension ModelLayout.Module {
  var hasNoLayers: Bool { !tensors.contains { $0.stage == .layer } }

  /// What stands before the number of a layer, in names and aliases.
  var layerPrefixes: Set<String> {
    var prefixes: Set<String> = []
    for tensor in tensors where tensor.stage == .layer {
      for name in [tensor.name] + tensor.aliases {
        if let end = name.firstRange(of: "{layer}") {
          prefixes.insert(String(name[..<end.lowerBound]))
        }
      }
    }
    return prefixes
  }
}
