// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Runs

/// Shows windows of a training: what is trained in green, what is trained with less weight in
/// yellow, what is only read in grey. Where there are no colours, trained text stands in brackets,
/// `[so]`, and text of another weight behind its number, `{0.1:so}`.
struct WindowPrinter {
  private let isStyled: Bool

  init(_ style: TerminalStyle) { isStyled = style.isStyled }

  /// A window, with a line before each of its texts; ends with a newline.
  func text(_ window: WindowDescription, title: String) -> String {
    let tokens = window.tokens
    let trained = tokens.count(where: \.isTrained)
    let padding = tokens.count(where: \.isPadding)
    var lines =
      "\(title): \(tokens.count) tokens, \(trained) trained, \(padding) padding\n"
    var start = 0
    while start < tokens.count {
      let segment = tokens[start].segment
      var end = start
      while end < tokens.count, tokens[end].segment == segment { end += 1 }
      let part = tokens[start..<end]
      if part.allSatisfy(\.isPadding) {
        lines += "── padding × \(part.count)\n"
      } else {
        let source = tokens[start].source.map { " · \($0)" } ?? ""
        let weights = part.count(where: \.isTrained)
        lines += "── segment \(segment)\(source) · \(part.count) tokens, \(weights) trained\n"
        lines += body(part) + "\n"
      }
      start = end
    }
    return lines
  }

  /// Neighbouring tokens of one weight together.
  private func body(_ tokens: ArraySlice<WindowDescription.Token>) -> String {
    var result = ""
    var run = ""
    var weight = 0.0
    func close() {
      guard !run.isEmpty else { return }
      result += marked(run, weight)
      run = ""
    }
    for token in tokens {
      let own = token.weight ?? 0
      if own != weight { close() }
      weight = own
      run += visible(token.text)
    }
    close()
    return result
  }

  private func marked(_ text: String, _ weight: Double) -> String {
    if isStyled {
      let code = weight >= 1 ? "32" : weight > 0 ? "33" : "2"
      // Colours end at a line's end, or terminals colour what comes after.
      return text.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.isEmpty ? "" : "\u{1B}[\(code)m\($0)\u{1B}[0m" }.joined(separator: "\n")
    }
    if weight == 0 { return text }
    return weight == 1 ? "[\(text)]" : "{\(number(weight)):\(text)}"
  }

  private func number(_ weight: Double) -> String {
    let rounded = (weight * 1000).rounded() / 1000
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  /// Controls would move the cursor or hide: they are shown by their names.
  private func visible(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 10: result += "⏎\n"
      case 9: result += "⇥"
      case 0..<32, 127...159: result += "<0x\(String(scalar.value, radix: 16, uppercase: true))>"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
