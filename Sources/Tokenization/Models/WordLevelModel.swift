// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// WordLevel: every word is a token, or the unknown one.
struct WordLevelModel: TokenModel {
  static let typeName = "WordLevel"

  let unknown: String
  let vocabulary: Vocabulary
  private let unknownID: Int32?

  /// - Parameter unknownToken: where it is no token itself, unknown words are dropped; Hugging Face
  ///   tokenizers fail there.
  init(vocabulary: Vocabulary, unknownToken: String) {
    unknown = unknownToken
    unknownID = vocabulary.ownID(of: unknownToken)
    self.vocabulary = vocabulary
  }

  var unknownToken: String? { unknownID.map { vocabulary.tokens[Int($0)] } }

  func encode(_ word: ArraySlice<UInt8>, into ids: inout [Int32], scratch: inout ModelScratch) {
    let known = vocabulary.ownID(of: word).flatMap { scratch.excluded.contains($0) ? nil : $0 }
    if let id = known ?? unknownID { ids.append(id) }
  }

  /// The model's part of tokenizer.json.
  struct Description: TokenModelDescription {
    var entries: [(token: String, id: Int)]
    var unknownToken: String

    func model(
      _ vocabulary: Vocabulary, origin: String
    ) throws(TokenizationError) -> any TokenModel {
      WordLevelModel(vocabulary: vocabulary, unknownToken: unknownToken)
    }
  }

  static func describe(
    _ reader: inout ComponentReader
  ) throws(TokenizationError) -> Description {
    let entries = try Models.entries(&reader)
    return Description(entries: entries, unknownToken: try reader.requiredString("unk_token"))
  }

  var json: JSON {
    [
      "type": .string(Self.typeName), "vocab": Models.json(vocabulary),
      "unk_token": .string(unknown),
    ]
  }
}
