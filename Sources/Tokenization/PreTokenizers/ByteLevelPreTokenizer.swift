// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `ByteLevel`: splits with GPT-2's pattern unless told otherwise, then writes every byte as a
/// printable character, so that no text is ever unknown.
struct ByteLevelPreTokenizer: PreTokenizer {
  static let typeName = "ByteLevel"
  /// Whether GPT-2's pattern is applied first.
  let usesRegex: Bool
  /// Concerns offsets only; kept for writing.
  let trimsOffsets: Bool

  init(usesRegex: Bool) {
    self.usesRegex = usesRegex
    trimsOffsets = true
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    // The format's own default is true, so absence is as unsupported as true.
    guard try !reader.bool("add_prefix_space", default: true) else {
      throw reader.unsupported("add_prefix_space", found: "true", supported: ["false"])
    }
    usesRegex = try reader.bool("use_regex", default: true)
    trimsOffsets = try reader.bool("trim_offsets", default: true)
    try reader.finish()
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "add_prefix_space": false,
      "trim_offsets": .bool(trimsOffsets), "use_regex": .bool(usesRegex),
    ]
  }

  func apply(to text: inout PreTokenizedText) {
    if usesRegex { text.split(.gpt2) }
    text.mapBytes()
  }
}
