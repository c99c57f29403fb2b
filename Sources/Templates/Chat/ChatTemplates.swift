// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The chat templates of a model folder by name, and the special tokens they are given.
///
/// Read are, as by transformers 5: `chat_template.jinja` (named `default`) and
/// `additional_chat_templates/NAME.jinja`; where neither is there, `chat_template` of
/// tokenizer_config.json (a text, or a list of names and texts), then that of chat_template.json.
/// The special tokens are those of tokenizer_config.json, and of special_tokens_map.json where the
/// former has none.
public struct ChatTemplates: Sendable, Equatable {
  /// The folder, for messages.
  public let origin: String
  /// The names, `default` first if it is there, the others in byte order.
  public let names: [String]
  /// Names such as `bos_token` and their texts.
  public let specialTokens: JSONObject
  private let texts: [String: String]

  /// The files of a folder that are read, but for `additional_chat_templates`.
  package static let fileNames = [
    jinjaFile, configFile, "chat_template.json", "special_tokens_map.json",
  ]
  /// Whether a file of that name in a model's folder is read.
  package static func isRead(_ name: String) -> Bool {
    fileNames.contains(name) || isAdditional(name)
  }

  /// Whether a file of that name holds a template beside the usual one.
  package static func isAdditional(_ name: String) -> Bool { name.hasPrefix(folder + "/") }

  static let jinjaFile = "chat_template.jinja"
  package static let folder = "additional_chat_templates"
  static let configFile = "tokenizer_config.json"

  /// Templates at hand, such as one to be put into a folder; `default` is the one used unless
  /// another is asked for.
  public init(
    _ templates: [String: String], specialTokens: JSONObject = JSONObject(), origin: String
  ) {
    self.origin = origin
    self.specialTokens = specialTokens
    texts = templates
    names = templates.keys.sorted {
      ($0 != "default" ? 1 : 0, $0) < ($1 != "default" ? 1 : 0, $1)
    }
  }

  /// Reads a model folder; files that are not there count as empty.
  /// - Throws: `TemplateError.file` for a file that cannot be read or has another form.
  public init(folder: URL) throws(TemplateError) {
    let place = folder.path(percentEncoded: false)
    let manager = FileManager.default
    var files: [String: [UInt8]] = [:]
    var names = Self.fileNames
    let extra = folder.appending(path: Self.folder).path(percentEncoded: false)
    names += ((try? manager.contentsOfDirectory(atPath: extra)) ?? []).sorted().filter {
      $0.hasSuffix(".jinja")
    }.map { Self.folder + "/" + $0 }
    for name in names {
      let file = folder.appending(path: name)
      guard manager.fileExists(atPath: file.path(percentEncoded: false)) else { continue }
      do {
        files[name] = Array(try Data(contentsOf: file))
      } catch {
        throw .file(file.path(percentEncoded: false), problem: error.localizedDescription)
      }
    }
    try self.init(files: files, origin: place)
  }

  /// Reads the files of a model by their names in its folder.
  /// - Throws: `TemplateError.file` for one that has another form.
  public init(files: [String: [UInt8]], origin: String) throws(TemplateError) {
    func text(_ name: String) throws(TemplateError) -> String? {
      guard let bytes = files[name] else { return nil }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw .file("\(origin)/\(name)", problem: "it is not UTF-8")
      }
      return text
    }
    func json(_ name: String) throws(TemplateError) -> JSON? {
      guard let bytes = files[name] else { return nil }
      let json: JSON
      do throws(DocumentError) {
        json = try JSON.parse(bytes, origin: name)
      } catch {
        throw .file("\(origin)/\(name)", problem: error.diagnosis.what)
      }
      guard json.object != nil else {
        throw .file("\(origin)/\(name)", problem: "it should be an object, not \(json.kindName)")
      }
      return json
    }
    var texts: [String: String] = [:]
    texts["default"] = try text(Self.jinjaFile)
    for name in files.keys.sorted() where name.hasPrefix(Self.folder + "/") {
      let short = name.dropFirst(Self.folder.count + 1)
      guard short.hasSuffix(".jinja"), !short.contains("/") else { continue }
      texts[String(short.dropLast(6))] = try text(name)
    }
    let config = try json(Self.configFile)
    if texts.isEmpty, let value = config?["chat_template"], !value.isNull {
      texts = try Self.templates(value, file: "\(origin)/\(Self.configFile)")
    }
    if texts.isEmpty, let value = try json("chat_template.json")?["chat_template"], !value.isNull {
      texts = try Self.templates(value, file: "\(origin)/chat_template.json")
    }
    let tokens = Self.specialTokens(config, try json("special_tokens_map.json"))
    self.init(texts, specialTokens: tokens, origin: origin)
  }

  private static func templates(
    _ value: JSON, file: String
  ) throws(TemplateError) -> [String: String] {
    if let text = value.string { return ["default": text] }
    guard let list = value.array else {
      throw .file(
        file, problem: "`chat_template` should be a text or a list, not \(value.kindName)")
    }
    var texts: [String: String] = [:]
    for entry in list {
      guard let name = entry["name"]?.string, let text = entry["template"]?.string else {
        throw .file(file, problem: "an entry of `chat_template` lacks its `name` or `template`")
      }
      guard texts.updateValue(text, forKey: name) == nil else {
        throw .file(file, problem: "the template `\(name.excerpt)` stands twice")
      }
    }
    return texts
  }

  /// Tokens stand as texts or as objects with their `content`.
  private static func specialTokens(_ config: JSON?, _ map: JSON?) -> JSONObject {
    var tokens = JSONObject()
    let names = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map { $0 + "_token" }
    for source in [config, map].compactMap({ $0 }) {
      var entries = names.compactMap { name in source[name].map { (name, $0) } }
      for (name, value) in source["extra_special_tokens"]?.object?.members ?? [] {
        entries.append((name, value))
      }
      for (name, value) in entries where tokens[name] == nil {
        if let text = value.string ?? value["content"]?.string { tokens[name] = JSON(text) }
      }
    }
    return tokens
  }

  // MARK: Choosing

  /// The text of a template.
  public subscript(name: String) -> String? { texts[name] }

  /// The template to use: the one named, else `tool_use` for a conversation with tools, else
  /// `default`, as transformers chooses. Nothing is guessed for a folder without templates.
  /// - Throws: `TemplateError.noTemplate`, `.noSuchTemplate`, and what parsing throws.
  public func template(
    named name: String? = nil, hasTools: Bool = false
  ) throws(TemplateError) -> ChatTemplate {
    guard !texts.isEmpty else { throw .noTemplate(origin: origin) }
    let chosen = name ?? (hasTools && texts["tool_use"] != nil ? "tool_use" : "default")
    guard let text = texts[chosen] else {
      throw .noSuchTemplate(origin: origin, name: name, names: names)
    }
    let file = names.count == 1 ? "chat template" : "chat template `\(chosen.excerpt)`"
    return ChatTemplate(
      try JinjaTemplate(text, name: "\(origin), \(file)"), specialTokens: specialTokens)
  }

  // MARK: Writing

  /// The files with these templates: `chat_template.jinja`, `additional_chat_templates/NAME.jinja`,
  /// and tokenizer_config.json with the copy that older releases of transformers read.
  ///
  /// - Parameter configuration: tokenizer_config.json as it stands; its other keys are kept.
  /// - Throws: `TemplateError.file` for a name that cannot be a file's.
  public func files(
    configuration: JSON?
  ) throws(TemplateError) -> [(name: String, contents: [UInt8])] {
    var files: [(name: String, contents: [UInt8])] = []
    for name in names {
      guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), !name.contains("\\"),
        !name.utf8.contains(where: { $0 < 0x20 })
      else { throw .file(origin, problem: "`\(name.excerpt)` cannot name a template's file") }
      let file = name == "default" ? Self.jinjaFile : "\(Self.folder)/\(name).jinja"
      files.append((file, Array((texts[name] ?? "").utf8)))
    }
    var config = configuration ?? [:]
    if names == ["default"] {
      config["chat_template"] = JSON(texts["default"] ?? "")
    } else if !names.isEmpty {
      config["chat_template"] = JSON(
        names.map { ["name": JSON($0), "template": JSON(texts[$0] ?? "")] as JSON })
    }
    files.append((Self.configFile, Array((config.serialized(pretty: true) + "\n").utf8)))
    return files
  }
}
