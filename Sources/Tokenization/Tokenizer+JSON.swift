// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension Tokenizer {
  /// The tokenizer that a tokenizer.json describes.
  ///
  /// - Parameters:
  ///   - json: the whole file.
  ///   - roles: which tokens begin, end, and pad a text; tokenizer.json does not say.
  ///   - origin: the file's name, for messages.
  /// - Throws: an error for each part that is damaged, or that this version cannot do exactly.
  public init(
    json: JSON, roles: Roles = Roles(), origin: String = "tokenizer.json"
  ) throws(TokenizationError) {
    try self.init(json: json, roles: roles, configuration: JSONObject(), origin: origin)
  }

  init(
    json: JSON, roles: Roles, configuration: JSONObject, modelMaxLength: Int? = nil,
    origin: String
  ) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: "tokenizer", origin: origin)
    if let version = try reader.string("version"), version != "1.0" {
      throw .unsupported(
        path: "version", found: "`\(version)`", supported: ["`1.0`"], origin: origin)
    }
    let truncation = reader.value("truncation") ?? .null
    let padding = reader.value("padding") ?? .null
    let added = try Self.addedTokens(reader.value("added_tokens"), origin: origin)
    let normalizer = reader.value("normalizer")
    let preTokenizer = reader.value("pre_tokenizer")
    let postProcessor = reader.value("post_processor")
    let decoder = reader.value("decoder")
    guard let modelJSON = reader.value("model") else {
      throw .wrongValue(path: "model", expected: "an object", found: "nothing", origin: origin)
    }
    try reader.finish()
    let description = try Models.describe(modelJSON, origin: origin)
    let vocabulary = try Vocabulary(
      description.entries, added: added.map { ($0.token.content, Int($0.id)) }, origin: origin)
    let model = try description.model(vocabulary, origin: origin)
    var roles = roles
    if roles.unk == nil { roles.unk = model.unknownToken }
    let normalizing = try Self.stage(normalizer, "normalizer", origin, Normalizers.read)
    let decoding = try Self.stage(decoder, "decoder", origin, Decoders.read)
    for (path, growth) in [
      ("normalizer", normalizing?.growth), ("decoder", decoding?.growth),
    ] {
      // Replacements of replacements would fill the memory at the first character.
      guard growth ?? 1 <= 1_000_000 else {
        throw .unsupported(
          path: path, found: "one that can make a text more than a million times as long",
          supported: ["shorter or fewer replacements"], origin: origin)
      }
    }
    try self.init(
      normalizer: normalizing,
      preTokenizer: Self.stage(preTokenizer, "pre_tokenizer", origin, PreTokenizers.read),
      model: model,
      postProcessor: Self.stage(postProcessor, "post_processor", origin, PostProcessors.read),
      decoder: decoding,
      addedTokens: added, roles: roles, batchSettings: (truncation, padding),
      configuration: configuration, modelMaxLength: modelMaxLength, origin: origin)
  }

  private static func stage<Stage>(
    _ json: JSON?, _ path: String, _ origin: String,
    _ read: (JSON, String, String) throws(TokenizationError) -> Stage
  ) throws(TokenizationError) -> Stage? {
    guard let json else { return nil }
    return try read(json, path, origin)
  }

  private static func addedTokens(
    _ json: JSON?, origin: String
  ) throws(TokenizationError) -> [(id: Int32, token: AddedToken)] {
    guard let json else { return [] }
    guard let entries = json.array else {
      throw .wrongValue(
        path: "added_tokens", expected: "an array", found: json.kindName, origin: origin)
    }
    var result: [(id: Int32, token: AddedToken)] = []
    for (index, entry) in entries.enumerated() {
      let path = "added_tokens[\(index)]"
      var reader = try ComponentReader(entry, path: path, origin: origin)
      guard let id = reader.value("id")?.int, id >= 0, id < Int(Int32.max) else {
        throw .wrongValue(
          path: "\(path).id", expected: "an id from 0",
          found: entry["id"]?.serialized() ?? "nothing", origin: origin)
      }
      let token = try AddedToken(&reader)
      try reader.finish()
      result.append((Int32(id), token))
    }
    return result
  }

  /// The whole of tokenizer.json, as Hugging Face tokenizers 0.20 and later write it.
  public var json: JSON {
    [
      "version": "1.0", "truncation": batchSettings.truncation, "padding": batchSettings.padding,
      "added_tokens": JSON(addedTokens.map { $0.token.json(id: Int($0.id)) }),
      "normalizer": normalizer?.json ?? .null, "pre_tokenizer": preTokenizer?.json ?? .null,
      "post_processor": postProcessor?.json ?? .null, "decoder": decoder?.json ?? .null,
      "model": model.json,
    ]
  }
}
