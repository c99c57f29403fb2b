// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

// Many checkpoints in one line:
//
//     merge_method: linear
//     models:
//       - model: runs/faroese/checkpoint-*
//         last: 5        # of those, the last five
//         decay: 0.9     # the last counts 1, the one before 0.9, then 0.81

extension MergeRecipe {
  /// The recipe with each model whose path has `*` or `?` replaced by those it stands for.
  ///
  /// They come in natural order, `checkpoint-900` before `checkpoint-1000`; ``Model/last`` takes
  /// some from the end. Each has the parameters of the pattern's entry. Where its method needs a
  /// `weight` and none is given, each has the weight 1; with ``Model/decay`` β the weight of the
  /// last is what is given, and of each before it β times that of the next. ``notes`` say what was
  /// found. Only `models` may have patterns, those of modules and nested merges included.
  ///
  /// Averages of late checkpoints are Kaddour's LAWA (2022, arXiv:2209.14981), those of all of them
  /// or of runs Schmidt et al.'s (2023, arXiv:2305.16834); exponential weights those of an average
  /// kept in training, but that its first checkpoint has the weight of all before it.
  ///
  /// - Parameter folders: the paths a pattern stands for, in order; at least one.
  /// - Throws: ``MergeError``; fewer folders than `last` is an error.
  public func expandingPatterns(
    _ folders: (_ pattern: String) throws(MergeError) -> [String] = FolderPattern.folders
  ) throws(MergeError) -> MergeRecipe {
    try mapMerges { (recipe) throws(MergeError) in try recipe.expandingOwnPatterns(folders) }
  }

  private func expandingOwnPatterns(
    _ folders: (_ pattern: String) throws(MergeError) -> [String]
  ) throws(MergeError) -> MergeRecipe {
    var recipe = self
    recipe.models = try expand(recipe.models, scopes: [parameters], folders, &recipe.notes)
    for index in recipe.modules.indices {
      recipe.modules[index].models = try expand(
        recipe.modules[index].models, scopes: [recipe.modules[index].parameters, parameters],
        folders, &recipe.notes)
    }
    return recipe
  }

  private func expand(
    _ models: [Model], scopes: [[String: JSON]],
    _ folders: (String) throws(MergeError) -> [String], _ notes: inout [String]
  ) throws(MergeError) -> [Model] {
    var result: [Model] = []
    for model in models {
      guard model.model.hasPattern else {
        result.append(model)
        continue
      }
      var found = try model.model.expanded(folders)
      if let last = model.last {
        guard last <= found.count else {
          throw .operation(
            Diagnosis(
              what: "The last \(last) folders of `\(model.reference)` are asked for, and it stands "
                + "for \(found.count).",
              where: "`last`", next: "Ask for at most \(found.count), or correct the pattern."))
        }
        found.removeFirst(found.count - last)
      }
      let weights = try weights(of: model, count: found.count, scopes)
      for (reference, weight) in zip(found, weights) {
        var parameters = model.parameters
        if let weight { parameters["weight"] = weight }
        result.append(Model(reference, parameters: parameters))
      }
      let names = found.map(\.description).joined(separator: ", ")
      let shares = model.decay == nil ? [] : weights.compactMap { $0?.serialized() }
      notes.append(
        "`\(model.reference)` stands for \(found.count) model\(found.count == 1 ? "" : "s"): \(names)"
          + (shares.isEmpty ? "." : ", with the weights \(shares.joined(separator: ", "))."))
    }
    return result
  }

  /// The weights to write under each model of a pattern; `nil` to leave what the recipe says.
  private func weights(
    of model: Model, count: Int, _ scopes: [[String: JSON]]
  ) throws(MergeError) -> [JSON?] {
    let own = try MergeMethods.named(method).card.perSource.first { $0.name == "weight" }
    let given = model.parameters["weight"] ?? scopes.compactMap { $0["weight"] }.first
    guard let decay = model.decay else {
      let isMissing = own != nil && own?.defaultValue == nil && given == nil
      return Array(repeating: isMissing ? 1 : nil, count: count)
    }
    guard own != nil else {
      throw .operation(
        Diagnosis(
          what: "`decay` sets weights, and the method `\(method)` has none.",
          where: "model `\(model.reference)`", next: "Leave `decay` out, or choose `linear`."))
    }
    var weights: [JSON?] = []
    var factor = 1.0
    for _ in 0..<count {
      weights.insert((given ?? 1).scaled(by: factor), at: 0)
      factor *= decay
    }
    return weights
  }
}

extension ModelReference {
  /// The models that a pattern in the model's or the adapter's path stands for.
  fileprivate func expanded(
    _ folders: (String) throws(MergeError) -> [String]
  ) throws(MergeError) -> [ModelReference] {
    guard case .stored(let location) = base else { return [self] }
    let isModel = FolderPattern.isPattern(location.path)
    if isModel, let adapter, FolderPattern.isPattern(adapter.path) {
      throw .operation(
        Diagnosis(
          what: "Both the model and its adapter are patterns.", where: "model `\(self)`",
          next: "Name one of them; adapters of one model are `MODEL+FOLDER/checkpoint-*`."))
    }
    var result: [ModelReference] = []
    for path in try folders(isModel ? location.path : adapter?.path ?? "") {
      var copy = self
      if isModel {
        copy.base = .stored(Location(path: path, revision: location.revision))
      } else {
        copy.adapter?.path = path
      }
      result.append(copy)
    }
    return result
  }
}

extension JSON {
  /// A setting of a number with every value multiplied; see ``ParameterSetting``.
  fileprivate func scaled(by factor: Double) -> JSON {
    if let number = double { return JSON(number * factor) }
    if let list = array { return JSON(list.map { $0.scaled(by: factor) }) }
    guard var condition = object, let value = condition["value"] else { return self }
    condition["value"] = value.scaled(by: factor)
    return .object(condition)
  }
}
