// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What both trainers check and write.
enum TrainedTokenizer {
  static let origin = "the trained tokenizer"
  /// The tokens of the bytes in vocabularies that fall back to bytes.
  static let byteTokens = (UInt8.min...UInt8.max).map(ByteTokens.token)

  static func check(
    specialTokens: [String], roles: Tokenizer.Roles
  ) throws(TokenizationError) {
    var seen = ByteTable()
    for token in specialTokens {
      guard !token.isEmpty, seen.intern(Array(token.utf8)[...]).isNew else {
        throw .trainingSetting(
          name: "specialTokens", value: "\(specialTokens)",
          expected: "different texts that are not empty")
      }
    }
    for role in [roles.bos, roles.eos, roles.pad, roles.unk] {
      if let role, seen.find(role) == nil {
        throw .trainingSetting(
          name: "roles", value: "`\(role)`", expected: "one of the special tokens")
      }
    }
  }

  static func check(size: Int, least: Int, needs: String) throws(TokenizationError) {
    guard size >= least, size <= Int(Int32.max) else {
      throw .trainingSetting(
        name: "vocabularySize", value: "\(size)", expected: "at least \(least), \(needs)")
    }
  }

  static func check(coverage: Double) throws(TokenizationError) {
    guard coverage > 0, coverage <= 1 else {
      throw .trainingSetting(
        name: "coverage", value: "\(coverage)", expected: "above 0 and at most 1")
    }
  }

  /// Read as any tokenizer.json is, so what was trained is what a file of it does.
  static func assemble(
    model: JSON, normalizer: JSON, preTokenizer: JSON, decoder: JSON, specialTokens: [String],
    roles: Tokenizer.Roles
  ) throws(TokenizationError) -> Tokenizer {
    let added = specialTokens.enumerated().map {
      AddedToken(special: $0.element).json(id: $0.offset)
    }
    return try Tokenizer(
      json: [
        "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
        "normalizer": normalizer, "pre_tokenizer": preTokenizer, "post_processor": .null,
        "decoder": decoder, "model": model,
      ], roles: roles, origin: origin)
  }

  /// A text begins with `▁`, which also stands for every space.
  static func metaspaceNormalizer(replacesSpaces: Bool) -> JSON {
    var members: [JSON] = [
      ["type": "NFC"], ["type": "Prepend", "prepend": "\u{2581}"],
    ]
    if replacesSpaces {
      members.append(["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"])
    }
    return ["type": "Sequence", "normalizers": .array(members)]
  }

  /// The way back: bytes to characters, `▁` to spaces, without the space at the beginning.
  static let metaspaceDecoder: JSON = [
    "type": "Sequence",
    "decoders": [
      ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "],
      ["type": "ByteFallback"], ["type": "Fuse"],
      ["type": "Strip", "content": " ", "start": 1, "stop": 0],
    ],
  ]
}
