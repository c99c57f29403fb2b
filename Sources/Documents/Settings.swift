// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A strict reader of one mapping: every key is asked for by name, and a key nobody asked for is an
/// error with the nearest known one.
///
/// A key whose value is null counts as absent. `"5"` is read as a number where one is asked for, and
/// `5` as a text. Whole numbers may be written `1_000` or `0x10`, but not `1e3`; other numbers also
/// `1e3`, `.5` and `+1`; without quotes both as Python's YAML has them, `017` (15) and `1:30` (90). A
/// flag is `true` or `false`, or `yes`, `no`, `on`, `off`.
///
///     var settings = try Settings(node, origin: "recipe.yaml")
///     let steps = try settings.int("steps", default: 100, in: 1...1_000_000)
///     try settings.finish()
public struct Settings {
  /// The mapping's place, such as `models[0].parameters`; empty at the root.
  public let path: String
  /// The file's name, for messages.
  public let origin: String
  /// Where the mapping starts.
  public let line: Int?
  private let members: [(key: String, value: Node)]
  /// Where each key stands in `members`: a mapping may have as many as a vocabulary has tokens.
  private let places: [ExactText: Int]
  private var asked: [String] = []

  /// Reads `node`, which must be a mapping (an empty scalar counts as an empty one).
  public init(_ node: Node, origin: String, path: String = "") throws(DocumentError) {
    self.path = path
    self.origin = origin
    line = node.line
    if node.isNull {
      members = []
    } else if case .mapping(let members) = node.content {
      self.members = members
    } else {
      throw .wrongValue(
        path: path.isEmpty ? "the document" : path, line: node.line, origin: origin,
        expected: "a mapping", found: node.found)
    }
    // No key stands twice; of those that code has made, the first counts.
    places = Dictionary(members.enumerated().map { (ExactText($1.key), $0) }) { first, _ in first }
  }

  /// The keys in the order of the file, asked for or not.
  public var keys: [String] { members.map(\.key) }

  /// The path of a key of this mapping.
  public func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// The node of `key`, or `nil` when it is absent or null.
  public mutating func node(_ key: String) -> Node? {
    asked.append(key)
    guard let node = value(of: key), !node.isNull else {
      return nil
    }
    return node
  }

  /// Throws for the first key that was never asked for and is not in `known`.
  public func finish(known: [String] = []) throws(DocumentError) {
    let names = asked + known
    let known = Set(names.map(ExactText.init))
    for (key, value) in members where !known.contains(ExactText(key)) {
      throw .unknownKey(
        key, path: path, line: value.keyLine ?? value.line, origin: origin,
        nearest: nearestName(to: key, in: names))
    }
  }

  // MARK: Values

  /// A required text.
  public mutating func string(_ key: String) throws(DocumentError) -> String {
    try required(key, optionalString(key))
  }

  /// A text or its default.
  public mutating func string(_ key: String, default value: String) throws(DocumentError) -> String
  {
    try optionalString(key) ?? value
  }

  /// A text, or `nil` when absent.
  public mutating func optionalString(_ key: String) throws(DocumentError) -> String? {
    try scalar(key, expected: "a text") { text, _ in text }
  }

  /// A required whole number within `range`.
  public mutating func int(
    _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(DocumentError) -> Int {
    try required(key, optionalInt(key, in: range))
  }

  /// A whole number within `range`, or its default.
  public mutating func int(
    _ key: String, default value: Int, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(DocumentError) -> Int {
    try optionalInt(key, in: range) ?? value
  }

  /// A whole number, or `nil` when absent.
  public mutating func optionalInt(
    _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(DocumentError) -> Int? {
    try scalar(key, expected: "a whole number\(Self.bounds(range))") { text, isQuoted in
      Int(yaml: text, isQuoted: isQuoted).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  private static func bounds(_ range: ClosedRange<Int>) -> String {
    switch (range.lowerBound, range.upperBound) {
    case (.min, .max): ""
    case (.min, let high): " of at most \(high)"
    case (let low, .max): " of at least \(low)"
    case (let low, let high): " from \(low) to \(high)"
    }
  }

  /// A required finite number within `range`.
  public mutating func double(
    _ key: String, in range: ClosedRange<Double> = -Double.infinity...Double.infinity
  ) throws(DocumentError) -> Double {
    try required(key, optionalDouble(key, in: range))
  }

  /// A finite number within `range`, or its default.
  public mutating func double(
    _ key: String, default value: Double,
    in range: ClosedRange<Double> = -Double.infinity...Double.infinity
  ) throws(DocumentError) -> Double {
    try optionalDouble(key, in: range) ?? value
  }

  /// A finite number, or `nil` when absent.
  public mutating func optionalDouble(
    _ key: String, in range: ClosedRange<Double> = -Double.infinity...Double.infinity
  ) throws(DocumentError) -> Double? {
    let bounds =
      switch (range.lowerBound, range.upperBound) {
      case (-Double.infinity, .infinity): ""
      case (-Double.infinity, let high): " of at most \(high)"
      case (let low, .infinity): " of at least \(low)"
      case (let low, let high): " from \(low) to \(high)"
      }
    return try scalar(key, expected: "a number\(bounds)") { text, isQuoted in
      guard let value = Double(yaml: text, isQuoted: isQuoted), value.isFinite,
        range.contains(value)
      else {
        return nil
      }
      return value
    }
  }

  /// `true` or `false`, or its default.
  public mutating func bool(_ key: String, default value: Bool) throws(DocumentError) -> Bool {
    try scalar(key, expected: "true or false") { text, _ in
      Bool(yaml: text)
    } ?? value
  }

  /// A text out of a fixed list; a wrong one is an error with the nearest.
  public mutating func choice(
    _ key: String, default value: String? = nil, of choices: [String]
  ) throws(DocumentError) -> String {
    let found = try required(key, optionalString(key) ?? value)
    guard choices.contains(found) else {
      let guess = nearestName(to: found, in: choices).map { " (did you mean `\($0)`?)" } ?? ""
      throw wrong(
        key, expected: "one of \(choices.joined(separator: ", "))",
        found: "`\(found.excerpt)`\(guess)")
    }
    return found
  }

  /// A list of texts; a single text counts as a list of one. `nil` when absent.
  public mutating func optionalStrings(_ key: String) throws(DocumentError) -> [String]? {
    try list(key, of: "texts", each: "a text") { text, _ in text }
  }

  /// A list of texts, or its default.
  public mutating func strings(
    _ key: String, default value: [String] = []
  ) throws(DocumentError) -> [String] {
    try optionalStrings(key) ?? value
  }

  /// A list of whole numbers within `range`; a single one counts as a list of one. `nil` when
  /// absent.
  public mutating func optionalInts(
    _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(DocumentError) -> [Int]? {
    try list(key, of: "whole numbers", each: "a whole number\(Self.bounds(range))") {
      text, isQuoted in
      Int(yaml: text, isQuoted: isQuoted).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A list of numbers; a single number counts as a list of one. `nil` when absent.
  public mutating func optionalDoubles(_ key: String) throws(DocumentError) -> [Double]? {
    try list(key, of: "numbers", each: "a number") { text, isQuoted in
      Double(yaml: text, isQuoted: isQuoted).flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// The mapping under `key`; an empty one when absent.
  public mutating func child(_ key: String) throws(DocumentError) -> Settings {
    let node = node(key) ?? Node(.mapping([]), line: line ?? 1)
    return try Settings(node, origin: origin, path: path(of: key))
  }

  /// The mapping under `key`, or `nil` when absent.
  public mutating func optionalChild(_ key: String) throws(DocumentError) -> Settings? {
    guard let node = node(key) else { return nil }
    return try Settings(node, origin: origin, path: path(of: key))
  }

  /// The mappings of the list under `key`; none when absent.
  public mutating func children(_ key: String) throws(DocumentError) -> [Settings] {
    guard let node = node(key) else { return [] }
    guard case .sequence(let nodes) = node.content else {
      throw wrong(key, expected: "a list", found: node.found)
    }
    var children: [Settings] = []
    for (index, element) in nodes.enumerated() {
      children.append(try Settings(element, origin: origin, path: "\(path(of: key))[\(index)]"))
    }
    return children
  }

  /// An error about the value of `key`.
  public func wrong(_ key: String, expected: String, found: String) -> DocumentError {
    .wrongValue(
      path: path(of: key), line: value(of: key)?.line ?? line,
      origin: origin, expected: expected, found: found)
  }

  private func value(of key: String) -> Node? {
    places[ExactText(key)].map { members[$0].value }
  }

  private func required<Value>(_ key: String, _ value: Value?) throws(DocumentError) -> Value {
    guard let value else {
      throw .missingKey(key, path: path, line: line, origin: origin)
    }
    return value
  }

  /// A list of scalars, or one scalar as a list of one. An empty element is an error.
  private mutating func list<Value>(
    _ key: String, of kind: String, each: String, _ convert: (String, _ isQuoted: Bool) -> Value?
  ) throws(DocumentError) -> [Value]? {
    guard let node = node(key) else { return nil }
    guard case .sequence(let elements) = node.content else {
      guard case .scalar(let text, let isQuoted) = node.content,
        let value = convert(text, isQuoted)
      else {
        throw wrong(key, expected: "a list of \(kind)", found: node.found)
      }
      return [value]
    }
    var values: [Value] = []
    for (index, element) in elements.enumerated() {
      guard !element.isNull, case .scalar(let text, let isQuoted) = element.content,
        let value = convert(text, isQuoted)
      else {
        throw .wrongValue(
          path: "\(path(of: key))[\(index)]", line: element.line, origin: origin, expected: each,
          found: element.found)
      }
      values.append(value)
    }
    return values
  }

  private mutating func scalar<Value>(
    _ key: String, expected: String, _ convert: (String, _ isQuoted: Bool) -> Value?
  ) throws(DocumentError) -> Value? {
    guard let node = node(key) else { return nil }
    guard case .scalar(let text, let isQuoted) = node.content,
      let value = convert(text, isQuoted)
    else {
      throw wrong(key, expected: expected, found: node.found)
    }
    return value
  }
}
