// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What rows of supervised data hold.
public enum ExampleKind: String, CaseIterable, Sendable {
  /// `messages`: a conversation, and perhaps `tools`.
  case messages
  /// `prompt` and `completion`.
  case promptCompletion = "prompt_completion"
  /// `text`, all of it to be learnt.
  case text

  /// The members or columns that the kind needs.
  var fields: [String] {
    switch self {
    case .messages: ["messages"]
    case .promptCompletion: ["prompt", "completion"]
    case .text: ["text"]
    }
  }
}

/// One message of a conversation.
public struct ExampleMessage: Equatable, Sendable {
  /// `system`, `user`, `assistant`, `tool`, …
  public var role: String
  /// The text; empty where the message only calls tools. Parts of type `text` are joined.
  public var content: String
  /// The whole message as it was read: chat templates may want further members.
  public var json: JSONObject

  /// Makes a message of a role and a text.
  public init(role: String, content: String) {
    self.role = role
    self.content = content
    json = JSONObject()
    json["role"] = .string(role)
    json["content"] = .string(content)
  }
}

/// One row of supervised data.
public struct ExampleRow: Equatable, Sendable {
  /// What a row holds.
  public enum Content: Equatable, Sendable {
    /// A conversation, with the tools it may call as they were read (a list, or null).
    case messages([ExampleMessage], tools: JSON)
    /// A prompt and what is to be learnt.
    case promptCompletion(prompt: String, completion: String)
    /// A text.
    case text(String)
  }

  /// What it holds.
  public var content: Content
  /// The file.
  public var file: String
  /// The line or, in Parquet, the row, from 1.
  public var line: Int
}

/// The rows of files of supervised data, one at a time: JSONL, tables with a header, Parquet.
///
/// The kind goes by the first row of all files, in the order `messages`, `prompt` and `completion`,
/// `text`; one that is given wins. Every row must be of that kind. In tables and Parquet, `messages`
/// and `tools` are texts that hold JSON.
public final class ExampleReader {
  /// The kind of all rows; `nil` before the first.
  public private(set) var kind: ExampleKind?

  private let files: [String]
  private let format: CorpusFormat?
  private var nextFile = 0
  private var reader: RecordReader?

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - files: that ``CorpusFiles`` has found.
  ///   - kind: `nil` to go by the first row.
  ///   - format: of all files; `nil` goes by each ending.
  public init(files: [String], kind: ExampleKind? = nil, format: CorpusFormat? = nil) {
    self.files = files
    self.kind = kind
    self.format = format
  }

  /// The next row, or `nil` after the last. Throws ``CorpusError`` with file and line.
  public func next() throws -> ExampleRow? {
    while true {
      if let reader {
        if let record = try reader.next() { return try row(record, reader.path) }
        self.reader = nil
      }
      guard nextFile < files.count else { return nil }
      reader = try open(files[nextFile])
      nextFile += 1
    }
  }

  private func open(_ path: String) throws -> RecordReader {
    guard let format = format ?? CorpusFormat(path: path), format != .txt else {
      _ = try ByteSource(path: path)
      throw CorpusError.unknownFormat(
        path, known: CorpusFormat.endings.filter { !$0.hasPrefix(".txt") })
    }
    return try RecordReader(
      path: path, format: format, fields: ["messages", "tools", "prompt", "completion", "text"])
  }

  private func row(_ record: RecordReader.Record, _ path: String) throws -> ExampleRow {
    func wrong(_ problem: String) -> CorpusError {
      .badExample(path, line: record.line, problem: problem)
    }
    let value = record.value
    func has(_ kind: ExampleKind) -> Bool {
      kind.fields.allSatisfy { value[$0].map { !$0.isNull } ?? false }
    }
    func text(_ name: String) throws -> String {
      guard let text = value[name]?.string else { throw wrong("`\(name)` is not a text") }
      return text
    }
    guard let kind = kind ?? ExampleKind.allCases.first(where: has) else {
      throw wrong("it has \(Self.list(value.keys))")
    }
    guard has(kind) else {
      let needed = kind.fields.map { "`\($0)`" }.joined(separator: " and ")
      throw wrong("rows of this file have \(needed), this one \(Self.list(value.keys))")
    }
    self.kind = kind
    let content: ExampleRow.Content
    switch kind {
    case .messages:
      content = .messages(
        try messages(value["messages"] ?? .null, wrong),
        tools: try parsed(value["tools"] ?? .null, "tools", wrong))
    case .promptCompletion:
      content = .promptCompletion(prompt: try text("prompt"), completion: try text("completion"))
    case .text: content = .text(try text("text"))
    }
    return ExampleRow(content: content, file: path, line: record.line)
  }

  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "nothing" : names.map { "`\($0)`" }.joined(separator: ", ")
  }

  /// JSON that may stand inside a text, as tables have it.
  private func parsed(
    _ value: JSON, _ name: String, _ wrong: (String) -> CorpusError
  ) throws -> JSON {
    guard let text = value.string else { return value }
    if text.isEmpty { return .null }
    do { return try JSON.parse(text, origin: name) } catch {
      throw wrong("`\(name)` is a text that is not JSON")
    }
  }

  private func messages(_ value: JSON, _ wrong: (String) -> CorpusError) throws -> [ExampleMessage]
  {
    guard let list = try parsed(value, "messages", wrong).array, !list.isEmpty else {
      throw wrong("`messages` is not a list of messages")
    }
    return try list.enumerated().map { index, value in
      guard let object = value.object, let role = object["role"]?.string, !role.isEmpty else {
        throw wrong("message \(index + 1) has no `role`")
      }
      var message = ExampleMessage(role: role, content: "")
      message.json = object
      switch object["content"] {
      case .string(let text): message.content = text
      case nil, .null:
        guard object["tool_calls"]?.array?.isEmpty == false else {
          throw wrong("message \(index + 1) has no `content`")
        }
      case .array(let parts):
        message.content = try parts.map { part in
          guard part["type"]?.string == "text", let text = part["text"]?.string else {
            throw wrong("message \(index + 1) has content other than text")
          }
          return text
        }.joined()
      default: throw wrong("the `content` of message \(index + 1) is not a text")
      }
      return message
    }
  }
}
