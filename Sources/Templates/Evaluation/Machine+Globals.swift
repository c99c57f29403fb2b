// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The functions that every template can call.
extension Machine {
  /// A scope with them.
  func globals() -> Scope {
    let scope = Scope(parent: nil)
    func define(_ name: String, _ body: @escaping (Arguments, Machine) throws -> Value) {
      scope.names[name] = .object(FunctionObject(name, body))
    }
    define("range") { arguments, machine in try machine.range(arguments) }
    scope.names["dict"] = .object(DictionaryFunction())
    define("namespace") { arguments, machine in try machine.namespace(arguments) }
    define("cycler") { arguments, machine in
      guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
        throw machine.failure("`cycler` needs values to go through")
      }
      return .object(CyclerObject(arguments.positional))
    }
    define("joiner") { arguments, machine in
      .object(
        JoinerObject(try machine.bind(arguments, "joiner", ["sep"])[0] ?? .string(", ")))
    }
    define("lipsum") { _, machine in
      throw machine.failure("`lipsum` makes text by chance, which no chat template needs")
    }
    define("raise_exception") { arguments, machine in
      let message = try machine.bind(arguments, "raise_exception", ["message"], required: 1)[0]
      throw TemplateError.raised(
        template: machine.name, line: machine.line, message: try machine.printed(message ?? .null))
    }
    define("strftime_now") { arguments, machine in
      let format = try machine.bind(arguments, "strftime_now", ["format"], required: 1)[0]
      guard
        let text = machine.clock.formatted(try machine.string(format, "strftime_now"))
      else { throw machine.failure("`strftime_now` cannot write that format") }
      return .string(text)
    }
    return scope
  }

  private func range(_ arguments: Arguments) throws -> Value {
    guard arguments.named.isEmpty, (1...3).contains(arguments.positional.count) else {
      throw failure("`range` takes one to three integers")
    }
    let numbers = try arguments.positional.map { try integer($0, "range", or: 0) }
    let start = numbers.count == 1 ? 0 : numbers[0]
    let stop = numbers.count == 1 ? numbers[0] : numbers[1]
    let step = numbers.count == 3 ? numbers[2] : 1
    guard step != 0 else { throw failure("`range` cannot go on by 0") }
    var count = 0
    if step > 0 ? start < stop : start > stop {
      let (distance, overflow) =
        step > 0
        ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
      count = overflow ? .max : (distance - 1) / Int(clamping: step.magnitude) + 1
    }
    guard count <= TemplateLimits.rangeCount else {
      throw excess("a range of more than \(TemplateLimits.rangeCount) numbers")
    }
    return .range(.init(start: start, step: step, count: count, stop: stop))
  }

  private func namespace(_ arguments: Arguments) throws -> Value {
    let namespace = try makeNamespace()
    let members = try mapping(arguments, "namespace")
    for (key, value) in zip(members.keys, members.values) {
      guard let name = key.text, !name.hasPrefix("_") else {
        throw failure("an attribute of a namespace may not begin with an underscore")
      }
      namespace.set(name, try checked(value))
    }
    return .object(namespace)
  }

  /// What Python's `dict(mapping or pairs, name=value …)` makes.
  fileprivate func mapping(_ arguments: Arguments, _ function: String) throws -> Value.Dictionary {
    guard arguments.positional.count <= 1 else {
      throw failure("`\(function)` takes one mapping and names")
    }
    let builder = Value.Dictionary.Builder()
    switch arguments.positional.first {
    case nil: break
    case .dict(let dictionary):
      for (key, value) in zip(dictionary.keys, dictionary.values) {
        try step()
        builder.set(try identity(of: key), key, value)
      }
    case .some(let value):
      for element in try elements(of: value) {
        let pair = try elements(of: element)
        guard pair.count == 2 else { throw failure("`\(function)` needs pairs") }
        builder.set(try identity(of: pair[0]), pair[0], pair[1])
      }
    }
    for (name, value) in arguments.named { builder.set(name, value) }
    return builder.finish()
  }
}

/// `dict(…)` and `dict.fromkeys(…)`.
private final class DictionaryFunction: TemplateObject {
  override var typeName: String { "the function `dict`" }
  override var isCallable: Bool { true }

  override func call(_ arguments: Arguments, _ machine: Machine) throws -> Value {
    .dict(try machine.mapping(arguments, "dict"))
  }

  override func attribute(_ name: String, _ machine: Machine) -> Value? {
    guard name == "fromkeys" else { return nil }
    return .object(
      FunctionObject("fromkeys") { arguments, machine in
        let given = try machine.bind(arguments, "fromkeys", ["keys", "value"], required: 1)
        let builder = Value.Dictionary.Builder()
        for key in try machine.elements(of: given[0] ?? .null) {
          builder.set(try machine.identity(of: key), key, given[1] ?? .null)
        }
        return .dict(builder.finish())
      })
  }
}
