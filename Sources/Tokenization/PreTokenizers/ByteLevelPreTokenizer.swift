// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `ByteLevel`: splits with GPT-2's pattern unless told otherwise, then writes every byte as a
/// printable character, so that no text is ever unknown.
struct ByteLevelPreTokenizer: PreTokenizer {
  static let typeName = "ByteLevel"
  /// Whether a space is put before every part that begins with none.
  let addsPrefixSpace: Bool
  /// Whether GPT-2's pattern is applied first.
  let usesRegex: Bool
  /// Concerns offsets only; kept for writing.
  let trimsOffsets: Bool

  init(usesRegex: Bool, addsPrefixSpace: Bool = false) {
    self.usesRegex = usesRegex
    self.addsPrefixSpace = addsPrefixSpace
    trimsOffsets = true
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    addsPrefixSpace = try reader.bool("add_prefix_space", default: true)
    usesRegex = try reader.bool("use_regex", default: true)
    trimsOffsets = try reader.bool("trim_offsets", default: true)
    try reader.finish()
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "add_prefix_space": .bool(addsPrefixSpace),
      "trim_offsets": .bool(trimsOffsets), "use_regex": .bool(usesRegex),
    ]
  }

  func apply(to text: inout PreTokenizedText) {
    if addsPrefixSpace {
      text.rewrite { word, _, output in
        if word.first != 0x20 { output.append(0x20, from: word.startIndex) }
        for index in word.indices { output.append(word[index], from: index) }
      }
    }
    if usesRegex { text.split(.gpt2) }
    text.mapBytes()
  }
}
