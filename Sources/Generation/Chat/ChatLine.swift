// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A line of somebody who talks with a model: words, or a command that begins with a slash.
public enum ChatLine: Equatable, Sendable {
  public enum Command: String, CaseIterable, Sendable {
    case help, reset, system, save, exit
  }

  case said(String)
  /// A command and what follows it, without spaces around.
  case command(Command, String)
  /// A command that there is not, with its slash.
  case unknown(String)

  /// A line that begins with two slashes is said with one; `/quit` is `/exit`.
  public init(_ line: String) {
    guard line.hasPrefix("/") else {
      self = .said(line)
      return
    }
    if line.hasPrefix("//") {
      self = .said(String(line.dropFirst()))
      return
    }
    let name = line.prefix { !$0.isWhitespace }
    var rest = line[name.endIndex...].drop(while: \.isWhitespace)
    while rest.last?.isWhitespace ?? false { rest.removeLast() }
    let word = name.dropFirst().lowercased()
    guard let command = word == "quit" ? .exit : Command(rawValue: word) else {
      self = .unknown(String(name))
      return
    }
    self = .command(command, String(rest))
  }
}
