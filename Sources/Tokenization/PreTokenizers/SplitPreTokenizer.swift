// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `Split` with a regular expression of ``SplitPattern``, every match a word.
///
/// The format has two spellings of this for a pattern that matches everything: behavior
/// `Isolated`, and `Removed` with `invert` (remove what does not match: nothing).
struct SplitPreTokenizer: PreTokenizer {
  static let typeName = "Split"
  let pattern: SplitPattern
  let isInverted: Bool

  init(_ pattern: SplitPattern) {
    self.pattern = pattern
    isInverted = false
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    guard let written = reader.value("pattern"), written.object != nil else {
      throw .wrongValue(
        path: "\(path).pattern", expected: "an object with `Regex`",
        found: json["pattern"]?.kindName ?? "nothing", origin: origin)
    }
    guard let regex = written["Regex"]?.string, let pattern = SplitPattern(rawValue: regex) else {
      throw reader.unsupported(
        "pattern", found: written.serialized(),
        supported: SplitPattern.allCases.map { "the regular expression \($0.rawValue)" })
    }
    let behavior = try reader.string("behavior") ?? "nothing"
    let isInverted = try reader.bool("invert", default: false)
    guard
      (behavior, isInverted) == ("Isolated", false) || (behavior, isInverted) == ("Removed", true)
    else {
      throw reader.unsupported(
        "behavior", found: "`\(behavior)` with invert \(isInverted)",
        supported: ["`Isolated` with invert false", "`Removed` with invert true"])
    }
    try reader.finish()
    self.pattern = pattern
    self.isInverted = isInverted
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "pattern": ["Regex": .string(pattern.rawValue)],
      "behavior": isInverted ? "Removed" : "Isolated", "invert": .bool(isInverted),
    ]
  }

  func apply(to text: inout PreTokenizedText) { text.split(pattern) }
}
