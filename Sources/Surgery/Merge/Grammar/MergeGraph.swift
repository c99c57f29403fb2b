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
  /// The text of each document by its name, "" for one without; empty for a graph made by code.
  public let texts: [String: String]

  /// Reads one document or several, divided by lines that begin with `---`.
  ///
  /// - Parameter origin: the file's name, for messages; lines are those of the whole text.
  /// - Throws: ``MergeError``; a loop of references is an error that names the loop.
  public static func parse(_ text: String, origin: String) throws(MergeError) -> MergeGraph {
    var recipes: [MergeRecipe] = []
    var texts: [String: String] = [:]
    for document in documents(text) {
      let recipe = try MergeRecipe.parse(
        document.text, origin: origin, firstLine: document.firstLine)
      texts[recipe.name ?? ""] = document.text.split(
        omittingEmptySubsequences: false, whereSeparator: \.isNewline
      ).drop { $0.allSatisfy(\.isWhitespace) }.joined(separator: "\n")
      recipes.append(recipe)
    }
    return try MergeGraph(recipes, texts: texts, origin: origin)
  }

  /// Connects recipes by their names.
  public init(
    _ recipes: [MergeRecipe], texts: [String: String] = [:], origin: String
  ) throws(MergeError) {
    self.texts = texts
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

  /// The graph with every document's recipe changed, wherever it is used; nested merges without a
  /// name are changed too.
  public func mapping(
    _ change: (MergeRecipe) throws(MergeError) -> MergeRecipe
  ) throws(MergeError) -> MergeGraph {
    // Each by itself: a name may be used at several places, and is the same at all.
    var all: [MergeRecipe] = []
    for recipe in named { all.append(try recipe.mapMerges(change)) }
    return MergeGraph(named: all, result: try result.mapMerges(change), texts: texts)
  }

  private init(named: [MergeRecipe], result: MergeRecipe, texts: [String: String]) {
    self.named = named
    self.result = result
    self.texts = texts
  }

  /// A merge of the graph that is made by itself.
  public struct Stage: Sendable, Equatable {
    /// `nil` for the result, where its document has no name.
    public let name: String?
    /// With the results of other stages as stored models.
    public let recipe: MergeRecipe
    /// The documents it is made from, itself the last: a graph whose result it is.
    public let text: String
  }

  /// All documents as merges that are made one after another, each after those it uses: for who
  /// wants to keep what is between. The result comes last.
  ///
  /// - Parameter folder: where the result of a document of that name lies.
  public func stages(in folder: (String) -> String) -> [Stage] {
    var stages: [Stage] = []
    func add(_ recipe: MergeRecipe, isResult: Bool) {
      if !isResult, stages.contains(where: { $0.name == recipe.name }) { return }
      var used: [String] = []
      collect(recipe, into: &used)
      for name in used {
        if let inner = named.first(where: { $0.name == name }) { add(inner, isResult: false) }
      }
      let staged = recipe.mapReferences { reference in
        reference.mapMerges { inner in
          inner.name.map { .stored(.init(path: folder($0))) } ?? .merge(inner)
        }
      }
      let documents = (used + [recipe.name ?? ""]).compactMap { texts[$0] }
      stages.append(
        Stage(name: recipe.name, recipe: staged, text: documents.joined(separator: "---\n")))
    }
    for recipe in named where recipe != result { add(recipe, isResult: false) }
    add(result, isResult: true)
    return stages
  }

  /// The names of all documents that a recipe uses, each after those it uses itself.
  private func collect(_ recipe: MergeRecipe, into names: inout [String]) {
    for inner in recipe.references.flatMap(\.merges) {
      if let name = inner.name, names.contains(name) { continue }
      collect(inner, into: &names)
      if let name = inner.name { names.append(name) }
    }
  }

  /// The documents of a text, each with the number of its first line.
  static func documents(_ text: String) -> [(text: String, firstLine: Int)] {
    var documents: [(text: String, firstLine: Int)] = []
    var current = (text: "", firstLine: 1)
    var isEmpty = true
    var lineCount = 0
    func finish() {
      if !isEmpty { documents.append(current) }
      current = ("", lineCount + 1)
      isEmpty = true
    }
    for line in text.split(
      omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
    {
      let isMarker = ["---", "..."].contains { mark in
        line.hasPrefix(mark) && (line.dropFirst(3).first?.isWhitespace ?? true)
      }
      if isMarker { finish() }
      // What follows the marker on its line belongs to the document; a directive before it
      // (`%YAML 1.1`) says nothing that is read here.
      let isDirective = isEmpty && line.hasPrefix("%")
      let content = isMarker ? "   " + line.dropFirst(3) : isDirective ? "" : line
      if let first = content.first(where: { !$0.isWhitespace }), first != "#" { isEmpty = false }
      current.text += content + "\n"
      lineCount += 1
    }
    finish()
    // Let the reader say what is wrong with a text that holds nothing.
    return documents.isEmpty ? [(text, 1)] : documents
  }
}

extension MergeGraph {
  private struct Resolver {
    /// How many documents may stand one inside the other. People need two or three; each level takes
    /// its part of the stack, here and wherever the result is used.
    static let depthLimit = 32

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
      guard path.count < Self.depthLimit else {
        throw .recipe(.tooDeep(limit: Self.depthLimit, outermost: path[0]), origin: origin)
      }
      path.append(name)
      let result = try resolved(recipe)
      path.removeLast()
      done[name] = result
      return result
    }

    mutating func resolved(_ recipe: MergeRecipe) throws(MergeError) -> MergeRecipe {
      try recipe.mapReferences { (reference) throws(MergeError) in try resolved(reference) }
    }

    private mutating func resolved(
      _ reference: ModelReference
    ) throws(MergeError) -> ModelReference {
      var reference = reference
      switch reference.base {
      case .merge(let recipe): reference.base = .merge(try resolved(recipe))
      case .difference(let difference):
        reference.base = .difference(
          .init(tuned: try resolved(difference.tuned), base: try resolved(difference.base)))
      case .stored(let location):
        guard location.revision == nil, recipes[location.path] != nil else { break }
        used.insert(location.path)
        reference.base = .merge(try resolved(location.path))
      }
      return reference
    }
  }
}
