// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The third stage: a word to the ids of its tokens.
///
/// Adding a model: a type in this folder and a line in ``Models/all``.
protocol TokenModel: TokenizerComponent {
  /// All tokens of the tokenizer; a model looks only among its own.
  var vocabulary: Vocabulary { get }
  /// The token that stands for what the vocabulary cannot write.
  var unknownToken: String? { get }
  /// Appends the ids of a word, valid UTF-8 and not empty, to `ids`.
  ///
  /// - Cost: O(n log n) or better in the word's length; what it needs it keeps in `scratch`.
  func encode(_ word: ArraySlice<UInt8>, into ids: inout [Int32], scratch: inout ModelScratch)
  /// How many bytes of a word the token covers there; `nil` where the id alone does not tell.
  func byteCount(of id: Int32, isFirst: Bool) -> Int?
}

extension TokenModel {
  func byteCount(of id: Int32, isFirst: Bool) -> Int? {
    let token = vocabulary.tokens[Int(id)]
    return token == unknownToken ? nil : token.utf8.count
  }
}

/// The members of `model` in tokenizer.json before ids are checked against the added tokens.
protocol TokenModelDescription {
  /// The model's tokens with their ids.
  var entries: [(token: String, id: Int)] { get }
  /// The model, its tokens looked up in the whole vocabulary.
  func model(_ vocabulary: Vocabulary, origin: String) throws(TokenizationError) -> any TokenModel
}

/// Memory that one encoding after the other uses again.
struct ModelScratch: Sendable {
  /// Tokens that no text becomes, however it is spelled.
  var excluded: Set<Int32> = []
  /// BPE: the symbols of the word and the number of the merge at each place.
  var symbols: [Int32] = []
  var found: [Int32] = []
  /// Unigram: the best path to each byte.
  var path: [UnigramStep] = []
}

/// The models this version can do.
enum Models {
  typealias Reader =
    @Sendable (inout ComponentReader) throws(TokenizationError) -> any TokenModelDescription

  /// All of them; the error for an unknown one follows from this list.
  static let all: [(name: String, read: Reader)] = [
    (BPEModel.typeName, { reader throws(TokenizationError) in try BPEModel.describe(&reader) }),
    (
      UnigramModel.typeName,
      { reader throws(TokenizationError) in try UnigramModel.describe(&reader) }
    ),
    (
      WordPieceModel.typeName,
      { reader throws(TokenizationError) in try WordPieceModel.describe(&reader) }
    ),
    (
      WordLevelModel.typeName,
      { reader throws(TokenizationError) in try WordLevelModel.describe(&reader) }
    ),
  ]

  /// Reads the model's part of tokenizer.json.
  static func describe(
    _ json: JSON, origin: String
  ) throws(TokenizationError) -> any TokenModelDescription {
    var reader = try ComponentReader(json, path: "model", origin: origin)
    // Files from before 0.9 of Hugging Face tokenizers name no type; their members tell.
    let name = try json["type"] == nil ? guess(json) : reader.type()
    let read = try componentType(
      named: name, in: all.map { ($0.name, $0.read) }, path: "model", origin: origin)
    let description = try read(&reader)
    try reader.finish()
    return description
  }

  private static func guess(_ json: JSON) -> String {
    if json["merges"] != nil { return BPEModel.typeName }
    if json["vocab"]?.array != nil { return UnigramModel.typeName }
    if json["max_input_chars_per_word"] != nil { return WordPieceModel.typeName }
    return json["unk_token"] != nil ? WordLevelModel.typeName : BPEModel.typeName
  }

  /// `vocab` as an object of tokens and ids.
  static func entries(
    _ reader: inout ComponentReader
  ) throws(TokenizationError) -> [(token: String, id: Int)] {
    let value = reader.value("vocab")
    guard let vocabulary = value?.object else {
      throw .wrongValue(
        path: "model.vocab", expected: "an object of tokens and ids",
        found: value?.kindName ?? "nothing", origin: reader.origin)
    }
    var entries: [(token: String, id: Int)] = []
    entries.reserveCapacity(vocabulary.count)
    for (token, value) in vocabulary.members {
      guard let id = value.int, id >= 0, id < Int(Int32.max) else {
        throw .wrongValue(
          path: "model.vocab[`\(token)`]", expected: "an id from 0",
          found: value.serialized(), origin: reader.origin)
      }
      entries.append((token, id))
    }
    return entries
  }

  /// `vocab` as tokenizer.json has it, in the order of ids.
  static func json(_ vocabulary: Vocabulary) -> JSON {
    var result = JSONObject()
    for id in vocabulary.ownIDs { result[vocabulary.tokens[Int(id)]] = JSON(Int(id)) }
    return .object(result)
  }
}

/// The ids of the tokens `<0x00>` to `<0xFF>`, which write what the vocabulary has no character for.
struct ByteTokens: Sendable {
  /// By byte, or -1.
  private let ids: [Int32]

  init(_ vocabulary: Vocabulary) {
    ids = (UInt8.min...UInt8.max).map { vocabulary.ownID(of: Self.token($0)) ?? -1 }
  }

  /// The token of a byte.
  static func token(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
  }

  /// The byte that a token stands for, digits in any case; `nil` for other tokens.
  static func byte(of token: String) -> UInt8? {
    let bytes = Array(token.utf8)
    guard bytes.count == 6, bytes.starts(with: "<0x".utf8), bytes[5] == UInt8(ascii: ">"),
      bytes[3] != UInt8(ascii: "+")
    else { return nil }
    return UInt8(String(decoding: bytes[3...4], as: UTF8.self), radix: 16)
  }

  /// Appends the tokens of all bytes, or nothing when one of them is missing.
  func append(_ bytes: ArraySlice<UInt8>, to result: inout [Int32]) -> Bool {
    guard bytes.allSatisfy({ ids[Int($0)] >= 0 }) else { return false }
    for byte in bytes { result.append(ids[Int(byte)]) }
    return true
  }
}
