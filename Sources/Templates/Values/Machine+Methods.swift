// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The methods of texts, lists, tuples, mappings and ranges. What would change a value is refused,
/// as in Jinja's immutable sandbox.
extension Machine {
  /// The method or attribute `name` of a value, or `nil` if it has none.
  func method(_ name: String, of value: Value) throws -> Value? {
    switch value {
    case .string(let text), .markup(let text):
      guard Self.textMethods.contains(name) else {
        guard ["encode", "translate", "maketrans"].contains(name) else { return nil }
        return .undefined(.init("the method `\(name)` of a string is not accessible in a template"))
      }
      return bound(name, value) { machine, arguments in
        try machine.textMethod(name, text, value, arguments)
      }
    case .list(let items):
      if ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"].contains(name)
      {
        return refused(name, value)
      }
      if name == "copy" { return bound(name, value) { _, _ in value } }
      return sequenceMethod(name, items, value)
    case .tuple(let items):
      if items.isGroup {
        if name == "grouper" { return items.values[0] }
        if name == "list" { return items.values[1] }
      }
      return sequenceMethod(name, items, value)
    case .dict(let dictionary):
      if ["clear", "pop", "popitem", "setdefault", "update"].contains(name) {
        return refused(name, value)
      }
      return dictionaryMethod(name, dictionary, value)
    case .range(let range):
      switch name {
      case "start": return .int(range.start)
      case "stop": return .int(range.stop)
      case "step": return .int(range.step)
      default: return nil
      }
    case .int, .bool:
      switch name {
      case "real", "numerator": return value.integer.map { .int($0) }
      case "imag": return .int(0)
      case "denominator": return .int(1)
      default: return nil
      }
    case .float(let number):
      guard name == "is_integer" else { return nil }
      return bound(name, value) { _, _ in .bool(number == number.rounded() && number.isFinite) }
    default: return nil
    }
  }

  private func refused(_ name: String, _ value: Value) -> Value {
    .undefined(.init("`\(name)` would change \(value.typeName), which a template may not"))
  }

  private func bound(
    _ name: String, _ value: Value, _ body: @escaping (Machine, Arguments) throws -> Value
  ) -> Value {
    .object(FunctionObject(name, receiverDepth: value.depth) { try body($1, $0) })
  }

  private func sequenceMethod(_ name: String, _ items: Value.Items, _ value: Value) -> Value? {
    switch name {
    case "count":
      return bound(name, value) { machine, arguments in
        let wanted = try machine.bind(arguments, name, ["value"], required: 1)[0] ?? .null
        var count = 0
        for item in items.values where try machine.areEqual(item, wanted) { count += 1 }
        return .int(count)
      }
    case "index":
      return bound(name, value) { machine, arguments in
        let given = try machine.bind(arguments, name, ["value", "start", "stop"], required: 1)
        let (start, stop) = try machine.bounds(given[1], given[2], items.values.count)
        for place in start..<max(start, stop)
        where try machine.areEqual(items.values[place], given[0] ?? .null) {
          return .int(place)
        }
        throw machine.failure("`index` finds no such element")
      }
    default: return nil
    }
  }

  private func dictionaryMethod(
    _ name: String, _ dictionary: Value.Dictionary, _ value: Value
  ) -> Value? {
    switch name {
    case "items", "keys", "values":
      let kind: Value.View.Kind =
        name == "items" ? .items : name == "keys" ? .keys : .values
      return bound(name, value) { machine, arguments in
        _ = try machine.bind(arguments, name, [])
        return .view(.init(dictionary: dictionary, kind: kind))
      }
    case "copy": return bound(name, value) { _, _ in value }
    case "get":
      return bound(name, value) { machine, arguments in
        let given = try machine.bind(arguments, name, ["key", "default"], required: 1)
        let identity = try machine.identity(of: given[0] ?? .null)
        return dictionary[key: identity] ?? given[1] ?? .null
      }
    default: return nil
    }
  }

  // MARK: Arguments

  /// The arguments in the order of `names`; those not given are `nil`.
  func bind(
    _ arguments: Arguments, _ function: String, _ names: [String], required: Int = 0
  ) throws -> [Value?] {
    guard arguments.positional.count <= names.count else {
      throw failure(
        "`\(function)` takes at most \(names.count) arguments, not \(arguments.positional.count)")
    }
    var result: [Value?] = Array(repeating: nil, count: names.count)
    for (index, value) in arguments.positional.enumerated() { result[index] = value }
    for (name, value) in arguments.named {
      guard let index = names.firstIndex(of: name) else {
        throw failure("`\(function)` takes no argument `\(name.excerpt)`")
      }
      guard result[index] == nil else {
        throw failure("the argument `\(name)` of `\(function)` is given twice")
      }
      result[index] = value
    }
    for index in 0..<required where result[index] == nil {
      throw failure("`\(function)` needs the argument `\(names[index])`")
    }
    return result
  }

  func integer(_ value: Value?, _ function: String, or standard: Int) throws -> Int {
    guard let value else { return standard }
    if case .undefined(let missing) = value { throw failure(missing.problem) }
    guard let integer = value.integer else {
      throw failure("`\(function)` needs an integer, not \(value.typeName)")
    }
    return integer
  }

  func string(_ value: Value?, _ function: String) throws -> String {
    if case .undefined(let missing) = value { throw failure(missing.problem) }
    guard let text = value?.text else {
      throw failure("`\(function)` needs a string, not \(value?.typeName ?? "nothing")")
    }
    return text
  }

  /// `start` and `stop` of a search, as Python cuts them to the length.
  func bounds(_ start: Value?, _ stop: Value?, _ count: Int) throws -> (Int, Int) {
    func place(_ value: Value?, _ standard: Int) throws -> Int {
      guard let value, !value.isNull else { return standard }
      let place = try integer(value, "the bounds of a search", or: standard)
      return min(count, place < 0 ? max(0, place < -count ? 0 : place + count) : place)
    }
    let first = try integerIsBeyond(start, count) ? count + 1 : place(start, 0)
    return (first, try place(stop, count))
  }

  private func integerIsBeyond(_ value: Value?, _ count: Int) -> Bool {
    (value?.integer).map { $0 > count } ?? false
  }
}
