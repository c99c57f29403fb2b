// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// The keys of one `config.json`, with the defaults of its model type where they are missing.
///
/// The defaults are those of transformers' configuration class, kept in the type's `Blueprint`.
/// Sizes that every file has (`hidden_size` and such) have none: a file without them is broken.
struct ConfigurationReader {
  let config: JSON
  private let defaults: [String: JSON]

  /// - Parameter modelType: decides the defaults; `config`'s own unless it names none.
  init(_ config: JSON, modelType: String) {
    self.config = config
    defaults = Blueprint.named(modelType)?.classDefaults ?? [:]
  }

  /// What `key` says: the file's word, which may be null, or else the class default.
  func value(_ key: String) -> JSON? { config[key] ?? defaults[key] }

  /// As `value`, null meaning the class default as well.
  private func settled(_ key: String) -> JSON? {
    if let found = config[key], !found.isNull { return found }
    return defaults[key].unlessNull
  }

  /// A whole number from 1 to `limit`.
  func size(_ key: String, limit: Int = 1 << 30) throws(ModelError) -> Int {
    let found = settled(key)
    guard let size = found?.int, size >= 1, size <= limit else {
      throw .configuration(
        key: key, expected: "a whole number from 1 to \(limit)",
        found: found?.serialized() ?? "nothing")
    }
    return size
  }

  /// A whole number from 1, or `nil` where the file says null or neither it nor the class anything.
  func optionalSize(_ key: String, limit: Int = 1 << 30) throws(ModelError) -> Int? {
    guard let found = value(key), !found.isNull else { return nil }
    return try size(key, limit: limit)
  }

  func flag(_ key: String) throws(ModelError) -> Bool {
    guard let found = settled(key) else { return false }
    guard let flag = found.bool else {
      throw .configuration(key: key, expected: "true or false", found: found.serialized())
    }
    return flag
  }

  /// A positive number that `Float` can hold.
  func number(_ key: String, below limit: Double = .infinity) throws(ModelError) -> Double {
    let found = settled(key)
    guard let number = found?.double, Float(number) > 0, Float(number).isFinite, number < limit
    else {
      throw .configuration(
        key: key,
        expected: limit.isFinite ? "a number between 0 and \(Int(limit))" : "a positive number",
        found: found?.serialized() ?? "nothing")
    }
    return number
  }

  /// A positive number, or `nil` where the file says null or neither it nor the class anything.
  func optionalNumber(_ key: String) throws(ModelError) -> Double? {
    guard let found = value(key), !found.isNull else { return nil }
    return try number(key)
  }

  /// Refuses `true`: for what a class can do in transformers and Koine cannot.
  func refuse(_ key: String) throws(ModelError) {
    guard try flag(key) else { return }
    throw .configuration(key: key, expected: "false", found: "true")
  }

  /// The activation of the feed-forward layers.
  ///
  /// - Parameter names: the values of `key` this family may have, each with what it means.
  func activation(
    _ key: String, _ names: KeyValuePairs<String, GateActivation>
  ) throws(ModelError) -> GateActivation {
    let found = settled(key)
    guard let found, let name = found.string,
      let match = names.first(where: { $0.key == name })
    else {
      throw .configuration(
        key: key, expected: names.map { "`\($0.key)`" }.joined(separator: " or "),
        found: found?.string.map { "`\($0)`" } ?? found?.serialized() ?? "nothing")
    }
    return match.value
  }

  // MARK: - Layers that see a window

  /// The kinds of attention layers that `layer_types` may name.
  enum LayerKind: String {
    case full = "full_attention"
    case sliding = "sliding_attention"
  }

  /// `layer_types`, one for each layer, or `nil` where the file has none.
  func layerKinds(count: Int) throws(ModelError) -> [LayerKind]? {
    let key = "layer_types"
    guard let found = config[key], !found.isNull else { return nil }
    guard let names = found.array, names.count == count else {
      throw .configuration(
        key: key, expected: "a list of num_hidden_layers (\(count)) names",
        found: found.array.map { "\($0.count) of them" } ?? found.serialized())
    }
    var kinds: [LayerKind] = []
    for name in names {
      guard let kind = name.string.flatMap(LayerKind.init) else {
        throw .configuration(
          key: key, expected: "`full_attention` or `sliding_attention` each",
          found: name.string.map { "`\($0)`" } ?? name.serialized())
      }
      kinds.append(kind)
    }
    return kinds
  }

  /// The window of each layer, `nil` for those that see everything.
  ///
  /// - Throws: where a layer is to see a window and there is none, as transformers does.
  func windows(_ kinds: [LayerKind], window: Int?) throws(ModelError) -> [Int?] {
    if window == nil, kinds.contains(.sliding) {
      throw .configuration(
        key: "sliding_window", expected: "a whole number, since some layers slide",
        found: "nothing that is in use")
    }
    return kinds.map { $0 == .sliding ? window : nil }
  }
}

extension JSON? {
  /// `nil` for `null` too. (`flatMap { $0.isNull ? nil : $0 }` would not do: `nil` is a literal of
  /// JSON there, and means `null`.)
  var unlessNull: JSON? {
    guard let value = self, !value.isNull else { return .none }
    return value
  }
}
