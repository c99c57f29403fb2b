// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A JSON value that keeps the order of keys and the text of numbers, so that a foreign
/// `config.json` is written back as it was read.
///
/// Two values are equal when they would be written alike: the same keys in the same order, the same
/// text of numbers, and strings of the same bytes (not merely canonically equivalent ones).
public enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSON])
  case object(JSONObject)

  /// The member `key` of an object, or `nil` when absent or when this is no object.
  ///
  /// Setting a value makes whatever else stood here an object; setting `nil` then does nothing.
  public subscript(key: String) -> JSON? {
    get { object?[key] }
    set {
      if newValue == nil, object == nil { return }
      var members = object ?? JSONObject()
      self = .null  // so that `members` is the only owner and is changed in place
      members[key] = newValue
      self = .object(members)
    }
  }

  public static func == (a: JSON, b: JSON) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let x), .bool(let y)): x == y
    case (.number(let x), .number(let y)): x == y
    case (.string(let x), .string(let y)): x.isExactly(y)
    case (.array(let x), .array(let y)): x == y
    case (.object(let x), .object(let y)): x == y
    default: false
    }
  }

  /// The text of a string.
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  /// A number that is a whole number within `Int`'s range.
  public var int: Int? { if case .number(let number) = self { number.int } else { nil } }
  /// A number within `Double`'s range: `1e999` is none, as it is no `int`.
  public var double: Double? {
    guard case .number(let number) = self, number.double.isFinite else { return nil }
    return number.double
  }
  /// `true` or `false`.
  public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  /// The elements of an array.
  public var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
  /// The members of an object.
  public var object: JSONObject? { if case .object(let members) = self { members } else { nil } }
  /// Whether this is `null`.
  public var isNull: Bool { self == .null }

  /// "an object", "a number", … for error messages.
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
  public init(floatLiteral value: Double) { self = .number(JSONNumber(value)) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(nilLiteral: ()) { self = .null }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = JSONObject()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }

  /// A whole number.
  public init(_ value: Int) { self = .number(JSONNumber(value)) }
  /// A number; one that is not finite becomes `null`.
  public init(_ value: Double) { self = value.isFinite ? .number(JSONNumber(value)) : .null }
  /// A string.
  public init(_ value: String) { self = .string(value) }
  /// A truth value.
  public init(_ value: Bool) { self = .bool(value) }
  /// An array.
  public init(_ elements: some Sequence<JSON>) { self = .array(Array(elements)) }
}
