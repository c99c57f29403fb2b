// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension BPEModel {
  /// The members of `model` in tokenizer.json before ids are checked against the added tokens.
  struct Description {
    var entries: [(token: String, id: Int)] = []
    var merges: [(left: String, right: String)] = []
    var unknownToken: String?
    var fusesUnknown = false
    var ignoresMerges = false
  }

  /// Reads the model's part of tokenizer.json; merges as pairs or as "left right".
  static func describe(
    _ json: JSON, origin: String
  ) throws(TokenizationError) -> Description {
    var reader = try ComponentReader(json, path: "model", origin: origin)
    // Files from before 0.9 of Hugging Face tokenizers name no type; they have merges, though.
    if json["type"] != nil {
      _ = try componentType(
        named: reader.type(), in: [(typeName, BPEModel.self)], path: "model", origin: origin)
    }
    var result = Description()
    try refuseUnsupported(&reader)
    result.unknownToken = try reader.string("unk_token")
    result.fusesUnknown = try reader.bool("fuse_unk", default: false)
    result.ignoresMerges = try reader.bool("ignore_merges", default: false)
    guard let vocabulary = reader.value("vocab")?.object else {
      throw .wrongValue(
        path: "model.vocab", expected: "an object of tokens and ids",
        found: json["vocab"]?.kindName ?? "nothing", origin: origin)
    }
    for (token, value) in vocabulary.members {
      guard let id = value.int, id >= 0, id < Int(Int32.max) else {
        throw .wrongValue(
          path: "model.vocab[`\(token)`]", expected: "an id from 0",
          found: value.serialized(), origin: origin)
      }
      result.entries.append((token, id))
    }
    for (index, merge) in try reader.array("merges").enumerated() {
      guard let pair = pair(merge) else {
        throw .wrongValue(
          path: "model.merges[\(index)]", expected: "two tokens", found: merge.serialized(),
          origin: origin)
      }
      result.merges.append(pair)
    }
    try reader.finish()
    return result
  }

  private static func refuseUnsupported(
    _ reader: inout ComponentReader
  ) throws(TokenizationError) {
    if let dropout = reader.value("dropout"), dropout.double != 0 {
      throw reader.unsupported("dropout", found: dropout.serialized(), supported: ["null", "0"])
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = try reader.string(key), !text.isEmpty {
        throw reader.unsupported(key, found: "`\(text)`", supported: ["null", "an empty text"])
      }
    }
    try reader.require("byte_fallback", false)
  }

  private static func pair(_ merge: JSON) -> (left: String, right: String)? {
    if let parts = merge.array {
      guard parts.count == 2, let left = parts[0].string, let right = parts[1].string
      else { return nil }
      return (left, right)
    }
    return merge.string.flatMap(pair(line:))
  }

  /// The two tokens of a line of merges.txt.
  static func pair(line: String) -> (left: String, right: String)? {
    let parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let left = String(parts[0]), let right = String(parts[1]),
      !left.isEmpty, !right.isEmpty
    else { return nil }
    return (left, right)
  }

  /// The model of a description, its tokens looked up in the whole vocabulary.
  init(
    _ description: Description, vocabulary: Vocabulary, origin: String
  ) throws(TokenizationError) {
    var merges: [(left: Int32, right: Int32)] = []
    merges.reserveCapacity(description.merges.count)
    for (index, merge) in description.merges.enumerated() {
      guard let left = vocabulary.id(of: merge.left) else {
        throw .unknownMergeToken(
          index: index, left: merge.left, right: merge.right, missing: merge.left, origin: origin)
      }
      guard let right = vocabulary.id(of: merge.right) else {
        throw .unknownMergeToken(
          index: index, left: merge.left, right: merge.right, missing: merge.right, origin: origin)
      }
      merges.append((left, right))
    }
    try self.init(
      vocabulary: vocabulary, ownTokens: description.entries.map { Int32($0.id) }.sorted(),
      merges: merges, unknownToken: description.unknownToken,
      fusesUnknown: description.fusesUnknown, ignoresMerges: description.ignoresMerges,
      origin: origin)
  }

  /// The model as Hugging Face tokenizers 0.20 and later write it.
  var json: JSON {
    var vocabularyJSON = JSONObject()
    for id in ownTokens { vocabularyJSON[vocabulary.tokens[Int(id)]] = JSON(Int(id)) }
    let pairs = merges.map { merge in
      JSON([
        .string(vocabulary.tokens[Int(merge.left)]), .string(vocabulary.tokens[Int(merge.right)]),
      ])
    }
    return [
      "type": .string(Self.typeName), "dropout": nil,
      "unk_token": unknownToken.map { .string($0) } ?? .null,
      "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
      "fuse_unk": .bool(fusesUnknown), "byte_fallback": false,
      "ignore_merges": .bool(ignoresMerges), "vocab": .object(vocabularyJSON),
      "merges": .array(pairs),
    ]
  }
}
