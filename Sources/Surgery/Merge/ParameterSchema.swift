// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The parameters of a method as its `Parameters` declare them: names, kinds and defaults.
struct ParameterSchema {
  enum Scope { case shared, perSource }
  enum Kind { case number, wholeNumber, flag }

  struct Entry {
    let name: String
    let scope: Scope
    let kind: Kind
    /// `nil` where the recipe must give a value.
    let defaultValue: JSON?
  }

  let method: String
  let entries: [Entry]
  private let ignored: [String]

  /// Reads the schema off the card and an encoded `Parameters()`.
  init(_ method: any MergeMethod.Type) {
    func defaults<M: MergeMethod>(_: M.Type) -> JSONObject {
      // Encoding a struct of numbers and flags that our own code declares cannot fail.
      guard let data = try? JSONEncoder().encode(M.Parameters()),
        let object = (try? JSON.parse(data, origin: "the defaults"))?.object
      else { preconditionFailure("the parameters of \(M.card.id) do not encode") }
      return object
    }
    let card = method.card
    self.method = card.id
    ignored = card.ignored
    let own = card.perSource.map { parameter in
      Entry(
        name: parameter.name, scope: .perSource, kind: .number,
        defaultValue: parameter.defaultValue)
    }
    let perSource = Set(card.perSource.map(\.name))
    entries =
      own
      + defaults(method).members.filter { !perSource.contains($0.key) }
      .sorted { $0.key < $1.key }
      .map { key, value in
        // `seed` is the one whole number; JSON does not tell 1.0 from 1.
        let kind: Kind = value.bool != nil ? .flag : key == "seed" ? .wholeNumber : .number
        return Entry(
          name: key, scope: .shared, kind: kind,
          // Not `nil`, which could mean JSON's null.
          defaultValue: card.requiredShared.contains(key) ? Optional<JSON>.none : value)
      }
  }

  /// Reads the parameters of one mapping; whatever is left over is an unknown key.
  func read(_ settings: inout Settings, scopes: [Scope]) throws(DocumentError) -> [String: JSON] {
    var values: [String: JSON] = [:]
    for entry in entries where scopes.contains(entry.scope) {
      switch entry.kind {
      case .number:
        if let value = try settings.optionalDouble(entry.name) { values[entry.name] = JSON(value) }
      case .wholeNumber:
        if let value = try settings.optionalInt(entry.name, in: 0...Int.max) {
          values[entry.name] = JSON(value)
        }
      case .flag:
        // mergekit prints flags as numbers: `normalize: 1.0`.
        guard let text = settings.node(entry.name)?.json else { continue }
        if let number = text.double, number == 0 || number == 1 {
          values[entry.name] = JSON(number == 1)
        } else {
          values[entry.name] = JSON(try settings.bool(entry.name, default: false))
        }
      }
    }
    try settings.finish(known: ignored)
    return values
  }

  /// All values of a recipe as the JSON that `Parameters` decodes from.
  func resolve(
    shared: [String: JSON], sources: [MergeRecipe.Model], base: MergeRecipe.Model?
  ) throws(MergeError) -> JSONObject {
    let names = entries.map(\.name)
    let models = sources + (base.map { [$0] } ?? [])
    let places =
      [("`parameters`", shared)] + models.map { ("model \($0.reference)", $0.parameters) }
    for (number, (place, values)) in places.enumerated() {
      for name in values.keys.sorted() where !ignored.contains(name) {
        guard let entry = entries.first(where: { $0.name == name }) else {
          throw .unknownParameter(
            name, method: method, place: place, nearest: nearestName(to: name, in: names))
        }
        if number > 0, entry.scope == .shared {
          throw .sharedParameterUnderModel(
            name, method: method, model: models[number - 1].reference)
        }
      }
    }
    var object = JSONObject()
    for entry in entries {
      func checked(_ value: JSON) throws(MergeError) -> JSON {
        let isRight =
          switch entry.kind {
          case .number: value.double?.isFinite == true || value == entry.defaultValue
          case .wholeNumber: (value.int ?? -1) >= 0
          case .flag: value.bool != nil
          }
        if isRight { return value }
        let expected =
          switch entry.kind {
          case .number: "a number"
          case .wholeNumber: "a whole number of at least 0"
          case .flag: "true or false"
          }
        throw .parameter(entry.name, value: value.serialized(), expected: expected)
      }
      switch entry.scope {
      case .shared:
        guard let value = shared[entry.name] ?? entry.defaultValue else {
          throw .missingParameter(entry.name, method: method, model: nil)
        }
        object[entry.name] = try checked(value)
      case .perSource:
        var row: [JSON] = []
        for source in sources {
          guard
            let value = source.parameters[entry.name] ?? shared[entry.name] ?? entry.defaultValue
          else {
            throw .missingParameter(entry.name, method: method, model: source.reference)
          }
          row.append(try checked(value))
        }
        object[entry.name] = .array(row)
      }
    }
    return object
  }

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
