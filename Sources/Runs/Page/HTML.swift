// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Markup in which only literals are markup: whatever is interpolated as `String` is escaped, so
/// a label, a sample or a recipe cannot become an element or leave its attribute.
///
///     let cell: HTML = "<td title=\"\(note)\">\(name)</td>"
///
/// Serves HTML and SVG alike. Attribute values are always in double quotes.
package struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
  /// The markup.
  package private(set) var text: String

  /// Nothing.
  package init() { text = "" }
  /// For the compiler, which calls it with literals; never call it with a value.
  package init(stringLiteral value: String) { text = value }
  package init(stringInterpolation interpolation: Interpolation) { text = interpolation.text }

  /// One after the other.
  package init(joining parts: some Sequence<HTML>, separator: HTML = HTML()) {
    text = parts.map(\.text).joined(separator: separator.text)
  }

  /// Appends markup.
  package static func += (left: inout HTML, right: HTML) { left.text += right.text }
  /// Whether there is nothing.
  package var isEmpty: Bool { text.isEmpty }

  /// A page that needs nothing else: its content security policy forbids all but its own styles and
  /// pictures that it holds itself.
  ///
  /// - Parameter main: the inside of `<main>`, ending in a newline.
  package static func page(title: String, version: String, style: HTML, main: HTML) -> HTML {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src \
    'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
    <meta name="viewport" content="width=device-width,initial-scale=1">
    <meta name="generator" content="Koine \(version)">
    <title>\(title)</title>
    <style>
    \(style)</style>
    </head>
    <body>
    <main>
    \(main)</main>
    </body>
    </html>

    """
  }

  /// Text as character data, good in elements and in quoted attributes; characters that neither
  /// HTML nor XML may hold become U+FFFD.
  package static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case "'": result.append(contentsOf: "&#39;".unicodeScalars)
      case "\t", "\n": result.append(scalar)
      case "\r": result.append("\n")
      case "\0"..<" ", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": result.append("\u{FFFD}")
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// Collects literals as they are and values escaped.
  package struct Interpolation: StringInterpolationProtocol {
    var text = ""
    package init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + interpolationCount * 16)
    }
    /// Markup.
    package mutating func appendLiteral(_ literal: String) { text += literal }
    /// Text, escaped.
    package mutating func appendInterpolation(_ value: String) { text += HTML.escaped(value) }
    /// Markup made before.
    package mutating func appendInterpolation(_ value: HTML) { text += value.text }
    /// A whole number.
    package mutating func appendInterpolation(_ value: Int) { text += String(value) }
    /// A coordinate: at most two decimals, no exponent, nothing that depends on the locale.
    package mutating func appendInterpolation(_ value: Double) { text += HTML.coordinate(value) }
  }

  static func coordinate(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "0" }
    let hundredths = Int((value * 100).rounded())
    let sign = hundredths < 0 ? "-" : ""
    let (whole, part) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
    if part == 0 { return "\(sign)\(whole)" }
    if part % 10 == 0 { return "\(sign)\(whole).\(part / 10)" }
    return "\(sign)\(whole).\(part < 10 ? "0" : "")\(part)"
  }
}
