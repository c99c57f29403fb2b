// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

extension Tokenizer {
  /// Reads the tokenizer of a model folder.
  ///
  /// tokenizer.json is read where there is one; else a SentencePiece model (tokenizer.model and its
  /// other names), the pair vocab.json and merges.txt of GPT-2, vocab.txt of BERT, or a rank file
  /// of tiktoken. tokenizer_config.json and special_tokens_map.json say which tokens begin, end and
  /// pad a text, and `clean_up_tokenization_spaces` there whether decoding takes English spaces away.
  /// `add_bos_token` and `add_eos_token` count for the older files only: tokenizer.json has a
  /// post-processor, and transformers 5 goes by it alone.
  ///
  /// - Throws: an error naming the file for what is missing, damaged, or not supported exactly.
  public static func load(directory: String) throws(TokenizationError) -> Tokenizer {
    let configuration = try optionalObject("\(directory)/tokenizer_config.json")
    let specialTokens = try optionalObject("\(directory)/special_tokens_map.json")
    let named = try namedRoles(configuration, specialTokens, directory: directory)
    let roles = Roles(
      bos: named["bos_token"]?.token, eos: named["eos_token"]?.token,
      pad: named["pad_token"]?.token, unk: named["unk_token"]?.token)
    do {
      return try load(directory: directory, roles: roles, configuration: configuration)
    } catch .unknownSpecialToken(let role, let token, let origin) {
      // A role is told by another file than the vocabulary it is missing from.
      throw .unknownSpecialToken(
        role: role, token: token, origin: named[role]?.file ?? origin)
    }
  }

  private static func load(
    directory: String, roles: Roles, configuration: JSONObject
  ) throws(TokenizationError) -> Tokenizer {
    let path = "\(directory)/tokenizer.json"
    if !FileManager.default.fileExists(atPath: path), let file = legacyFile(in: directory) {
      return try load(file, directory: directory, roles: roles, configuration: configuration)
    }
    return try Tokenizer(
      json: parse(path), roles: roles, configuration: configuration,
      modelMaxLength: configuration["model_max_length"]?.int, origin: path)
  }

  /// Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json, the same bytes each
  /// time; each file replaces an older one in one step.
  ///
  /// Other keys of a tokenizer_config.json that was read are kept.
  public func save(to directory: String) throws(TokenizationError) {
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw .unwritable(file: directory, reason: SystemReason.text(of: error))
    }
    try write(json.serialized(pretty: true), to: "\(directory)/tokenizer.json")
    try write(
      configurationJSON.serialized(pretty: true) + "\n", to: "\(directory)/tokenizer_config.json")
    try write(
      specialTokensJSON.serialized(pretty: true) + "\n",
      to: "\(directory)/special_tokens_map.json")
  }

  /// tokenizer_config.json: the keys that were read, and ours.
  public var configurationJSON: JSON {
    var result = configuration
    result["add_bos_token"] = result["add_bos_token"] ?? false
    for (role, token) in namedRoles where result[role]?.object == nil {
      result[role] = token.map { .string($0) }
    }
    result["clean_up_tokenization_spaces"] = result["clean_up_tokenization_spaces"] ?? false
    // 10³⁰ as Python prints it is transformers' word for "no limit known".
    result["model_max_length"] =
      modelMaxLength.map { JSON($0) } ?? result["model_max_length"]
      ?? .number(JSONNumber(validated: "1000000000000000019884624838656"))
    result["tokenizer_class"] = result["tokenizer_class"] ?? "PreTrainedTokenizerFast"
    return .object(result)
  }

  /// special_tokens_map.json: role to token.
  public var specialTokensJSON: JSON {
    var result = JSONObject()
    for (role, token) in namedRoles { result[role] = token.map { .string($0) } }
    return .object(result)
  }

  private var namedRoles: [(String, String?)] {
    [
      ("bos_token", roles.bos), ("eos_token", roles.eos), ("pad_token", roles.pad),
      ("unk_token", roles.unk),
    ]
  }

  private func write(_ text: String, to path: String) throws(TokenizationError) {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw .unwritable(file: path, reason: SystemReason.text(of: error))
    }
  }

  static func contents(_ path: String) throws(TokenizationError) -> [UInt8] {
    // A link to a device or a pipe would be read for ever.
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .unreadable(
        file: path, reason: errno == ENOENT ? "there is no such file" : SystemReason.text(errno))
    }
    guard (status.st_mode & S_IFMT) == S_IFREG else {
      throw .unreadable(file: path, reason: "it is not a regular file")
    }
    do {
      return try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw .unreadable(file: path, reason: SystemReason.text(of: error))
    }
  }

  static func parse(_ path: String) throws(TokenizationError) -> JSON {
    let bytes = try contents(path)
    do { return try JSON.parse(bytes, origin: path) } catch { throw .document(error) }
  }

  private static func optionalObject(_ path: String) throws(TokenizationError) -> JSONObject {
    guard FileManager.default.fileExists(atPath: path) else { return JSONObject() }
    let json = try parse(path)
    guard let object = json.object else {
      throw .wrongValue(
        path: "the whole file", expected: "an object", found: json.kindName, origin: path)
    }
    return object
  }

  /// The tokens with a role, each with the file that says so.
  private static func namedRoles(
    _ configuration: JSONObject, _ specialTokens: JSONObject, directory: String
  ) throws(TokenizationError) -> [String: (token: String, file: String)] {
    var named: [String: (token: String, file: String)] = [:]
    for role in ["bos_token", "eos_token", "pad_token", "unk_token"] {
      for (object, name) in [
        (configuration, "tokenizer_config.json"), (specialTokens, "special_tokens_map.json"),
      ] where named[role] == nil {
        guard let value = object[role], !value.isNull else { continue }
        let file = "\(directory)/\(name)"
        // Older files wrap the text in an object with the added token's settings.
        guard let text = value.string ?? value["content"]?.string else {
          throw .wrongValue(
            path: role, expected: "a token", found: value.kindName, origin: file)
        }
        named[role] = (text, file)
      }
    }
    return named
  }
}
