// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// WordPiece: the longest token that the word begins with, then the longest that the rest begins
/// with, each after the first spelled with a prefix (`##`); a word that cannot be cut so, or is too
/// long, is the unknown token.
///
/// **Source**: Devlin et al. 2019, arXiv:1810.04805. **Departs**: nothing.
struct WordPieceModel: TokenModel {
  static let typeName = "WordPiece"

  let unknown: String
  let continuingPrefix: String
  /// Words of more scalars are unknown.
  let longestWord: Int
  let vocabulary: Vocabulary

  private let unknownID: Int32
  private let heads: ByteTrie
  /// Without their prefix.
  private let tails: ByteTrie

  init(
    vocabulary: Vocabulary, unknownToken: String, continuingPrefix: String, longestWord: Int,
    origin: String
  ) throws(TokenizationError) {
    guard let id = vocabulary.ownID(of: unknownToken) else {
      throw .unknownSpecialToken(role: "model.unk_token", token: unknownToken, origin: origin)
    }
    unknownID = id
    unknown = unknownToken
    self.continuingPrefix = continuingPrefix
    self.longestWord = longestWord
    self.vocabulary = vocabulary
    var heads = ByteTrie()
    var tails = ByteTrie()
    let prefix = Array(continuingPrefix.utf8)
    for id in vocabulary.ownIDs {
      let token = Array(vocabulary.tokens[Int(id)].utf8)
      heads.insert(token, value: id)
      if token.starts(with: prefix) { tails.insert(token.dropFirst(prefix.count), value: id) }
    }
    self.heads = heads
    self.tails = tails
  }

  var unknownToken: String? { unknown }

  func encode(_ word: ArraySlice<UInt8>, into ids: inout [Int32], scratch: inout ModelScratch) {
    let start = ids.count
    guard scalarCount(word) <= longestWord else {
      ids.append(unknownID)
      return
    }
    var position = word.startIndex
    while position < word.endIndex {
      let pieces = position == word.startIndex ? heads : tails
      guard let (id, end) = pieces.longest(in: word, at: position), !scratch.excluded.contains(id)
      else {
        ids.removeSubrange(start...)
        ids.append(unknownID)
        return
      }
      ids.append(id)
      position = end
    }
  }

  private func scalarCount(_ word: ArraySlice<UInt8>) -> Int {
    word.count <= longestWord
      ? word.count : word.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
  }

  func byteCount(of id: Int32, isFirst: Bool) -> Int? {
    if id == unknownID { return nil }
    return vocabulary.tokens[Int(id)].utf8.count - (isFirst ? 0 : continuingPrefix.utf8.count)
  }

  /// The model's part of tokenizer.json.
  struct Description: TokenModelDescription {
    var entries: [(token: String, id: Int)]
    var unknownToken: String
    var continuingPrefix: String
    var longestWord: Int

    func model(
      _ vocabulary: Vocabulary, origin: String
    ) throws(TokenizationError) -> any TokenModel {
      try WordPieceModel(
        vocabulary: vocabulary, unknownToken: unknownToken, continuingPrefix: continuingPrefix,
        longestWord: longestWord, origin: origin)
    }
  }

  static func describe(
    _ reader: inout ComponentReader
  ) throws(TokenizationError) -> Description {
    let entries = try Models.entries(&reader)
    let unknown = try reader.requiredString("unk_token")
    let prefix = try reader.requiredString("continuing_subword_prefix")
    let longest = try reader.count("max_input_chars_per_word", default: nil)
    return Description(
      entries: entries, unknownToken: unknown, continuingPrefix: prefix, longestWord: longest)
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "unk_token": .string(unknown),
      "continuing_subword_prefix": .string(continuingPrefix),
      "max_input_chars_per_word": JSON(longestWord), "vocab": Models.json(vocabulary),
    ]
  }
}
