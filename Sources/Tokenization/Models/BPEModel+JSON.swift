// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension BPEModel {
  /// The model's part of tokenizer.json.
  struct Description: TokenModelDescription {
    var entries: [(token: String, id: Int)] = []
    var merges: [(left: String, right: String)] = []
    var options = Options()

    func model(
      _ vocabulary: Vocabulary, origin: String
    ) throws(TokenizationError) -> any TokenModel {
      try BPEModel(self, vocabulary: vocabulary, origin: origin)
    }
  }

  /// Reads the model's part of tokenizer.json; merges as pairs or as "left right".
  static func describe(
    _ reader: inout ComponentReader
  ) throws(TokenizationError) -> Description {
    var result = Description()
    if let dropout = reader.value("dropout"), dropout.double != 0 {
      throw reader.unsupported("dropout", found: dropout.serialized(), supported: ["null", "0"])
    }
    result.options.unknownToken = try reader.string("unk_token")
    result.options.fusesUnknown = try reader.bool("fuse_unk", default: false)
    result.options.fallsBackToBytes = try reader.bool("byte_fallback", default: false)
    result.options.ignoresMerges = try reader.bool("ignore_merges", default: false)
    result.options.continuingPrefix = try reader.string("continuing_subword_prefix")
    result.options.endSuffix = try reader.string("end_of_word_suffix")
    result.entries = try Models.entries(&reader)
    for (index, merge) in try reader.array("merges").enumerated() {
      guard let pair = pair(merge) else {
        throw .wrongValue(
          path: "model.merges[\(index)]", expected: "two tokens", found: merge.serialized(),
          origin: reader.origin)
      }
      result.merges.append(pair)
    }
    return result
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
      guard let left = vocabulary.ownID(of: merge.left) else {
        throw .unknownMergeToken(
          index: index, left: merge.left, right: merge.right, missing: merge.left, origin: origin)
      }
      guard let right = vocabulary.ownID(of: merge.right) else {
        throw .unknownMergeToken(
          index: index, left: merge.left, right: merge.right, missing: merge.right, origin: origin)
      }
      merges.append((left, right))
    }
    try self.init(
      vocabulary: vocabulary, merges: merges, options: description.options, origin: origin)
  }

  /// The model as Hugging Face tokenizers 0.20 and later write it.
  var json: JSON {
    let pairs = merges.map { merge in
      JSON([
        .string(vocabulary.tokens[Int(merge.left)]), .string(vocabulary.tokens[Int(merge.right)]),
      ])
    }
    return [
      "type": .string(Self.typeName), "dropout": nil, "unk_token": JSON(text: options.unknownToken),
      "continuing_subword_prefix": JSON(text: options.continuingPrefix),
      "end_of_word_suffix": JSON(text: options.endSuffix),
      "fuse_unk": .bool(options.fusesUnknown), "byte_fallback": .bool(options.fallsBackToBytes),
      "ignore_merges": .bool(options.ignoresMerges), "vocab": Models.json(vocabulary),
      "merges": .array(pairs),
    ]
  }
}

extension JSON {
  /// A text, or null.
  init(text: String?) { self = text.map { .string($0) } ?? .null }
}
