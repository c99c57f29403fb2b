// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The parameters of a method as its `Parameters` declare them: names, kinds and defaults.
struct ParameterSchema {
  enum Scope { case shared, perSource }

  struct Entry {
    let name: String
    let scope: Scope
    let kind: ParameterSetting.Kind
    /// `nil` where the recipe must give a value.
    let defaultValue: JSON?
  }

  let method: String
  let entries: [Entry]
  /// Parameters of the method that change nothing.
  let ignored: [String]

  /// Parameters of mergekit's methods, past and present. One that a method does not read is let
  /// pass with a note, because recipes of model cards are full of them.
  static let foreign: Set<String> = [
    "alpha", "consensus_method", "density", "embed_slerp", "eps", "epsilon", "filter_wise", "gamma",
    "int8_mask", "k", "lambda", "max_iter", "normalize", "normalize_weights", "nuslerp_flatten",
    "nuslerp_row_wise", "r", "rescale", "scale", "select_topk", "t", "tol", "weight",
  ]

  /// Reads the schema off the card and an encoded `Parameters()`.
  init(_ method: any MergeMethod.Type) {
    let card = method.card
    self.method = card.id
    ignored = card.ignored
    let defaults = Self.defaults(method)
    func probe(_ name: String, _ value: JSON) -> Bool {
      var object = defaults
      object[name] = value
      return Self.decodes(method, object)
    }
    // What a value may be is known to the decoder alone: JSON does not tell 1.0 from 1.
    func kind(_ name: String, _ isList: Bool) -> ParameterSetting.Kind {
      if card.wholeNumbers.contains(name) { return .wholeNumber }
      func wrapped(_ value: JSON) -> JSON { isList ? [value] : value }
      if probe(name, wrapped(true)) { return .flag }
      if probe(name, wrapped(0.5)) { return .number }
      return probe(name, wrapped(1)) ? .wholeNumber : .text
    }
    let own = card.perSource.map { parameter in
      Entry(
        name: parameter.name, scope: .perSource, kind: kind(parameter.name, true),
        defaultValue: parameter.defaultValue)
    }
    let perSource = Set(card.perSource.map(\.name))
    entries =
      own
      + defaults.members.filter { !perSource.contains($0.key) }.sorted { $0.key < $1.key }
      .map { key, value in
        Entry(
          name: key, scope: .shared, kind: kind(key, false),
          // Not `nil`, which could mean JSON's null.
          defaultValue: card.requiredShared.contains(key) ? Optional<JSON>.none : value)
      }
  }

  private static func defaults<M: MergeMethod>(_: M.Type) -> JSONObject {
    // Encoding a struct of numbers, flags and texts that our own code declares cannot fail.
    guard let data = try? JSONEncoder().encode(M.Parameters()),
      let object = (try? JSON.parse(data, origin: "the defaults"))?.object
    else { preconditionFailure("the parameters of \(M.card.id) do not encode") }
    return object
  }

  private static func decodes<M: MergeMethod>(_: M.Type, _ values: JSONObject) -> Bool {
    let text = JSON.object(values).serialized()
    return (try? JSONDecoder().decode(M.Parameters.self, from: Data(text.utf8))) != nil
  }

  func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

  /// Makes the method from resolved values.
  static func make(
    _ method: any MergeMethod.Type, _ values: JSONObject
  ) throws(MergeError) -> any MergeMethod {
    func make<M: MergeMethod>(_: M.Type) throws(MergeError) -> any MergeMethod {
      let text = JSON.object(values).serialized()
      guard
        let parameters = try? JSONDecoder().decode(M.Parameters.self, from: Data(text.utf8))
      else {
        throw .parameter(
          "parameters", value: text, expected: "numbers in the range of \(M.card.id)'s settings")
      }
      return try M(parameters)
    }
    return try make(method)
  }
}

// MARK: Checking names

extension ParameterSchema {
  /// What is to be done with a parameter that a recipe gives.
  enum Verdict {
    case read(Entry)
    /// Nothing; the note says so, where there is one.
    case skip(note: String?)
  }

  /// Judges the name of a parameter.
  ///
  /// - Parameters:
  ///   - model: the model it stands under, where a shared one is an error.
  ///   - place: for messages, such as `merge.yaml, line 7`.
  func judge(_ name: String, model: String?, place: String) throws(MergeError) -> Verdict {
    if let entry = entry(name) {
      if entry.scope == .shared, let model {
        throw .sharedParameterUnderModel(name, method: method, model: model, place: place)
      }
      return .read(entry)
    }
    if ignored.contains(name) { return .skip(note: nil) }
    if Self.foreign.contains(name) {
      return .skip(note: "\(place): `\(name)` changes nothing, `\(method)` does not read it.")
    }
    throw .unknownParameter(
      name, method: method, place: place,
      nearest: nearestName(to: name, in: entries.map(\.name) + ignored))
  }

  /// Checks the names in all places of a recipe that code has built.
  func checkNames(_ recipe: MergeRecipe) throws(MergeError) {
    func check(
      _ values: [String: JSON], model: ModelReference? = nil, _ place: String
    ) throws(MergeError) {
      for name in values.keys.sorted() {
        _ = try judge(name, model: model?.description, place: place)
      }
    }
    func check(
      _ models: [MergeRecipe.Model], _ slices: [MergeRecipe.Slice]
    ) throws(MergeError) {
      for model in models {
        try check(model.parameters, model: model.model, "model \(model.reference)")
      }
      for (index, slice) in slices.enumerated() {
        try check(slice.parameters, "`slices[\(index)].parameters`")
        for source in slice.sources {
          try check(
            source.parameters, model: source.model, "slice \(index), model \(source.model)")
        }
      }
    }
    try check(recipe.parameters, "`parameters`")
    try check(recipe.models, recipe.slices)
    for module in recipe.modules {
      try check(module.parameters, "`modules.\(module.name).parameters`")
      try check(module.models, module.slices)
    }
  }

  /// The parameters of one mapping of a YAML recipe, as settings.
  func read(
    _ settings: inout Settings, model: String?, notes: inout [String],
    places: inout ParameterPlaces
  ) throws -> [String: JSON] {
    var values: [String: JSON] = [:]
    for name in settings.keys {
      guard let node = settings.node(name) else { continue }
      let place = "\(settings.origin), line \(node.keyLine ?? node.line)"
      switch try judge(name, model: model, place: place) {
      case .read(let entry):
        places.add(name, line: node.line, origin: settings.origin)
        values[name] = try ParameterSetting.read(
          node, as: entry.kind, path: settings.path(of: name), origin: settings.origin)
      case .skip(let note):
        if let note { notes.append(note) }
      }
    }
    return values
  }
}
