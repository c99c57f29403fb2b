// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Replace`: every match of a text or regular expression is written otherwise.
struct ReplaceNormalizer: Normalizer {
  static let typeName = "Replace"
  private let pattern: Pattern
  private let content: String

  init(_ text: String, with content: String) {
    pattern = Pattern(text: text)
    self.content = content
  }

  /// An expression of ours.
  init(regex: String, with content: String) throws(TokenizationError) {
    pattern = try Pattern(regex: regex)
    self.content = content
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    pattern = try Pattern(&reader)
    content = try reader.requiredString("content")
    try reader.finish()
  }

  var json: JSON {
    ["type": .string(Self.typeName), "pattern": pattern.json, "content": .string(content)]
  }

  func normalize(_ text: String) -> String { pattern.replacing(text, with: content) }

  var growth: Double { max(1, Double(content.utf8.count) / Double(pattern.shortestMatch)) }

  func dropsStart(of text: String) -> Bool {
    content.isEmpty
      && pattern.matches(in: Array(text.utf8)[...]).first.map { $0.lowerBound == 0 && !$0.isEmpty }
        ?? false
  }
}

/// `Prepend`: puts a text before one that is not empty.
struct PrependNormalizer: Normalizer {
  static let typeName = "Prepend"
  let prefix: String

  init(_ prefix: String) { self.prefix = prefix }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    prefix = try reader.requiredString("prepend")
    try reader.finish()
  }

  var json: JSON { ["type": .string(Self.typeName), "prepend": .string(prefix)] }

  func normalize(_ text: String) -> String { text.isEmpty ? text : prefix + text }

  var growth: Double { Double(1 + prefix.utf8.count) }
}

/// `Strip`: takes white space away from the ends.
struct StripNormalizer: Normalizer {
  static let typeName = "Strip"
  let stripsLeft: Bool
  let stripsRight: Bool

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    stripsLeft = try reader.bool("strip_left", default: true)
    stripsRight = try reader.bool("strip_right", default: true)
    try reader.finish()
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "strip_left": .bool(stripsLeft),
      "strip_right": .bool(stripsRight),
    ]
  }

  func normalize(_ text: String) -> String {
    var rest = text.unicodeScalars[...]
    if stripsLeft { rest = rest.drop { ScalarSets.isWhiteSpace($0.value) } }
    if stripsRight {
      while let last = rest.last, ScalarSets.isWhiteSpace(last.value) { rest.removeLast() }
    }
    return String(rest)
  }

  func dropsStart(of text: String) -> Bool {
    stripsLeft && text.unicodeScalars.first.map { ScalarSets.isWhiteSpace($0.value) } ?? false
  }
}
