// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents

/// The documents of one task, language and split, ready to be scored.
public struct EvaluationSet: Equatable, Sendable {
  /// What is asked.
  public let task: LocalizedTask
  /// Which rows these are.
  public let split: EvaluationSplit
  /// In the order in which they are scored; ids are unique.
  public let documents: [EvaluationDocument]
  /// The file, or what else the documents come from, for messages.
  public let origin: String

  /// A set of documents at hand, such as held-out text.
  ///
  /// - Throws: `EvaluationError.emptySet`, `.repeatedDocument`, and `.label`, `.column` or
  ///   `.choices` for the first document that makes no question: bad rows are found before a model
  ///   runs.
  public init(
    task: LocalizedTask, split: EvaluationSplit, documents: [EvaluationDocument], origin: String
  ) throws {
    guard !documents.isEmpty else {
      throw EvaluationError.emptySet(task: task.name, origin: origin)
    }
    var ids: Set<String> = []
    for document in documents where !ids.insert(document.id).inserted {
      throw EvaluationError.repeatedDocument(id: document.id, origin: origin)
    }
    switch task.task.outputType {
    case .multipleChoice:
      for document in documents { _ = try task.question(document, origin: origin) }
    case .rolling:
      guard try documents.contains(where: { try !task.text($0).isEmpty }) else {
        throw EvaluationError.noBytes(task: task.name, origin: origin)
      }
    }
    self.task = task
    self.split = split
    self.documents = documents
    self.origin = origin
  }

  /// Reads the split of a task in a language from its file below `folder`.
  ///
  /// Multiple choice reads a table of `TableReader.taskRows`, a rolling task the texts of
  /// `CorpusReader.documents`, whose ids are their positions from 0. With `choices_from` the
  /// training file is read too.
  /// - Parameter limit: takes only the first so many documents; `nil` takes all.
  /// - Throws: `EvaluationError.missingData` naming file, task and language; `CorpusError` for a
  ///   file that cannot be read; what `init` throws.
  public static func load(
    _ task: LocalizedTask, split: EvaluationSplit, folder: String, limit: Int? = nil
  ) throws -> EvaluationSet {
    var task = task
    if task.choices == nil {
      task = try task.choosing(labelsOf: read(task, .training, folder).documents)
    }
    let (documents, path) = try read(task, split, folder)
    return try EvaluationSet(
      task: task, split: split, documents: Array(documents.prefix(limit ?? documents.count)),
      origin: path)
  }

  private static func read(
    _ task: LocalizedTask, _ split: EvaluationSplit, _ folder: String
  ) throws -> (documents: [EvaluationDocument], path: String) {
    let relative = try task.path(of: split)
    let path = folder.isEmpty || relative.hasPrefix("/") ? relative : "\(folder)/\(relative)"
    do {
      switch task.task.outputType {
      case .multipleChoice:
        return (try TableReader.taskRows(at: path).map(EvaluationDocument.init(row:)), path)
      case .rolling:
        return (EvaluationDocument.texts(try CorpusReader.documents(at: path)), path)
      }
    } catch CorpusError.missingFile {
      throw EvaluationError.missingData(path: path, task: task.task.name, language: task.language)
    }
  }
}

extension EvaluationDocument {
  /// A labelled row of a task's table.
  public init(row: TaskRow) {
    self.init(id: row.id, label: row.label, text: row.text)
  }

  /// Texts under their positions, from 0.
  public static func texts(_ documents: [Document]) -> [EvaluationDocument] {
    documents.enumerated().map { EvaluationDocument(id: "\($0.offset)", text: $0.element.text) }
  }
}
