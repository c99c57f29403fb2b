// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The scalars of YAML 1.2.2's core schema (§10.3.2), and `_` between digits, as Python's YAML reads
// it. Swift's own readers take more (`nan`, `0x1p3`) and less (`0x10`), so the shapes are checked
// here first.

extension Bool {
  init?(yaml text: String) {
    switch text {
    case "true", "True", "TRUE": self = true
    case "false", "False", "FALSE": self = false
    default: return nil
    }
  }
}

extension Int {
  /// `12`, `+12`, `-1_000`, `0x1F`, `0o17`; `nil` beyond the range of `Int`, too.
  init?(yaml text: String) {
    if let digits = YAMLNumber.wholeDigits(text) {
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
  /// A whole number as above, or one with a point or exponent: `.5`, `1.`, `+1e3`, `-2.5E-7`. It is
  /// infinite beyond the range of `Double`.
  init?(yaml text: String) {
    if let digits = YAMLNumber.wholeDigits(text) {
      self.init(digits)
    } else if let whole = Int(yaml: text) {
      self.init(whole)
    } else if YAMLNumber.isDecimal(text) {
      self.init(text)
    } else {
      return nil
    }
  }
}

/// The shapes of numbers in YAML.
enum YAMLNumber {
  /// The digits of a decimal whole number as JSON writes them: without `+`, `_` and leading zeros.
  static func wholeDigits(_ text: String) -> String? {
    var digits: [UInt8] = []
    var isAfterDigit = false
    var body = Substring(text).utf8
    if let sign = body.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      body = body.dropFirst()
    }
    for byte in body {
      if isDigit(byte) {
        if digits == [0x30] { digits = [] }
        digits.append(byte)
        isAfterDigit = true
      } else if byte == UInt8(ascii: "_"), isAfterDigit {
        isAfterDigit = false
      } else {
        return nil
      }
    }
    guard isAfterDigit else { return nil }
    let sign = text.utf8.first == UInt8(ascii: "-") && digits != [0x30] ? "-" : ""
    return sign + String(decoding: digits, as: UTF8.self)
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
    func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") }
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
