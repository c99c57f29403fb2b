// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the place we print to can show.
public struct TerminalStyle: Sendable, Equatable {
  /// Whether to send colours and bold.
  public var isStyled: Bool
  /// Whether lines may be redrawn.
  public var isTerminal: Bool
  /// Cells in a line.
  public var width: Int

  public init(isStyled: Bool = false, isTerminal: Bool = false, width: Int = 80) {
    self.isStyled = isStyled
    self.isTerminal = isTerminal
    self.width = width
  }

  /// Looks at a file descriptor (1 stdout, 2 stderr) and the environment.
  ///
  /// Styled: a terminal whose `TERM` is not "dumb", and `NO_COLOR` unset or empty
  /// (no-color.org). Width: the terminal's, else `COLUMNS`, else 80 on a terminal and 120 in a
  /// file or pipe; at least 20.
  public static func detect(
    descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> TerminalStyle {
    let isTerminal = isatty(descriptor) == 1
    var size = winsize()
    let known = isTerminal && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return resolve(
      isTerminal: isTerminal, columns: known ? Int(size.ws_col) : nil, environment: environment)
  }

  /// The rules of `detect` without the system.
  static func resolve(
    isTerminal: Bool, columns: Int?, environment: [String: String]
  ) -> TerminalStyle {
    let allowed = (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    let width = columns ?? environment["COLUMNS"].flatMap { Int($0) } ?? (isTerminal ? 80 : 120)
    return TerminalStyle(
      isStyled: isTerminal && allowed,
      isTerminal: isTerminal && environment["TERM"] != "dumb", width: max(20, width))
  }

  /// How a cell stands out; nothing but these, so that both themes of a terminal stay readable.
  package enum Emphasis: String, Sendable {
    case plain = ""
    case bold = "1"
    case faint = "2"
    case good = "32"
    case bad = "31"
  }

  /// A sentence or two for people, broken between words at the width; ends with a newline.
  package func paragraph(_ text: String, _ emphasis: Emphasis = .plain) -> String {
    DisplayWidth.wrapped(text, to: width).map { apply(emphasis, to: $0) + "\n" }.joined()
  }

  package func apply(_ emphasis: Emphasis, to text: String) -> String {
    guard isStyled, emphasis != .plain, !text.isEmpty else { return text }
    return "\u{1B}[\(emphasis.rawValue)m\(text)\u{1B}[0m"
  }
}
