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
    try gpt2(
      vocabulary: parse(vocabulary), origin: vocabulary, merges: contents(merges),
      mergesOrigin: merges, roles: roles)
  }

  /// Classes of transformers whose texts go through GPT-2's stages.
  private static let gpt2Classes = [
    "", "GPT2Tokenizer", "CodeGenTokenizer", "WhisperTokenizer", "PreTrainedTokenizer",
    "TokenizersBackend",
  ]

  /// The tokenizer that the contents of the two files describe, with the stages of the class that
  /// `configuration` names: Qwen2's, or GPT-2's where it names none.
  static func gpt2(
    vocabulary: JSON, origin path: String, merges bytes: [UInt8], mergesOrigin mergesPath: String,
    roles: Roles = Roles(), configuration: JSONObject = JSONObject(),
    moreTokens: [(id: Int32, token: AddedToken)] = []
  ) throws(TokenizationError) -> Tokenizer {
    let className = className(configuration)
    let isQwen2 = className == "Qwen2Tokenizer"
    guard isQwen2 || gpt2Classes.contains(className) else {
      throw .unsupported(
        path: "tokenizer_class", found: "`\(className)`, read from vocab.json and merges.txt",
        supported: (gpt2Classes.dropFirst() + ["Qwen2Tokenizer"]).map { "`\($0)`" }
          + ["a tokenizer.json beside them"], origin: path)
    }
    let addsPrefixSpace = configuration["add_prefix_space"]?.bool ?? false
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
      if !isQwen2 { roles.bos = roles.bos ?? endOfText }
      roles.eos = roles.eos ?? endOfText
    }
    let bytes = ByteLevelPreTokenizer(usesRegex: !isQwen2, addsPrefixSpace: addsPrefixSpace)
    return try Tokenizer(
      normalizer: isQwen2 ? NFCNormalizer() : nil,
      preTokenizer: isQwen2
        ? PreTokenizerSequence([SplitPreTokenizer(.singleDigits), bytes]) : bytes, model: model,
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
