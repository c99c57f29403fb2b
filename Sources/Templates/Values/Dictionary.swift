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
    /// The value of a key by its ``Value/dictionaryKey``.
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

  /// A text that two keys share if Python takes them for one: 1, 1.0 and true are one key. `nil`
  /// for what cannot be a key, such as a list.
  var dictionaryKey: ExactText? {
    switch self {
    case .string(let text), .markup(let text): return ExactText("s" + text)
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
        guard let key = item.dictionaryKey, text.utf8.count < 1 << 20 else { return nil }
        text += "\(key.text.utf8.count):\(key.text)"
      }
      return ExactText(text)
    case .range(let range): return ExactText("r\(range.start),\(range.step),\(range.count)")
    case .object(let object): return ExactText("o\(UInt(bitPattern: ObjectIdentifier(object)))")
    case .list, .dict, .view, .generator: return nil
    }
  }
}
