// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

extension Tokenizer {
  /// Reads vocab.txt of BERT: a token a line, its id the number of the line from 0.
  ///
  /// The stages are BERT's.
  ///
  /// - Parameters:
  ///   - lowercases: `nil` looks at the vocabulary: one with capital letters is for text as it is.
  public static func loadWordPiece(
    vocabulary path: String, lowercases: Bool? = nil, roles: Roles = Roles()
  ) throws(TokenizationError) -> Tokenizer {
    try wordPiece(contents(path), origin: path, lowercases: lowercases, roles: roles)
  }

  /// The tokenizer that the contents of a vocab.txt describe.
  static func wordPiece(
    _ bytes: [UInt8], origin: String, lowercases: Bool? = nil, roles: Roles = Roles(),
    configuration: JSONObject = JSONObject(), moreTokens: [(id: Int32, token: AddedToken)] = []
  ) throws(TokenizationError) -> Tokenizer {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .unreadable(file: origin, reason: "it is not UTF-8")
    }
    var entries: [(token: String, id: Int)] = []
    var lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    for (id, line) in lines.enumerated() {
      var scalars = String(Substring(line)).unicodeScalars[...]
      while let last = scalars.last, ScalarSets.isWhiteSpace(last.value) { scalars.removeLast() }
      entries.append((String(scalars), id))
    }
    let vocabulary = try wholeVocabulary(entries, moreTokens, origin)
    func token(_ name: String, _ role: String?) -> String? {
      role ?? (vocabulary.id(of: name) == nil ? nil : name)
    }
    let unknown = token("[UNK]", roles.unk) ?? "[UNK]"
    let model = try WordPieceModel(
      vocabulary: vocabulary, unknownToken: unknown, continuingPrefix: "##", longestWord: 100,
      origin: origin)
    let hasCapitals = entries.contains { token, _ in
      !token.hasPrefix("[") && token.unicodeScalars.contains { $0.properties.isUppercase }
    }
    let lowercases = configuration["do_lower_case"]?.bool ?? lowercases ?? !hasCapitals
    var added: [(id: Int32, token: AddedToken)] = []
    for name in [unknown, "[SEP]", "[CLS]", "[PAD]", "[MASK]"] {
      if let id = vocabulary.id(of: name) { added.append((id, AddedToken(special: name))) }
    }
    var postProcessor: (any PostProcessor)?
    if let begin = vocabulary.id(of: "[CLS]"), let end = vocabulary.id(of: "[SEP]") {
      let json: JSON = [
        "type": "BertProcessing", "sep": ["[SEP]", JSON(Int(end))],
        "cls": ["[CLS]", JSON(Int(begin))],
      ]
      postProcessor = try BertProcessing(json: json, path: "post_processor", origin: origin)
    }
    return try Tokenizer(
      normalizer: BertNormalizer(
        separatesIdeographs: configuration["tokenize_chinese_chars"]?.bool ?? true,
        stripsAccents: configuration["strip_accents"]?.bool, lowercases: lowercases),
      preTokenizer: BertPreTokenizer(), model: model, postProcessor: postProcessor,
      decoder: WordPieceDecoder(prefix: "##", cleansUp: true),
      addedTokens: merged(added.sorted { $0.id < $1.id }, moreTokens),
      roles: Roles(
        bos: roles.bos, eos: roles.eos, pad: token("[PAD]", roles.pad), unk: unknown),
      configuration: configuration, modelMaxLength: configuration["model_max_length"]?.int,
      origin: origin)
  }
}
