// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A value of a template: what Python calls an object, without any that could change lists, read
/// files or know of its own type.
enum Value {
  /// A missing value: printed as nothing and false, but an error for everything else.
  case undefined(Missing)
  case null
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
  /// A text that `safe` or `escape` marked as HTML; what is added to it is escaped.
  case markup(String)
  case list(Items)
  case tuple(Items)
  case dict(Dictionary)
  case range(Range)
  case view(View)
  case generator(Generator)
  case object(TemplateObject)

  /// Why a value is missing.
  struct Missing {
    let problem: String
    init(_ problem: String) { self.problem = problem }
    static func name(_ name: String) -> Missing { Missing("`\(name.excerpt)` is undefined") }
  }

  /// The elements of a list or tuple, which never change.
  final class Items {
    let values: [Value]
    let depth: Int
    /// `grouper` and `list` of a group, as a tuple with names.
    let isGroup: Bool
    init(_ values: [Value], isGroup: Bool = false) {
      self.values = values
      self.isGroup = isGroup
      depth = 1 + (values.lazy.map(\.depth).max() ?? 0)
    }
  }

  /// What `range(start, stop, step)` is.
  struct Range {
    let start: Int
    let step: Int
    let count: Int
    let stop: Int
    func element(_ index: Int) -> Int { start &+ index &* step }
  }

  /// `items()`, `keys()` or `values()` of a mapping.
  struct View {
    enum Kind: String {
      case items = "dict_items"
      case keys = "dict_keys"
      case values = "dict_values"
    }
    let dictionary: Dictionary
    let kind: Kind

    func element(_ index: Int) -> Value {
      switch kind {
      case .items: .tuple(Items([dictionary.keys[index], dictionary.values[index]]))
      case .keys: dictionary.keys[index]
      case .values: dictionary.values[index]
      }
    }
  }

  /// A sequence that can be gone through once.
  final class Generator {
    private let advance: () throws -> Value?
    let depth: Int
    init(depth: Int, _ advance: @escaping () throws -> Value?) {
      self.depth = depth + 1
      self.advance = advance
    }
    func next() throws -> Value? { try advance() }
  }

  static func list(_ values: [Value]) -> Value { .list(Items(values)) }
  static func tuple(_ values: [Value]) -> Value { .tuple(Items(values)) }

  /// The text of a string, marked or not.
  var text: String? {
    switch self {
    case .string(let text), .markup(let text): text
    default: nil
    }
  }

  /// An integer; `true` and `false` are 1 and 0, as in Python.
  var integer: Int? {
    switch self {
    case .int(let value): value
    case .bool(let flag): flag ? 1 : 0
    default: nil
    }
  }

  /// A number.
  var number: Double? {
    if case .float(let value) = self { return value }
    return integer.map(Double.init)
  }

  var isMarkup: Bool { if case .markup = self { true } else { false } }
  var isUndefined: Bool { if case .undefined = self { true } else { false } }
  var isNull: Bool { if case .null = self { true } else { false } }

  /// How deep lists and mappings nest in it.
  var depth: Int {
    switch self {
    case .list(let items), .tuple(let items): items.depth
    case .dict(let dictionary): dictionary.depth
    case .view(let view): view.dictionary.depth + 1
    case .generator(let generator): generator.depth
    case .object(let object): object.depth
    default: 0
    }
  }

  /// Python's name of the type, for messages.
  var typeName: String {
    switch self {
    case .undefined: "an undefined value"
    case .null: "none"
    case .bool: "a boolean"
    case .int: "an integer"
    case .float: "a float"
    case .string, .markup: "a string"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dict: "a mapping"
    case .range: "a range"
    case .view: "a view of a mapping"
    case .generator: "a generator"
    case .object(let object): object.typeName
    }
  }

  /// Whether it counts as true.
  var isTrue: Bool {
    switch self {
    case .undefined, .null: false
    case .bool(let flag): flag
    case .int(let value): value != 0
    case .float(let value): value != 0
    case .string(let text), .markup(let text): !text.isEmpty
    case .list(let items), .tuple(let items): !items.values.isEmpty
    case .dict(let dictionary): dictionary.count > 0
    case .range(let range): range.count > 0
    case .view(let view): view.dictionary.count > 0
    case .generator: true
    case .object(let object): object.isTrue
    }
  }

  init(_ constant: Constant) {
    self =
      switch constant {
      case .null: .null
      case .bool(let flag): .bool(flag)
      case .int(let value): .int(value)
      case .float(let value): .float(value)
      case .string(let text): .string(text)
      }
  }

  /// A value of a document; `nil` for a whole number beyond 64 bits.
  init?(_ json: JSON) {
    switch json {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .number(let number):
      if number.text.utf8.contains(where: { $0 == 0x2E || $0 | 0x20 == 0x65 }) {
        self = .float(number.double)
      } else if let value = Int(number.text) {
        self = .int(value)
      } else {
        return nil
      }
    case .string(let text): self = .string(text)
    case .array(let elements):
      var values: [Value] = []
      values.reserveCapacity(elements.count)
      for element in elements {
        guard let value = Value(element) else { return nil }
        values.append(value)
      }
      self = .list(values)
    case .object(let object):
      let dictionary = Dictionary.Builder()
      for (key, member) in object.members {
        guard let value = Value(member) else { return nil }
        dictionary.set(key, value)
      }
      self = .dict(dictionary.finish())
    }
  }
}
