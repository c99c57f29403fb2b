// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Jinja's expressions, from the weakest binding to the strongest: `a if b else c`, `or`, `and`,
/// `not`, comparisons, `+ -`, `~`, `* / // %`, `**`, signs, then subscripts, calls, filters, tests.
extension Parser {
  /// An expression, or several with commas between, which are a tuple.
  mutating func tuple(
    allowsConditional: Bool = true, endsBefore end: String? = nil, isBracketed: Bool = false
  ) throws(TemplateError) -> Expression {
    var elements: [Expression] = []
    var isTuple = false
    while true {
      if isTupleEnd(end) { break }
      elements.append(allowsConditional ? try expression() : try or())
      guard skip(mark: ",") else { break }
      isTuple = true
    }
    if isTuple { return .tuple(elements) }
    if let only = elements.first { return only }
    guard isBracketed else { throw error("expected an expression, found \(kind.description)") }
    return .tuple([])
  }

  private func isTupleEnd(_ end: String?) -> Bool {
    switch kind {
    case .variableEnd, .blockEnd, .mark(")"): true
    case .name(let word): word == end
    default: false
    }
  }

  mutating func expression() throws(TemplateError) -> Expression {
    try enter()
    defer { leave() }
    var result = try or()
    var levels = 0
    defer { for _ in 0..<levels { leave() } }
    while skip(word: "if") {
      // One without `else` goes into the test of the next.
      if case .conditional = result {
        try enter()
        levels += 1
      }
      let test = try or()
      let otherwise = skip(word: "else") ? try expression() : nil
      result = .conditional(test: test, then: result, otherwise: otherwise)
    }
    return result
  }

  private mutating func or() throws(TemplateError) -> Expression {
    let first = try and()
    guard kind == .name("or") else { return first }
    var parts = [first]
    while skip(word: "or") { parts.append(try and()) }
    return .or(parts)
  }

  private mutating func and() throws(TemplateError) -> Expression {
    let first = try not()
    guard kind == .name("and") else { return first }
    var parts = [first]
    while skip(word: "and") { parts.append(try not()) }
    return .and(parts)
  }

  private mutating func not() throws(TemplateError) -> Expression {
    var isNegated = false
    var hasNot = false
    while skip(word: "not") {
      isNegated.toggle()
      hasNot = true
    }
    let value = try comparison()
    guard hasNot else { return value }
    return isNegated ? .not(value) : .not(.not(value))
  }

  private mutating func comparison() throws(TemplateError) -> Expression {
    let line = line
    let first = try sum()
    var compared: [Expression.Compared] = []
    while true {
      let comparison: Comparison
      if case .mark(let mark) = kind, let sign = Comparison(rawValue: mark) {
        comparison = sign
        advance()
      } else if skip(word: "in") {
        comparison = .isIn
      } else if kind == .name("not"), following == .name("in") {
        advance()
        advance()
        comparison = .isNotIn
      } else {
        break
      }
      compared.append(.init(comparison: comparison, value: try sum()))
    }
    return compared.isEmpty ? first : .compare(first, compared, line: line)
  }

  /// The operator at hand, if it is one of these.
  private mutating func sign(_ signs: BinaryOperator...) -> BinaryOperator? {
    guard case .mark(let mark) = kind, let sign = BinaryOperator(rawValue: mark),
      signs.contains(sign)
    else { return nil }
    advance()
    return sign
  }

  private mutating func sum() throws(TemplateError) -> Expression {
    let line = line
    let first = try concatenation()
    var rest: [Expression.Operand] = []
    while let sign = sign(.add, .subtract) {
      rest.append(.init(sign: sign, value: try concatenation()))
    }
    return rest.isEmpty ? first : .binary(first, rest, line: line)
  }

  private mutating func concatenation() throws(TemplateError) -> Expression {
    let first = try product()
    guard kind == .mark("~") else { return first }
    var parts = [first]
    while skip(mark: "~") { parts.append(try product()) }
    return .concat(parts)
  }

  private mutating func product() throws(TemplateError) -> Expression {
    let line = line
    let first = try power()
    var rest: [Expression.Operand] = []
    while let sign = sign(.multiply, .divide, .floorDivide, .remainder) {
      rest.append(.init(sign: sign, value: try power()))
    }
    return rest.isEmpty ? first : .binary(first, rest, line: line)
  }

  private mutating func power() throws(TemplateError) -> Expression {
    let line = line
    let first = try unary()
    var rest: [Expression.Operand] = []
    while let sign = sign(.power) { rest.append(.init(sign: sign, value: try unary())) }
    return rest.isEmpty ? first : .binary(first, rest, line: line)
  }

  private mutating func unary(allowsFilters: Bool = true) throws(TemplateError) -> Expression {
    let line = line
    var value: Expression
    if skip(mark: "-") {
      try enter()
      value = .negative(try unary(allowsFilters: false), line: line)
      leave()
    } else if skip(mark: "+") {
      try enter()
      value = .positive(try unary(allowsFilters: false), line: line)
      leave()
    } else {
      value = try primary()
    }
    var operations = try subscripts()
    if allowsFilters { operations += try filtersAndTests() }
    if operations.isEmpty { return value }
    value = .postfix(value, operations)
    return value
  }

  private mutating func primary() throws(TemplateError) -> Expression {
    let line = line
    switch kind {
    case .name(let name):
      advance()
      switch name {
      case "true", "True": return .constant(.bool(true))
      case "false", "False": return .constant(.bool(false))
      case "none", "None": return .constant(.null)
      default:
        noteRead(name)
        return .name(name, line: line)
      }
    case .string(var text):
      advance()
      while case .string(let more) = kind {
        text += more
        advance()
      }
      return .constant(.string(text))
    case .integer(let value):
      advance()
      return .constant(.int(value))
    case .float(let value):
      advance()
      return .constant(.float(value))
    case .mark("("):
      advance()
      let value = try tuple(isBracketed: true)
      try expect(mark: ")")
      return value
    case .mark("["):
      advance()
      let elements = try list()
      return .list(elements)
    case .mark("{"):
      advance()
      return .dict(try pairs())
    default: throw error("expected a value, found \(kind.description)")
    }
  }

  private mutating func list() throws(TemplateError) -> [Expression] {
    var elements: [Expression] = []
    while kind != .mark("]") {
      if !elements.isEmpty {
        try expect(mark: ",")
        if kind == .mark("]") { break }
      }
      elements.append(try expression())
    }
    try expect(mark: "]")
    return elements
  }

  private mutating func pairs() throws(TemplateError) -> [Expression.Pair] {
    var pairs: [Expression.Pair] = []
    while kind != .mark("}") {
      if !pairs.isEmpty {
        try expect(mark: ",")
        if kind == .mark("}") { break }
      }
      let key = try expression()
      try expect(mark: ":")
      pairs.append(.init(key: key, value: try expression()))
    }
    try expect(mark: "}")
    return pairs
  }

  // MARK: What follows a value

  private mutating func subscripts() throws(TemplateError) -> [Postfix] {
    var operations: [Postfix] = []
    while case .mark(let mark) = kind {
      let line = line
      switch mark {
      case ".":
        advance()
        if case .integer(let index) = kind {
          advance()
          operations.append(Postfix(kind: .item(.constant(.int(index))), line: line))
        } else {
          operations.append(Postfix(kind: .attribute(try identifier()), line: line))
        }
      case "[":
        advance()
        operations.append(Postfix(kind: try item(), line: line))
      case "(": operations.append(Postfix(kind: .call(try arguments()), line: line))
      default: return operations
      }
    }
    return operations
  }

  private mutating func item() throws(TemplateError) -> Postfix.Kind {
    var items: [Expression] = []
    while true {
      if kind == .mark(":") || !items.isEmpty && kind == .mark("]") { break }
      items.append(try expression())
      guard skip(mark: ",") else { break }
      if kind == .mark("]") { break }
    }
    guard kind == .mark(":") else {
      try expect(mark: "]")
      return .item(items.count == 1 ? items[0] : .tuple(items))
    }
    guard items.count <= 1 else { throw error("a slice stands among other indices") }
    advance()
    let start = items.first
    var stop: Expression?
    var step: Expression?
    if kind != .mark(":"), kind != .mark("]") { stop = try expression() }
    if skip(mark: ":"), kind != .mark("]") { step = try expression() }
    try expect(mark: "]")
    return .slice(start, stop, step)
  }

  private mutating func filtersAndTests() throws(TemplateError) -> [Postfix] {
    var operations: [Postfix] = []
    while true {
      let line = line
      if kind == .mark("|") {
        operations += try filterChain()
      } else if skip(word: "is") {
        operations.append(try test(line))
      } else if kind == .mark("(") {
        operations.append(Postfix(kind: .call(try arguments()), line: line))
      } else {
        return operations
      }
    }
  }

  mutating func filterChain() throws(TemplateError) -> [Postfix] {
    var filters: [Postfix] = []
    while skip(mark: "|") { filters.append(try filter()) }
    return filters
  }

  mutating func filter() throws(TemplateError) -> Postfix {
    let line = line
    let name = try dottedName()
    let arguments = kind == .mark("(") ? try arguments() : CallArguments()
    return Postfix(kind: .filter(name, arguments), line: line)
  }

  private mutating func dottedName() throws(TemplateError) -> String {
    var name = try identifier()
    while skip(mark: ".") { name += "." + (try identifier()) }
    return name
  }

  private mutating func test(_ line: Int) throws(TemplateError) -> Postfix {
    let negated = skip(word: "not")
    let name = try dottedName()
    var arguments = CallArguments()
    switch kind {
    case .mark("("): arguments = try self.arguments()
    case .name("else"), .name("or"), .name("and"): break
    case .name("is"): throw error("tests with `is` cannot be chained; use `and`")
    case .name, .string, .integer, .float, .mark("["), .mark("{"):
      try enter()
      let value = try primary()
      let operations = try subscripts()
      arguments.positional = [operations.isEmpty ? value : .postfix(value, operations)]
      leave()
    default: break
    }
    return Postfix(kind: .test(name, arguments, negated: negated), line: line)
  }

  private mutating func arguments() throws(TemplateError) -> CallArguments {
    var result = CallArguments()
    let line = line
    var names: Set<String> = []
    func ensure(_ isFine: Bool) throws(TemplateError) {
      guard isFine else {
        throw error("the arguments of a call stand in a wrong order", line: line)
      }
    }
    try expect(mark: "(")
    var isFirst = true
    while kind != .mark(")") {
      if !isFirst {
        try expect(mark: ",")
        if kind == .mark(")") { break }
      }
      isFirst = false
      if skip(mark: "*") {
        try ensure(result.rest == nil && result.namedRest == nil)
        result.rest = try expression()
      } else if skip(mark: "**") {
        try ensure(result.namedRest == nil)
        result.namedRest = try expression()
      } else if case .name(let name) = kind, following == .mark("=") {
        try ensure(result.namedRest == nil)
        advance()
        advance()
        guard names.insert(name).inserted else {
          throw error("the argument `\(name.prefix(60))` stands twice", line: line)
        }
        result.named.append(.init(name: name, value: try expression()))
      } else {
        try ensure(result.rest == nil && result.namedRest == nil && result.named.isEmpty)
        result.positional.append(try expression())
      }
    }
    try expect(mark: ")")
    return result
  }
}
