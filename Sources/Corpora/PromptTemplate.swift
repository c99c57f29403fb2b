// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A text with places for a row's fields, written `{text}` or, as in Jinja and lm-evaluation-harness
/// tasks, `{{text}}` or `{{ text }}`. Nothing else: no filters, no conditions, no literal braces.
public struct PromptTemplate: Equatable, Sendable {
  private enum Piece: Equatable, Sendable {
    case literal(String)
    case field(String)
  }

  /// The template as written.
  public let source: String
  private let pieces: [Piece]

  /// Reads a template whose rows have `fields`.
  ///
  /// Throws ``CorpusError/unknownPlaceholder(_:template:known:)`` and
  /// ``CorpusError/unbalancedTemplate(_:position:)`` (characters from 1).
  public init(_ source: String, fields: [String] = ["text", "label"]) throws {
    self.source = source
    var pieces: [Piece] = []
    var literal = ""
    let characters = Array(source)
    var i = 0
    while i < characters.count {
      guard characters[i] == "{" else {
        if characters[i] == "}" {
          throw CorpusError.unbalancedTemplate(source, position: i + 1)
        }
        literal.append(characters[i])
        i += 1
        continue
      }
      let width = i + 1 < characters.count && characters[i + 1] == "{" ? 2 : 1
      let body = characters[(i + width)...].prefix { $0 != "{" && $0 != "}" }
      let end = body.endIndex + width
      guard end <= characters.count, characters[body.endIndex..<end].allSatisfy({ $0 == "}" })
      else { throw CorpusError.unbalancedTemplate(source, position: i + 1) }
      let name = String(body.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      guard fields.contains(name) else {
        throw CorpusError.unknownPlaceholder(name, template: source, known: fields)
      }
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = ""
      pieces.append(.field(name))
      i = end
    }
    if !literal.isEmpty { pieces.append(.literal(literal)) }
    self.pieces = pieces
  }

  /// The names of the fields used, in order.
  public var fields: [String] {
    pieces.compactMap { if case .field(let name) = $0 { name } else { nil } }
  }

  /// The text with `values` put in; braces in values stand for themselves.
  ///
  /// Throws ``CorpusError/unknownPlaceholder(_:template:known:)`` for a field without a value.
  public func render(_ values: [String: String]) throws -> String {
    var text = ""
    for piece in pieces {
      switch piece {
      case .literal(let literal): text += literal
      case .field(let name):
        guard let value = values[name] else {
          throw CorpusError.unknownPlaceholder(name, template: source, known: values.keys.sorted())
        }
        text += value
      }
    }
    return text
  }
}

/// A prompt and its answer as text; the prompt's tokens are given, the answer's are scored or
/// trained. `prompt + answer` is the whole text.
public struct RenderedRow: Equatable, Sendable {
  /// What is given.
  public var prompt: String
  /// What is to follow, with the delimiter in front.
  public var answer: String

  /// Makes a rendered row.
  public init(prompt: String, answer: String) {
    self.prompt = prompt
    self.answer = answer
  }
}

/// How rows of a classification task become prompts and answers: the same for training and scoring.
public struct TaskTemplate: Equatable, Sendable {
  /// The prompt, of `{text}`.
  public let prompt: PromptTemplate
  /// The answer of each label, in the order of the choices.
  public let choices: [Choice]
  /// Between prompt and answer; a space, as in lm-evaluation-harness.
  public let delimiter: String

  /// A label as the data spells it and the word that stands for it in the answer.
  public struct Choice: Codable, Equatable, Sendable {
    /// The data's label.
    public var label: String
    /// The answer without the delimiter.
    public var answer: String

    /// Makes a choice; the label is its own answer unless one is given.
    public init(label: String, answer: String? = nil) {
      self.label = label
      self.answer = answer ?? label
    }
  }

  /// Makes a template. Throws ``CorpusError``: an unknown placeholder (only `{text}` is known: the
  /// label must not be in the prompt), fewer than two choices, two with the same label or answer.
  public init(prompt: String, choices: [Choice], delimiter: String = " ") throws {
    self.prompt = try PromptTemplate(prompt, fields: ["text"])
    self.choices = choices
    self.delimiter = delimiter
    guard choices.count >= 2, Set(choices.map(\.label)).count == choices.count,
      Set(choices.map(\.answer)).count == choices.count
    else {
      throw CorpusError.setting(
        "choices", expected: "two or more, different in label and answer",
        found: choices.map { "\($0.label)=\($0.answer)" }.joined(separator: ", "))
    }
  }

  /// The prompt with the row's own answer. Throws ``CorpusError/unknownLabel(_:row:known:)``.
  public func render(_ row: TaskRow) throws -> RenderedRow {
    let (prompt, answers, gold) = try request(row)
    return RenderedRow(prompt: prompt, answer: answers[gold])
  }

  /// The prompt, the answers of all choices, and which is right.
  public func request(_ row: TaskRow) throws -> (prompt: String, answers: [String], gold: Int) {
    guard let gold = choices.firstIndex(where: { $0.label == row.label }) else {
      throw CorpusError.unknownLabel(row.label, row: row.id, known: choices.map(\.label))
    }
    let prompt = try prompt.render(["text": row.text])
    return (prompt, choices.map { delimiter + $0.answer }, gold)
  }
}
