// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// English spaces that a tokenizer which cuts at punctuation leaves behind.
enum SpaceCleanup {
  private static let rules: [(pattern: Pattern, replacement: String)] = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { (Pattern(text: $0.0), $0.1) }

  /// The text with the rules applied one after the other; transformers has all but "do not".
  static func apply(_ text: String, contractsNegation: Bool = true) -> String {
    rules.reduce(text) { text, rule in
      contractsNegation || rule.replacement != " don't"
        ? rule.pattern.replacing(text, with: rule.replacement) : text
    }
  }
}

/// `WordPiece`: tokens with the prefix continue the word before, others begin one after a space.
struct WordPieceDecoder: TokenDecoder {
  static let typeName = "WordPiece"
  let prefix: String
  /// Whether ``SpaceCleanup`` is applied to every token.
  let cleansUp: Bool

  init(prefix: String, cleansUp: Bool) {
    self.prefix = prefix
    self.cleansUp = cleansUp
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    prefix = try reader.requiredString("prefix")
    cleansUp = try reader.bool("cleanup", default: true)
    try reader.finish()
  }

  var json: JSON {
    ["type": .string(Self.typeName), "prefix": .string(prefix), "cleanup": .bool(cleansUp)]
  }

  func texts(of tokens: [String]) -> [String] {
    tokens.enumerated().map { index, token in
      var text = token
      if index > 0 {
        let bytes = Array(token.utf8)
        text =
          bytes.starts(with: prefix.utf8)
          ? String(decoding: bytes.dropFirst(prefix.utf8.count), as: UTF8.self) : " " + token
      }
      return cleansUp ? SpaceCleanup.apply(text) : text
    }
  }
}

/// `CTC`: of equal neighbours one stays, padding goes, the delimiter between words becomes a space.
struct CTCDecoder: TokenDecoder {
  static let typeName = "CTC"
  let pad: String
  let delimiter: String
  let cleansUp: Bool

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    pad = try reader.requiredString("pad_token")
    delimiter = try reader.requiredString("word_delimiter_token")
    cleansUp = try reader.bool("cleanup", default: true)
    guard !pad.isEmpty, !delimiter.isEmpty else {
      throw reader.unsupported(
        pad.isEmpty ? "pad_token" : "word_delimiter_token", found: "empty",
        supported: ["a text that is not empty"])
    }
    try reader.finish()
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "pad_token": .string(pad),
      "word_delimiter_token": .string(delimiter), "cleanup": .bool(cleansUp),
    ]
  }

  func texts(of tokens: [String]) -> [String] {
    let (pad, delimiter) = (Pattern(text: pad), Pattern(text: delimiter))
    var result: [String] = []
    var last: [UInt8]?
    for token in tokens {
      let bytes = Array(token.utf8)
      guard bytes != last else { continue }
      last = bytes
      var text = pad.replacing(token, with: "")
      if cleansUp { text = delimiter.replacing(SpaceCleanup.apply(text), with: " ") }
      if !text.isEmpty { result.append(text) }
    }
    return result
  }
}
