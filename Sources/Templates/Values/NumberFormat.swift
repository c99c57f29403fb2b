// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How one value is to be written: a conversion of `%` or the part behind the colon in `{}`.
struct FormatSpecification {
  var fill: Unicode.Scalar = " "
  /// `<`, `>`, `^` or `=` (padding behind the sign).
  var alignment: Unicode.Scalar?
  /// `+`, `-` or a space.
  var sign: Unicode.Scalar = "-"
  var isAlternate = false
  var width = 0
  /// `,` or `_` between thousands.
  var grouping: Unicode.Scalar?
  var precision: Int?
  var type: Unicode.Scalar?

  /// What no format of a chat has: keeps widths and precisions from filling the memory.
  static let largest = 10_000

  /// Reads `[[fill]align][sign][#][0][width][grouping][.precision][type]`.
  init?(_ text: String) {
    var rest = Array(text.unicodeScalars)[...]
    let aligns: Set<Unicode.Scalar> = ["<", ">", "^", "="]
    if rest.count > 1, aligns.contains(rest[rest.startIndex + 1]) {
      fill = rest.removeFirst()
      alignment = rest.removeFirst()
    } else if let first = rest.first, aligns.contains(first) {
      alignment = rest.removeFirst()
    }
    if let first = rest.first, first == "+" || first == "-" || first == " " {
      sign = rest.removeFirst()
    }
    if rest.first == "#" {
      isAlternate = true
      rest.removeFirst()
    }
    if rest.first == "0" {
      if alignment == nil { (fill, alignment) = ("0", "=") }
      rest.removeFirst()
    }
    func number() -> Int? {
      var value = 0
      var hasDigits = false
      while let digit = rest.first, digit.isASCIIDigit {
        value = min(value * 10 + Int(digit.value - 0x30), Self.largest + 1)
        hasDigits = true
        rest.removeFirst()
      }
      return hasDigits ? value : nil
    }
    width = number() ?? 0
    if rest.first == "," || rest.first == "_" { grouping = rest.removeFirst() }
    if rest.first == "." {
      rest.removeFirst()
      guard let digits = number() else { return nil }
      precision = digits
    }
    type = rest.popFirst()
    guard rest.isEmpty, width <= Self.largest, precision ?? 0 <= Self.largest else { return nil }
  }

  init() {}

  /// The text with padding to the width.
  func padded(_ text: String, isNumber: Bool) -> String {
    let missing = width - text.unicodeScalars.count
    guard missing > 0 else { return text }
    let filling = { (count: Int) in
      String(String.UnicodeScalarView(repeatElement(fill, count: count)))
    }
    switch alignment ?? (isNumber ? ">" : "<") {
    case "<": return text + filling(missing)
    case "^": return filling(missing / 2) + text + filling(missing - missing / 2)
    case "=":
      let signs = text.unicodeScalars.prefix { $0 == "-" || $0 == "+" || $0 == " " }
      return String(signs) + filling(missing)
        + String(text.unicodeScalars.dropFirst(signs.count))
    default: return filling(missing) + text
    }
  }

  /// The digits with a sign as asked.
  private func signed(_ digits: String, isNegative: Bool) -> String {
    if isNegative { return "-" + digits }
    return sign == "-" ? digits : String(sign) + digits
  }

  private func grouped(_ digits: String, every size: Int = 3) -> String {
    guard let grouping else { return digits }
    let whole = Array(digits.unicodeScalars.prefix { $0 != "." && $0 != "e" && $0 != "E" })
    let rest = digits.unicodeScalars.dropFirst(whole.count)
    var result = String.UnicodeScalarView()
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % size == 0 { result.append(grouping) }
      result.append(digit)
    }
    return String(result) + String(rest)
  }

  /// An integer; `nil` for a type that integers do not have.
  func text(_ value: Int) -> String? {
    let magnitude = value.magnitude
    var digits: String
    var size = 3
    switch type {
    case nil, "d", "n", "i", "u":
      guard precision == nil else { return nil }
      digits = String(magnitude)
    case "x", "X":
      digits = String(magnitude, radix: 16, uppercase: type == "X")
      size = 4
    case "o":
      digits = String(magnitude, radix: 8)
      size = 4
    case "b":
      digits = String(magnitude, radix: 2)
      size = 4
    case "c":
      guard let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) else { return nil }
      return padded(String(scalar), isNumber: false)
    default: return text(Double(value))
    }
    digits = grouped(digits, every: size)
    if isAlternate, let type, "xXob".unicodeScalars.contains(type) {
      digits = "0" + String(type) + digits
    }
    return padded(signed(digits, isNegative: value < 0), isNumber: true)
  }

  /// A float; `nil` for a type that floats do not have.
  func text(_ value: Double) -> String? {
    let magnitude = value.magnitude
    let isNegative = value.sign == .minus && !value.isNaN
    var digits: String
    switch type {
    case _ where !value.isFinite: digits = value.isNaN ? "nan" : "inf"
    case nil where precision == nil: digits = PythonText.number(magnitude)
    case "f", "F": digits = String(format: "%.\(precision ?? 6)f", magnitude)
    case "e": digits = String(format: "%.\(precision ?? 6)e", magnitude)
    case "E": digits = String(format: "%.\(precision ?? 6)E", magnitude)
    case "g", "n": digits = String(format: "%.\(precision ?? 6)g", magnitude)
    case "G": digits = String(format: "%.\(precision ?? 6)G", magnitude)
    case "%": digits = String(format: "%.\(precision ?? 6)f", magnitude * 100) + "%"
    case nil: digits = Self.general(magnitude, max(1, precision ?? 6))
    default: return nil
    }
    digits = grouped(digits)
    return padded(signed(digits, isNegative: isNegative), isNumber: true)
  }

  /// A float with a precision and no type: as `g`, but with a digit behind the point, and with an
  /// exponent already where the digits before the point are as many as the precision.
  private static func general(_ magnitude: Double, _ precision: Int) -> String {
    let parts = String(format: "%.\(precision - 1)e", magnitude).split(separator: "e")
    guard parts.count == 2, let exponent = Int(parts[1]), exponent >= precision - 1 else {
      let digits = String(format: "%.\(precision)g", magnitude)
      return digits.contains(".") || digits.contains("e") ? digits : digits + ".0"
    }
    var mantissa = parts[0]
    if mantissa.contains(".") {
      while mantissa.last == "0" { mantissa.removeLast() }
      if mantissa.last == "." { mantissa.removeLast() }
    }
    return mantissa + "e" + parts[1]
  }

  /// A text.
  func text(_ value: String) -> String? {
    guard type == nil || type == "s", alignment != "=" || fill == "0", grouping == nil else {
      return nil
    }
    var cut = value
    if let precision { cut = String(value.unicodeScalars.prefix(precision)) }
    var specification = self
    if alignment == "=" { specification.alignment = "<" }
    return specification.padded(cut, isNumber: false)
  }
}
