// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// What the readers of older files share.
extension Tokenizer {
  /// A model's tokens and those that tokenizer_config.json adds.
  static func wholeVocabulary(
    _ entries: [(token: String, id: Int)], _ more: [(id: Int32, token: AddedToken)],
    _ origin: String
  ) throws(TokenizationError) -> Vocabulary {
    try Vocabulary(
      entries, added: more.map { ($0.token.content, Int($0.id)) }, origin: origin)
  }

  /// Added tokens of a file, those of tokenizer_config.json in their place or after them.
  static func merged(
    _ own: [(id: Int32, token: AddedToken)], _ more: [(id: Int32, token: AddedToken)]
  ) -> [(id: Int32, token: AddedToken)] {
    (own.filter { entry in !more.contains { $0.id == entry.id } } + more).sorted { $0.id < $1.id }
  }

  /// `added_tokens_decoder` of tokenizer_config.json: ids and the tokens' settings.
  static func addedTokens(
    _ configuration: JSONObject, origin: String
  ) throws(TokenizationError) -> [(id: Int32, token: AddedToken)] {
    guard let entries = configuration["added_tokens_decoder"], !entries.isNull else { return [] }
    guard let members = entries.object else {
      throw .wrongValue(
        path: "added_tokens_decoder", expected: "an object of ids and tokens",
        found: entries.kindName, origin: origin)
    }
    var result: [(id: Int32, token: AddedToken)] = []
    for (key, entry) in members.members {
      let path = "added_tokens_decoder[`\(key)`]"
      guard let id = Int32(key), id >= 0 else {
        throw .wrongValue(path: path, expected: "an id from 0", found: "`\(key)`", origin: origin)
      }
      var reader = try ComponentReader(entry, path: path, origin: origin)
      result.append((id, try AddedToken(&reader)))
    }
    return result.sorted { $0.id < $1.id }
  }

  /// Whether a model folder holds a tokenizer of any kind that ``load(directory:)`` reads.
  public static func isThere(in directory: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(directory)/tokenizer.json")
      || legacyFile(in: directory) != nil
  }

  /// The first file of a model folder that holds a tokenizer, other than tokenizer.json.
  static func legacyFile(in directory: String) -> LegacyFile? {
    func isThere(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: "\(directory)/\(name)")
    }
    for name in ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model"]
    where isThere(name) {
      return .model(name)
    }
    if isThere("vocab.json"), isThere("merges.txt") { return .gpt2 }
    if isThere("vocab.txt") { return .wordPiece("vocab.txt") }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    if let name = names.filter({ $0.hasSuffix(".tiktoken") }).min() { return .tiktoken(name) }
    return isThere("vocab.json") ? .gpt2 : nil
  }

  enum LegacyFile {
    /// A SentencePiece model, or ranks under that name, as Llama 3 has them.
    case model(String)
    case gpt2
    case wordPiece(String)
    case tiktoken(String)
  }

  static func load(
    _ file: LegacyFile, directory: String, roles: Roles, configuration: JSONObject
  ) throws(TokenizationError) -> Tokenizer {
    let more = try addedTokens(configuration, origin: "\(directory)/tokenizer_config.json")
    var result = try read(file, more, directory: directory, roles: roles, configuration)
    result.addEnds()
    return result
  }

  /// What `add_bos_token` and `add_eos_token` ask for; without them what the classes of transformers
  /// do: Llama and its kin begin a text, T5 ends it.
  private mutating func addEnds() {
    if let postProcessor, !(postProcessor is ByteLevelPostProcessor) { return }
    let kind = configuration["tokenizer_class"]?.string ?? ""
    let isLlama = ["Llama", "Gemma", "Mistral"].contains { kind.hasPrefix($0) }
    func end(_ key: String, _ usual: Bool, _ token: String?) -> (token: String, id: Int32)? {
      guard configuration[key]?.bool ?? usual, let token, let id = id(of: token) else { return nil }
      return (token, id)
    }
    let begin = end("add_bos_token", isLlama, roles.bos)
    let finish = end("add_eos_token", kind.hasPrefix("T5"), roles.eos)
    guard begin != nil || finish != nil else { return }
    postProcessor = TemplateProcessing(begin: begin, end: finish)
  }

  /// The name of the class in transformers, without `Fast`; empty where none is named.
  static func className(_ configuration: JSONObject) -> String {
    let name = configuration["tokenizer_class"]?.string ?? ""
    return name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
  }

  /// Refuses models of classes that give the pieces other ids than the file does, or change the text
  /// before it.
  private static func refuseShiftedIDs(
    _ name: String, _ configuration: JSONObject, origin: String
  ) throws(TokenizationError) {
    let className = className(configuration)
    let changing: Set = [
      "AlbertTokenizer", "BarthezTokenizer", "BartphoTokenizer", "CamembertTokenizer",
      "LayoutXLMTokenizer", "M2M100Tokenizer", "MBart50Tokenizer", "MBartTokenizer",
      "MLukeTokenizer", "NllbTokenizer", "PLBartTokenizer", "PegasusTokenizer",
      "SeamlessM4TTokenizer", "Speech2TextTokenizer", "XGLMTokenizer", "XLMRobertaTokenizer",
      "XLNetTokenizer",
    ]
    guard changing.contains(className) || name == "sentencepiece.bpe.model" else { return }
    throw .unsupported(
      path: changing.contains(className) ? "tokenizer_class" : "the file's name",
      found: changing.contains(className)
        ? "`\(className)`, which gives other ids than its model file"
        : "`\(name)`, used by classes that give other ids than the file",
      supported: ["a tokenizer.json beside it, as `save_pretrained` of transformers writes it"],
      origin: origin)
  }

  private static func read(
    _ file: LegacyFile, _ more: [(id: Int32, token: AddedToken)], directory: String, roles: Roles,
    _ configuration: JSONObject
  ) throws(TokenizationError) -> Tokenizer {
    switch file {
    case .gpt2:
      let path = "\(directory)/merges.txt"
      return try gpt2(
        vocabulary: parse("\(directory)/vocab.json"), origin: "\(directory)/vocab.json",
        merges: contents(path), mergesOrigin: path, roles: roles, configuration: configuration,
        moreTokens: more)
    case .wordPiece(let name):
      let path = "\(directory)/\(name)"
      return try wordPiece(
        contents(path), origin: path, roles: roles, configuration: configuration, moreTokens: more)
    case .tiktoken(let name):
      let path = "\(directory)/\(name)"
      return try tiktoken(
        contents(path), origin: path, roles: roles, configuration: configuration, moreTokens: more)
    case .model(let name):
      let path = "\(directory)/\(name)"
      let bytes = try contents(path)
      try refuseShiftedIDs(name, configuration, origin: path)
      // A SentencePiece model begins with its first piece: field 1, a line feed.
      return bytes.first == 0x0A || bytes.isEmpty
        ? try sentencePiece(
          bytes, origin: path, roles: roles, configuration: configuration, moreTokens: more)
        : try tiktoken(
          bytes, origin: path, roles: roles, configuration: configuration, moreTokens: more)
    }
  }
}
