// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Texts and numbers as Python writes them, and its functions over characters, which are Unicode
/// scalars there, not what a reader sees as one.
enum PythonText {
  // MARK: Writing

  /// The shortest decimal text that reads back as the same number; an exponent below 1e-4 and from
  /// 1e16 on.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    let (digits, exponent) = shortestDigits(value.magnitude)
    let sign = value < 0 ? "-" : ""
    let point = exponent + 1
    if exponent < -4 || exponent >= 16 {
      let rest = digits.dropFirst()
      let size = String(exponent.magnitude)
      return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest)
        + (exponent < 0 ? "e-" : "e+") + (size.count < 2 ? "0" + size : size)
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if point >= digits.count {
      return sign + digits + String(repeating: "0", count: point - digits.count) + ".0"
    }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// The shortest digits of a positive number, without zeros at the end, and the exponent of the
  /// first.
  static func shortestDigits(_ value: Double) -> (digits: String, exponent: Int) {
    let parts = value.description.split(separator: "e", maxSplits: 1)
    let halves = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = halves[0]
    let fraction = halves.count > 1 ? halves[1] : ""
    var exponent = whole.count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    var digits = (whole + fraction)[...]
    while digits.first == "0", digits.count > 1 {
      digits = digits.dropFirst()
      exponent -= 1
    }
    while digits.last == "0", digits.count > 1 { digits = digits.dropLast() }
    return (String(digits), exponent)
  }

  /// The text in quotes with escapes, as `repr` has it.
  static func quoted(_ text: String) -> String {
    let quote: Unicode.Scalar =
      text.unicodeScalars.contains("'") && !text.unicodeScalars.contains("\"") ? "\"" : "'"
    var result = String.UnicodeScalarView()
    result.append(quote)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\", quote:
        result.append("\\")
        result.append(scalar)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\r": result.append(contentsOf: "\\r".unicodeScalars)
      case "\t": result.append(contentsOf: "\\t".unicodeScalars)
      case _ where isPrintable(scalar): result.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        let (letter, width) =
          scalar.value < 0x100 ? ("\\x", 2) : scalar.value < 0x10000 ? ("\\u", 4) : ("\\U", 8)
        let zeros = String(repeating: "0", count: width - digits.count)
        result.append(contentsOf: (letter + zeros + digits).unicodeScalars)
      }
    }
    result.append(quote)
    return String(result)
  }

  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }

  // MARK: Case

  static func uppercased(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars { result += scalar.properties.uppercaseMapping }
    return result
  }

  static func lowercased(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var result = ""
    for index in scalars.indices { result += lowercase(at: index, of: scalars) }
    return result
  }

  /// Σ at the end of a word becomes ς.
  private static func lowercase(at index: Int, of scalars: [Unicode.Scalar]) -> String {
    guard scalars[index] == "\u{3A3}" else { return scalars[index].properties.lowercaseMapping }
    var before = index - 1
    while before >= 0, scalars[before].properties.isCaseIgnorable { before -= 1 }
    guard before >= 0, scalars[before].properties.isCased else { return "\u{3C3}" }
    var after = index + 1
    while after < scalars.count, scalars[after].properties.isCaseIgnorable { after += 1 }
    return after < scalars.count && scalars[after].properties.isCased ? "\u{3C3}" : "\u{3C2}"
  }

  static func capitalized(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    guard let first = scalars.first else { return "" }
    var result = first.properties.titlecaseMapping
    for index in scalars.indices.dropFirst() { result += lowercase(at: index, of: scalars) }
    return result
  }

  /// `str.title`: a capital wherever a cased letter follows none.
  static func titled(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var result = ""
    var followsLetter = false
    for index in scalars.indices {
      result +=
        followsLetter
        ? lowercase(at: index, of: scalars) : scalars[index].properties.titlecaseMapping
      followsLetter = scalars[index].properties.isCased
    }
    return result
  }

  static func caseSwapped(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var result = ""
    for index in scalars.indices {
      let properties = scalars[index].properties
      result +=
        properties.isUppercase
        ? lowercase(at: index, of: scalars)
        : properties.isLowercase ? properties.uppercaseMapping : String(scalars[index])
    }
    return result
  }

  /// `str.casefold`: the full case folding of Unicode, which is the lower case of the upper case but
  /// for the Cherokee letters, dotless i and capital sharp s.
  static func caseFolded(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x131: result.unicodeScalars.append(scalar)
      case 0x1E9E: result += "ss"
      case 0x13A0...0x13FD, 0xAB70...0xABBF: result += scalar.properties.uppercaseMapping
      default:
        for upper in scalar.properties.uppercaseMapping.unicodeScalars {
          result += upper.properties.lowercaseMapping
        }
      }
    }
    return result
  }

  // MARK: Searching

  /// The byte offset of the first `part` in `text` from byte `start` on; linear in the lengths.
  static func find(_ part: String, in text: String, from start: Int) -> Int? {
    find(Array(part.utf8), in: Array(text.utf8), from: start)
  }

  static func find(_ part: [UInt8], in text: [UInt8], from start: Int) -> Int? {
    guard let first = part.first else { return start <= text.count ? start : nil }
    guard start >= 0, text.count - start >= part.count else { return nil }
    guard part.count > 1 else { return text[start...].firstIndex(of: first) }
    // Knuth, Morris and Pratt: how much of the part still matches after a mismatch.
    var fallback = [0]
    var matched = 0
    for index in 1..<part.count {
      while matched > 0, part[index] != part[matched] { matched = fallback[matched - 1] }
      if part[index] == part[matched] { matched += 1 }
      fallback.append(matched)
    }
    matched = 0
    for index in start..<text.count {
      while matched > 0, text[index] != part[matched] { matched = fallback[matched - 1] }
      if text[index] == part[matched] { matched += 1 }
      if matched == part.count { return index + 1 - part.count }
    }
    return nil
  }

  /// The byte offsets of all `part`s that do not overlap; of an empty part, each character's start
  /// and the end.
  static func findAll(_ part: [UInt8], in text: [UInt8], limit: Int = .max) -> [Int] {
    guard limit > 0 else { return [] }
    var places: [Int] = []
    if part.isEmpty {
      for index in 0...text.count where index == text.count || text[index] & 0xC0 != 0x80 {
        places.append(index)
        if places.count == limit { break }
      }
      return places
    }
    var start = 0
    while places.count < limit, let place = find(part, in: text, from: start) {
      places.append(place)
      start = place + part.count
    }
    return places
  }

  /// The lines of a text, at all of Python's line ends.
  static func lines(_ text: String, keepingEnds: Bool = false) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var scalars = text.unicodeScalars.makeIterator()
    var pending: Unicode.Scalar?
    var isOpen = false
    while let scalar = pending ?? scalars.next() {
      pending = nil
      guard scalar.isPythonLineEnd else {
        line.append(scalar)
        isOpen = true
        continue
      }
      if keepingEnds { line.append(scalar) }
      if scalar == "\r", let next = scalars.next() {
        if next == "\n" {
          if keepingEnds { line.append(next) }
        } else {
          pending = next
        }
      }
      lines.append(String(line))
      line = String.UnicodeScalarView()
      isOpen = false
    }
    if isOpen { lines.append(String(line)) }
    return lines
  }

  /// Without what `isStripped` at the ends.
  static func stripped(
    _ text: String, left: Bool = true, right: Bool = true,
    where isStripped: (Unicode.Scalar) -> Bool
  ) -> String {
    var rest = text.unicodeScalars[...]
    if left { rest = rest.drop(while: isStripped) }
    if right { while let last = rest.last, isStripped(last) { rest.removeLast() } }
    return String(rest)
  }
}

extension Unicode.Scalar {
  /// What Python's `isspace` and `\s` take for white space.
  var isPythonSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }

  var isPythonLineEnd: Bool {
    switch value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  var isASCIIDigit: Bool { (0x30...0x39).contains(value) }

  var isPythonLetter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  var isPythonDigit: Bool {
    properties.numericType == .decimal || properties.numericType == .digit
  }

  /// Part of a word for `\w`.
  var isPythonWord: Bool { self == "_" || isPythonLetter || properties.numericType != nil }
}
