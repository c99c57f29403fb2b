// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension MergeRecipe {
  /// The recipe with every model it names replaced by what `body` makes of it: inputs, bases, and
  /// those of the tokenizer's section. What stands inside a nested merge is `body`'s affair.
  func mapReferences<E: Error>(
    _ body: (ModelReference) throws(E) -> ModelReference
  ) throws(E) -> MergeRecipe {
    // The long walk is not generic: Swift 6.3.1 ends with "Broken module" where it specialises one
    // that changes fields in place and throws `E` for `Never`.
    var recipe = self
    var references: [ModelReference] = []
    recipe.visitReferences { references.append($0) }
    for index in references.indices { references[index] = try body(references[index]) }
    var next = 0
    recipe.visitReferences {
      $0 = references[next]
      next += 1
    }
    return recipe
  }

  /// Calls `visit` with every model the recipe names, in the same order each time.
  private mutating func visitReferences(_ visit: (inout ModelReference) -> Void) {
    func visited(_ reference: ModelReference) -> ModelReference {
      var reference = reference
      visit(&reference)
      return reference
    }
    for i in models.indices { visit(&models[i].model) }
    Self.visitReferences(&slices, visit)
    for m in modules.indices {
      for i in modules[m].models.indices { visit(&modules[m].models[i].model) }
      Self.visitReferences(&modules[m].slices, visit)
    }
    baseModel = baseModel.map(visited)
    guard var tokenizer else { return }
    if case .model(let model) = tokenizer.source { tokenizer.source = .model(visited(model)) }
    for i in tokenizer.tokens.indices {
      switch tokenizer.tokens[i].source {
      case .model(let model): tokenizer.tokens[i].source = .model(visited(model))
      case .token(let model, let text):
        tokenizer.tokens[i].source = .token(visited(model), text: text)
      case .row(let model, let id): tokenizer.tokens[i].source = .row(visited(model), id: id)
      case .zero, nil: break
      }
    }
    self.tokenizer = tokenizer
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

  private static func visitReferences(
    _ slices: inout [Slice], _ visit: (inout ModelReference) -> Void
  ) {
    for s in slices.indices {
      if var base = slices[s].baseModel {
        visit(&base)
        slices[s].baseModel = base
      }
      for i in slices[s].sources.indices { visit(&slices[s].sources[i].model) }
    }
  }
}
