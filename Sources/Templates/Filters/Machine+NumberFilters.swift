// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// `int`, `float`, `abs` and `round`.
extension Machine {
  func numberFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value {
    if let text = value.text { try step(text.utf8.count >> 6) }
    switch name {
    case "int":
      let given = try bind(arguments, name, ["default", "base"])
      let base = try integer(given[1], name, or: 10)
      if case .undefined(let missing) = value { throw failure(missing.problem) }
      return try integer(of: value, base: base) ?? given[0] ?? .int(0)
    case "float":
      let given = try bind(arguments, name, ["default"])
      if case .undefined(let missing) = value { throw failure(missing.problem) }
      if let number = value.number { return .float(number) }
      return value.text.flatMap(Self.float).map { .float($0) } ?? given[0] ?? .float(0)
    case "abs":
      _ = try bind(arguments, name, [])
      if case .float(let number) = value { return .float(number.magnitude) }
      guard value.integer != nil else { throw failure("\(value.typeName) has no absolute value") }
      return (value.integer ?? 0) < 0 ? try negated(value) : .int(value.integer ?? 0)
    default:
      let given = try bind(arguments, name, ["precision", "method"])
      return try rounded(
        value, try integer(given[0], name, or: 0),
        try given[1].map { try string($0, name) } ?? "common")
    }
  }

  /// What Python's `int()` makes of it; `nil` where it makes nothing.
  private func integer(of value: Value, base: Int) throws -> Value? {
    func whole(_ number: Double) throws -> Value? {
      guard number.isFinite else { return nil }
      guard let integer = Int(exactly: number.rounded(.towardZero)) else {
        throw failure("an integer beyond 64 bits")
      }
      return .int(integer)
    }
    switch value {
    case .bool, .int: return .int(value.integer ?? 0)
    case .float(let number): return try whole(number)
    case .string(let text), .markup(let text):
      if let digits = Self.digits(text, base: base) {
        guard let integer = Int(digits.text, radix: digits.radix) else {
          throw failure("an integer beyond 64 bits")
        }
        return .int(integer)
      }
      return try Self.float(text).flatMap(whole)
    default: return nil
    }
  }

  /// The digits of an integer with its sign, without underscores and prefix.
  private static func digits(_ text: String, base: Int) -> (text: String, radix: Int)? {
    guard base == 0 || (2...36).contains(base) else { return nil }
    var rest = Array(PythonText.stripped(text, where: \.isPythonSpace).unicodeScalars)[...]
    var sign = ""
    if let first = rest.first, first == "-" || first == "+" { sign = String(rest.removeFirst()) }
    var radix = base == 0 ? 10 : base
    if rest.count > 2, rest.first == "0" {
      let prefixes: [Unicode.Scalar: Int] = ["x": 16, "X": 16, "o": 8, "O": 8, "b": 2, "B": 2]
      if let prefix = prefixes[rest[rest.startIndex + 1]], base == 0 || base == prefix {
        radix = prefix
        rest = rest.dropFirst(2)
        if rest.first == "_" { rest = rest.dropFirst() }
      }
    }
    var digits = ""
    var followsDigit = false
    for scalar in rest {
      if scalar == "_" {
        guard followsDigit else { return nil }
        followsDigit = false
        continue
      }
      var value = scalar.isASCII ? Character(scalar).wholeNumberValue : nil
      if let letter = scalar.isASCII ? Character(scalar).asciiValue : nil, (letter | 0x20) >= 0x61,
        (letter | 0x20) <= 0x7A
      {
        value = Int(letter | 0x20) - 0x61 + 10
      }
      if !scalar.isASCII, scalar.properties.numericType == .decimal {
        value = scalar.properties.numericValue.map(Int.init)
      }
      guard let value, value < radix else { return nil }
      digits += String(value, radix: radix)
      followsDigit = true
    }
    return followsDigit ? (sign + digits, radix) : nil
  }

  /// What Python's `float()` reads.
  private static func float(_ text: String) -> Double? {
    let text = PythonText.stripped(text, where: \.isPythonSpace)
    var body = text.lowercased()[...]
    if body.first == "-" || body.first == "+" { body = body.dropFirst() }
    let isNegative = text.hasPrefix("-")
    switch body {
    case "inf", "infinity": return isNegative ? -.infinity : .infinity
    case "nan": return .nan
    default: break
    }
    var digits = ""
    var last: Unicode.Scalar?
    for scalar in body.unicodeScalars {
      switch scalar {
      case "_":
        guard last?.isASCIIDigit == true else { return nil }
      case "0"..."9", ".", "e", "+", "-":
        if last == "_", !scalar.isASCIIDigit { return nil }
        digits.unicodeScalars.append(scalar)
      default: return nil
      }
      last = scalar
    }
    guard last != "_" else { return nil }
    // Python also reads `5.` and `.5`, which Swift does not in every place.
    if digits.hasPrefix(".") { digits = "0" + digits }
    digits = digits.replacingOccurrences(of: ".e", with: ".0e")
    if digits.hasSuffix(".") { digits += "0" }
    guard digits.first?.isNumber == true, digits != ".0" else { return nil }
    return Double((isNegative ? "-" : "") + digits)
  }

  private func rounded(_ value: Value, _ precision: Int, _ method: String) throws -> Value {
    if case .undefined(let missing) = value { throw failure(missing.problem) }
    guard let number = value.number else { throw failure("\(value.typeName) cannot be rounded") }
    guard precision.magnitude <= 400 else { throw failure("a precision beyond 400 digits") }
    switch method {
    case "common":
      guard let integer = value.integer else {
        guard number.isFinite else { return value }
        if precision >= 0 {
          return .float(Double(String(format: "%.\(precision)f", number)) ?? number)
        }
        let scale = pow(10, Double(-precision))
        guard scale.isFinite else { return .float(number < 0 ? -0.0 : 0) }
        return .float((number / scale).rounded(.toNearestOrEven) * scale)
      }
      guard precision < 0 else { return .int(integer) }
      guard precision > -19 else { return .int(0) }
      var scale = 1
      for _ in 0..<(-precision) { scale *= 10 }
      let (quotient, rest) = integer.quotientAndRemainder(dividingBy: scale)
      let half = rest.magnitude.multipliedReportingOverflow(by: 2)
      let isUp =
        half.overflow || half.partialValue > UInt(scale)
        || half.partialValue == UInt(scale) && quotient % 2 != 0
      let (result, overflow) =
        (quotient + (isUp ? (integer < 0 ? -1 : 1) : 0)).multipliedReportingOverflow(by: scale)
      guard !overflow else { throw failure("an integer beyond 64 bits") }
      return .int(result)
    case "ceil", "floor":
      let scale = pow(10, Double(precision))
      let scaled = number * scale
      guard scaled.isFinite, scale > 0 else { throw failure("a number beyond all floats") }
      return .float(scaled.rounded(method == "ceil" ? .up : .down) / scale + 0)
    default: throw failure("`round` knows the methods common, ceil and floor")
    }
  }
}
