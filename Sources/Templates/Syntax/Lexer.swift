// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Cuts a template into tokens, as Jinja does with `trim_blocks` and `lstrip_blocks`: one line end
/// after a block is dropped, and so is the white space between a line's start and a block; `-`
/// takes all white space away on its side, `+` keeps it.
struct Lexer {
  let name: String
  let source: [Unicode.Scalar]
  var position = 0
  var line = 1
  var tokens: [Token] = []
  /// Whether what was read last ended a line.
  private var startsLine = true

  init(_ text: String, name: String) {
    self.name = name
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(text.utf8.count)
    var last: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      // `\r\n` and `\r` are line ends like `\n`.
      if scalar == "\r" {
        scalars.append("\n")
      } else if !(scalar == "\n" && last == "\r") {
        scalars.append(scalar)
      }
      last = scalar
    }
    if scalars.last == "\n" { scalars.removeLast() }
    source = scalars
  }

  mutating func run() throws(TemplateError) -> [Token] {
    while position < source.count { try readData() }
    tokens.append(Token(kind: .end, line: line))
    return tokens
  }

  func error(_ problem: String) -> TemplateError {
    .syntax(template: name, line: line, problem: problem)
  }

  private func matches(_ text: StaticString, at place: Int) -> Bool {
    var place = place
    return text.withUTF8Buffer { bytes in
      guard place + bytes.count <= source.count else { return false }
      for byte in bytes {
        if source[place].value != UInt32(byte) { return false }
        place += 1
      }
      return true
    }
  }

  private func skippingSpace(_ place: Int) -> Int {
    var place = place
    while place < source.count, source[place].isPythonSpace { place += 1 }
    return place
  }

  /// Moves to `place` and counts the lines between.
  mutating func advance(to place: Int) {
    for scalar in source[position..<place] where scalar == "\n" { line += 1 }
    if place > position { startsLine = source[place - 1] == "\n" }
    position = place
  }

  mutating func append(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

  private mutating func appendData(_ scalars: ArraySlice<Unicode.Scalar>) {
    guard !scalars.isEmpty else { return }
    append(.data(String(String.UnicodeScalarView(scalars))))
  }

  /// The sign at `place`, if one is there.
  private func sign(at place: Int) -> Unicode.Scalar? {
    guard place < source.count, source[place] == "-" || source[place] == "+" else { return nil }
    return source[place]
  }

  /// The text before a tag, without the white space that the tag takes away.
  private func trimmed(
    _ text: Range<Int>, sign: Unicode.Scalar?, isVariable: Bool
  ) -> ArraySlice<Unicode.Scalar> {
    var end = text.upperBound
    if sign == "-" {
      while end > text.lowerBound, source[end - 1].isPythonSpace { end -= 1 }
    } else if sign == nil, !isVariable {
      var start = end
      while start > text.lowerBound, source[start - 1].isPythonSpace, source[start - 1] != "\n" {
        start -= 1
      }
      let isLineStart =
        start > text.lowerBound ? source[start - 1] == "\n" : startsLine
      if isLineStart { end = start }
    }
    return source[text.lowerBound..<end]
  }

  private mutating func readData() throws(TemplateError) {
    var place = position
    while place + 1 < source.count {
      if source[place] == "{" {
        let second = source[place + 1]
        if second == "%" || second == "{" || second == "#" { break }
      }
      place += 1
    }
    guard place + 1 < source.count else {
      appendData(source[position...])
      return advance(to: source.count)
    }
    let sign = sign(at: place + 2)
    let isVariable = source[place + 1] == "{"
    let content = place + 2 + (sign == nil ? 0 : 1)
    appendData(trimmed(position..<place, sign: sign, isVariable: isVariable))
    advance(to: place)
    switch source[place + 1] {
    case "#": try readComment(from: content)
    case "{":
      append(.variableBegin)
      advance(to: content)
      try readTag(isVariable: true)
    default:
      if let body = rawBody(from: content) { return try readRaw(from: body) }
      append(.blockBegin)
      advance(to: content)
      try readTag(isVariable: false)
    }
  }

  private mutating func readComment(from start: Int) throws(TemplateError) {
    var place = start
    while place + 1 < source.count {
      let isSigned = source[place] == "-" || source[place] == "+"
      if isSigned, matches("#}", at: place + 1) {
        advance(to: source[place] == "-" ? skippingSpace(place + 3) : place + 3)
        return
      }
      if matches("#}", at: place) {
        advance(to: place + 2 < source.count && source[place + 2] == "\n" ? place + 3 : place + 2)
        return
      }
      place += 1
    }
    throw error("a comment is not closed by `#}`")
  }

  /// Where the text of a raw block begins, if the tag at `place` opens one.
  private func rawBody(from place: Int) -> Int? {
    let word = skippingSpace(place)
    guard matches("raw", at: word) else { return nil }
    let end = skippingSpace(word + 3)
    if matches("-%}", at: end) { return skippingSpace(end + 3) }
    return matches("%}", at: end) ? end + 2 : nil
  }

  private mutating func readRaw(from start: Int) throws(TemplateError) {
    advance(to: start)
    var place = start
    while place + 1 < source.count {
      if matches("{%", at: place) {
        let sign = sign(at: place + 2)
        let word = skippingSpace(place + 2 + (sign == nil ? 0 : 1))
        if matches("endraw", at: word), let end = blockEnd(at: skippingSpace(word + 6)) {
          appendData(trimmed(start..<place, sign: sign, isVariable: false))
          return advance(to: end)
        }
      }
      place += 1
    }
    throw error("a raw block is not closed by `{% endraw %}`")
  }

  /// The place after the end of a block at `place`, with the white space that it takes.
  private func blockEnd(at place: Int) -> Int? {
    if matches("+%}", at: place) { return place + 3 }
    if matches("-%}", at: place) { return skippingSpace(place + 3) }
    guard matches("%}", at: place) else { return nil }
    return place + 2 < source.count && source[place + 2] == "\n" ? place + 3 : place + 2
  }

  private func variableEnd(at place: Int) -> Int? {
    if matches("-}}", at: place) { return skippingSpace(place + 3) }
    return matches("}}", at: place) ? place + 2 : nil
  }

  /// Reads the inside of `{{ … }}` or `{% … %}`.
  private mutating func readTag(isVariable: Bool) throws(TemplateError) {
    var open: [Unicode.Scalar] = []
    while position < source.count {
      let scalar = source[position]
      if open.isEmpty, let end = isVariable ? variableEnd(at: position) : blockEnd(at: position) {
        append(isVariable ? .variableEnd : .blockEnd)
        return advance(to: end)
      }
      if scalar.isPythonSpace {
        advance(to: skippingSpace(position))
      } else if scalar.isASCIIDigit {
        try readNumber()
      } else if scalar == "_" || scalar.properties.isXIDContinue {
        try readName()
      } else if scalar == "'" || scalar == "\"" {
        try readString(quote: scalar)
      } else {
        try readMark(&open)
      }
    }
    throw error("a tag is not closed by `\(isVariable ? "}}" : "%}")`")
  }

  private mutating func readName() throws(TemplateError) {
    var end = position
    while end < source.count, source[end] == "_" || source[end].properties.isXIDContinue {
      end += 1
    }
    guard source[position] == "_" || source[position].properties.isXIDStart else {
      throw error("a name that begins with `\(source[position])`")
    }
    append(.name(String(String.UnicodeScalarView(source[position..<end]))))
    position = end
  }

  private static let marks: [StaticString] = [
    "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";",
  ]

  private mutating func readMark(_ open: inout [Unicode.Scalar]) throws(TemplateError) {
    guard let mark = Self.marks.first(where: { matches($0, at: position) }) else {
      let value = source[position].value
      throw error(
        value > 0x20 && value < 0x7F
          ? "the character `\(source[position])` has no meaning here"
          : "the character U+\(String(value, radix: 16, uppercase: true)) has no meaning here")
    }
    switch source[position] {
    case "(": open.append(")")
    case "[": open.append("]")
    case "{": open.append("}")
    case ")", "]", "}":
      guard let expected = open.popLast() else {
        throw error("`\(source[position])` closes nothing")
      }
      guard expected == source[position] else {
        throw error("`\(source[position])` stands where `\(expected)` should")
      }
    default: break
    }
    append(.mark(mark.description))
    position += mark.utf8CodeUnitCount
  }
}
