// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension Value {
  /// A mapping that keeps the order of its keys and never changes.
  final class Dictionary {
    let keys: [Value]
    let values: [Value]
    private let places: [ExactText: Int]
    let depth: Int

    fileprivate init(keys: [Value], values: [Value], places: [ExactText: Int]) {
      self.keys = keys
      self.values = values
      self.places = places
      depth = 1 + max(values.lazy.map(\.depth).max() ?? 0, keys.lazy.map(\.depth).max() ?? 0)
    }

    var count: Int { keys.count }

    subscript(key: String) -> Value? { places[ExactText("s" + key)].map { values[$0] } }
    /// The value of a key by its ``Machine/key(of:)``.
    subscript(key key: ExactText) -> Value? { places[key].map { values[$0] } }

    /// Collects members; a key set again keeps its place.
    final class Builder {
      private var keys: [Value] = []
      private var values: [Value] = []
      private var places: [ExactText: Int] = [:]

      init() {}

      init(_ dictionary: Dictionary) {
        keys = dictionary.keys
        values = dictionary.values
        places = dictionary.places
      }

      func set(_ name: String, _ value: Value) {
        set(ExactText("s" + name), .string(name), value)
      }

      func set(_ identity: ExactText, _ key: Value, _ value: Value) {
        if let place = places[identity] {
          values[place] = value
        } else {
          places[identity] = keys.count
          keys.append(key)
          values.append(value)
        }
      }

      func finish() -> Dictionary { Dictionary(keys: keys, values: values, places: places) }
    }
  }
}

extension Machine {
  /// What tells a key apart; an error for a value that cannot be one.
  func identity(of key: Value) throws -> ExactText {
    guard let identity = try self.key(of: key) else {
      throw failure("\(key.typeName) cannot be the key of a mapping")
    }
    return identity
  }

  /// A text that two keys share if Python takes them for one: 1, 1.0 and true are one key. `nil`
  /// for what cannot be a key, such as a list. It counts as a text that the template makes.
  func key(of value: Value) throws -> ExactText? {
    switch value {
    case .string(let text), .markup(let text):
      try charge(byteCount: text.utf8.count)
      return ExactText("s" + text)
    case .int(let value): return ExactText("n\(value)")
    case .bool(let flag): return ExactText(flag ? "n1" : "n0")
    case .float(let value):
      if let whole = Int(exactly: value) { return ExactText("n\(whole)") }
      return ExactText("f\(value)")
    case .null: return ExactText("none")
    case .undefined: return ExactText("undefined")
    case .tuple(let items):
      var text = "t"
      for item in items.values {
        try step()
        guard let key = try key(of: item) else { return nil }
        try charge(byteCount: key.text.utf8.count)
        text += "\(key.text.utf8.count):\(key.text)"
      }
      return ExactText(text)
    case .range(let range): return ExactText("r\(range.start),\(range.step),\(range.count)")
    case .object(let object): return ExactText("o\(UInt(bitPattern: ObjectIdentifier(object)))")
    case .list, .dict, .view, .generator: return nil
    }
  }
}
