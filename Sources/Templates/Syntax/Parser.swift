// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Reads tokens into statements; expressions are read in Parser+Expressions.swift.
struct Parser {
  let name: String
  private let tokens: [Token]
  private var position = 0
  private var depth = 0
  /// Of each macro being read, which of `varargs`, `kwargs` and `caller` it reads.
  private var macroReads: [Set<String>] = []

  init(_ text: String, name: String) throws(TemplateError) {
    self.name = name
    var lexer = Lexer(text, name: name)
    tokens = try lexer.run()
  }

  /// The whole template.
  mutating func template() throws(TemplateError) -> [Statement] {
    let body = try statements(until: [], of: nil)
    return body
  }

  // MARK: Tokens

  var current: Token { tokens[position] }
  var kind: Token.Kind { tokens[position].kind }
  var line: Int { tokens[position].line }
  var following: Token.Kind { tokens[min(position + 1, tokens.count - 1)].kind }

  mutating func advance() { if position < tokens.count - 1 { position += 1 } }

  mutating func skip(_ expected: Token.Kind) -> Bool {
    guard kind == expected else { return false }
    advance()
    return true
  }

  mutating func skip(mark: String) -> Bool { skip(.mark(mark)) }
  mutating func skip(word: String) -> Bool { skip(.name(word)) }

  mutating func expect(_ expected: Token.Kind) throws(TemplateError) {
    guard skip(expected) else {
      throw error("expected \(expected.description), found \(kind.description)")
    }
  }

  mutating func expect(mark: String) throws(TemplateError) { try expect(.mark(mark)) }

  mutating func identifier() throws(TemplateError) -> String {
    guard case .name(let name) = kind else {
      throw error("expected a name, found \(kind.description)")
    }
    advance()
    return name
  }

  func error(_ problem: String, line: Int? = nil) -> TemplateError {
    .syntax(template: name, line: line ?? self.line, problem: problem)
  }

  /// Notes one level of nesting; every caller leaves it with ``leave()``.
  mutating func enter() throws(TemplateError) {
    depth += 1
    guard depth <= TemplateLimits.syntaxDepth else {
      throw error("brackets or tags nest deeper than \(TemplateLimits.syntaxDepth) levels")
    }
  }

  mutating func leave() { depth -= 1 }

  mutating func noteRead(_ name: String) {
    guard name == "caller" || name == "varargs" || name == "kwargs" else { return }
    for index in macroReads.indices { macroReads[index].insert(name) }
  }

  // MARK: Statements

  /// Statements up to one of the tags in `ends`, whose name is left as the current token.
  private mutating func statements(
    until ends: [String], of opening: (tag: String, line: Int)?
  ) throws(TemplateError) -> [Statement] {
    try enter()
    var body: [Statement] = []
    while true {
      switch kind {
      case .data(let text):
        body.append(.text(text))
        advance()
      case .variableBegin:
        advance()
        let line = line
        body.append(.output(try tuple(), line: line))
        try expect(.variableEnd)
      case .blockBegin:
        advance()
        guard case .name(let tag) = kind else {
          throw error("expected the name of a tag, found \(kind.description)")
        }
        if ends.contains(tag) {
          leave()
          return body
        }
        body.append(contentsOf: try statement(tag, ends: ends, of: opening))
        try expect(.blockEnd)
      case .end:
        if let opening {
          throw error(
            "`{% \(opening.tag) %}` of line \(opening.line) is not closed by "
              + "`{% \(ends.last ?? "") %}`")
        }
        leave()
        return body
      default: throw error("found \(kind.description) between tags")
      }
    }
  }

  /// The body of a tag from its `%}` to one of `ends`; the end's name is the current token.
  private mutating func block(
    _ tag: String, _ line: Int, until ends: String...
  ) throws(TemplateError) -> [Statement] {
    _ = skip(mark: ":")
    try expect(.blockEnd)
    return try statements(until: ends, of: (tag, line))
  }

  /// A body with only one possible end, which is read too.
  private mutating func closedBlock(
    _ tag: String, _ line: Int
  ) throws(TemplateError) -> [Statement] {
    let body = try block(tag, line, until: "end" + tag)
    advance()
    return body
  }

  private mutating func statement(
    _ tag: String, ends: [String], of opening: (tag: String, line: Int)?
  ) throws(TemplateError) -> [Statement] {
    let line = line
    advance()
    switch tag {
    case "if": return [try condition(line)]
    case "for": return [try loop(line)]
    case "set": return [try assignment(line)]
    case "macro":
      let name = try identifier()
      return [.macro(try macro(tag, name: name, hasSignature: true, line))]
    case "call": return [try call(line)]
    case "filter":
      let filters = try [filter()] + filterChain()
      return [.filter(filters, try closedBlock(tag, line), line: line)]
    case "with": return [try with(line)]
    case "generation": return [.generation(try closedBlock(tag, line), line: line)]
    case "break": return [.exit(line: line)]
    case "continue": return [.next(line: line)]
    case "print":
      var body: [Statement] = []
      while kind != .blockEnd {
        if !body.isEmpty { try expect(mark: ",") }
        body.append(.output(try expression(), line: line))
      }
      return body
    case "include", "import", "from", "extends", "block", "autoescape", "do", "trans", "debug":
      throw .unsupported(template: name, line: line, construct: "The tag `{% \(tag) %}`")
    default:
      let known = [
        "if", "for", "set", "macro", "call", "filter", "with", "generation", "break", "continue",
        "print", "raw",
      ]
      var problem = "there is no tag `\(tag.prefix(60))`"
      if let opening {
        problem +=
          ", and `{% \(opening.tag) %}` of line \(opening.line) waits for "
          + ends.map { "`\($0)`" }.joined(separator: " or ")
      }
      if let near = nearestName(to: tag, in: known) { problem += " (the nearest is `\(near)`)" }
      throw error(problem, line: line)
    }
  }

  private mutating func condition(_ first: Int) throws(TemplateError) -> Statement {
    var branches: [Statement.Branch] = []
    var line = first
    while true {
      let test = try tuple(allowsConditional: false)
      let body = try block("if", first, until: "elif", "else", "endif")
      branches.append(.init(test: test, body: body, line: line))
      line = self.line
      switch try identifier() {
      case "elif": continue
      case "else":
        let otherwise = try closedBlock("if", first)
        return .condition(branches, otherwise: otherwise)
      default: return .condition(branches, otherwise: [])
      }
    }
  }

  private mutating func loop(_ line: Int) throws(TemplateError) -> Statement {
    let target = try target(endsBefore: "in")
    if target.names.contains("loop") { throw error("`loop` cannot be the variable of a loop") }
    try expect(.name("in"))
    let iterable = try tuple(allowsConditional: false, endsBefore: "recursive")
    let test = skip(word: "if") ? try expression() : nil
    let isRecursive = skip(word: "recursive")
    let body = try block("for", line, until: "else", "endfor")
    var otherwise: [Statement] = []
    if try identifier() == "else" { otherwise = try closedBlock("for", line) }
    return .loop(
      LoopNode(
        target: target, iterable: iterable, test: test, isRecursive: isRecursive, body: body,
        otherwise: otherwise, line: line))
  }

  private mutating func assignment(_ line: Int) throws(TemplateError) -> Statement {
    let target = try target(allowsAttribute: true)
    if skip(mark: "=") { return .set(target, try tuple(), line: line) }
    let filters = try filterChain()
    return .setBlock(target, filters, try closedBlock("set", line), line: line)
  }

  private mutating func macro(
    _ tag: String, name: String?, hasSignature: Bool, _ line: Int
  ) throws(TemplateError) -> MacroNode {
    macroReads.append([])
    var parameters: [MacroNode.Parameter] = []
    if hasSignature { parameters = try signature() }
    let body = try closedBlock(tag, line)
    let reads = macroReads.removeLast()
    return MacroNode(name: name, parameters: parameters, body: body, reads: reads, line: line)
  }

  private mutating func signature() throws(TemplateError) -> [MacroNode.Parameter] {
    var parameters: [MacroNode.Parameter] = []
    var names: Set<String> = []
    try expect(mark: "(")
    while kind != .mark(")") {
      if !parameters.isEmpty { try expect(mark: ",") }
      let name = try assignable()
      guard names.insert(name).inserted else {
        throw error("the parameter `\(name.prefix(60))` stands twice")
      }
      var value: Expression?
      if skip(mark: "=") {
        value = try expression()
      } else if name == "caller" {
        throw error("the parameter `caller` needs a default")
      } else if parameters.last?.value != nil {
        throw error("a parameter without a default follows one that has one")
      }
      parameters.append(.init(name: name, value: value))
    }
    try expect(mark: ")")
    return parameters
  }

  private mutating func call(_ line: Int) throws(TemplateError) -> Statement {
    macroReads.append([])
    let parameters = kind == .mark("(") ? try signature() : []
    let reads = macroReads.removeLast()
    let called = try expression()
    guard case .postfix(_, let operations) = called, case .call = operations.last?.kind else {
      throw error("`{% call %}` needs a call such as `name()`", line: line)
    }
    macroReads.append(reads)
    let body = try closedBlock("call", line)
    let node = MacroNode(
      name: nil, parameters: parameters, body: body, reads: macroReads.removeLast(), line: line)
    return .call(called, node, line: line)
  }

  private mutating func with(_ line: Int) throws(TemplateError) -> Statement {
    var assignments: [Statement.Assignment] = []
    while kind != .blockEnd, kind != .mark(":") {
      if !assignments.isEmpty { try expect(mark: ",") }
      let target = Target.name(try assignable())
      try expect(mark: "=")
      assignments.append(.init(target: target, value: try expression()))
    }
    return .with(assignments, try closedBlock("with", line), line: line)
  }

  // MARK: Targets

  private mutating func assignable() throws(TemplateError) -> String {
    let line = line
    let name = try identifier()
    switch name {
    case "true", "false", "none", "True", "False", "None":
      throw error("`\(name)` cannot be assigned to", line: line)
    default: return name
    }
  }

  private mutating func target(
    allowsAttribute: Bool = false, endsBefore end: String? = nil, isBracketed: Bool = false
  ) throws(TemplateError) -> Target {
    try enter()
    defer { leave() }
    var targets: [Target] = []
    var isTuple = false
    while true {
      if !targets.isEmpty {
        if case .name(let word) = kind, word == end { break }
        if isBracketed, kind == .mark(")") { break }
        if kind == .blockEnd || kind == .mark("=") { break }
      }
      if skip(mark: "(") {
        targets.append(
          try target(allowsAttribute: allowsAttribute, endsBefore: end, isBracketed: true))
        try expect(mark: ")")
      } else {
        let name = try assignable()
        if allowsAttribute, skip(mark: ".") {
          targets.append(.attribute(name, try identifier()))
        } else {
          targets.append(.name(name))
        }
      }
      guard skip(mark: ",") else { break }
      isTuple = true
    }
    return isTuple ? .tuple(targets) : targets[0]
  }
}

extension Target {
  /// All names in it.
  var names: [String] {
    switch self {
    case .name(let name): [name]
    case .tuple(let targets): targets.flatMap(\.names)
    case .attribute: []
    }
  }
}
