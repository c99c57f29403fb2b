// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// mergekit's settings of a parameter: how a value becomes another one from tensor to tensor.
///
/// A setting is a scalar; a list of scalars, which is interpolated over the depth of the model; an
/// object with a `value` (a scalar or such a list) and a `filter`; or a list of such objects, of
/// which the first whose filter matches counts. A filter is a plain part of the tensor's name;
/// without one, or as `*`, it matches every tensor.
public enum ParameterSetting {
  /// The kinds of values that parameters have.
  enum Kind: Sendable, Equatable {
    case number, wholeNumber, flag, text

    var expected: String {
      switch self {
      case .number: "a number"
      case .wholeNumber: "a whole number of at least 0"
      case .flag: "true or false"
      case .text: "a text"
      }
    }

    /// A scalar as this kind, with the liberties that mergekit takes: `yes`, `on` and 1 are true,
    /// true is 1, `"1e-3"` is a number, 2.0 is a whole one. `nil` for anything else.
    func convert(_ scalar: JSON) -> JSON? {
      switch self {
      case .text:
        return scalar.string.map { JSON($0) }
      case .flag:
        if scalar.bool != nil { return scalar }
        if let number = scalar.double, number == 0 || number == 1 { return JSON(number == 1) }
        switch scalar.string?.lowercased() {
        case "1", "true", "t", "yes", "y", "on": return true
        case "0", "false", "f", "no", "n", "off": return false
        default: return nil
        }
      case .number: return Self.number(scalar)?.double.map { JSON($0) }
      case .wholeNumber:
        guard let whole = Self.number(scalar)?.int, whole >= 0 else { return nil }
        return JSON(whole)
      }
    }

    /// A scalar as a number, with the same liberties.
    static func number(_ scalar: JSON) -> JSON? {
      switch scalar {
      case .bool(let flag): flag ? 1 : 0
      case .number: scalar
      case .string(let text):
        Node(.scalar(text: text.trimmingSpaces, isQuoted: true), line: 1).number
      default: nil
      }
    }
  }

  /// What a setting gives to one tensor.
  enum Outcome: Equatable {
    case value(JSON)
    /// An empty list, or no filter matches.
    case nothing
  }

  /// Evaluates a setting of the parameter `name` for a tensor at depth `t`, 0 for the first layer
  /// and 1 for the last.
  ///
  /// A list x of n numbers gives, in double precision, with u = t·(n−1), i = ⌊u⌋, j = min(i+1, n−1)
  /// and f = u−i, the value (1−f)·x_i + f·x_j; a list of flags or texts gives x_i.
  /// - Parameter tensor: the name filters are matched with; `nil` takes the first condition, to look
  ///   at a recipe before there is a model.
  static func evaluate(
    _ setting: JSON, as kind: Kind, name: String, tensor: String?, at t: Double
  ) throws(MergeError) -> Outcome {
    if let condition = setting.object {
      return try first(of: [.object(condition)], kind, name, tensor, t)
    }
    guard let list = setting.array else { return .value(try scalar(setting, kind, name)) }
    guard !list.isEmpty else { return .nothing }
    if list.allSatisfy({ $0.object != nil }) { return try first(of: list, kind, name, tensor, t) }
    var points: [JSON] = []
    for element in list { points.append(try scalar(element, kind, name)) }
    let position = t * Double(points.count - 1)
    let low = min(points.count - 1, max(0, Int(position)))
    guard kind == .number || kind == .wholeNumber else { return .value(points[low]) }
    let high = min(points.count - 1, low + 1)
    guard let a = points[low].double, let b = points[high].double else { return .nothing }
    let fraction = position - Double(low)
    return .value(try scalar(JSON((1 - fraction) * a + fraction * b), kind, name))
  }

  private static func first(
    of conditions: [JSON], _ kind: Kind, _ name: String, _ tensor: String?, _ t: Double
  ) throws(MergeError) -> Outcome {
    for condition in conditions {
      guard matches(condition["filter"]?.string, tensor) else { continue }
      guard let value = condition["value"], value.object == nil,
        value.array?.contains(where: { $0.object != nil || $0.array != nil }) != true
      else {
        throw .parameter(
          name, value: condition.serialized(),
          expected: "an object with a `value`, a scalar or a list of scalars")
      }
      return try evaluate(value, as: kind, name: name, tensor: tensor, at: t)
    }
    return .nothing
  }

  private static func matches(_ filter: String?, _ tensor: String?) -> Bool {
    guard let filter, filter != "*", let tensor else { return true }
    return filter.isEmpty || tensor.utf8.contains(Array(filter.utf8))
  }

  private static func scalar(
    _ value: JSON, _ kind: Kind, _ name: String
  ) throws(MergeError) -> JSON {
    guard let converted = kind.convert(value) else {
      throw .parameter(name, value: value.serialized(), expected: kind.expected)
    }
    return converted
  }

  /// A setting as it stands in YAML: scalars converted, a single condition as a list of one.
  ///
  /// - Throws: `DocumentError` with the line of what is no setting.
  static func read(
    _ node: Node, as kind: Kind, path: String, origin: String
  ) throws(DocumentError) -> JSON {
    func isCondition(_ node: Node) -> Bool {
      if case .mapping = node.content { true } else { false }
    }
    if isCondition(node) { return [try condition(node, kind, path, origin)] }
    guard case .sequence(let nodes) = node.content, nodes.contains(where: isCondition) else {
      return try value(node, kind, path, origin)
    }
    var conditions: [JSON] = []
    for (index, node) in nodes.enumerated() {
      conditions.append(try condition(node, kind, "\(path)[\(index)]", origin))
    }
    return JSON(conditions)
  }

  private static func condition(
    _ node: Node, _ kind: Kind, _ path: String, _ origin: String
  ) throws(DocumentError) -> JSON {
    var settings = try Settings(node, origin: origin, path: path)
    let filter = try settings.optionalString("filter")
    guard let content = settings.node("value") else {
      try settings.finish(known: ["filter", "value"])
      throw .missingKey("value", path: path, line: node.line, origin: origin)
    }
    try settings.finish()
    var object = JSONObject()
    object["value"] = try value(content, kind, settings.path(of: "value"), origin)
    object["filter"] = filter.map { JSON($0) }
    return .object(object)
  }

  private static func value(
    _ node: Node, _ kind: Kind, _ path: String, _ origin: String
  ) throws(DocumentError) -> JSON {
    func scalar(_ node: Node, _ path: String) throws(DocumentError) -> JSON {
      guard case .scalar(let text, _) = node.content, !node.isNull,
        // A text is kept as written: `1e3` is one.
        let value = kind.convert(kind == .text ? JSON(text) : node.json)
      else {
        throw .wrongValue(
          path: path, line: node.line, origin: origin, expected: kind.expected, found: node.found)
      }
      // Methods compute in `Float`, where it would be infinite.
      if let number = value.double, !Float(number).isFinite {
        throw .wrongValue(
          path: path, line: node.line, origin: origin,
          expected: "a number that float32 can hold, from -3.4e38 to 3.4e38", found: node.found)
      }
      return value
    }
    guard case .sequence(let nodes) = node.content else { return try scalar(node, path) }
    var values: [JSON] = []
    for (index, node) in nodes.enumerated() {
      values.append(try scalar(node, "\(path)[\(index)]"))
    }
    return JSON(values)
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
