// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What stands behind `is`.
extension Machine {
  /// The tests with one argument beside the value, and those with none.
  static let binaryTests: [String: Comparison] = [
    "==": .equal, "eq": .equal, "equalto": .equal, "!=": .notEqual, "ne": .notEqual,
    ">": .greater, "gt": .greater, "greaterthan": .greater, ">=": .greaterOrEqual,
    "ge": .greaterOrEqual, "<": .less, "lt": .less, "lessthan": .less, "<=": .lessOrEqual,
    "le": .lessOrEqual, "in": .isIn,
  ]
  static let unaryTests: Set<String> = [
    "boolean", "callable", "defined", "escaped", "even", "false", "filter", "float", "integer",
    "iterable", "lower", "mapping", "none", "number", "odd", "sequence", "string", "test", "true",
    "undefined", "upper",
  ]

  func test(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Bool {
    if let comparison = Self.binaryTests[name] {
      return try compare(value, comparison, try other(name, arguments))
    }
    switch name {
    case "divisibleby":
      return try areEqual(try combine(value, .remainder, try other(name, arguments)), .int(0))
    case "sameas": return isSame(value, try other(name, arguments))
    default: break
    }
    guard Self.unaryTests.contains(name) else {
      let known = (Self.unaryTests.union(Self.binaryTests.keys)).sorted()
      let near = nearestName(to: name, in: known).map { " (the nearest is `\($0)`)" } ?? ""
      throw failure("there is no test `\(name.excerpt)`\(near)")
    }
    guard arguments.positional.isEmpty, arguments.named.isEmpty else {
      throw failure("the test `\(name)` takes no argument")
    }
    switch name {
    case "defined": return !value.isUndefined
    case "undefined": return value.isUndefined
    case "none": return value.isNull
    case "boolean": if case .bool = value { return true }
    case "true": if case .bool(true) = value { return true }
    case "false": if case .bool(false) = value { return true }
    case "integer": if case .int = value { return true }
    case "float": if case .float = value { return true }
    case "number": return value.number != nil
    case "string": return value.text != nil
    case "mapping": if case .dict = value { return true }
    case "sequence":
      switch value {
      case .undefined, .list, .tuple, .dict, .string, .markup, .range: return true
      default: return false
      }
    case "iterable":
      switch value {
      case .null, .bool, .int, .float: return false
      case .object(let object): return object is LoopObject
      default: return true
      }
    case "callable":
      if case .object(let object) = value { return object.isCallable }
      return value.isUndefined
    case "odd": return try areEqual(try combine(value, .remainder, .int(2)), .int(1))
    case "even": return try areEqual(try combine(value, .remainder, .int(2)), .int(0))
    case "lower", "upper":
      let method = name == "lower" ? "islower" : "isupper"
      let text = try printed(value)
      return try textMethod(method, text, .string(text), Arguments()).isTrue
    case "escaped": if case .markup = value { return true }
    case "filter":
      let wanted = value.text ?? ""
      return Self.textFilters.contains(wanted) || Self.sequenceFilters.contains(wanted)
    case "test":
      let wanted = value.text ?? ""
      return Self.unaryTests.contains(wanted) || Self.binaryTests[wanted] != nil
        || wanted == "divisibleby" || wanted == "sameas"
    default: break
    }
    return false
  }

  private func other(_ name: String, _ arguments: Arguments) throws -> Value {
    guard arguments.positional.count + arguments.named.count == 1 else {
      throw failure("the test `\(name)` takes one argument")
    }
    return arguments.positional.first ?? arguments.named[0].value
  }

  private func isSame(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let x), .bool(let y)): x == y
    case (.int(let x), .int(let y)): x == y
    case (.string(let x), .string(let y)): x.isExactly(y)
    case (.list(let x), .list(let y)), (.tuple(let x), .tuple(let y)): x === y
    case (.dict(let x), .dict(let y)): x === y
    case (.object(let x), .object(let y)): x === y
    default: false
    }
  }
}
