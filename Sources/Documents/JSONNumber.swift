// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A number as it stood in the text.
public struct JSONNumber: Equatable, Sendable {
  /// The digits as read, or the shortest that read back as the same value.
  public let text: String

  /// Trusts `text` to be a JSON number; the parser checks.
  package init(validated text: String) { self.text = text }

  /// A whole number.
  public init(_ value: Int) { text = String(value) }

  /// A finite number; whole values are written as `1.0`, so that they stay floats in Python.
  /// - Precondition: `value` is finite, because JSON has no other numbers.
  public init(_ value: Double) {
    precondition(value.isFinite, "JSON holds finite numbers only")
    text = value.description
  }

  /// The value, if it is whole and fits: `3`, `3.0` and `0.3e1` are 3.
  ///
  /// It is read from the digits, not through `Double`, which would take 9007199254740993.0 for
  /// its neighbour and 1.00000000000000000001 for 1.
  public var int: Int? {
    if let exact = Int(text) { return exact }
    let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) {
      $0 == "e" || $0 == "E"
    }
    let halves = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let isNegative = parts[0].hasPrefix("-")
    let fraction = halves.count > 1 ? halves[1] : ""
    var digits = Array((halves[0].drop { $0 == "-" } + fraction).utf8.drop { $0 == 0x30 })
    guard !digits.isEmpty else { return 0 }
    // A longer way than the digits and their zeros can go leads out of every whole number.
    guard let exponent = parts.count > 1 ? Int(parts[1]) : 0,
      exponent.magnitude <= text.utf8.count + 20
    else { return nil }
    // The value is `digits` · 10^zeros.
    var zeros = exponent - fraction.utf8.count
    while digits.last == 0x30 {
      digits.removeLast()
      zeros += 1
    }
    guard zeros >= 0, zeros < 19, digits.count + zeros <= 19 else { return nil }
    let text = String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: zeros)
    return Int((isNegative ? "-" : "") + text)
  }

  /// The value; beyond the range of `Double` it is infinite.
  public var double: Double { Double(text) ?? .nan }
}
