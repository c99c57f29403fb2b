// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension Tokenizer {
  /// Reads the two files of GPT-2: vocab.json (token to id) and merges.txt (a pair a line).
  ///
  /// The stages are GPT-2's: no normalizer, its split pattern, no prefix space. `<|endoftext|>`, if
  /// the vocabulary has it, is special and begins and ends texts unless `roles` say otherwise.
  ///
  /// - Throws: an error naming file and line for what is damaged.
  public static func loadGPT2(
    vocabulary: String, merges: String, roles: Roles = Roles()
  ) throws(TokenizationError) -> Tokenizer {
    try loadGPT2(
      vocabulary: vocabulary, merges: merges, roles: roles, configuration: JSONObject())
  }

  static func loadGPT2(
    vocabulary path: String, merges mergesPath: String, roles: Roles, configuration: JSONObject,
    moreTokens: [(id: Int32, token: AddedToken)] = []
  ) throws(TokenizationError) -> Tokenizer {
    try gpt2(
      vocabulary: parse(path), origin: path, merges: contents(mergesPath),
      mergesOrigin: mergesPath, roles: roles, configuration: configuration,
      moreTokens: moreTokens)
  }

  /// The tokenizer that the contents of the two files describe.
  static func gpt2(
    vocabulary: JSON, origin path: String, merges bytes: [UInt8], mergesOrigin mergesPath: String,
    roles: Roles = Roles(), configuration: JSONObject = JSONObject(),
    moreTokens: [(id: Int32, token: AddedToken)] = []
  ) throws(TokenizationError) -> Tokenizer {
    var members = JSONObject()
    members["vocab"] = vocabulary
    members["merges"] = []
    var reader = try ComponentReader(.object(members), path: "model", origin: path)
    var description = try BPEModel.describe(&reader)
    description.merges = try merges(bytes, origin: mergesPath)
    let whole = try wholeVocabulary(description.entries, moreTokens, path)
    let model = try BPEModel(description, vocabulary: whole, origin: mergesPath)
    let endOfText = "<|endoftext|>"
    var roles = roles
    var added: [(id: Int32, token: AddedToken)] = []
    if let id = whole.id(of: endOfText) {
      added = [(id, AddedToken(special: endOfText))]
      roles.bos = roles.bos ?? endOfText
      roles.eos = roles.eos ?? endOfText
    }
    return try Tokenizer(
      normalizer: nil, preTokenizer: ByteLevelPreTokenizer(usesRegex: true), model: model,
      postProcessor: ByteLevelPostProcessor(), decoder: ByteLevelDecoder(),
      addedTokens: merged(added, moreTokens),
      roles: roles, configuration: configuration,
      modelMaxLength: configuration["model_max_length"]?.int, origin: path)
  }

  private static func merges(
    _ bytes: [UInt8], origin path: String
  ) throws(TokenizationError) -> [(left: String, right: String)] {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .unreadable(file: path, reason: "it is not UTF-8")
    }
    var result: [(left: String, right: String)] = []
    let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let line = line.last == 0x0D ? line.dropLast() : line
      guard let content = String(line), !content.isEmpty else { continue }
      if index == 0, content.hasPrefix("#version") { continue }
      guard let pair = BPEModel.pair(line: content) else {
        throw .wrongValue(
          path: "line \(index + 1)", expected: "two tokens", found: "`\(content)`", origin: path)
      }
      result.append(pair)
    }
    return result
  }
}
