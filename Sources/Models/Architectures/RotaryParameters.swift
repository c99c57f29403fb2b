// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The keys of `config.json` about rotations, wherever its transformers generation keeps them.
struct RotaryParameters {
  private let config: ConfigurationReader
  /// The section in use; empty where there is none.
  private let section: JSON
  /// The section's name, for messages.
  private let name: String
  /// Where θ stands outside of sections.
  private let thetaKey: String

  /// - Parameter kind: as in `RotaryEmbedding`.
  init(
    _ config: ConfigurationReader, kind: ConfigurationReader.LayerKind?
  ) throws(ModelError) {
    /// A section that says something; transformers takes an empty one for none.
    func filled(_ key: String) throws(ModelError) -> JSON? {
      guard let found = config.config[key], !found.isNull else { return nil }
      guard let members = found.object else {
        throw .configuration(key: key, expected: "a section", found: found.serialized())
      }
      return members.isEmpty ? nil : found
    }
    self.config = config
    thetaKey = kind == .sliding ? "rope_local_base_freq" : "rope_theta"
    let old = kind == .sliding ? nil : try filled("rope_scaling")
    var new = try filled("rope_parameters")
    var newName = "rope_parameters"
    if let kind, let section = new {
      let own = section[kind.rawValue].unlessNull
      guard own?.object != nil || own == nil else {
        throw .configuration(
          key: "rope_parameters.\(kind.rawValue)", expected: "a section",
          found: own?.serialized() ?? "nothing")
      }
      new = own
      newName += ".\(kind.rawValue)"
    }
    (section, name) =
      if let old { (Self.joined(old, over: kind == nil ? nil : new), "rope_scaling") } else {
        (new ?? .object(JSONObject()), newName)
      }
  }

  /// `first` with the keys of `second` that it lacks.
  private static func joined(_ first: JSON, over second: JSON?) -> JSON {
    guard let second = second?.object else { return first }
    var result = first
    for (key, value) in second.members where first[key] == nil {
      // A type under its older name is the type.
      if key == "rope_type", first["type"] != nil { continue }
      result[key] = value
    }
    return result
  }

  /// `rope_scaling.factor`, for messages.
  func path(_ key: String) -> String { "\(name).\(key)" }

  private func found(_ key: String) -> JSON? { section[key].unlessNull }

  func type() throws(ModelError) -> String {
    let key = section["rope_type"] != nil ? "rope_type" : "type"
    guard let value = found(key) else { return "default" }
    guard let type = value.string else {
      throw .configuration(key: path(key), expected: "a name", found: value.serialized())
    }
    return type
  }

  /// θ
  func theta() throws(ModelError) -> Double {
    if let number = try optionalNumber("rope_theta") { return number }
    return try config.number(thetaKey)
  }

  /// `partial_rotary_factor`
  func share() throws(ModelError) -> Double {
    if let number = try optionalNumber("partial_rotary_factor") { return number }
    return try config.optionalNumber("partial_rotary_factor") ?? 1
  }

  /// L₀: beside the sections in Phi-3's files, in them elsewhere, else all positions there are.
  func originalPositions() throws(ModelError) -> Int {
    let key = "original_max_position_embeddings"
    if let outside = try config.optionalSize(key) { return outside }
    guard let value = found(key) else { return try config.size("max_position_embeddings") }
    guard let count = value.int, count > 0, count <= 1 << 30 else {
      throw .configuration(
        key: path(key), expected: "a whole number from 1 to \(1 << 30)", found: value.serialized())
    }
    return count
  }

  /// `factor`, else how many times the original positions there are.
  func factor(original: Int) throws(ModelError) -> Double {
    if let given = try optionalNumber("factor") { return given }
    return Double(try config.size("max_position_embeddings")) / Double(original)
  }

  func number(_ key: String) throws(ModelError) -> Double {
    guard let number = try optionalNumber(key) else {
      throw .configuration(key: path(key), expected: "a positive number", found: "nothing")
    }
    return number
  }

  func optionalNumber(_ key: String) throws(ModelError) -> Double? {
    guard let value = found(key) else { return nil }
    guard let number = value.double, Float(number) > 0, Float(number).isFinite else {
      throw .configuration(
        key: path(key), expected: "a positive number", found: value.serialized())
    }
    return number
  }

  /// A number that transformers takes for absent where it is 0, as Python's `or` and `if` do.
  func optionalTruthyNumber(_ key: String) throws(ModelError) -> Double? {
    if found(key)?.double == 0 { return nil }
    return try optionalNumber(key)
  }

  /// `null` is false, as it is in Python where the key is there.
  func flag(_ key: String, absent: Bool) throws(ModelError) -> Bool {
    guard let value = section[key] else { return absent }
    guard let flag = value.isNull ? false : value.bool else {
      throw .configuration(key: path(key), expected: "true or false", found: value.serialized())
    }
    return flag
  }

  /// Positive numbers, `count` of them.
  func list(_ key: String, count: Int) throws(ModelError) -> [Double] {
    let value = found(key)
    let numbers =
      value?.array?.compactMap(\.double).filter { Float($0) > 0 && Float($0).isFinite } ?? []
    guard numbers.count == count, value?.array?.count == count else {
      throw .configuration(
        key: path(key), expected: "a list of \(count) positive numbers",
        found: value?.array.map { "\($0.count) entries" } ?? value?.serialized() ?? "nothing")
    }
    return numbers
  }
}
