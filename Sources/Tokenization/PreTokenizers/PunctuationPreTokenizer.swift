// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Punctuation`: cuts at every punctuation mark.
struct PunctuationPreTokenizer: PreTokenizer {
  static let typeName = "Punctuation"
  let behavior: SplitBehavior

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    behavior = try SplitBehavior(&reader, default: .isolated)
    try reader.finish()
  }

  var json: JSON {
    ["type": .string(Self.typeName), "behavior": .string(behavior.rawValue)]
  }

  func apply(to text: inout PreTokenizedText) {
    text.split(behavior, where: ScalarSets.isPunctuation)
  }
}

/// `BertPreTokenizer`: cuts at white space, which is dropped, and around every punctuation mark.
struct BertPreTokenizer: PreTokenizer {
  static let typeName = "BertPreTokenizer"

  init() {}

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func apply(to text: inout PreTokenizedText) {
    text.split(.removed, where: ScalarSets.isWhiteSpace)
    text.split(.isolated, where: ScalarSets.isPunctuation)
  }
}
