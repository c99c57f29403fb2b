// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The stage after the model, which may add special tokens around a text.
///
/// ``Tokenizer/encode(_:)`` adds none, so only processors that never add any are read.
protocol PostProcessor: TokenizerComponent {
  init(json: JSON, path: String, origin: String) throws(TokenizationError)
}

/// The post-processors this version can do.
enum PostProcessors {
  static let all: [any PostProcessor.Type] = [ByteLevelPostProcessor.self]

  static func read(
    _ json: JSON, path: String, origin: String
  ) throws(TokenizationError) -> any PostProcessor {
    let name = try ComponentReader(json, path: path, origin: origin).type()
    let type = try componentType(
      named: name, in: all.map { ($0.typeName, $0) }, path: path, origin: origin)
    return try type.init(json: json, path: path, origin: origin)
  }
}

/// `ByteLevel`: trims white space from offsets, leaves the ids as they are.
struct ByteLevelPostProcessor: PostProcessor {
  static let typeName = "ByteLevel"
  let json: JSON

  init() {
    json = [
      "type": .string(Self.typeName), "add_prefix_space": false, "trim_offsets": true,
      "use_regex": true,
    ]
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    _ = try reader.bool("add_prefix_space", default: true)
    _ = try reader.bool("trim_offsets", default: true)
    _ = try reader.bool("use_regex", default: true)
    try reader.finish()
    self.json = json
  }
}
