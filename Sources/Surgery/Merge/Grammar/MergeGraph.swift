// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Several merges in one text, as for mergekit-multi: YAML documents of which some have a `name`
/// that others use as a model.
///
/// A model whose path is the name of a document stands for that document's result, and becomes a
/// nested merge: nothing between is written. Only models are looked at, no other texts (in mergekit
/// a document called `linear` takes the place of the method).
public struct MergeGraph: Sendable, Equatable {
  /// Documents with a name, in the order of the text, their references resolved.
  public let named: [MergeRecipe]
  /// What is to be made: the document without a name; or else, where all have one, the only one no
  /// other uses.
  public let result: MergeRecipe

  /// Reads one document or several, divided by lines that begin with `---`.
  ///
  /// - Parameter origin: the file's name, for messages; lines are those of the whole text.
  /// - Throws: ``MergeError``; a loop of references is an error that names the loop.
  public static func parse(_ text: String, origin: String) throws(MergeError) -> MergeGraph {
    var recipes: [MergeRecipe] = []
    for document in documents(text) {
      recipes.append(try MergeRecipe.parse(document, origin: origin))
    }
    return try MergeGraph(recipes, origin: origin)
  }

  /// Connects recipes by their names.
  public init(_ recipes: [MergeRecipe], origin: String) throws(MergeError) {
    var resolver = Resolver(origin: origin)
    for recipe in recipes {
      guard let name = recipe.name else { continue }
      guard resolver.recipes.updateValue(recipe, forKey: name) == nil else {
        throw .recipe(.duplicateName(name), origin: origin)
      }
    }
    var named: [MergeRecipe] = []
    for recipe in recipes {
      if let name = recipe.name { named.append(try resolver.resolved(name)) }
    }
    self.named = named
    var results = recipes.filter { $0.name == nil }
    if results.isEmpty {
      results = named.filter { !resolver.used.contains($0.name ?? "") }
    }
    guard results.count == 1 else {
      throw .recipe(.outputs(count: results.count), origin: origin)
    }
    result = results[0].name == nil ? try resolver.resolved(results[0]) : results[0]
  }

  /// The documents of a text, each with as many empty lines before it as keep its lines' numbers.
  static func documents(_ text: String) -> [String] {
    var documents: [String] = []
    var current = ""
    var isEmpty = true
    var lineCount = 0
    func finish() {
      if !isEmpty { documents.append(current) }
      current = String(repeating: "\n", count: lineCount)
      isEmpty = true
    }
    for line in text.split(
      omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
    {
      let isMarker = ["---", "..."].contains { mark in
        line.hasPrefix(mark) && (line.dropFirst(3).first?.isWhitespace ?? true)
      }
      if isMarker { finish() }
      // What follows the marker on its line belongs to the document.
      let content = isMarker ? "   " + line.dropFirst(3) : line
      if let first = content.first(where: { !$0.isWhitespace }), first != "#" { isEmpty = false }
      current += content + "\n"
      lineCount += 1
    }
    finish()
    // Let the reader say what is wrong with a text that holds nothing.
    return documents.isEmpty ? [text] : documents
  }
}

extension MergeGraph {
  private struct Resolver {
    let origin: String
    var recipes: [String: MergeRecipe] = [:]
    var done: [String: MergeRecipe] = [:]
    var path: [String] = []
    var used: Set<String> = []

    init(origin: String) { self.origin = origin }

    mutating func resolved(_ name: String) throws(MergeError) -> MergeRecipe {
      if let recipe = done[name] { return recipe }
      if let start = path.firstIndex(of: name) {
        throw .recipe(.cycle(Array(path[start...]) + [name]), origin: origin)
      }
      guard let recipe = recipes[name] else { preconditionFailure("no document `\(name)`") }
      path.append(name)
      let result = try resolved(recipe)
      path.removeLast()
      done[name] = result
      return result
    }

    mutating func resolved(_ recipe: MergeRecipe) throws(MergeError) -> MergeRecipe {
      var recipe = recipe
      for i in recipe.models.indices {
        recipe.models[i].model = try resolved(recipe.models[i].model)
      }
      recipe.slices = try resolved(recipe.slices)
      for m in recipe.modules.indices {
        for i in recipe.modules[m].models.indices {
          recipe.modules[m].models[i].model = try resolved(recipe.modules[m].models[i].model)
        }
        recipe.modules[m].slices = try resolved(recipe.modules[m].slices)
      }
      if let base = recipe.baseModel { recipe.baseModel = try resolved(base) }
      if var tokenizer = recipe.tokenizer {
        if case .model(let model) = tokenizer.source {
          tokenizer.source = .model(try resolved(model))
        }
        for i in tokenizer.tokens.indices {
          switch tokenizer.tokens[i].source {
          case .model(let model): tokenizer.tokens[i].source = .model(try resolved(model))
          case .token(let model, let text):
            tokenizer.tokens[i].source = .token(try resolved(model), text: text)
          case .row(let model, let id):
            tokenizer.tokens[i].source = .row(try resolved(model), id: id)
          case .zero, nil: break
          }
        }
        recipe.tokenizer = tokenizer
      }
      return recipe
    }

    private mutating func resolved(
      _ slices: [MergeRecipe.Slice]
    ) throws(MergeError) -> [MergeRecipe.Slice] {
      var slices = slices
      for s in slices.indices {
        if let base = slices[s].baseModel { slices[s].baseModel = try resolved(base) }
        for i in slices[s].sources.indices {
          slices[s].sources[i].model = try resolved(slices[s].sources[i].model)
        }
      }
      return slices
    }

    private mutating func resolved(
      _ reference: ModelReference
    ) throws(MergeError) -> ModelReference {
      var reference = reference
      switch reference.base {
      case .merge(let recipe): reference.base = .merge(try resolved(recipe))
      case .stored(let location):
        guard location.revision == nil, recipes[location.path] != nil else { break }
        used.insert(location.path)
        reference.base = .merge(try resolved(location.path))
      }
      return reference
    }
  }
}
