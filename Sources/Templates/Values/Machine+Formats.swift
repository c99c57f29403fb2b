// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Python's two ways to put values into a text: `'%s' % value` and `'{}'.format(value)`.
extension Machine {
  /// - Parameter escapes: whether the format is marked as HTML, so that texts are escaped.
  func percentFormat(_ format: String, _ value: Value, escapes: Bool) throws -> String {
    try charge(byteCount: format.utf8.count)
    var values = [value]
    var members: Value.Dictionary?
    if case .tuple(let items) = value { values = items.values }
    if case .dict(let dictionary) = value { members = dictionary }
    var used = 0
    var result = ""
    var rest = Array(format.unicodeScalars)[...]
    func nextValue() throws -> Value {
      guard used < values.count else { throw failure("a format asks for more values than given") }
      used += 1
      return values[used - 1]
    }
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      try step()
      var key: String?
      if rest.first == "(" {
        rest.removeFirst()
        let name = rest.prefix { $0 != ")" }
        rest = rest.dropFirst(name.count + 1)
        key = String(String.UnicodeScalarView(name))
      }
      var specification = FormatSpecification()
      specification.alignment = ">"
      while let flag = rest.first, "-+ #0".unicodeScalars.contains(flag) {
        rest.removeFirst()
        switch flag {
        case "-": specification.alignment = "<"
        case "0" where specification.alignment != "<":
          (specification.alignment, specification.fill) = ("=", "0")
        case "#": specification.isAlternate = true
        case "+", " ": if specification.sign != "+" { specification.sign = flag }
        default: break
        }
      }
      func number() throws -> Int {
        if rest.first == "*" {
          rest.removeFirst()
          return try integer(try nextValue(), "`*` in a format", or: 0)
        }
        var value = 0
        while let digit = rest.first, digit.isASCIIDigit {
          value = min(value * 10 + Int(digit.value - 0x30), FormatSpecification.largest + 1)
          rest.removeFirst()
        }
        return value
      }
      specification.width = try number()
      if specification.width < 0 {
        (specification.width, specification.alignment) = (0 &- specification.width, "<")
      }
      if rest.first == "." {
        rest.removeFirst()
        specification.precision = max(0, try number())
      }
      guard (0...FormatSpecification.largest).contains(specification.width),
        specification.precision ?? 0 <= FormatSpecification.largest
      else { throw failure("a width or precision beyond \(FormatSpecification.largest)") }
      guard let type = rest.popFirst() else { throw failure("a format ends in `%`") }
      if type == "%" {
        result += "%"
        continue
      }
      var argument: Value
      if let key {
        guard let members else { throw failure("a format with names needs a mapping") }
        guard let member = members[key] else { throw failure("a format lacks `\(key.excerpt)`") }
        argument = member
      } else {
        argument = try nextValue()
      }
      if case .undefined(let missing) = argument, type != "s", type != "r" {
        throw failure(missing.problem)
      }
      if escapes { argument = try escapedText(argument) }
      let text = try percentConversion(argument, type, specification)
      try charge(byteCount: text.utf8.count)
      result += text
      try checkLength(result)
    }
    switch value {
    // To Python these are mappings here, which may have members to spare.
    case .dict, .list, .range: break
    default: if used < values.count { throw failure("a format leaves values over") }
    }
    return result
  }

  private func percentConversion(
    _ value: Value, _ type: Unicode.Scalar, _ specification: FormatSpecification
  ) throws -> String {
    var specification = specification
    switch type {
    case "s", "r", "a":
      if specification.alignment == "=" {
        (specification.alignment, specification.fill) = (">", " ")
      }
      let text = type == "s" ? try printed(value) : try represented(value)
      if let result = specification.text(text) { return result }
    case "d", "i", "u":
      if let number = value.integer
        ?? value.number.flatMap({ Int(exactly: $0.rounded(.towardZero)) })
      {
        let precision = specification.precision
        specification.precision = nil
        if let precision, specification.alignment == "=" || specification.width == 0 {
          let digits = String(number.magnitude)
          let zeros = String(repeating: "0", count: max(0, precision - digits.count))
          return (number < 0 ? "-" : specification.sign == "-" ? "" : String(specification.sign))
            + zeros + digits
        }
        specification.type = "d"
        if let result = specification.text(number) { return result }
      }
    case "x", "X", "o":
      if let number = value.integer {
        specification.type = type
        if let result = specification.text(number) { return result }
      }
    case "f", "F", "e", "E", "g", "G":
      if let number = value.number {
        specification.type = type
        if let result = specification.text(number) { return result }
      }
    case "c":
      if let text = value.text, text.unicodeScalars.count == 1 {
        return specification.padded(text, isNumber: true)
      }
      if let number = value.integer {
        specification.type = "c"
        if let result = specification.text(number) { return result }
      }
    default: throw failure("`%\(type)` is no conversion of a format")
    }
    throw failure("`%\(type)` cannot write \(value.typeName)")
  }

  /// The value, but a text that is not marked as HTML escaped.
  private func escapedText(_ value: Value) throws -> Value {
    switch value {
    case .string(let text): .markup(try escaped(text))
    case .markup, .bool, .int, .float, .undefined: value
    default: .markup(try escaped(try printed(value)))
    }
  }

  // MARK: Braces

  func braceFormat(
    _ format: String, _ arguments: Arguments, escapes: Bool
  ) throws -> String {
    try charge(byteCount: format.utf8.count)
    var arguments = arguments
    if escapes {
      arguments.positional = try arguments.positional.map(escapedText)
      arguments.named = try arguments.named.map { ($0.name, try escapedText($0.value)) }
    }
    var next = 0
    return try braceFormat(Array(format.unicodeScalars)[...], arguments, &next, depth: 2)
  }

  private func braceFormat(
    _ format: ArraySlice<Unicode.Scalar>, _ arguments: Arguments, _ next: inout Int, depth: Int
  ) throws -> String {
    guard depth >= 0 else { throw failure("a format nests too deep") }
    var rest = format
    var result = ""
    while let scalar = rest.popFirst() {
      if scalar == "{" || scalar == "}", rest.first == scalar {
        rest.removeFirst()
        result.unicodeScalars.append(scalar)
        continue
      }
      guard scalar != "}" else { throw failure("a single `}` in a format") }
      guard scalar == "{" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      try step()
      // The field up to its own closing brace.
      var open = 1
      var end = rest.startIndex
      while end < rest.endIndex {
        if rest[end] == "{" { open += 1 }
        if rest[end] == "}" { open -= 1 }
        if open == 0 { break }
        end += 1
      }
      guard end < rest.endIndex else { throw failure("a single `{` in a format") }
      let field = rest[rest.startIndex..<end]
      rest = rest[(end + 1)...]
      let text = try formatted(field, arguments, &next, depth: depth)
      try charge(byteCount: text.utf8.count)
      result += text
      try checkLength(result)
    }
    return result
  }

  private func formatted(
    _ field: ArraySlice<Unicode.Scalar>, _ arguments: Arguments, _ next: inout Int, depth: Int
  ) throws -> String {
    // A colon inside brackets belongs to a subscript.
    var isBracketed = false
    let end =
      field.firstIndex { scalar in
        if scalar == "[" { isBracketed = true }
        if scalar == "]" { isBracketed = false }
        return !isBracketed && (scalar == ":" || scalar == "!")
      } ?? field.endIndex
    var value = try self.field(
      String(String.UnicodeScalarView(field[..<end])), arguments, &next)
    var rest = field[end...]
    if rest.first == "!" {
      rest.removeFirst()
      switch rest.popFirst() {
      case "s": value = .string(try printed(value))
      case "r", "a": value = .string(try represented(value))
      default: throw failure("an unknown conversion in a format")
      }
    }
    guard let colon = rest.popFirst() else { return try printed(value) }
    guard colon == ":" else { throw failure("a format needs `:` after a conversion") }
    let text = try braceFormat(rest, arguments, &next, depth: depth - 1)
    if text.isEmpty { return try printed(value) }
    guard let specification = FormatSpecification(text) else {
      throw failure("`\(text.excerpt)` is no format")
    }
    let result: String?
    switch value {
    case .string(let text), .markup(let text): result = specification.text(text)
    case .int(let number): result = specification.text(number)
    case .bool(let flag):
      result =
        specification.type == nil
        ? specification.text(flag ? "True" : "False") : specification.text(flag ? 1 : 0)
    case .float(let number): result = specification.text(number)
    default: result = nil
    }
    guard let result else {
      throw failure("the format `\(text.excerpt)` does not fit \(value.typeName)")
    }
    return result
  }

  private func field(
    _ name: String, _ arguments: Arguments, _ next: inout Int
  ) throws -> Value {
    let scalars = Array(name.unicodeScalars)
    var place = scalars.firstIndex { $0 == "." || $0 == "[" } ?? scalars.count
    let first = String(String.UnicodeScalarView(scalars[..<place]))
    var value: Value
    if first.isEmpty || first.unicodeScalars.allSatisfy(\.isASCIIDigit) {
      // Python refuses to mix `{}` and `{0}`.
      guard first.isEmpty ? next >= 0 : next <= 0 else {
        throw failure("a format mixes `{}` and `{0}`")
      }
      let index = first.isEmpty ? next : Int(first) ?? .max
      next = first.isEmpty ? next + 1 : -1
      guard index < arguments.positional.count else {
        throw failure("a format asks for more values than given")
      }
      value = arguments.positional[index]
    } else {
      try step(arguments.named.count >> 4)
      guard let named = arguments.named.first(where: { $0.name == first }) else {
        throw failure("a format lacks `\(first.excerpt)`")
      }
      value = named.value
    }
    while place < scalars.count {
      if scalars[place] == "." {
        let end = scalars[(place + 1)...].firstIndex { $0 == "." || $0 == "[" } ?? scalars.count
        value = try attribute(
          String(String.UnicodeScalarView(scalars[(place + 1)..<end])), of: value)
        place = end
      } else if scalars[place] == "[", let end = scalars[place...].firstIndex(of: "]") {
        let key = String(String.UnicodeScalarView(scalars[(place + 1)..<end]))
        value = try item(Int(key).map { .int($0) } ?? .string(key), of: value)
        place = end + 1
      } else {
        throw failure("`\(name.excerpt)` is no field of a format")
      }
    }
    return value
  }
}
