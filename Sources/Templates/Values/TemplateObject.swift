// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What is given to a call, evaluated.
struct Arguments {
  var positional: [Value] = []
  var named: [(name: String, value: Value)] = []

  /// Takes a named argument out.
  mutating func take(_ name: String) -> Value? {
    guard let index = named.firstIndex(where: { $0.name == name }) else { return nil }
    return named.remove(at: index).value
  }
}

/// A value with state or that can be called.
class TemplateObject {
  var depth: Int { 1 }
  var typeName: String { "an object" }
  var isTrue: Bool { true }
  /// How it is printed; `nil` where Python would print an address.
  var printed: String? { nil }
  var isCallable: Bool { false }
  func attribute(_ name: String, _ machine: Machine) throws -> Value? { nil }
  func call(_ arguments: Arguments, _ machine: Machine) throws -> Value {
    throw machine.failure("\(typeName) cannot be called")
  }
}

/// A function of the machine: a method of a value, or a global.
final class FunctionObject: TemplateObject {
  private let name: String
  private let receiverDepth: Int
  private let body: (Arguments, Machine) throws -> Value

  init(
    _ name: String, receiverDepth: Int = 0, _ body: @escaping (Arguments, Machine) throws -> Value
  ) {
    self.name = name
    self.receiverDepth = receiverDepth
    self.body = body
  }

  override var depth: Int { receiverDepth + 1 }
  override var typeName: String { "the function `\(name)`" }
  override var isCallable: Bool { true }
  override func call(_ arguments: Arguments, _ machine: Machine) throws -> Value {
    try body(arguments, machine)
  }
}

/// The one kind of value whose attributes a template may set.
final class NamespaceObject: TemplateObject {
  var names: [String] = []
  var attributes: [String: Value] = [:]

  override var typeName: String { "a namespace" }

  func set(_ name: String, _ value: Value) {
    if attributes.updateValue(value, forKey: name) == nil { names.append(name) }
  }

  override func attribute(_ name: String, _ machine: Machine) -> Value? { attributes[name] }

  func clear() {
    names = []
    attributes = [:]
  }
}

/// `loop` inside a loop.
final class LoopObject: TemplateObject {
  private var source: Value.Generator?
  private var knownCount: Int?
  private var ahead: Value?
  private var hasAhead = false
  private var current: Value?
  private var before: Value?
  private var lastChanged: [Value]?
  private(set) var index0 = -1
  private let depth0: Int
  private let sourceDepth: Int
  private var recurse: ((Value) throws -> Value)?

  init(
    _ source: Value.Generator, count: Int?, depth0: Int, recurse: ((Value) throws -> Value)?
  ) {
    self.source = source
    knownCount = count
    self.depth0 = depth0
    self.recurse = recurse
    sourceDepth = source.depth
  }

  override var depth: Int { sourceDepth + 1 }
  override var typeName: String { "the loop" }
  override var isCallable: Bool { true }

  func next() throws -> Value? {
    let value: Value?
    if hasAhead {
      (value, ahead, hasAhead) = (ahead, nil, false)
    } else {
      value = try source?.next()
    }
    guard let value else { return nil }
    index0 += 1
    before = current
    current = value
    return value
  }

  /// Drops what it holds, so that loops kept in namespaces form no chains.
  func close() {
    (source, ahead, current, before, lastChanged, recurse) = (nil, nil, nil, nil, nil, nil)
  }

  private func peek() throws -> Value? {
    if !hasAhead {
      ahead = try source?.next()
      hasAhead = true
    }
    return ahead
  }

  private func count(_ machine: Machine) throws -> Int {
    if let knownCount { return knownCount }
    var rest: [Value] = []
    while let value = try source?.next() {
      rest.append(value)
      try machine.step()
    }
    let count = rest.count + index0 + 1 + (hasAhead && ahead != nil ? 1 : 0)
    var place = 0
    source = Value.Generator(depth: sourceDepth) {
      guard place < rest.count else { return nil }
      place += 1
      return rest[place - 1]
    }
    knownCount = count
    return count
  }

  override func attribute(_ name: String, _ machine: Machine) throws -> Value? {
    switch name {
    case "index": return .int(index0 + 1)
    case "index0": return .int(index0)
    case "first": return .bool(index0 == 0)
    case "last": return .bool(try peek() == nil)
    case "length": return .int(try count(machine))
    case "revindex": return .int(try count(machine) - index0)
    case "revindex0": return .int(try count(machine) - index0 - 1)
    case "depth": return .int(depth0 + 1)
    case "depth0": return .int(depth0)
    case "previtem":
      return index0 <= 0 ? .undefined(.init("there is no previous item")) : before ?? .null
    case "nextitem": return try peek() ?? .undefined(.init("there is no next item"))
    case "cycle":
      let index = index0
      return .object(
        FunctionObject("loop.cycle") { arguments, machine in
          guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
            throw machine.failure("`loop.cycle` needs values to go through")
          }
          return arguments.positional[index % arguments.positional.count]
        })
    case "changed":
      return .object(
        FunctionObject("loop.changed") { [weak self] arguments, machine in
          guard let self, arguments.named.isEmpty else {
            throw machine.failure("`loop.changed` is called after the loop or with names")
          }
          if let last = self.lastChanged,
            try machine.areEqual(.list(last), .list(arguments.positional))
          {
            return .bool(false)
          }
          self.lastChanged = arguments.positional
          return .bool(true)
        })
    default: return nil
    }
  }

  override func call(_ arguments: Arguments, _ machine: Machine) throws -> Value {
    guard let recurse, arguments.positional.count == 1, arguments.named.isEmpty else {
      throw machine.failure("only a loop marked `recursive` can be called, with one list")
    }
    return try recurse(arguments.positional[0])
  }
}

/// `cycler(…)`: gives its values in turn.
final class CyclerObject: TemplateObject {
  private let items: Value.Items
  private var place = 0
  init(_ values: [Value]) { items = Value.Items(values) }

  override var depth: Int { items.depth + 1 }
  override var typeName: String { "a cycler" }

  override func attribute(_ name: String, _ machine: Machine) -> Value? {
    switch name {
    case "current": return items.values[place]
    case "next":
      return .object(
        FunctionObject("next", receiverDepth: depth) { [self] _, _ in
          defer { place = (place + 1) % items.values.count }
          return items.values[place]
        })
    case "reset":
      return .object(
        FunctionObject("reset", receiverDepth: depth) { [self] _, _ in
          place = 0
          return .null
        })
    default: return nil
    }
  }
}

/// `joiner(separator)`: nothing at first, then the separator.
final class JoinerObject: TemplateObject {
  private let separator: Value
  private var wasUsed = false
  init(_ separator: Value) { self.separator = separator }

  override var depth: Int { separator.depth + 1 }
  override var typeName: String { "a joiner" }
  override var isCallable: Bool { true }
  override func call(_ arguments: Arguments, _ machine: Machine) throws -> Value {
    defer { wasUsed = true }
    return wasUsed ? separator : .string("")
  }
}

/// A macro, or the body of a call block.
final class MacroObject: TemplateObject {
  let node: MacroNode
  let scope: Scope
  init(_ node: MacroNode, _ scope: Scope) {
    self.node = node
    self.scope = scope
  }

  override var typeName: String { node.name.map { "the macro `\($0.prefix(60))`" } ?? "`caller`" }
  override var isCallable: Bool { true }
  override var printed: String? {
    node.name.map { "<Macro \(PythonText.quoted($0))>" } ?? "<Macro anonymous>"
  }

  override func attribute(_ name: String, _ machine: Machine) -> Value? {
    switch name {
    case "name": node.name.map { .string($0) } ?? .null
    case "arguments": .tuple(node.parameters.map { .string($0.name) })
    case "catch_kwargs": .bool(node.reads.contains("kwargs"))
    case "catch_varargs": .bool(node.reads.contains("varargs"))
    case "caller": .bool(node.reads.contains("caller"))
    default: nil
    }
  }

  override func call(_ arguments: Arguments, _ machine: Machine) throws -> Value {
    var arguments = arguments
    let inner = Scope(parent: scope)
    let given = arguments.positional.prefix(node.parameters.count)
    arguments.positional.removeFirst(given.count)
    var takesCaller = false
    for (index, parameter) in node.parameters.enumerated() {
      if parameter.name == "caller" { takesCaller = true }
      try machine.step(arguments.named.count)
      if index < given.count {
        inner.names[parameter.name] = given[given.startIndex + index]
      } else if let value = arguments.take(parameter.name) {
        inner.names[parameter.name] = value
      } else if let value = parameter.value {
        inner.names[parameter.name] = try machine.evaluate(value, inner)
      } else {
        inner.names[parameter.name] = .undefined(
          .init("the parameter `\(parameter.name)` was not given"))
      }
    }
    if node.reads.contains("caller"), !takesCaller {
      inner.names["caller"] =
        arguments.take("caller") ?? .undefined(.init("the macro was not called by a call block"))
    }
    if node.reads.contains("kwargs") {
      let builder = Value.Dictionary.Builder()
      for (name, value) in arguments.named { builder.set(name, value) }
      inner.names["kwargs"] = .dict(builder.finish())
    } else if let first = arguments.named.first {
      throw machine.failure("\(typeName) takes no argument `\(first.name.prefix(60))`")
    }
    if node.reads.contains("varargs") {
      inner.names["varargs"] = .tuple(arguments.positional)
    } else if !arguments.positional.isEmpty {
      throw machine.failure(
        "\(typeName) takes at most \(node.parameters.count) arguments, not "
          + "\(given.count + arguments.positional.count)")
    }
    return .string(
      try machine.nested {
        try machine.captured { try machine.runClosed(node.body, inner) }
      })
  }
}
