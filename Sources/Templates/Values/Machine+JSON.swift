// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The filter `tojson` as transformers defines it: Python's `json.dumps`, without HTML escapes.
extension Machine {
  struct JSONStyle {
    var escapesNonASCII = false
    /// What a level is indented by; `nil` for everything in one line.
    var indentation: String?
    var separators = (item: ", ", key: ": ")
    var sortsKeys = false
  }

  func json(_ value: Value, _ arguments: Arguments) throws -> Value {
    let given = try bind(
      arguments, "tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])
    var style = JSONStyle()
    style.escapesNonASCII = given[0]?.isTrue ?? false
    style.sortsKeys = given[3]?.isTrue ?? false
    if let indent = given[1], !indent.isNull {
      if let text = indent.text {
        style.indentation = text
      } else {
        let count = max(0, try integer(indent, "tojson", or: 0))
        guard count <= FormatSpecification.largest else { throw excess("an indentation too long") }
        style.indentation = String(repeating: " ", count: count)
      }
      style.separators.item = ","
    }
    if let separators = given[2], !separators.isNull {
      let parts = try elements(of: separators)
      guard parts.count == 2 else { throw failure("`separators` of `tojson` are two texts") }
      style.separators = (try string(parts[0], "tojson"), try string(parts[1], "tojson"))
    }
    var text = ""
    try write(value, into: &text, style, level: 0)
    return .string(text)
  }

  private func write(
    _ value: Value, into text: inout String, _ style: JSONStyle, level: Int
  ) throws {
    try step()
    switch value {
    case .null: text += "null"
    case .bool(let flag): text += flag ? "true" : "false"
    case .int(let number): text += String(number)
    case .float(let number): text += jsonNumber(number)
    case .string(let string), .markup(let string):
      try writeQuoted(string, into: &text, style)
    case .list(let items), .tuple(let items):
      try writeList("[", "]", items.values.count, into: &text, style, level) { index, text in
        try write(items.values[index], into: &text, style, level: level + 1)
      }
    case .dict(let dictionary):
      var keys = dictionary.keys
      try charge(keys.count, timesBytes: style.separators.key.utf8.count)
      if style.sortsKeys { keys = try sorted(keys, by: keys, descending: false) }
      try writeList("{", "}", keys.count, into: &text, style, level) { index, text in
        try writeQuoted(try jsonKey(keys[index]), into: &text, style)
        text += style.separators.key
        let member = dictionary[key: try identity(of: keys[index])] ?? .null
        try write(member, into: &text, style, level: level + 1)
      }
    default: throw failure("`tojson` cannot write \(value.typeName)")
    }
    try checkLength(text)
  }

  private func jsonNumber(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
    return PythonText.number(number)
  }

  private func jsonKey(_ key: Value) throws -> String {
    switch key {
    case .string(let text), .markup(let text): return text
    case .int(let number): return String(number)
    case .float(let number): return jsonNumber(number)
    case .bool(let flag): return flag ? "true" : "false"
    case .null: return "null"
    default: throw failure("`tojson` cannot write \(key.typeName) as a key")
    }
  }

  private func writeList(
    _ open: String, _ close: String, _ count: Int, into text: inout String, _ style: JSONStyle,
    _ level: Int, element: (Int, inout String) throws -> Void
  ) throws {
    text += open
    try charge(count, timesBytes: style.separators.item.utf8.count)
    func breakLine(_ level: Int) throws {
      guard let indentation = style.indentation else { return }
      try charge(level, timesBytes: indentation.utf8.count)
      text += "\n"
      for _ in 0..<level { text += indentation }
    }
    for index in 0..<count {
      if index > 0 { text += style.separators.item }
      try breakLine(level + 1)
      try nested { try element(index, &text) }
    }
    if count > 0 { try breakLine(level) }
    text += close
  }

  private func writeQuoted(
    _ string: String, into text: inout String, _ style: JSONStyle
  ) throws {
    try charge(byteCount: string.utf8.count)
    let start = text.utf8.count
    func unit(_ value: UInt16) {
      let digits = String(value, radix: 16)
      text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case _ where scalar.value < 0x20 || style.escapesNonASCII && scalar.value > 0x7E:
        for value in String(scalar).utf16 { unit(value) }
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
    // What escapes and quotes add.
    try charge(byteCount: text.utf8.count - start - string.utf8.count)
  }
}
