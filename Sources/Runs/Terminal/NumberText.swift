// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Numbers as text, the same in every locale.
package enum NumberText {
  /// Fixed decimals with a true minus sign (U+2212); "–" for what is not finite. `signed` also
  /// writes "+"; what rounds to zero has no sign.
  package static func fixed(_ value: Double, _ digits: Int, signed: Bool = false) -> String {
    guard value.isFinite else { return "–" }
    let text = String(format: "%.\(digits)f", abs(value))
    if !text.contains(where: { ("1"..."9").contains($0) }) { return text }
    return (value < 0 ? "−" : signed ? "+" : "") + text
  }

  /// "0.41 ±0.07": the value and half the width of its interval.
  package static func plusMinus(_ estimate: Estimate, _ digits: Int, signed: Bool = false) -> String
  {
    let value = fixed(estimate.value, digits, signed: signed)
    guard estimate.value.isFinite, let interval = estimate.interval else { return value }
    return "\(value) ±\(fixed(interval.halfWidth, digits))"
  }

  /// "0.34–0.48"; with "to" where an end is negative: "−0.02 to 0.12".
  package static func range(_ interval: Interval, _ digits: Int) -> String {
    let low = fixed(interval.low, digits)
    let high = fixed(interval.high, digits)
    return interval.low < 0 || interval.high < 0 ? "\(low) to \(high)" : "\(low)–\(high)"
  }

  /// Three significant digits with k, M, G, T: "950", "12.3k", "1.20M".
  package static func count(_ value: Int) -> String {
    count(Double(value))
  }

  /// The same, also where a number is too large for an `Int`.
  static func count(_ value: Double) -> String {
    scaled(value, base: 1000, units: ["", "k", "M", "G", "T"])
  }

  /// `digits` significant digits: "0.0120", "12.3", "1230"; with a power of ten, "1.2e−7", below a
  /// thousandth and from a million on; `isShort` leaves zeros at the end out. "–" for what is not
  /// finite.
  package static func significant(
    _ value: Double, _ digits: Int = 3, isShort: Bool = false
  ) -> String {
    guard value.isFinite else { return "–" }
    if value == 0 { return "0" }
    let scientific = String(format: "%.\(digits - 1)e", abs(value))
    let parts = scientific.split(separator: "e")
    let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
    func trimmed(_ text: String) -> String {
      guard isShort, text.contains(".") else { return text }
      var text = text
      while text.last == "0" { text.removeLast() }
      if text.last == "." { text.removeLast() }
      return text
    }
    let sign = value < 0 ? "−" : ""
    guard -3...5 ~= exponent else {
      return sign + trimmed(String(parts[0])) + "e" + (exponent < 0 ? "−" : "")
        + String(exponent.magnitude)
    }
    // Through the rounded text, so that 9.996 is 10, not 10.0.
    let rounded = Double(scientific) ?? abs(value)
    return sign + trimmed(String(format: "%.\(max(0, digits - 1 - exponent))f", rounded))
  }

  /// Bytes in powers of ten: "950 B", "12.3 kB", "1.20 GB".
  package static func bytes(_ value: Int) -> String {
    scaled(Double(value), base: 1000, units: [" B", " kB", " MB", " GB", " TB"])
  }

  static func scaled(_ value: Double, base: Double, units: [String]) -> String {
    guard value.isFinite else { return "–" }
    var size = abs(value)
    var unit = 0
    // 999.5 would print as 1000.
    while unit < units.count - 1, size >= base - 0.5 {
      size /= base
      unit += 1
    }
    let whole = unit == 0 && size.rounded() == size
    let digits = whole || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2
    return (value < 0 ? "−" : "") + String(format: "%.\(digits)f", size) + units[unit]
  }

  /// "0.4s", "42s", "3m05s", "2h07m", "3d04h"; "–" for what is not finite or negative.
  package static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    if seconds < 9.95 { return String(format: "%.1fs", seconds) }
    let total = Int(seconds.rounded())
    if total < 60 { return "\(total)s" }
    let pair = { (a: Int, b: Int, units: (String, String)) in
      "\(a)\(units.0)" + (b < 10 ? "0" : "") + "\(b)\(units.1)"
    }
    if total < 3600 { return pair(total / 60, total % 60, ("m", "s")) }
    if total < 86_400 { return pair(total / 3600, total % 3600 / 60, ("h", "m")) }
    return pair(total / 86_400, total % 86_400 / 3600, ("d", "h"))
  }

  /// Digits in groups of three, as for people: "12,345,678".
  package static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "−" : "") + text
  }
}
