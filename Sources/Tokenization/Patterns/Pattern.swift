// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What `Split` and `Replace` look for: a text, or a regular expression.
///
/// **Departs** from Hugging Face tokenizers, whose expressions run on Oniguruma: see
/// ``PatternTranslation``.
struct Pattern: Sendable {
  /// As tokenizer.json has it: `{"String": …}` or `{"Regex": …}`.
  let json: JSON
  private let engine: Engine

  private enum Engine: Sendable {
    case text([UInt8])
    case regex(RegularExpression)
  }

  init(_ reader: inout ComponentReader) throws(TokenizationError) {
    guard let json = reader.value("pattern") else {
      throw reader.missing("pattern", "an object with `String` or `Regex`")
    }
    self.json = json
    if let text = json["String"]?.string, json.object?.count == 1, !text.isEmpty {
      engine = .text(Array(text.utf8))
    } else if let text = json["Regex"]?.string ?? json["String"]?.string, json.object?.count == 1 {
      let path = "\(reader.path).pattern"
      let translated = try PatternTranslation.translate(
        text, path: path, origin: reader.origin)
      engine = .regex(
        try RegularExpression(translated, written: text, path: path, origin: reader.origin))
    } else {
      throw .wrongValue(
        path: "\(reader.path).pattern", expected: "an object with `String` or `Regex`",
        found: json.serialized(), origin: reader.origin)
    }
  }

  /// A text to look for.
  init(text: String) {
    json = ["String": .string(text)]
    engine = .text(Array(text.utf8))
  }

  /// An expression that we wrote, in the syntax that both engines share.
  init(regex: String) throws(TokenizationError) {
    json = ["Regex": .string(regex)]
    let translated = try PatternTranslation.translate(regex, path: "pattern", origin: "tokenizer")
    engine = .regex(
      try RegularExpression(translated, written: regex, path: "pattern", origin: "tokenizer"))
  }

  /// The bytes of the shortest match; 1 for any expression, also one that matches nothing at all.
  var shortestMatch: Int {
    if case .text(let wanted) = engine { max(1, wanted.count) } else { 1 }
  }

  /// All matches in valid UTF-8, from left to right, without overlap; indices are the slice's.
  func matches(in text: ArraySlice<UInt8>) -> [Range<Int>] {
    // Hugging Face looks for nothing in an empty text, not even for an empty match.
    guard !text.isEmpty else { return [] }
    switch engine {
    case .text(let wanted): return find(wanted, in: text)
    case .regex(let expression): return expression.matches(in: text)
    }
  }

  private func find(_ wanted: [UInt8], in text: ArraySlice<UInt8>) -> [Range<Int>] {
    var result: [Range<Int>] = []
    guard let first = wanted.first else { return result }
    var position = text.startIndex
    let last = text.endIndex - wanted.count
    while position <= last {
      if text[position] == first, text[position...].starts(with: wanted) {
        result.append(position..<position + wanted.count)
        position += wanted.count
      } else {
        position += 1
      }
    }
    return result
  }

  /// The text with every match replaced.
  func replacing(_ text: String, with content: String) -> String {
    let bytes = Array(text.utf8)
    let matches = matches(in: bytes[...])
    guard !matches.isEmpty else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var start = 0
    for match in matches {
      result += bytes[start..<match.lowerBound]
      result += content.utf8
      start = match.upperBound
    }
    result += bytes[start...]
    return String(decoding: result, as: UTF8.self)
  }
}
