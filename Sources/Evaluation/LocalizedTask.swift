// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// One document to score: an id and named columns of text.
public struct EvaluationDocument: Equatable, Sendable {
  /// Unique within its set; results of different systems are paired by it.
  public var id: String
  /// What templates may ask for.
  public var columns: [String: String]

  /// A document of any columns.
  public init(id: String, columns: [String: String]) {
    self.id = id
    self.columns = columns
  }

  /// A labelled row. The label is offered as `label` and `category` (SIB-200's name for it), the id
  /// as `id` and `index_id`.
  public init(id: String, label: String, text: String) {
    self.init(
      id: id,
      columns: ["id": id, "index_id": id, "label": label, "category": label, "text": text])
  }

  /// A plain text.
  public init(id: String, text: String) {
    self.init(id: id, columns: ["id": id, "text": text])
  }
}

/// A task in one language: what turns a document into a question.
public struct LocalizedTask: Equatable, Sendable {
  /// A multiple-choice question.
  public struct Question: Equatable, Sendable {
    /// Everything before the answer, as lm-eval sends it.
    public var context: String
    /// One per choice: `target_delimiter` + choice.
    public var continuations: [String]
    /// Index of the right one.
    public var gold: Int
  }

  /// The task in all its languages.
  public let task: EvaluationTask
  /// The name in this language, such as `sib200_fao_Latn`.
  public let name: String
  /// The code asked for.
  public let language: String
  /// The language's English name, or the code.
  public let languageName: String
  /// The possible answers in order; empty in a rolling task, and `nil` until they are taken from
  /// data.
  public let choices: [String]?
  private let datasetName: String
  private let prompt: Template

  init(_ task: EvaluationTask, _ language: EvaluationTask.Language) throws {
    self.task = task
    name = language.task ?? "\(task.name)_\(language.code)"
    self.language = language.code
    languageName = language.name ?? language.code
    datasetName = language.datasetName ?? language.code
    prompt = language.docToText ?? task.docToText
    choices = task.outputType == .rolling ? [] : language.choices ?? task.choices
    if choices == nil && !task.choicesFromTraining {
      throw EvaluationError.choices(
        [], task: name, problem: "the language `\(language.code)` has none")
    }
  }

  private init(_ other: LocalizedTask, choices: [String]) {
    task = other.task
    name = other.name
    language = other.language
    languageName = other.languageName
    datasetName = other.datasetName
    prompt = other.prompt
    self.choices = choices
  }

  /// The same task with these choices, in this order.
  ///
  /// - Throws: `EvaluationError.choices` for fewer than two, an empty or a repeated one.
  public func choosing(_ choices: [String]) throws -> LocalizedTask {
    try Self.check(choices, task: name)
    return LocalizedTask(self, choices: choices)
  }

  /// What a document says is right: its filled `doc_to_target`.
  ///
  /// - Throws: `EvaluationError.column`.
  public func label(of document: EvaluationDocument) throws -> String {
    try task.docToTarget.render(document.columns)
  }

  /// The same task whose choices are the labels of `documents`, sorted by code point.
  public func choosing(labelsOf documents: [EvaluationDocument]) throws -> LocalizedTask {
    let labels = Set(try documents.map(label(of:)))
    return try choosing(
      labels.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) })
  }

  static func check(_ choices: [String], task: String) throws {
    let problem: String? =
      if choices.count < 2 {
        "there are \(choices.count)"
      } else if choices.contains("") {
        "one is empty"
      } else if Set(choices).count != choices.count {
        "one stands twice"
      } else {
        nil
      }
    if let problem { throw EvaluationError.choices(choices, task: task, problem: problem) }
  }

  /// The file of a split, relative to the data folder.
  ///
  /// - Throws: `EvaluationError.missingSplit`.
  public func path(of split: EvaluationSplit) throws -> String {
    guard let path = task.datasetPath, let word = task.splits[split] else {
      throw EvaluationError.missingSplit(split.rawValue, task: task.name)
    }
    return try path.render([
      "language": language, "dataset_name": datasetName, "split": word,
    ])
  }

  /// The question a document asks: also what fine-tuning on the task learns, context and
  /// `continuations[gold]`.
  ///
  /// - Throws: `EvaluationError.label`, `.column`.
  public func question(_ document: EvaluationDocument, origin: String) throws -> Question {
    guard let choices, !choices.isEmpty else {
      throw EvaluationError.choices([], task: name, problem: "they were not read from the data yet")
    }
    let target = try task.docToTarget.render(document.columns)
    let index =
      !target.isEmpty && target.utf8.allSatisfy { (0x30...0x39).contains($0) }
      ? Int(target) : choices.firstIndex(of: target)
    guard let index, index < choices.count else {
      throw EvaluationError.label(
        target, choices: choices, document: document.id, origin: origin)
    }
    let introduction = try task.introduction?.render(document.columns) ?? ""
    return Question(
      context: introduction + (try prompt.render(document.columns)),
      continuations: choices.map { task.targetDelimiter + $0 }, gold: index)
  }

  /// The text of a rolling task (its `doc_to_target`).
  public func text(_ document: EvaluationDocument) throws -> String {
    try task.docToTarget.render(document.columns)
  }
}
