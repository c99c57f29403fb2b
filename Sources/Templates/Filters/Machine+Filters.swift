// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Jinja's filters. Those over sequences are in Machine+SequenceFilters.swift.
extension Machine {
  static let textFilters: Set<String> = [
    "abs", "attr", "capitalize", "center", "count", "d", "default", "e", "escape", "float",
    "forceescape", "format", "indent", "int", "length", "lower", "replace", "round", "safe",
    "string", "title", "tojson", "trim", "truncate", "upper", "urlencode", "wordcount",
  ]
  static let sequenceFilters: Set<String> = [
    "batch", "dictsort", "first", "groupby", "items", "join", "last", "list", "map", "max", "min",
    "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "sort", "sum", "unique",
  ]

  func filter(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value {
    if Self.textFilters.contains(name) {
      return try checked(try textFilter(name, value, arguments))
    }
    if Self.sequenceFilters.contains(name) {
      return try checked(try nested { try sequenceFilter(name, value, arguments) })
    }
    let known = Self.textFilters.union(Self.sequenceFilters).sorted()
    let near = nearestName(to: name, in: known).map { " (the nearest is `\($0)`)" } ?? ""
    throw failure("there is no filter `\(name.excerpt)`\(near)")
  }

  /// The text of any value, still marked if it was.
  private func softText(_ value: Value) throws -> Value {
    value.text == nil ? .string(try printed(value)) : value
  }

  private func textFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value {
    func take(_ names: String..., required: Int = 0) throws -> [Value?] {
      try bind(arguments, name, names, required: required)
    }
    switch name {
    case "d", "default":
      let given = try take("default_value", "boolean")
      let isReplaced = value.isUndefined || given[1]?.isTrue ?? false && !value.isTrue
      return isReplaced ? given[0] ?? .string("") : value
    case "length", "count":
      _ = try take()
      guard let count = try count(of: value) else {
        throw failure("\(value.typeName) has no length")
      }
      return .int(count)
    case "upper", "lower", "capitalize":
      _ = try take()
      let text = try softText(value)
      return try textMethod(name, try printed(text), text, Arguments())
    case "trim":
      let text = try softText(value)
      return try stripped(try printed(text), text, try take("chars")[0], name)
    case "title":
      _ = try take()
      return .string(try wordsTitled(try printed(value)))
    case "tojson": return try json(value, arguments)
    case "safe":
      _ = try take()
      return .markup(try printed(value))
    case "string":
      _ = try take()
      return try softText(value)
    case "e", "escape", "forceescape":
      _ = try take()
      if case .markup = value, name != "forceescape" { return value }
      return .markup(try escaped(try printed(value)))
    case "replace":
      let given = try take("old", "new", "count", required: 2)
      let count = given[2].map(\.isNull) ?? true ? -1 : try integer(given[2], name, or: -1)
      return .string(
        try replacing(
          try printed(value), try printed(given[0] ?? .null), try printed(given[1] ?? .null), count)
      )
    case "indent": return try indented(value, try take("width", "first", "blank"))
    case "truncate":
      return try truncated(
        value, try take("length", "killwords", "end", "leeway"))
    case "center":
      let width = try integer(try take("width")[0], name, or: 80)
      let text = try softText(value)
      return text.like(try padded(try printed(text), width, with: " ", how: "center"))
    case "format":
      guard arguments.named.isEmpty || arguments.positional.isEmpty else {
        throw failure("`format` takes values or names, not both")
      }
      var given = Value.tuple(arguments.positional)
      if !arguments.named.isEmpty {
        let builder = Value.Dictionary.Builder()
        for (name, value) in arguments.named { builder.set(name, value) }
        given = .dict(builder.finish())
      }
      let text = try softText(value)
      return text.like(try percentFormat(try printed(text), given, escapes: text.isMarkup))
    case "wordcount":
      _ = try take()
      var count = 0
      var isInside = false
      let text = try printed(value)
      try step(text.utf8.count >> 6)
      for scalar in text.unicodeScalars {
        let isWord = scalar.isPythonWord
        if isWord, !isInside { count += 1 }
        isInside = isWord
      }
      return .int(count)
    case "attr":
      let name = try string(try take("name", required: 1)[0], name)
      if case .undefined(let missing) = value { throw failure(missing.problem) }
      if case .dict = value, try method(name, of: value) == nil {
        return .undefined(.init("a mapping has no attribute `\(name.excerpt)`"))
      }
      return try attribute(name, of: value)
    case "urlencode":
      _ = try take()
      return .string(try urlEncoded(value))
    default: return try numberFilter(name, value, arguments)
    }
  }

  /// Jinja's `title`: a capital after spaces, hyphens and opening brackets only.
  private func wordsTitled(_ text: String) throws -> String {
    try charge(byteCount: 2 * text.utf8.count)
    var result = ""
    var word = String.UnicodeScalarView()
    func finish() {
      guard let first = word.first else { return }
      result += first.properties.uppercaseMapping
      result += PythonText.lowercased(String(word.dropFirst()))
      word = String.UnicodeScalarView()
    }
    for scalar in text.unicodeScalars {
      if scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar) {
        finish()
        result.unicodeScalars.append(scalar)
      } else {
        word.append(scalar)
      }
    }
    finish()
    return result
  }

  private func indented(_ value: Value, _ given: [Value?]) throws -> Value {
    let text = try string(value, "indent")
    var indentation = ""
    if let width = given[0]?.text {
      indentation = width
    } else {
      let width = max(0, try integer(given[0], "indent", or: 4))
      try charge(byteCount: width)
      indentation = String(repeating: " ", count: width)
    }
    let fillsBlank = given[2]?.isTrue ?? false
    var lines = PythonText.lines(text + "\n")
    try charge(lines.count, timesBytes: indentation.utf8.count)
    try charge(byteCount: text.utf8.count)
    for index in lines.indices.dropFirst() where fillsBlank || !lines[index].isEmpty {
      lines[index] = indentation + lines[index]
    }
    let result = lines.joined(separator: "\n")
    return value.like(given[1]?.isTrue ?? false ? indentation + result : result)
  }

  private func truncated(_ value: Value, _ given: [Value?]) throws -> Value {
    let text = try string(value, "truncate")
    let length = try integer(given[0], "truncate", or: 255)
    let end = try given[2].map { try string($0, "truncate") } ?? "..."
    let leeway = given[3].map(\.isNull) ?? true ? 5 : try integer(given[3], "truncate", or: 5)
    let endCount = end.unicodeScalars.count
    guard length >= endCount, leeway >= 0 else {
      throw failure("`truncate` needs a length of at least \(endCount)")
    }
    let scalars = text.unicodeScalars
    try charge(byteCount: text.utf8.count + end.utf8.count)
    let (limit, overflow) = length.addingReportingOverflow(leeway)
    if overflow || scalars.count <= limit { return value }
    let cut = String(scalars.prefix(length - endCount))
    if given[1]?.isTrue ?? false { return value.like(cut + end) }
    let words = cut.unicodeScalars
    let whole = words.lastIndex(of: " ").map { String(words[..<$0]) } ?? cut
    return value.like(whole + end)
  }

  private func urlEncoded(_ value: Value) throws -> String {
    func quoted(_ value: Value, forQuery: Bool) throws -> String {
      let text = try printed(value)
      try charge(text.utf8.count, timesBytes: 3)
      var result = ""
      for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2E, 0x2D, 0x7E:
          result.unicodeScalars.append(Unicode.Scalar(byte))
        case 0x2F where !forQuery: result += "/"
        case 0x20 where forQuery: result += "+"
        default:
          let digits = String(byte, radix: 16, uppercase: true)
          result += digits.count == 1 ? "%0" + digits : "%" + digits
        }
      }
      return result
    }
    var pairs: [Value]
    switch value {
    case .string, .markup, .null, .bool, .int, .float: return try quoted(value, forQuery: false)
    case .dict(let dictionary):
      pairs = zip(dictionary.keys, dictionary.values).map { .tuple([$0, $1]) }
    default: pairs = try elements(of: value)
    }
    var parts: [String] = []
    for pair in pairs {
      let both = try elements(of: pair)
      guard both.count == 2 else { throw failure("`urlencode` needs pairs") }
      parts.append(
        try quoted(both[0], forQuery: true) + "=" + quoted(both[1], forQuery: true))
    }
    return try joined(parts, separator: "&")
  }
}
