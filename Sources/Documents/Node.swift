// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A YAML value that knows the line it stands on.
public struct Node: Equatable, Sendable {
  /// What the node holds; scalars keep their text.
  public indirect enum Content: Equatable, Sendable {
    /// `isQuoted` is true for '…', "…", block scalars and `!!str`, which are always strings.
    case scalar(text: String, isQuoted: Bool)
    case sequence([Node])
    /// No key stands twice; keys are told apart by their UTF-8 bytes.
    case mapping([(key: String, value: Node)])

    public static func == (a: Content, b: Content) -> Bool {
      switch (a, b) {
      case (.scalar(let x, let p), .scalar(let y, let q)): x.isExactly(y) && p == q
      case (.sequence(let x), .sequence(let y)): x == y
      case (.mapping(let x), .mapping(let y)):
        x.count == y.count
          && zip(x, y).allSatisfy { $0.key.isExactly($1.key) && $0.value == $1.value }
      default: false
      }
    }
  }

  /// What the node holds.
  public var content: Content
  /// Where the value stands, from 1; for an alias, where its anchor stands.
  public var line: Int
  /// Where the key of this value stands, when it is a member of a mapping in a file.
  public var keyLine: Int?

  /// Makes a node; `line` is where it stands.
  public init(_ content: Content, line: Int) {
    self.content = content
    self.line = line
  }

  /// The value of `key` in a mapping.
  public subscript(key: String) -> Node? {
    guard case .mapping(let members) = content else { return nil }
    return members.first { $0.key.isExactly(key) }?.value
  }

  /// Whether this is an unquoted null.
  public var isNull: Bool {
    guard case .scalar(let text, false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The node as JSON.
  ///
  /// Unquoted scalars get the types that Python's YAML gives them, which is YAML 1.1's: `true`,
  /// `yes`, `~`, `12`, `0x10`, `017` (15), `1:30` (90), `1_000`; and numbers as those of YAML 1.2,
  /// where that has more of them: `1e3`, `0o17`. Numbers that JSON or `Double` cannot hold are texts:
  /// `.inf`, `.nan`, `1e999`. Whole numbers of any size keep their digits.
  public var json: JSON {
    switch content {
    case .sequence(let nodes): return .array(nodes.map(\.json))
    case .mapping(let members):
      var object = JSONObject()
      for (key, value) in members { object[key] = value.json }
      return .object(object)
    case .scalar(let text, let isQuoted):
      if isQuoted { return .string(text) }
      if isNull { return .null }
      if let flag = Bool(yaml: text) { return .bool(flag) }
      return number ?? .string(text)
    }
  }

  /// The number that a scalar says, in quotes or not; `nil` for all else.
  public var number: JSON? {
    guard case .scalar(let text, let isQuoted) = content else { return nil }
    if let whole = Int(yaml: text, isQuoted: isQuoted) { return JSON(whole) }
    if let digits = YAMLNumber.wholeDigits(text, isQuoted: isQuoted) {
      return .number(JSONNumber(validated: digits))
    }
    guard let number = Double(yaml: text, isQuoted: isQuoted), number.isFinite else { return nil }
    return JSON(number)
  }

  /// "a mapping", "a list", or the scalar's text, for messages; a long text is cut.
  public var found: String {
    switch content {
    case .scalar(let text, _): isNull ? "nothing" : "`\(text.excerpt)`"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}
