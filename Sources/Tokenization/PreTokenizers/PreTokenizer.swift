// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The second stage: cuts the text into words, which the model then never joins.
///
/// Adding one: a type in this folder and a line in ``PreTokenizers/all``.
protocol PreTokenizer: TokenizerComponent {
  init(json: JSON, path: String, origin: String) throws(TokenizationError)
  /// Cuts or rewrites the words of `text`.
  func apply(to text: inout PreTokenizedText)
  /// Whether it matters where the text begins.
  var dependsOnStart: Bool { get }
}

extension PreTokenizer {
  var dependsOnStart: Bool { false }
}

/// The pre-tokenizers this version can do.
enum PreTokenizers {
  static let all: [any PreTokenizer.Type] = [
    BertPreTokenizer.self, ByteLevelPreTokenizer.self, CharDelimiterSplit.self,
    DigitsPreTokenizer.self, FixedLengthPreTokenizer.self, MetaspacePreTokenizer.self,
    PunctuationPreTokenizer.self, PreTokenizerSequence.self, SplitPreTokenizer.self,
    UnicodeScriptsPreTokenizer.self, WhitespacePreTokenizer.self, WhitespaceSplit.self,
  ]

  static func read(
    _ json: JSON, path: String, origin: String
  ) throws(TokenizationError) -> any PreTokenizer {
    let name = try ComponentReader(json, path: path, origin: origin).type()
    let type = try componentType(
      named: name, in: all.map { ($0.typeName, $0) }, path: path, origin: origin)
    return try type.init(json: json, path: path, origin: origin)
  }
}

/// Pre-tokenizers one after the other, each cutting the words of the one before.
struct PreTokenizerSequence: PreTokenizer {
  static let typeName = "Sequence"
  let members: [any PreTokenizer]

  init(_ members: [any PreTokenizer]) { self.members = members }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    var members: [any PreTokenizer] = []
    for (index, member) in try reader.array("pretokenizers").enumerated() {
      let place = "\(path).pretokenizers[\(index)]"
      members.append(try PreTokenizers.read(member, path: place, origin: origin))
    }
    try reader.finish()
    self.members = members
  }

  var json: JSON {
    ["type": .string(Self.typeName), "pretokenizers": JSON(members.map(\.json))]
  }

  var dependsOnStart: Bool { members.contains { $0.dependsOnStart } }

  func apply(to text: inout PreTokenizedText) {
    for member in members { member.apply(to: &text) }
  }
}
