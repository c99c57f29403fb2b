// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A piece of a template's text.
struct Token: Equatable {
  enum Kind: Equatable {
    /// Text between tags, with white space already taken away as the tags ask.
    case data(String)
    case variableBegin, variableEnd, blockBegin, blockEnd
    case name(String)
    case string(String)
    case integer(Int)
    case float(Double)
    /// An operator or a bracket.
    case mark(String)
    case end

    /// How a message calls it.
    var description: String {
      switch self {
      case .data: "text"
      case .variableBegin: "`{{`"
      case .variableEnd: "`}}`"
      case .blockBegin: "`{%`"
      case .blockEnd: "`%}`"
      case .name(let name): "`\(name.prefix(60))`"
      case .string: "a string"
      case .integer, .float: "a number"
      case .mark(let mark): "`\(mark)`"
      case .end: "the end of the template"
      }
    }
  }

  let kind: Kind
  let line: Int
}
