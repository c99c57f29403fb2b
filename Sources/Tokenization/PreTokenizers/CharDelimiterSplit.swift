// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `CharDelimiterSplit`: cuts at one character, which is dropped.
struct CharDelimiterSplit: PreTokenizer {
  static let typeName = "CharDelimiterSplit"
  let delimiter: Unicode.Scalar

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    delimiter = try reader.scalar("delimiter")
    try reader.finish()
  }

  var json: JSON {
    ["type": .string(Self.typeName), "delimiter": .string(String(delimiter))]
  }

  func apply(to text: inout PreTokenizedText) {
    text.split(.removed) { $0 == delimiter.value }
  }
}
