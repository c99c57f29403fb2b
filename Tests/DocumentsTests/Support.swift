// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The three lines of the error that `body` throws; empty when it throws none.
func lines(of body: () throws(DocumentError) -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return error.description
  }
}

/// The problem and place of a syntax error; empty when the text parses.
func problem(_ parse: () throws(DocumentError) -> Void) -> String {
  do {
    try parse()
    return ""
  } catch {
    guard case .syntax(_, let position, let problem) = error else { return error.description }
    return "\(position): \(problem)"
  }
}
