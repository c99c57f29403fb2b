// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `WhitespaceSplit`: cuts at white space, which is dropped.
struct WhitespaceSplit: PreTokenizer {
  static let typeName = "WhitespaceSplit"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func apply(to text: inout PreTokenizedText) {
    text.split(.removed, where: ScalarSets.isWhiteSpace)
  }
}

/// `Whitespace`: runs of word characters and runs of what is neither such nor white space
/// (`\w+|[^\w\s]+`).
struct WhitespacePreTokenizer: PreTokenizer {
  static let typeName = "Whitespace"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  private enum Kind { case word, space, other }

  private func kind(_ value: UInt32) -> Kind {
    if ScalarSets.isWord(value) { return .word }
    return ScalarSets.isWhiteSpace(value) ? .space : .other
  }

  func apply(to text: inout PreTokenizedText) {
    text.cut { bytes, word, keep in
      var start = word.lowerBound
      var current = Kind.space
      var position = start
      while position < word.upperBound {
        let (value, length) = decodeScalar(bytes, at: position)
        let next = kind(value)
        if next != current {
          if current != .space { keep(start..<position) }
          start = position
          current = next
        }
        position += length
      }
      if current != .space { keep(start..<word.upperBound) }
    }
  }
}
