// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Machine {
  /// How a body was left.
  enum Flow {
    case end, exit, next
  }

  /// Runs a body that is no part of a loop outside it.
  func runClosed(_ body: [Statement], _ scope: Scope) throws {
    guard try run(body, scope) == .end else {
      throw failure("`break` or `continue` stands outside a loop")
    }
  }

  func run(_ body: [Statement], _ scope: Scope) throws -> Flow {
    for statement in body {
      try step()
      let flow = try nested { try run(statement, scope) }
      if flow != .end { return flow }
    }
    return .end
  }

  private func run(_ statement: Statement, _ scope: Scope) throws -> Flow {
    switch statement {
    case .text(let text): try write(text)
    case .output(let expression, let line):
      self.line = line
      let value = try evaluate(expression, scope)
      self.line = line
      try write(try printed(value))
    case .condition(let branches, let otherwise):
      for branch in branches {
        line = branch.line
        if try evaluate(branch.test, scope).isTrue { return try run(branch.body, scope) }
      }
      return try run(otherwise, scope)
    case .loop(let node):
      line = node.line
      try runLoop(node, try evaluate(node.iterable, scope), scope, depth0: 0)
    case .set(let target, let expression, let line):
      self.line = line
      try assign(try evaluate(expression, scope), to: target, scope)
    case .setBlock(let target, let filters, let body, let line):
      var value = Value.string(try captured { try runClosed(body, Scope(parent: scope)) })
      self.line = line
      for filter in filters { value = try apply(filter, to: value, scope) }
      try assign(value, to: target, scope)
    case .macro(let node):
      line = node.line
      scope.names[node.name ?? ""] = .object(try makeMacro(node, scope))
    case .call(let expression, let node, let line):
      self.line = line
      let caller = Value.object(try makeMacro(node, scope))
      try write(try printed(try evaluateCall(expression, scope, caller: caller)))
    case .filter(let filters, let body, let line):
      var value = Value.string(try captured { try runClosed(body, Scope(parent: scope)) })
      self.line = line
      for filter in filters { value = try apply(filter, to: value, scope) }
      try write(try printed(value))
    case .with(let assignments, let body, let line):
      self.line = line
      let inner = Scope(parent: scope)
      let values = try assignments.map { try evaluate($0.value, scope) }
      for (assignment, value) in zip(assignments, values) {
        try assign(value, to: assignment.target, inner)
      }
      return try run(body, inner)
    case .generation(let body, let line):
      self.line = line
      let text = try captured { try runClosed(body, Scope(parent: scope)) }
      noteGeneration(text)
      try write(text)
    case .exit(let line):
      self.line = line
      return .exit
    case .next(let line):
      self.line = line
      return .next
    }
    return .end
  }

  // MARK: Loops

  private func runLoop(
    _ node: LoopNode, _ iterable: Value, _ scope: Scope, depth0: Int
  ) throws {
    var source = try generator(over: iterable)
    var count = try count(of: iterable)
    if let test = node.test {
      let whole = source
      count = nil
      source = Value.Generator(depth: whole.depth) { [self] in
        while let value = try whole.next() {
          try step()
          let inner = Scope(parent: scope)
          try assign(value, to: node.target, inner)
          if try evaluate(test, inner).isTrue { return value }
        }
        return nil
      }
    }
    var recurse: ((Value) throws -> Value)?
    if node.isRecursive {
      recurse = { [self] value in
        .string(
          try nested {
            try captured { try runLoop(node, value, scope, depth0: depth0 + 1) }
          })
      }
    }
    let loop = LoopObject(source, count: count, depth0: depth0, recurse: recurse)
    defer { loop.close() }
    _ = try checked(.object(loop))
    var wasFinished = false
    while let value = try loop.next() {
      try step()
      let inner = Scope(parent: scope)
      inner.names["loop"] = .object(loop)
      line = node.line
      try assign(value, to: node.target, inner)
      let flow = try run(node.body, inner)
      if flow == .end { wasFinished = true }
      if flow == .exit { break }
    }
    // Jinja's `else` runs where no body came to its end, be it by `break` or `continue`.
    if !wasFinished {
      line = node.line
      try runClosed(node.otherwise, Scope(parent: scope))
    }
  }

  // MARK: Assignments

  func assign(_ value: Value, to target: Target, _ scope: Scope) throws {
    switch target {
    case .name(let name): scope.names[name] = try checked(value)
    case .attribute(let name, let attribute):
      guard case .object(let object) = scope.value(of: name),
        let namespace = object as? NamespaceObject
      else {
        throw failure("`\(name.prefix(60))` is no namespace, so no attribute of it can be set")
      }
      guard !attribute.hasPrefix("_") else {
        throw failure("an attribute of a namespace may not begin with an underscore")
      }
      namespace.set(attribute, try checked(value))
    case .tuple(let targets):
      let source = try generator(over: value)
      for target in targets {
        guard let element = try source.next() else {
          throw failure("there are fewer values than the \(targets.count) names they go to")
        }
        try assign(element, to: target, scope)
      }
      guard try source.next() == nil else {
        throw failure("there are more values than the \(targets.count) names they go to")
      }
    }
  }
}
