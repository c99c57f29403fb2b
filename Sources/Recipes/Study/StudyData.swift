// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Evaluation
import Foundation

/// Where the files of a study lie, and how their rows become evaluation sets.
struct StudyData: Sendable {
  /// What the recipe's paths start from: a folder, or the output of the lab step.
  enum Root: Sendable {
    case folder(String)
    case lab
  }

  let root: Root

  /// A file below the root, as a step's input.
  func input(_ label: String, _ path: String) -> StepInput {
    switch root {
    case .folder: .file(label, self.path(path))
    case .lab: .output(label, of: "lab", named: path)
    }
  }

  /// Where a file below a root folder lies; of a laboratory, its path below the step's data.
  func path(_ path: String) -> String {
    guard case .folder(let folder) = root, !folder.isEmpty, !path.hasPrefix("/") else {
      return path
    }
    return folder + "/" + path
  }

  /// The labelled rows of a task in one language.
  ///
  /// - Parameter trainingPath: where the choices come from in a task that takes them from its
  ///   training rows; `nil` when `path` is that file or the task lists its choices.
  static func rows(
    _ task: EvaluationTask, language: String, split: EvaluationSplit, path: String,
    trainingPath: String?
  ) throws -> EvaluationSet {
    var localized = try task.localized(language)
    if localized.choices == nil {
      let rows = try TableReader.taskRows(at: trainingPath ?? path)
      localized = try localized.choosing(labelsOf: rows.map(EvaluationDocument.init(row:)))
    }
    let documents = try TableReader.taskRows(at: path).map(EvaluationDocument.init(row:))
    return try EvaluationSet(task: localized, split: split, documents: documents, origin: path)
  }

  /// Looks for a misspelt label among the training rows of a task that takes its choices from
  /// them, as `StrayLabel` tells one.
  ///
  /// - Throws: `EvaluationError.strayLabel` with file and line.
  func checkLabels(_ task: EvaluationTask, language: String) throws {
    let localized = try task.localized(language)
    guard localized.choices == nil else { return }
    func labels(_ rows: [TaskRow]) throws -> [String] {
      try rows.map { try localized.label(of: EvaluationDocument(row: $0)) }
    }
    let path = path(try localized.path(of: .training))
    let rows = try TableReader.numberedTaskRows(at: path)
    var elsewhere: Set<String> = []
    for split in [EvaluationSplit.validation, .test] {
      // The target's dev rows are read for nothing else, and need not be there.
      guard let other = try? self.path(localized.path(of: split)), Disk.exists(other) else {
        continue
      }
      elsewhere.formUnion(try labels(TableReader.taskRows(at: other)))
    }
    let found = try labels(rows.map(\.row))
    guard let stray = StrayLabel(among: found, notIn: elsewhere) else { return }
    throw EvaluationError.strayLabel(
      stray.label, nearest: stray.nearest, path: path, line: rows[stray.position].line)
  }

  /// Held-out text as a set for bits per byte. Ids name the language too, because scores over
  /// several languages draw documents of one id together, and these are no translations.
  static func text(language: String, split: EvaluationSplit, path: String) throws -> EvaluationSet {
    let task = try BuiltInTasks.task("held_out_text").localized(language)
    let documents = try CorpusReader.documents(at: path).enumerated().map { index, document in
      EvaluationDocument(id: "\(language)-\(index)", text: document.text)
    }
    return try EvaluationSet(task: task, split: split, documents: documents, origin: path)
  }
}

/// The rows of a task that a step reads, with the inputs they need.
struct TaskRowsInput: Sendable {
  let task: EvaluationTask
  let language: String
  let split: EvaluationSplit
  let data: StudyData

  /// What decides the questions beside the files, for a step's settings.
  var identity: JSON {
    [
      "task": task.reference, "language": .string(language), "split": .string(split.rawValue),
    ]
  }

  private var label: String { "\(task.name)-\(language)-\(split.rawValue)" }
  private var trainingLabel: String { "\(task.name)-\(language)-choices" }

  /// The files, relative to the data folder: the rows, and the training rows if choices need them.
  static func paths(
    _ task: EvaluationTask, _ language: String, _ split: EvaluationSplit
  ) throws -> (rows: String, choices: String?) {
    let localized = try task.localized(language)
    let needsChoices = localized.choices == nil && split != .training
    return (
      try localized.path(of: split), needsChoices ? try localized.path(of: .training) : nil
    )
  }

  func inputs() throws -> [StepInput] {
    let (rows, choices) = try Self.paths(task, language, split)
    return [data.input(label, rows)] + (choices.map { [data.input(trainingLabel, $0)] } ?? [])
  }

  func load(_ context: StepContext) throws -> EvaluationSet {
    let (_, choices) = try Self.paths(task, language, split)
    return try StudyData.rows(
      task, language: language, split: split, path: try context.input(label),
      trainingPath: choices == nil ? nil : try context.input(trainingLabel))
  }
}

extension EvaluationTask {
  /// The task for a step's settings: name, version and the hash of all that it says.
  var reference: JSON {
    [
      "name": .string(name), "version": .string(version),
      "sha256": .string(Hashing.sha256(canonical: identity)),
    ]
  }
}
