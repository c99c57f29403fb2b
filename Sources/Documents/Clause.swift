// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension String {
  /// The text without white space and the full stop at its end, to stand inside a longer sentence.
  ///
  /// Reasons that come from a library, the system or another diagnosis often are sentences of
  /// their own. An ellipsis stays.
  package var clause: String {
    var text = self[...]
    while text.last?.isWhitespace == true { text.removeLast() }
    let stops = text.reversed().prefix { $0 == "." }.count
    return String(stops < 3 ? text.dropLast(stops) : text)
  }

  /// The text with one full stop where it ends in two: a reason brought its own.
  var endingOnce: String {
    hasSuffix("..") && !hasSuffix("...") ? String(dropLast()) : self
  }
}
