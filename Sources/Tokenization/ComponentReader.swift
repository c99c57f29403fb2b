// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Reads one component of tokenizer.json strictly: wrong types and settings nobody asked for are
/// errors, because a setting that is ignored would change ids silently.
struct ComponentReader {
  /// Where the component stands, as `model` or `pre_tokenizer.pretokenizers[0]`.
  let path: String
  /// The file's name.
  let origin: String
  private let object: JSONObject
  private var asked: Set<String> = ["type"]

  init(_ json: JSON, path: String, origin: String) throws(TokenizationError) {
    guard let object = json.object else {
      throw .wrongValue(
        path: path, expected: "an object", found: json.kindName, origin: origin)
    }
    self.object = object
    self.path = path
    self.origin = origin
  }

  /// The component's `type`.
  func type() throws(TokenizationError) -> String {
    guard let value = object["type"] else {
      throw .wrongValue(
        path: "\(path).type", expected: "the component's name", found: "nothing", origin: origin)
    }
    guard let name = value.string else { throw wrong("type", "a string", value) }
    return name
  }

  /// A value of any type, or `nil` when absent or null.
  mutating func value(_ key: String) -> JSON? {
    asked.insert(key)
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  mutating func bool(_ key: String, default fallback: Bool) throws(TokenizationError) -> Bool {
    guard let value = value(key) else { return fallback }
    guard let flag = value.bool else { throw wrong(key, "true or false", value) }
    return flag
  }

  mutating func string(_ key: String) throws(TokenizationError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string else { throw wrong(key, "a string", value) }
    return text
  }

  mutating func array(_ key: String) throws(TokenizationError) -> [JSON] {
    guard let value = value(key) else {
      throw .wrongValue(
        path: "\(path).\(key)", expected: "an array", found: "nothing", origin: origin)
    }
    guard let elements = value.array else { throw wrong(key, "an array", value) }
    return elements
  }

  /// The error for a setting that this version cannot follow.
  func unsupported(_ key: String, found: String, supported: [String]) -> TokenizationError {
    .unsupported(path: "\(path).\(key)", found: found, supported: supported, origin: origin)
  }

  /// Requires that `key` is `wanted`, its default.
  mutating func require(_ key: String, _ wanted: Bool) throws(TokenizationError) {
    guard try bool(key, default: wanted) == wanted else {
      throw unsupported(key, found: "\(!wanted)", supported: ["\(wanted)"])
    }
  }

  /// Fails when the component has a setting that was never asked for.
  func finish() throws(TokenizationError) {
    for key in object.keys where !asked.contains(key) {
      throw .unsupported(
        path: path, found: "an object with the setting `\(key)`",
        supported: asked.sorted().map { "`\($0)`" }, origin: origin)
    }
  }

  func wrong(_ key: String, _ expected: String, _ value: JSON) -> TokenizationError {
    .wrongValue(path: "\(path).\(key)", expected: expected, found: value.kindName, origin: origin)
  }
}
