// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A text with `{{column}}` holes: the part of Jinja that task prompts need.
///
/// Everything else stays as it is written, line ends included (lm-eval's `keep_trailing_newline`;
/// CR LF becomes LF as in Jinja). A whole text that is the name of a column means that column.
/// **Departs:** filters, attributes, indices, `{% … %}` and `{# … #}` are errors, not silently
/// text.
struct Template: Equatable, Sendable {
  enum Part: Equatable, Sendable {
    case text(String)
    case column(String)
  }

  let source: String
  let parts: [Part]

  /// The columns a template asks for, in order, each once.
  var columns: [String] {
    var seen: [String] = []
    for case .column(let name) in parts where !seen.contains(name) { seen.append(name) }
    return seen
  }

  /// - Throws: `EvaluationError.template` naming the unsupported piece.
  init(_ source: String) throws {
    self.source = source
    let text = source.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    var parts: [Part] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      let after = rest.index(after: open)
      guard after < rest.endIndex, ["{", "%", "#"].contains(rest[after]) else {
        parts.append(.text(String(rest[...open])))
        rest = rest[after...]
        continue
      }
      if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
      guard rest[after] == "{" else {
        throw EvaluationError.template(
          source, problem: "`{\(rest[after])` is not supported; only {{column}} is")
      }
      let inner = rest[rest.index(after: after)...]
      guard let close = inner.firstRange(of: "}}") else {
        throw EvaluationError.template(source, problem: "`{{` without `}}`")
      }
      let name = inner[..<close.lowerBound].trimming { $0.isWhitespace }
      guard let initial = name.first, initial.isLetter || initial == "_",
        name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
      else {
        throw EvaluationError.template(
          source, problem: "`{{\(inner[..<close.lowerBound])}}` is not the name of a column")
      }
      parts.append(.column(String(name)))
      rest = inner[close.upperBound...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    self.parts = parts
  }

  /// Fills the holes.
  ///
  /// - Throws: `EvaluationError.column` for a name that `columns` lacks.
  func render(_ columns: [String: String]) throws -> String {
    if let whole = columns[source] { return whole }
    var text = ""
    for part in parts {
      switch part {
      case .text(let literal): text += literal
      case .column(let name):
        guard let value = columns[name] else {
          throw EvaluationError.column(name, template: source, known: columns.keys.sorted())
        }
        text += value
      }
    }
    return text
  }
}

extension Substring {
  fileprivate func trimming(while unwanted: (Character) -> Bool) -> Substring {
    var text = drop(while: unwanted)
    while let last = text.last, unwanted(last) { text.removeLast() }
    return text
  }
}
