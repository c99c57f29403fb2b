// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Split`: cuts at a regular expression or a text.
///
/// The expressions of ``SplitPattern`` are matched by hand, any other through PCRE2: see
/// ``Pattern``.
struct SplitPreTokenizer: PreTokenizer {
  static let typeName = "Split"
  let matcher: Matcher
  let behavior: SplitBehavior
  /// Whether matches and what lies between them change roles.
  let isInverted: Bool

  enum Matcher: Sendable {
    /// Matches every scalar somewhere.
    case known(SplitPattern)
    case other(Pattern)
  }

  init(_ pattern: SplitPattern) {
    matcher = .known(pattern)
    behavior = .isolated
    isInverted = false
  }

  /// The words are what `expression` matches, and what lies between two matches.
  init(expression: String) throws(TokenizationError) {
    try self.init(
      json: [
        "type": .string(Self.typeName), "pattern": ["Regex": .string(expression)],
        "behavior": .string(SplitBehavior.isolated.rawValue), "invert": false,
      ], path: "pre_tokenizer", origin: "the tokenizer to be trained")
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    behavior = try SplitBehavior(&reader, default: nil)
    isInverted = try reader.bool("invert", default: false)
    let written = reader.value("pattern")
    // A known pattern leaves nothing between its matches, so two spellings of the format mean the
    // same: isolate the matches, or remove what does not match.
    if let regex = written?["Regex"]?.string, let pattern = SplitPattern(rawValue: regex),
      (behavior, isInverted) == (.isolated, false) || (behavior, isInverted) == (.removed, true)
    {
      matcher = .known(pattern)
    } else {
      matcher = .other(try Pattern(&reader))
    }
    try reader.finish()
  }

  var json: JSON {
    let pattern: JSON =
      switch matcher {
      case .known(let pattern): ["Regex": .string(pattern.rawValue)]
      case .other(let pattern): pattern.json
      }
    return [
      "type": .string(Self.typeName), "pattern": pattern, "behavior": .string(behavior.rawValue),
      "invert": .bool(isInverted),
    ]
  }

  func apply(to text: inout PreTokenizedText) {
    switch matcher {
    case .known(let pattern): text.split(pattern)
    case .other(let pattern):
      text.cut { bytes, word, keep in
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var start = word.lowerBound
        for match in pattern.matches(in: bytes[word]) {
          if start < match.lowerBound { parts.append((start..<match.lowerBound, isInverted)) }
          parts.append((match, !isInverted))
          start = match.upperBound
        }
        if start < word.upperBound { parts.append((start..<word.upperBound, isInverted)) }
        behavior.words(parts, keep)
      }
    }
  }
}
