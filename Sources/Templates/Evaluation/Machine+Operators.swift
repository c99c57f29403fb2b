// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Arithmetic and comparison as in Python, on integers of 64 bits: what leaves them is an error.
extension Machine {
  func combine(_ left: Value, _ sign: BinaryOperator, _ right: Value) throws -> Value {
    for value in [left, right] {
      if case .undefined(let missing) = value {
        // `'…' % missing` formats it.
        if sign == .remainder, left.text != nil { continue }
        throw failure(missing.problem)
      }
    }
    if let a = left.integer, let b = right.integer { return try combine(a, sign, b) }
    if let a = left.number, let b = right.number { return try combine(a, sign, b) }
    switch (sign, left, right) {
    case (.add, .string(let a), .string(let b)):
      try charge(byteCount: a.utf8.count + b.utf8.count)
      return .string(a + b)
    case (.add, .markup(let a), .string(let b)): return try joined(a, try escaped(b))
    case (.add, .string(let a), .markup(let b)): return try joined(try escaped(a), b)
    case (.add, .markup(let a), .markup(let b)): return try joined(a, b)
    case (.add, .list(let a), .list(let b)):
      try step(a.values.count + b.values.count)
      return .list(a.values + b.values)
    case (.add, .tuple(let a), .tuple(let b)):
      try step(a.values.count + b.values.count)
      return .tuple(a.values + b.values)
    case (.multiply, _, _):
      if let count = right.integer, let value = try repeated(left, count) { return value }
      if let count = left.integer, let value = try repeated(right, count) { return value }
    case (.remainder, .string(let format), _), (.remainder, .markup(let format), _):
      return left.like(try percentFormat(format, right, escapes: left.isMarkup))
    default: break
    }
    throw failure("`\(sign.rawValue)` between \(left.typeName) and \(right.typeName)")
  }

  private func joined(_ a: String, _ b: String) throws -> Value {
    try charge(byteCount: a.utf8.count + b.utf8.count)
    return .markup(a + b)
  }

  private func repeated(_ value: Value, _ count: Int) throws -> Value? {
    switch value {
    case .string(let text), .markup(let text):
      try charge(count, timesBytes: text.utf8.count)
      return value.like(text.isEmpty ? "" : String(repeating: text, count: max(0, count)))
    case .list(let items): return .list(try repeated(items.values, count))
    case .tuple(let items): return .tuple(try repeated(items.values, count))
    default: return nil
    }
  }

  private func repeated(_ values: [Value], _ count: Int) throws -> [Value] {
    guard !values.isEmpty, count > 0 else { return [] }
    let (total, overflow) = values.count.multipliedReportingOverflow(by: count)
    try step(overflow ? .max / 2 : total)
    return Array(repeatElement(values, count: count).joined())
  }

  private func combine(_ a: Int, _ sign: BinaryOperator, _ b: Int) throws -> Value {
    func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Value {
      guard !result.overflow else { throw failure("an integer beyond 64 bits") }
      return .int(result.partialValue)
    }
    switch sign {
    case .add: return try checked(a.addingReportingOverflow(b))
    case .subtract: return try checked(a.subtractingReportingOverflow(b))
    case .multiply: return try checked(a.multipliedReportingOverflow(by: b))
    case .divide:
      guard b != 0 else { throw failure("a division by zero") }
      return .float(Double(a) / Double(b))
    case .floorDivide, .remainder:
      guard b != 0 else { throw failure("a division by zero") }
      guard b != -1 else { return sign == .remainder ? .int(0) : try negated(.int(a)) }
      let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
      let isBelow = remainder != 0 && (remainder < 0) != (b < 0)
      return .int(
        sign == .floorDivide
          ? quotient - (isBelow ? 1 : 0) : remainder + (isBelow ? b : 0))
    case .power:
      guard b >= 0 else { return try combine(Double(a), .power, Double(b)) }
      var (result, base, exponent) = (1, a, b)
      while exponent > 0 {
        if exponent & 1 == 1 {
          let product = result.multipliedReportingOverflow(by: base)
          guard !product.overflow else { throw failure("an integer beyond 64 bits") }
          result = product.partialValue
        }
        exponent >>= 1
        if exponent > 0 {
          let square = base.multipliedReportingOverflow(by: base)
          guard !square.overflow else { throw failure("an integer beyond 64 bits") }
          base = square.partialValue
        }
      }
      return .int(result)
    }
  }

  private func combine(_ a: Double, _ sign: BinaryOperator, _ b: Double) throws -> Value {
    switch sign {
    case .add: return .float(a + b)
    case .subtract: return .float(a - b)
    case .multiply: return .float(a * b)
    case .divide:
      guard b != 0 else { throw failure("a division by zero") }
      return .float(a / b)
    case .floorDivide, .remainder:
      guard b != 0 else { throw failure("a division by zero") }
      var remainder = fmod(a, b)
      var quotient = (a - remainder) / b
      if remainder != 0 {
        if (b < 0) != (remainder < 0) {
          remainder += b
          quotient -= 1
        }
      } else {
        remainder = b < 0 ? -0.0 : 0.0
      }
      if sign == .remainder { return .float(remainder) }
      guard quotient != 0 else { return .float(a / b < 0 ? -0.0 : 0.0) }
      let floor = quotient.rounded(.down)
      return .float(quotient - floor > 0.5 ? floor + 1 : floor)
    case .power:
      if a == 0, b < 0 { throw failure("zero to a negative power") }
      if a < 0, b != b.rounded(), b.isFinite {
        throw failure("a root of a negative number")
      }
      let result = pow(a, b)
      if result.isInfinite, a.isFinite, b.isFinite { throw failure("a number beyond all floats") }
      return .float(result)
    }
  }

  func negated(_ value: Value) throws -> Value {
    if case .undefined(let missing) = value { throw failure(missing.problem) }
    if case .float(let number) = value { return .float(-number) }
    guard let integer = value.integer else {
      throw failure("`-` cannot stand before \(value.typeName)")
    }
    guard integer != .min else { throw failure("an integer beyond 64 bits") }
    return .int(-integer)
  }

  // MARK: Comparison

  func compare(_ left: Value, _ comparison: Comparison, _ right: Value) throws -> Bool {
    switch comparison {
    case .equal: try areEqual(left, right)
    case .notEqual: !(try areEqual(left, right))
    case .less: try precedes(left, right, comparison)
    case .greater: try precedes(right, left, comparison)
    case .lessOrEqual: try !isNaN(left, right) && !precedes(right, left, comparison)
    case .greaterOrEqual: try !isNaN(left, right) && !precedes(left, right, comparison)
    case .isIn: try contains(right, left)
    case .isNotIn: !(try contains(right, left))
    }
  }

  private func isNaN(_ a: Value, _ b: Value) -> Bool {
    a.number?.isNaN == true || b.number?.isNaN == true
  }

  func areEqual(_ left: Value, _ right: Value) throws -> Bool {
    try step()
    switch (left, right) {
    case (.undefined, .undefined), (.null, .null): return true
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      guard a !== b else { return true }
      guard a.values.count == b.values.count else { return false }
      for (x, y) in zip(a.values, b.values) where !(try areEqual(x, y)) { return false }
      return true
    case (.dict(let a), .dict(let b)):
      guard a !== b else { return true }
      guard a.count == b.count else { return false }
      for (key, value) in zip(a.keys, a.values) {
        guard let identity = try self.key(of: key), let other = b[key: identity],
          try areEqual(value, other)
        else { return false }
      }
      return true
    case (.range(let a), .range(let b)):
      return a.count == b.count
        && (a.count == 0 || a.start == b.start && (a.count == 1 || a.step == b.step))
    case (.object(let a), .object(let b)): return a === b
    case (.generator(let a), .generator(let b)): return a === b
    default:
      if let a = left.text, let b = right.text {
        try step(min(a.utf8.count, b.utf8.count) >> 8)
        return a.isExactly(b)
      }
      if let a = left.integer, let b = right.integer { return a == b }
      if let a = left.number, let b = right.number {
        // An integer that no float holds equals none.
        if let whole = left.integer { return Int(exactly: b) == whole }
        if let whole = right.integer { return Int(exactly: a) == whole }
        return a == b
      }
      return false
    }
  }

  /// Whether `left < right`; an error where Python knows no order.
  func precedes(_ left: Value, _ right: Value, _ comparison: Comparison = .less) throws -> Bool {
    try step()
    for value in [left, right] {
      if case .undefined(let missing) = value { throw failure(missing.problem) }
    }
    if let a = left.text, let b = right.text {
      try step(min(a.utf8.count, b.utf8.count) >> 8)
      return a.utf8.lexicographicallyPrecedes(b.utf8)
    }
    if let a = left.integer, let b = right.integer { return a < b }
    if let a = left.number, let b = right.number { return a < b }
    switch (left, right) {
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      for (x, y) in zip(a.values, b.values) where !(try areEqual(x, y)) {
        return try precedes(x, y, comparison)
      }
      return a.values.count < b.values.count
    default:
      throw failure(
        "`\(comparison.rawValue)` between \(left.typeName) and \(right.typeName)")
    }
  }

  /// Whether `element` is in `container`.
  func contains(_ container: Value, _ element: Value) throws -> Bool {
    switch container {
    case .string(let text), .markup(let text):
      if case .undefined(let missing) = element { throw failure(missing.problem) }
      guard let part = element.text else {
        throw failure("only a text can be in a text, not \(element.typeName)")
      }
      try step((text.utf8.count + part.utf8.count) >> 6)
      return PythonText.find(part, in: text, from: 0) != nil
    case .dict(let dictionary):
      return dictionary[key: try identity(of: element)] != nil
    case .view(let view) where view.kind == .keys:
      return view.dictionary[key: try identity(of: element)] != nil
    default:
      let source = try generator(over: container)
      while let value = try source.next() {
        if try areEqual(value, element) { return true }
      }
      return false
    }
  }

  /// `values` in order by `keys`, equal ones in the order they had.
  func sorted(_ values: [Value], by keys: [Value], descending: Bool) throws -> [Value] {
    // As Python does it: the reverse of a stable sort of the reverse.
    var order = descending ? Array(values.indices.reversed()) : Array(values.indices)
    var buffer = order
    var width = 1
    while width < order.count {
      var start = 0
      while start < order.count {
        let middle = min(start + width, order.count)
        let end = min(start + 2 * width, order.count)
        var (i, j, k) = (start, middle, start)
        while i < middle || j < end {
          var takesRight = i == middle
          if i < middle, j < end { takesRight = try precedes(keys[order[j]], keys[order[i]]) }
          if takesRight {
            buffer[k] = order[j]
            j += 1
          } else {
            buffer[k] = order[i]
            i += 1
          }
          k += 1
        }
        start = end
      }
      swap(&order, &buffer)
      width *= 2
    }
    if descending { order.reverse() }
    return order.map { values[$0] }
  }
}
