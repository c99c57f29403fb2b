// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Values as texts.
extension Machine {
  /// `str(value)`.
  func printed(_ value: Value) throws -> String {
    switch value {
    case .undefined: ""
    case .string(let text), .markup(let text): text
    default: try represented(value)
    }
  }

  /// `repr(value)`.
  func represented(_ value: Value) throws -> String {
    var text = ""
    try represent(value, into: &text)
    return text
  }

  private func represent(_ value: Value, into text: inout String) throws {
    try step()
    switch value {
    case .undefined: text += "Undefined"
    case .null: text += "None"
    case .bool(let flag): text += flag ? "True" : "False"
    case .int(let number): text += String(number)
    case .float(let number): text += PythonText.number(number)
    case .string(let string):
      try charge(byteCount: 2 * string.utf8.count)
      text += PythonText.quoted(string)
    case .markup(let string):
      try charge(byteCount: 2 * string.utf8.count)
      text += "Markup(\(PythonText.quoted(string)))"
    case .list(let items): try represent(items.values, "[", "]", into: &text)
    case .tuple(let items):
      try represent(items.values, "(", items.values.count == 1 ? ",)" : ")", into: &text)
    case .dict(let dictionary):
      text += "{"
      for index in 0..<dictionary.count {
        if index > 0 { text += ", " }
        try represent(dictionary.keys[index], into: &text)
        text += ": "
        try nested { try represent(dictionary.values[index], into: &text) }
      }
      text += "}"
    case .range(let range):
      text += "range(\(range.start), \(range.stop)"
      text += range.step == 1 ? ")" : ", \(range.step))"
    case .view(let view):
      text += view.kind.rawValue
      let elements = (0..<view.dictionary.count).map(view.element)
      try represent(elements, "([", "])", into: &text)
    case .generator:
      throw failure("a generator has no text; make it a list with `|list` or join it")
    case .object(let namespace as NamespaceObject):
      text += "<Namespace {"
      for (index, name) in namespace.names.enumerated() {
        if index > 0 { text += ", " }
        try charge(byteCount: 2 * name.utf8.count)
        text += PythonText.quoted(name) + ": "
        try nested { try represent(namespace.attributes[name] ?? .null, into: &text) }
      }
      text += "}>"
    case .object(let object):
      guard let printed = object.printed else { throw failure("\(object.typeName) has no text") }
      text += printed
    }
    try checkLength(text)
  }

  private func represent(
    _ values: [Value], _ open: String, _ close: String, into text: inout String
  ) throws {
    text += open
    for (index, value) in values.enumerated() {
      if index > 0 { text += ", " }
      try nested { try represent(value, into: &text) }
    }
    text += close
  }

  /// The text with the characters that mean something in HTML as entities.
  func escaped(_ text: String) throws -> String {
    try charge(byteCount: text.utf8.count)
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "'": result += "&#39;"
      case "\"": result += "&#34;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    try charge(byteCount: result.utf8.count)
    return result
  }
}
