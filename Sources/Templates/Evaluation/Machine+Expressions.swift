// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension Machine {
  func evaluate(_ expression: Expression, _ scope: Scope) throws -> Value {
    try step()
    return try nested { try evaluated(expression, scope) }
  }

  private func evaluated(_ expression: Expression, _ scope: Scope) throws -> Value {
    switch expression {
    case .constant(let constant): return Value(constant)
    case .name(let name, let line):
      if let value = scope.value(of: name) { return value }
      self.line = line
      return .undefined(.name(name))
    case .list(let elements): return try checked(.list(try values(elements, scope)))
    case .tuple(let elements): return try checked(.tuple(try values(elements, scope)))
    case .dict(let pairs): return try dictionary(pairs, scope)
    case .conditional(let test, let then, let otherwise):
      if try evaluate(test, scope).isTrue { return try evaluate(then, scope) }
      guard let otherwise else {
        return .undefined(
          .init("an inline `if` was false and has no `else`"))
      }
      return try evaluate(otherwise, scope)
    case .and(let parts):
      var value = Value.bool(true)
      for part in parts {
        value = try evaluate(part, scope)
        if !value.isTrue { break }
      }
      return value
    case .or(let parts):
      var value = Value.bool(false)
      for part in parts {
        value = try evaluate(part, scope)
        if value.isTrue { break }
      }
      return value
    case .not(let value): return .bool(!(try evaluate(value, scope).isTrue))
    case .compare(let first, let compared, let line):
      return try comparison(first, compared, line, scope)
    case .binary(let first, let rest, let line):
      var value = try evaluate(first, scope)
      for operand in rest {
        let right = try evaluate(operand.value, scope)
        self.line = line
        value = try combine(value, operand.sign, right)
      }
      return value
    case .concat(let parts):
      var text = ""
      for part in parts {
        let more = try printed(try evaluate(part, scope))
        try charge(byteCount: more.utf8.count)
        text += more
        try checkLength(text)
      }
      return .string(text)
    case .negative(let value, let line):
      let operand = try evaluate(value, scope)
      self.line = line
      return try negated(operand)
    case .positive(let value, let line):
      let operand = try evaluate(value, scope)
      self.line = line
      if case .undefined(let missing) = operand { throw failure(missing.problem) }
      if case .float = operand { return operand }
      guard let integer = operand.integer else {
        throw failure("`+` cannot stand before \(operand.typeName)")
      }
      return .int(integer)
    case .postfix(let base, let operations):
      var value = try evaluate(base, scope)
      for operation in operations {
        try step()
        value = try apply(operation, to: value, scope)
      }
      return value
    }
  }

  private func values(_ expressions: [Expression], _ scope: Scope) throws -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(expressions.count)
    for expression in expressions { values.append(try evaluate(expression, scope)) }
    return values
  }

  private func dictionary(_ pairs: [Expression.Pair], _ scope: Scope) throws -> Value {
    let builder = Value.Dictionary.Builder()
    for pair in pairs {
      let key = try evaluate(pair.key, scope)
      builder.set(try identity(of: key), key, try evaluate(pair.value, scope))
    }
    return try checked(.dict(builder.finish()))
  }

  private func comparison(
    _ first: Expression, _ compared: [Expression.Compared], _ line: Int, _ scope: Scope
  ) throws -> Value {
    var left = try evaluate(first, scope)
    for operand in compared {
      let right = try evaluate(operand.value, scope)
      self.line = line
      guard try compare(left, operand.comparison, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  /// The call that ends `expression`, with `caller` added.
  func evaluateCall(_ expression: Expression, _ scope: Scope, caller: Value) throws -> Value {
    guard case .postfix(let base, let operations) = expression, let last = operations.last,
      case .call(let arguments) = last.kind
    else { throw failure("a call block needs a call") }
    var value = try evaluate(base, scope)
    for operation in operations.dropLast() { value = try apply(operation, to: value, scope) }
    var given = try evaluate(arguments, scope)
    line = last.line
    given.named.append((name: "caller", value: caller))
    return try call(value, given)
  }

  func evaluate(_ arguments: CallArguments, _ scope: Scope) throws -> Arguments {
    var result = Arguments(positional: try values(arguments.positional, scope))
    for named in arguments.named {
      result.named.append((name: named.name, value: try evaluate(named.value, scope)))
    }
    if let rest = arguments.rest {
      result.positional += try elements(of: try evaluate(rest, scope))
    }
    if let rest = arguments.namedRest {
      guard case .dict(let dictionary) = try evaluate(rest, scope) else {
        throw failure("`**` needs a mapping")
      }
      var names = Set(result.named.map(\.name))
      for (key, value) in zip(dictionary.keys, dictionary.values) {
        guard let name = key.text else { throw failure("`**` needs a mapping with names as keys") }
        try step(1 + name.utf8.count >> 6)
        guard names.insert(name).inserted else {
          throw failure("the argument `\(name.excerpt)` is given twice")
        }
        result.named.append((name: name, value: value))
      }
    }
    return result
  }

  func apply(_ operation: Postfix, to value: Value, _ scope: Scope) throws -> Value {
    switch operation.kind {
    case .attribute(let name):
      line = operation.line
      return try attribute(name, of: value)
    case .item(let index):
      let index = try evaluate(index, scope)
      line = operation.line
      return try item(index, of: value)
    case .slice(let start, let stop, let step):
      let bounds = try [start, stop, step].map { try $0.map { try evaluate($0, scope) } ?? .null }
      line = operation.line
      return try slice(value, bounds[0], bounds[1], bounds[2])
    case .call(let arguments):
      let given = try evaluate(arguments, scope)
      line = operation.line
      return try call(value, given)
    case .filter(let name, let arguments):
      let given = try evaluate(arguments, scope)
      line = operation.line
      return try filter(name, value, given)
    case .test(let name, let arguments, let negated):
      let given = try evaluate(arguments, scope)
      line = operation.line
      return .bool(try test(name, value, given) != negated)
    }
  }

  func call(_ value: Value, _ arguments: Arguments) throws -> Value {
    switch value {
    case .undefined(let missing): throw failure(missing.problem)
    case .object(let object): return try checked(try nested { try object.call(arguments, self) })
    default: throw failure("\(value.typeName) cannot be called")
    }
  }
}
