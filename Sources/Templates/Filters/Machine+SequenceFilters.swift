// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Filters over lists and mappings. As in Jinja `map`, `select` and their like work only when
/// their result is gone through, and can be gone through once.
extension Machine {
  func sequenceFilter(
    _ name: String, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    func take(_ names: String..., required: Int = 0) throws -> [Value?] {
      try bind(arguments, name, names, required: required)
    }
    switch name {
    case "list":
      _ = try take()
      return .list(try elements(of: value))
    case "first":
      _ = try take()
      return try generator(over: value).next()
        ?? .undefined(.init("there is no first item, the sequence is empty"))
    case "last":
      _ = try take()
      return try reversed(value).next()
        ?? .undefined(.init("there is no last item, the sequence is empty"))
    case "reverse":
      _ = try take()
      if let text = value.text {
        try charge(byteCount: text.utf8.count)
        return value.like(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
      }
      if case .generator = value { return .list(try elements(of: value).reversed()) }
      return .generator(try reversed(value))
    case "join":
      let given = try take("d", "attribute")
      let member = try getter(given[1])
      var parts: [String] = []
      for element in try elements(of: value) { parts.append(try printed(try member(element))) }
      return .string(try joined(parts, separator: try given[0].map { try printed($0) } ?? ""))
    case "items":
      _ = try take()
      if value.isUndefined { return .generator(.init(depth: 0) { nil }) }
      guard case .dict(let dictionary) = value else {
        throw failure("`items` needs a mapping, not \(value.typeName)")
      }
      return .generator(
        try generator(over: .view(.init(dictionary: dictionary, kind: .items))))
    case "dictsort": return try dictionarySorted(value, try take("case_sensitive", "by", "reverse"))
    case "sort":
      let given = try take("reverse", "case_sensitive", "attribute")
      let values = try elements(of: value)
      let key = try sortKey(given[2], isCaseSensitive: given[1]?.isTrue ?? false)
      return .list(
        try sorted(
          values, by: try values.map(key), descending: given[0]?.isTrue ?? false))
    case "min", "max":
      let given = try take("case_sensitive", "attribute")
      return try extreme(
        value, try key(given[1], isCaseSensitive: given[0]?.isTrue ?? false),
        isMaximum: name == "max")
    case "sum":
      let given = try take("attribute", "start")
      let key = try getter(given[0])
      var total = given[1] ?? .int(0)
      if total.text != nil { throw failure("`sum` adds no texts; use `join`") }
      for element in try elements(of: value) { total = try combine(total, .add, try key(element)) }
      return total
    case "unique": return try unique(value, try take("case_sensitive", "attribute"))
    case "batch", "slice":
      let given = try take(name == "batch" ? "linecount" : "slices", "fill_with", required: 1)
      return try divided(
        value, try integer(given[0], name, or: 1), given[1], isBatch: name == "batch")
    case "groupby":
      return try grouped(value, try take("attribute", "default", "case_sensitive", required: 1))
    case "map": return try mapped(value, arguments)
    default: return try selected(name, value, arguments)
    }
  }

  private func reversed(_ value: Value) throws -> Value.Generator {
    switch value {
    case .generator, .object: throw failure("\(value.typeName) cannot be gone through backwards")
    default:
      var rest = try elements(of: value)
      return Value.Generator(depth: value.depth) { rest.popLast() }
    }
  }

  // MARK: Keys

  /// What gets `attribute` ("a.b", an index, or nothing for the value itself) of an element.
  func getter(
    _ attribute: Value?, or standard: Value? = nil
  ) throws -> (Value) throws -> Value {
    guard let attribute, !attribute.isNull else { return { $0 } }
    var parts: [Value] = [attribute]
    if let text = attribute.text {
      try step(text.utf8.count)
      parts = text.utf8.split(separator: 0x2E, omittingEmptySubsequences: false).map {
        let part = String(decoding: $0, as: UTF8.self)
        let isNumber = !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isNumber ? Int(part).map { .int($0) } ?? .string(part) : .string(part)
      }
    }
    return { [self] value in
      var value = value
      for part in parts {
        try step()
        value = try item(part, of: value)
        if let standard, value.isUndefined { value = standard }
      }
      return value
    }
  }

  private func key(
    _ attribute: Value?, isCaseSensitive: Bool, or standard: Value? = nil
  ) throws -> (Value) throws -> Value {
    let get = try getter(attribute, or: standard)
    if isCaseSensitive { return get }
    return { [self] value in
      let key = try get(value)
      guard let text = key.text else { return key }
      try charge(byteCount: text.utf8.count)
      return .string(PythonText.lowercased(text))
    }
  }

  /// The key of `sort`: a list, for `attribute` may be several with commas.
  private func sortKey(
    _ attribute: Value?, isCaseSensitive: Bool
  ) throws -> (Value) throws -> Value {
    try step(attribute?.text?.utf8.count ?? 0)
    let parts: [Value?] =
      attribute?.text.map { text in
        text.utf8.split(separator: 0x2C, omittingEmptySubsequences: false).map {
          .string(String(decoding: $0, as: UTF8.self))
        }
      } ?? [attribute]
    let keys = try parts.map { try key($0, isCaseSensitive: isCaseSensitive) }
    return { value in .list(try keys.map { try $0(value) }) }
  }

  private func dictionarySorted(_ value: Value, _ given: [Value?]) throws -> Value {
    guard case .dict(let dictionary) = value else {
      throw failure("`dictsort` needs a mapping, not \(value.typeName)")
    }
    let by = try given[1].map { try string($0, "dictsort") } ?? "key"
    guard by == "key" || by == "value" else {
      throw failure("`dictsort` sorts by key or value")
    }
    let fold = try key(nil, isCaseSensitive: given[0]?.isTrue ?? false)
    let keys = try (by == "key" ? dictionary.keys : dictionary.values).map(fold)
    let pairs = zip(dictionary.keys, dictionary.values).map { Value.tuple([$0, $1]) }
    return .list(try sorted(pairs, by: keys, descending: given[2]?.isTrue ?? false))
  }

  private func extreme(
    _ value: Value, _ key: (Value) throws -> Value, isMaximum: Bool
  ) throws -> Value {
    var best: (value: Value, key: Value)?
    for element in try elements(of: value) {
      let candidate = try key(element)
      if let best {
        guard
          isMaximum
            ? try precedes(best.key, candidate) : try precedes(candidate, best.key)
        else { continue }
      }
      best = (element, candidate)
    }
    return best?.value ?? .undefined(.init("there is no smallest or largest of nothing"))
  }

  private func unique(_ value: Value, _ given: [Value?]) throws -> Value {
    let source = try generator(over: value)
    let key = try key(given[1], isCaseSensitive: given[0]?.isTrue ?? false)
    var seen: Set<ExactText> = []
    return .generator(
      .init(depth: source.depth) { [self] in
        while let element = try source.next() {
          try step()
          if seen.insert(try identity(of: try key(element))).inserted { return element }
        }
        return nil
      })
  }

  private func divided(
    _ value: Value, _ count: Int, _ filling: Value?, isBatch: Bool
  ) throws -> Value {
    let values = try elements(of: value)
    var lists: [Value] = []
    let fill = filling.flatMap { $0.isNull ? nil : $0 }
    if isBatch {
      // Python compares a list's length with the count, so that below 1 there is one list only.
      let size = count < 1 ? max(1, values.count) : count
      for start in stride(from: 0, to: values.count, by: size) {
        var part = Array(values[start..<min(values.count, start + size)])
        if let fill, part.count < count {
          try step(count - part.count)
          part += repeatElement(fill, count: count - part.count)
        }
        lists.append(.list(part))
      }
    } else {
      guard count != 0 else { throw failure("`slice` makes at least one list") }
      try step(max(0, count))
      let (size, rest) = values.count.quotientAndRemainder(dividingBy: max(1, count))
      var start = 0
      for index in 0..<max(0, count) {
        let end = start + size + (index < rest ? 1 : 0)
        var part = Array(values[start..<end])
        if let fill, index >= rest { part.append(fill) }
        lists.append(.list(part))
        start = end
      }
    }
    return .generator(try generator(over: .list(lists)))
  }

  private func grouped(_ value: Value, _ given: [Value?]) throws -> Value {
    let isCaseSensitive = given[2]?.isTrue ?? false
    let standard = given[1].flatMap { $0.isNull ? nil : $0 }
    let key = try key(given[0], isCaseSensitive: isCaseSensitive, or: standard)
    let plain = try getter(given[0], or: standard)
    let values = try elements(of: value)
    let ordered = try sorted(values, by: try values.map(key), descending: false)
    var groups: [(key: Value, values: [Value])] = []
    for element in ordered {
      let name = try key(element)
      if let last = groups.last, try areEqual(last.key, name) {
        groups[groups.count - 1].values.append(element)
      } else {
        groups.append((name, [element]))
      }
    }
    return .list(
      try groups.map { group in
        let name = isCaseSensitive ? group.key : try plain(group.values[0])
        return .tuple(.init([name, .list(group.values)], isGroup: true))
      })
  }

  // MARK: Map and select

  private func mapped(_ value: Value, _ arguments: Arguments) throws -> Value {
    guard value.isTrue else { return .generator(.init(depth: 0) { nil }) }
    var arguments = arguments
    let function: (Value) throws -> Value
    if arguments.positional.isEmpty, let attribute = arguments.take("attribute") {
      let standard = arguments.take("default").flatMap { $0.isNull ? nil : $0 }
      if let first = arguments.named.first {
        throw failure("`map` takes no argument `\(first.name.excerpt)`")
      }
      function = try getter(attribute, or: standard)
    } else {
      guard !arguments.positional.isEmpty else { throw failure("`map` needs the name of a filter") }
      let name = try string(arguments.positional.removeFirst(), "map")
      let rest = arguments
      function = { [self] in try filter(name, $0, rest) }
    }
    let source = try generator(over: value)
    return .generator(
      .init(depth: source.depth) { [self] in
        try step()
        return try source.next().map { element in try nested { try function(element) } }
      })
  }

  private func selected(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value {
    guard value.isTrue else { return .generator(.init(depth: 0) { nil }) }
    var arguments = arguments
    var get: (Value) throws -> Value = { $0 }
    if name.hasSuffix("attr") {
      guard !arguments.positional.isEmpty else {
        throw failure("`\(name)` needs the name of an attribute")
      }
      get = try getter(arguments.positional.removeFirst())
    }
    var testName: String?
    if !arguments.positional.isEmpty {
      testName = try string(arguments.positional.removeFirst(), name)
    }
    let rest = arguments
    let isSelecting = name.hasPrefix("select")
    let source = try generator(over: value)
    return .generator(
      .init(depth: source.depth) { [self] in
        while let element = try source.next() {
          try step()
          let tested = try get(element)
          let isTrue = try nested {
            try testName.map { try test($0, tested, rest) } ?? tested.isTrue
          }
          if isTrue == isSelecting { return element }
        }
        return nil
      })
  }
}
