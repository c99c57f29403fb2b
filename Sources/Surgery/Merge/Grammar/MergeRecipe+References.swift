// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension MergeRecipe {
  /// The recipe with every model it names replaced by what `body` makes of it: inputs, bases, and
  /// those of the tokenizer's section. What stands inside a nested merge is `body`'s affair.
  func mapReferences<E: Error>(
    _ body: (ModelReference) throws(E) -> ModelReference
  ) throws(E) -> MergeRecipe {
    var recipe = self
    for i in recipe.models.indices { recipe.models[i].model = try body(recipe.models[i].model) }
    recipe.slices = try Self.mapReferences(recipe.slices, body)
    for m in recipe.modules.indices {
      for i in recipe.modules[m].models.indices {
        recipe.modules[m].models[i].model = try body(recipe.modules[m].models[i].model)
      }
      recipe.modules[m].slices = try Self.mapReferences(recipe.modules[m].slices, body)
    }
    if let base = recipe.baseModel { recipe.baseModel = try body(base) }
    guard var tokenizer = recipe.tokenizer else { return recipe }
    if case .model(let model) = tokenizer.source { tokenizer.source = .model(try body(model)) }
    for i in tokenizer.tokens.indices {
      switch tokenizer.tokens[i].source {
      case .model(let model): tokenizer.tokens[i].source = .model(try body(model))
      case .token(let model, let text):
        tokenizer.tokens[i].source = .token(try body(model), text: text)
      case .row(let model, let id): tokenizer.tokens[i].source = .row(try body(model), id: id)
      case .zero, nil: break
      }
    }
    recipe.tokenizer = tokenizer
    return recipe
  }

  /// The recipe with every merge nested in it, and at last itself, replaced: the innermost first, one
  /// with a name once, for there are exponentially many ways through merges of merges.
  func mapMerges<E: Error>(
    _ change: (MergeRecipe) throws(E) -> MergeRecipe
  ) throws(E) -> MergeRecipe {
    var done: [String: MergeRecipe] = [:]
    func changed(_ recipe: MergeRecipe) throws(E) -> MergeRecipe {
      if let name = recipe.name, let known = done[name] { return known }
      let result = try change(
        recipe.mapReferences { (reference) throws(E) in
          try reference.mapMerges { (inner) throws(E) in .merge(try changed(inner)) }
        })
      if let name = recipe.name { done[name] = result }
      return result
    }
    return try changed(self)
  }

  private static func mapReferences<E: Error>(
    _ slices: [Slice], _ body: (ModelReference) throws(E) -> ModelReference
  ) throws(E) -> [Slice] {
    var slices = slices
    for s in slices.indices {
      if let base = slices[s].baseModel { slices[s].baseModel = try body(base) }
      for i in slices[s].sources.indices {
        slices[s].sources[i].model = try body(slices[s].sources[i].model)
      }
    }
    return slices
  }
}
