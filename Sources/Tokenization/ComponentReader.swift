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

  /// A string that must be there.
  mutating func requiredString(_ key: String) throws(TokenizationError) -> String {
    guard let text = try string(key) else { throw missing(key, "a string") }
    return text
  }

  /// A single scalar that must be there.
  mutating func scalar(_ key: String) throws(TokenizationError) -> Unicode.Scalar {
    guard let value = value(key) else { throw missing(key, "one character") }
    guard let text = value.string, let scalar = text.unicodeScalars.first,
      text.unicodeScalars.count == 1
    else {
      throw .wrongValue(
        path: "\(path).\(key)", expected: "one character", found: value.serialized(),
        origin: origin)
    }
    return scalar
  }

  /// A whole number from 0; without `fallback` it must be there.
  mutating func count(_ key: String, default fallback: Int?) throws(TokenizationError) -> Int {
    guard let value = value(key) else {
      guard let fallback else { throw missing(key, "a whole number from 0") }
      return fallback
    }
    guard let count = value.int, count >= 0 else {
      throw .wrongValue(
        path: "\(path).\(key)", expected: "a whole number from 0", found: value.serialized(),
        origin: origin)
    }
    return count
  }

  /// Reads settings that do nothing here, so that they may stand in the file.
  mutating func allow(flags: [String]) throws(TokenizationError) {
    for key in flags { _ = try bool(key, default: true) }
  }

  func missing(_ key: String, _ expected: String) -> TokenizationError {
    .wrongValue(path: "\(path).\(key)", expected: expected, found: "nothing", origin: origin)
  }

  mutating func array(_ key: String) throws(TokenizationError) -> [JSON] {
    guard let value = value(key) else { throw missing(key, "an array") }
    guard let elements = value.array else { throw wrong(key, "an array", value) }
    return elements
  }

  /// The error for a setting that this version cannot follow.
  func unsupported(_ key: String, found: String, supported: [String]) -> TokenizationError {
    .unsupported(path: "\(path).\(key)", found: found, supported: supported, origin: origin)
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
