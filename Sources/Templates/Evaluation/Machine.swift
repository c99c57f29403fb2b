// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Names and their values; a body sees those around it and sets its own.
final class Scope {
  var names: [String: Value] = [:]
  let parent: Scope?
  init(parent: Scope?) { self.parent = parent }

  func value(of name: String) -> Value? {
    var scope: Scope? = self
    while let here = scope {
      if let value = here.names[name] { return value }
      scope = here.parent
    }
    return nil
  }
}

/// Runs one template once: what it has written, and what it has used of its limits.
final class Machine {
  let name: String
  let limits: TemplateLimits
  /// What `strftime_now` tells.
  let clock: TemplateClock
  /// The line at work, for messages.
  var line = 1
  private(set) var steps = 0
  private(set) var textByteCount = 0
  private(set) var depth = 0
  /// The text being written; those around it wait in `outer`, of which the first is the result.
  private(set) var output: [UInt8] = []
  private var outer: [[UInt8]] = []
  /// Scalars of the result up to `countedBytes`.
  private var countedScalars = 0
  private var countedBytes = 0
  /// Where generation blocks stand in the result, in scalars.
  private(set) var generations: [Range<Int>] = []
  /// All namespaces and captured scopes, emptied at the end: chains of them would else be freed by
  /// recursion.
  private var namespaces: [NamespaceObject] = []
  private var scopes: [Scope] = []

  init(name: String, limits: TemplateLimits, clock: TemplateClock) {
    self.name = name
    self.limits = limits
    self.clock = clock
  }

  // MARK: Errors and limits

  func failure(_ problem: String) -> TemplateError {
    .rendering(template: name, line: line, problem: problem)
  }

  func excess(_ problem: String) -> TemplateError {
    .limit(template: name, line: line, problem: problem)
  }

  func step(_ count: Int = 1) throws {
    steps &+= count
    guard steps <= limits.stepCount, count >= 0, steps >= 0 else {
      throw excess("it took more than \(limits.stepCount) steps")
    }
  }

  /// Notes a text about to be made.
  func charge(byteCount: Int) throws {
    guard byteCount <= limits.outputByteCount else {
      throw excess("a text of more than \(limits.outputByteCount) bytes")
    }
    textByteCount += byteCount
    guard textByteCount <= limits.textByteCount else {
      throw excess("it made more than \(limits.textByteCount) bytes of text")
    }
    try step(byteCount >> 8)
  }

  func charge(_ count: Int, timesBytes byteCount: Int) throws {
    let (total, overflow) = max(0, count).multipliedReportingOverflow(by: byteCount)
    try charge(byteCount: overflow ? .max : total)
  }

  func checkLength(_ text: String) throws {
    guard text.utf8.count <= limits.outputByteCount else {
      throw excess("a text of more than \(limits.outputByteCount) bytes")
    }
  }

  func nested<T>(_ body: () throws -> T) throws -> T {
    depth += 1
    defer { depth -= 1 }
    guard depth <= limits.depth else {
      throw excess("it nests deeper than \(limits.depth) levels, as a macro without end does")
    }
    return try body()
  }

  /// Refuses a value whose lists nest too deep to be printed or freed.
  func checked(_ value: Value) throws -> Value {
    guard value.depth <= limits.valueDepth else {
      throw excess("lists nest deeper than \(limits.valueDepth) levels")
    }
    return value
  }

  func makeNamespace() throws -> NamespaceObject {
    guard namespaces.count + scopes.count < limits.objectCount else {
      throw excess("it made more than \(limits.objectCount) namespaces and macros")
    }
    let namespace = NamespaceObject()
    namespaces.append(namespace)
    return namespace
  }

  func makeMacro(_ node: MacroNode, _ scope: Scope) throws -> MacroObject {
    guard namespaces.count + scopes.count < limits.objectCount else {
      throw excess("it made more than \(limits.objectCount) namespaces and macros")
    }
    scopes.append(scope)
    return MacroObject(node, scope)
  }

  func close() {
    for namespace in namespaces { namespace.clear() }
    for scope in scopes { scope.names = [:] }
    namespaces = []
    scopes = []
  }

  // MARK: Output

  func write(_ text: String) throws {
    let count = text.utf8.count
    guard output.count + count <= limits.outputByteCount else {
      throw excess("it wrote more than \(limits.outputByteCount) bytes")
    }
    try charge(byteCount: count)
    output.append(contentsOf: text.utf8)
  }

  /// What `body` writes, as a text of its own.
  func captured(_ body: () throws -> Void) throws -> String {
    outer.append(output)
    output = []
    defer { output = outer.removeLast() }
    try body()
    return String(decoding: output, as: UTF8.self)
  }

  /// Notes a generation block that will write `text` next. As in transformers the place is the end
  /// of what the template itself has written, also inside a macro.
  func noteGeneration(_ text: String) {
    countScalars(in: outer.first ?? output)
    generations.append(countedScalars..<countedScalars + text.unicodeScalars.count)
  }

  private func countScalars(in result: [UInt8]) {
    while countedBytes < result.count {
      if result[countedBytes] & 0xC0 != 0x80 { countedScalars += 1 }
      countedBytes += 1
    }
  }
}
