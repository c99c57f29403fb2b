// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Numbers and strings, as Python writes them.
extension Lexer {
  /// A run of digits that may hold single underscores between them; the end of it.
  private func digits(_ place: Int, where isDigit: (Unicode.Scalar) -> Bool) -> Int? {
    guard place < source.count, isDigit(source[place]) else { return nil }
    var end = place + 1
    while end < source.count {
      if isDigit(source[end]) {
        end += 1
      } else if source[end] == "_", end + 1 < source.count, isDigit(source[end + 1]) {
        end += 2
      } else {
        break
      }
    }
    return end
  }

  mutating func readNumber() throws(TemplateError) {
    let isDecimal: (Unicode.Scalar) -> Bool = { $0.isASCIIDigit }
    // `x.0.5` is two subscripts, not a float.
    let followsPoint = position > 0 && source[position - 1] == "."
    if !followsPoint, let whole = digits(position, where: isDecimal) {
      var end = whole
      var isFloat = false
      if end < source.count, source[end] == ".", let fraction = digits(end + 1, where: isDecimal) {
        (end, isFloat) = (fraction, true)
      }
      if end < source.count, source[end] == "e" || source[end] == "E" {
        var exponent = end + 1
        if exponent < source.count, source[exponent] == "+" || source[exponent] == "-" {
          exponent += 1
        }
        if let last = digits(exponent, where: isDecimal) { (end, isFloat) = (last, true) }
      }
      if isFloat {
        guard let value = Double(number(position..<end)) else { throw error("a number too long") }
        append(.float(value))
        position = end
        return
      }
    }
    var (start, radix) = (position, 10)
    if source[position] == "0", position + 2 < source.count {
      switch source[position + 1] {
      case "b", "B": radix = 2
      case "o", "O": radix = 8
      case "x", "X": radix = 16
      default: break
      }
    }
    let end: Int
    if radix != 10 {
      start += source[start + 2] == "_" ? 3 : 2
      guard
        let last = digits(
          start,
          where: { ($0.isASCII ? Character($0).hexDigitValue : nil).map { $0 < radix } ?? false })
      else { throw error("a number without digits") }
      end = last
    } else {
      let isZero: (Unicode.Scalar) -> Bool = { $0 == "0" }
      end = digits(position, where: source[position] == "0" ? isZero : isDecimal) ?? position + 1
    }
    guard let value = Int(number(start..<end), radix: radix) else {
      throw error("an integer beyond 64 bits")
    }
    append(.integer(value))
    position = end
  }

  private func number(_ range: Range<Int>) -> String {
    String(String.UnicodeScalarView(source[range].filter { $0 != "_" }))
  }

  mutating func readString(quote: Unicode.Scalar) throws(TemplateError) {
    let first = line
    var content = String.UnicodeScalarView()
    var place = position + 1
    while place < source.count, source[place] != quote {
      if source[place] == "\\" {
        place = try escape(at: place + 1, into: &content)
      } else {
        content.append(source[place])
        place += 1
      }
    }
    guard place < source.count else { throw error("a string is not closed by `\(quote)`") }
    tokens.append(Token(kind: .string(String(content)), line: first))
    advance(to: place + 1)
  }

  private func escape(
    at place: Int, into content: inout String.UnicodeScalarView
  ) throws(TemplateError) -> Int {
    guard place < source.count else { throw error("a string ends in `\\`") }
    let scalar = source[place]
    switch scalar {
    case "\n": break
    case "\\", "'", "\"": content.append(scalar)
    case "a": content.append("\u{7}")
    case "b": content.append("\u{8}")
    case "f": content.append("\u{C}")
    case "n": content.append("\n")
    case "r": content.append("\r")
    case "t": content.append("\t")
    case "v": content.append("\u{B}")
    case "x": return try hex(at: place + 1, count: 2, into: &content)
    case "u": return try hex(at: place + 1, count: 4, into: &content)
    case "U": return try hex(at: place + 1, count: 8, into: &content)
    case "N": throw error("a character by its name in a string; write it or its number")
    case "0"..."7":
      var value: UInt32 = 0
      var end = place
      while end < source.count, end < place + 3, ("0"..."7").contains(source[end]) {
        value = value * 8 + source[end].value - 0x30
        end += 1
      }
      content.append(Unicode.Scalar(value) ?? "\u{FFFD}")
      return end
    default:
      // Python keeps the backslash, and spells what is not ASCII out after it.
      content.append("\\")
      if scalar.isASCII {
        content.append(scalar)
      } else {
        let digits = String(scalar.value, radix: 16)
        let (letter, width) =
          scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        let zeros = String(repeating: "0", count: width - digits.count)
        content.append(contentsOf: (letter + zeros + digits).unicodeScalars)
      }
    }
    return place + 1
  }

  private func hex(
    at place: Int, count: Int, into content: inout String.UnicodeScalarView
  ) throws(TemplateError) -> Int {
    var value: UInt32 = 0
    for index in place..<place + count {
      guard index < source.count, source[index].isASCII,
        let digit = Character(source[index]).hexDigitValue
      else { throw error("an escape in a string lacks digits") }
      value = value << 4 | UInt32(digit)
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw error("an escape in a string is no character")
    }
    content.append(scalar)
    return place + count
  }
}
