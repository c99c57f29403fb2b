// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Scalars as Python's YAML types them, because the files that people share (recipes, tasks) are
// written for it: YAML 1.1 with `017` for 15, `0b11`, `1:30` for 90, and `yes`, `no`, `on`, `off`.
// Where that makes a text, what reads the text takes it for a number all the same, as pydantic does in
// Python: `1e-3`, `08`; and `0o17`, as YAML 1.2 has it. Swift's own readers take more (`nan`,
// `0x1p3`) and less (`0x10`), so the shapes are checked here first.

extension Bool {
  /// `true`, `yes`, `on` and their opposites, in small letters, capitals, or with a capital first.
  init?(yaml text: String) {
    switch text {
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": self = true
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": self = false
    default: return nil
    }
  }
}

extension Int {
  /// `12`, `+12`, `-1_000`, `0x1F`, `0o17`; without quotes also `017` (octal), `0b11` and `1:30` (to
  /// the base of 60). `nil` beyond the range of `Int`, too.
  init?(yaml text: String, isQuoted: Bool) {
    if !isQuoted, let value = YAMLNumber.oldWhole(text) {
      self = value
    } else if let digits = YAMLNumber.wholeDigits(text, isQuoted: isQuoted) {
      self.init(digits)
    } else if text.hasPrefix("0x"), YAMLNumber.isHexadecimal(text.dropFirst(2)) {
      self.init(text.dropFirst(2), radix: 16)
    } else if text.hasPrefix("0o"), YAMLNumber.isHexadecimal(text.dropFirst(2)) {
      self.init(text.dropFirst(2), radix: 8)
    } else {
      return nil
    }
  }
}

extension Double {
  /// A whole number as above, or one with a point or exponent: `.5`, `1.`, `+1e3`, `-2.5E-7`,
  /// `1_000.5`. It is infinite beyond the range of `Double`.
  init?(yaml text: String, isQuoted: Bool) {
    if let whole = Int(yaml: text, isQuoted: isQuoted) {
      self.init(whole)
    } else if let digits = YAMLNumber.wholeDigits(text, isQuoted: isQuoted) {
      self.init(digits)
    } else if !isQuoted, let value = YAMLNumber.oldDecimal(text) {
      self = value
    } else if let digits = YAMLNumber.withoutUnderscores(text, isQuoted: isQuoted),
      YAMLNumber.isDecimal(digits)
    {
      self.init(digits)
    } else {
      return nil
    }
  }
}

/// The shapes of numbers in YAML.
enum YAMLNumber {
  /// The digits of a decimal whole number as JSON writes them: without `+`, `_` and leading zeros.
  static func wholeDigits(_ text: String, isQuoted: Bool) -> String? {
    guard let plain = withoutUnderscores(text, isQuoted: isQuoted) else { return nil }
    var body = Substring(plain).utf8
    if let sign = body.first, isSign(sign) { body = body.dropFirst() }
    guard !body.isEmpty, body.allSatisfy(isDigit) else { return nil }
    let digits = body.drop { $0 == 0x30 }
    if digits.isEmpty { return "0" }
    return (plain.utf8.first == UInt8(ascii: "-") ? "-" : "") + String(Substring(digits))
  }

  /// The text without `_`, each of which follows a digit; in quotes one follows it too, as in Python.
  static func withoutUnderscores(_ text: String, isQuoted: Bool) -> String? {
    var result: [UInt8] = []
    var previous: UInt8 = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: "_") {
        guard isDigit(previous) || (!isQuoted && previous == byte) else { return nil }
      } else {
        if isQuoted, previous == UInt8(ascii: "_"), !isDigit(byte) { return nil }
        result.append(byte)
      }
      previous = byte
    }
    if isQuoted, previous == UInt8(ascii: "_") { return nil }
    return String(decoding: result, as: UTF8.self)
  }

  /// A whole number of a shape that only YAML 1.1 has: `017`, `0b11`, `-0x10`, `0x1_0`, `1:30`.
  static func oldWhole(_ text: String) -> Int? {
    let isNegative = text.hasPrefix("-")
    let body = Substring(text).utf8.dropFirst(text.utf8.first.map(isSign) == true ? 1 : 0)
    let digits = String(decoding: body.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    func number(_ digits: Substring, _ radix: Int) -> Int? {
      // Swift's reader takes a sign here.
      guard digits.utf8.first.map(isSign) == false else { return nil }
      return Int((isNegative ? "-" : "") + digits, radix: radix)
    }
    if digits.hasPrefix("0b") { return number(digits.dropFirst(2), 2) }
    if digits.hasPrefix("0x") { return number(digits.dropFirst(2), 16) }
    if body.first == UInt8(ascii: "0"), body.count > 1 { return number(digits[...], 8) }
    guard let whole = sixties(digits, first: body.first) else { return nil }
    return isNegative ? -whole : whole
  }

  /// `1:30.5`, which is 90.5.
  static func oldDecimal(_ text: String) -> Double? {
    guard let point = text.firstIndex(of: "."), text.contains(":") else { return nil }
    let isNegative = text.hasPrefix("-")
    let body = text[..<point].drop { $0 == "-" || $0 == "+" }.filter { $0 != "_" }
    let fraction = "0." + text[text.index(after: point)...].filter { $0 != "_" }
    guard let whole = sixties(String(body), first: UInt8(ascii: "1")),
      fraction.utf8.dropFirst(2).allSatisfy(isDigit),
      let part = Double(fraction == "0." ? "0" : fraction)
    else { return nil }
    return isNegative ? -(Double(whole) + part) : Double(whole) + part
  }

  /// `190:20:30`: parts to the base of 60, at least two.
  private static func sixties(_ digits: String, first: UInt8?) -> Int? {
    let parts = digits.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count > 1, let first, (0x31...0x39).contains(first) else { return nil }
    var value = 0
    for (index, part) in parts.enumerated() {
      guard !part.isEmpty, part.utf8.allSatisfy(isDigit), let number = Int(part),
        index == 0 || (part.utf8.count <= 2 && number < 60)
      else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 60)
      let (sum, overflows) = product.addingReportingOverflow(number)
      if overflow || overflows { return nil }
      value = sum
    }
    return value
  }

  private static func isSign(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
  }

  static func isHexadecimal(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { isDigit($0) || (0x61...0x66).contains($0 | 0x20) }
  }

  /// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
  static func isDecimal(_ text: String) -> Bool {
    var rest = Substring(text).utf8
    func skip(_ matches: (UInt8) -> Bool) -> Bool {
      guard let byte = rest.first, matches(byte) else { return false }
      rest = rest.dropFirst()
      return true
    }
    func skipDigits() -> Bool {
      let count = rest.count
      rest = rest.drop(while: isDigit)
      return rest.count < count
    }
    _ = skip(isSign)
    let hasWhole = skipDigits()
    let hasFraction = skip { $0 == UInt8(ascii: ".") } && skipDigits()
    guard hasWhole || hasFraction else { return false }
    if skip({ $0 | 0x20 == UInt8(ascii: "e") }) {
      _ = skip(isSign)
      guard skipDigits() else { return false }
    }
    return rest.isEmpty
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
