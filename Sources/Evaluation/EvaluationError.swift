// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can go wrong between a task file and a score.
public enum EvaluationError: Diagnosed, Equatable {
  /// A template this reader cannot fill.
  case template(String, problem: String)
  /// A template asks for a column the documents lack.
  case column(String, template: String, known: [String])
  /// No such built-in task, and no such file.
  case unknownTask(String, nearest: String?)
  /// The path of a task file that cannot be read.
  case missingTaskFile(String)
  /// Two sets of one suite would answer under the same name.
  case repeatedTask(String)
  /// The task file lists its languages, and this is none of them.
  case unknownLanguage(String, task: String, nearest: String?)
  /// The task names no file for a split.
  case missingSplit(String, task: String)
  /// The data file of a task is not there.
  case missingData(path: String, task: String, language: String)
  /// A set without documents.
  case emptySet(task: String, origin: String)
  /// Two documents of one set carry the same id.
  case repeatedDocument(id: String, origin: String)
  /// A document's label is none of the choices.
  case label(String, choices: [String], document: String, origin: String)
  /// A label of one training row that is probably a misspelt one.
  case strayLabel(String, nearest: String?, path: String, line: Int)
  /// A multiple-choice task needs at least two different, non-empty choices.
  case choices([String], task: String, problem: String)
  /// Nothing to score behind a context.
  case emptyContinuation(context: String, continuation: String)
  /// A continuation longer than the model's context.
  case continuationTooLong(tokenCount: Int, maximum: Int)
  /// A text set whose documents hold no byte at all.
  case noBytes(task: String, origin: String)
  /// The model answered NaN or an infinity.
  case notFinite(String, model: String, task: String, document: String)
  /// The model answered too few or too many requests.
  case answerCount(expected: Int, found: Int, model: String, task: String)
  /// Test data, or labels of the target language, offered for choosing a model.
  case leak(task: String, language: String, split: String, problem: String)
  /// A language stands among the sources and is the target.
  case studyLanguages(String)
  /// A document of the selection data is also test data.
  case sharedDocument(id: String, selection: String, test: String)
  /// Two results that were not measured on the same documents.
  case unpaired(String, String, problem: String)
  /// A result lacks what was asked of it.
  case missingResult(String, in: String, known: [String])
  /// A stored result that cannot be read.
  case schema(String, origin: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .template(let source, let problem):
      Diagnosis(
        what: "The template cannot be read: \(problem).", where: "template `\(source.oneLine)`",
        next: "Use plain text and {{column}}, for example `{{text}}`.")
    case .column(let name, let template, let known):
      Diagnosis(
        what: "The template asks for `\(name)`, a column the documents do not have.",
        where: "template `\(template.oneLine)`",
        next: Self.guess(name, known) ?? "The columns are \(known.joined(separator: ", ")).")
    case .unknownTask(let name, let nearest):
      Diagnosis(
        what: "There is no task `\(name)`.", where: "the list of tasks",
        next: nearest.map { "Did you mean `\($0)`?" }
          ?? "Name one of \(BuiltInTasks.names.joined(separator: ", ")), or the path of a task's YAML file."
      )
    case .missingTaskFile(let path):
      Diagnosis(
        what: "The task file is missing or cannot be opened.", where: path,
        next:
          "Correct the path, or name a built-in task: \(BuiltInTasks.names.joined(separator: ", "))."
      )
    case .repeatedTask(let name):
      Diagnosis(
        what: "Two sets of the suite are named `\(name)`.", where: "the suite",
        next: "Evaluate each task and language once in a suite.")
    case .unknownLanguage(let code, let task, let nearest):
      Diagnosis(
        what: "The task has no language `\(code)`.", where: "task `\(task)`, languages",
        next: nearest.map { "Did you mean `\($0)`?" }
          ?? "Add it under `languages:` in the task file.")
    case .missingSplit(let split, let task):
      Diagnosis(
        what: "The task names no file for its \(split) rows.", where: "task `\(task)`",
        next: "Add `\(split)_split:` to the task file, or evaluate another split.")
    case .missingData(let path, let task, let language):
      Diagnosis(
        what: "The data file of task `\(task)` in `\(language)` is missing.", where: path,
        next: "Name the folder that holds it with --data or KOINE_DATA.")
    case .emptySet(let task, let origin):
      Diagnosis(
        what: "There is no document to score for task `\(task)`.", where: origin,
        next: "Check that the file holds rows below its header.")
    case .repeatedDocument(let id, let origin):
      Diagnosis(
        what: "Two documents have the id `\(id)`.", where: origin,
        next: "Give every row an id of its own; paired comparison matches documents by it.")
    case .label(let label, let choices, let document, let origin):
      Diagnosis(
        what: "The label `\(label)` is none of the choices \(choices.joined(separator: ", ")).",
        where: "\(origin), document \(document)",
        next: Self.guess(label, choices) ?? "Correct the row, or list the label in `doc_to_choice`."
      )
    case .strayLabel(let label, let nearest, let path, let line):
      Diagnosis(
        what: "The label `\(label.oneLine)` stands in this training row and nowhere else, but "
          + "would be a choice of every question.",
        where: "\(path), line \(line)",
        next: (nearest.map { "Did you mean `\($0)`? " } ?? "Correct the row. ")
          + "If the class is meant, list the choices in the task's `doc_to_choice`.")
    case .choices(_, let task, let problem):
      Diagnosis(
        what: "The choices do not make a question: \(problem).",
        where: "task `\(task)`, doc_to_choice",
        next: "List at least two different, non-empty choices.")
    case .emptyContinuation(let context, let continuation):
      Diagnosis(
        what: "The continuation `\(continuation.oneLine)` has no token of its own to score.",
        where: "after the context `\(context.oneLine)`",
        next: "Check the choice and `target_delimiter`; a choice must add at least one token.")
    case .continuationTooLong(let tokenCount, let maximum):
      Diagnosis(
        what: "A continuation of \(tokenCount) tokens exceeds the model's \(maximum).",
        where: "the model's context length",
        next: "Shorten the choices, or use a model with a longer context.")
    case .noBytes(let task, let origin):
      Diagnosis(
        what: "All texts of task `\(task)` are empty.", where: origin,
        next: "Check that the held-out text is not empty.")
    case .notFinite(let value, let model, let task, let document):
      Diagnosis(
        what: "The model `\(model)` answered \(value) where a finite log-likelihood is expected.",
        where: "task `\(task)`, document \(document)",
        next: "Look for NaN or infinite weights with `koine inspect`.", kind: .failed)
    case .answerCount(let expected, let found, let model, let task):
      Diagnosis(
        what: "The model `\(model)` gave \(found) answers to \(expected) requests.",
        where: "task `\(task)`", next: "Mend the model's `LanguageModel` conformance.",
        kind: .failed)
    case .leak(let task, let language, let split, let problem):
      Diagnosis(
        what: "This may not be used to choose a model: \(problem).",
        where: "task `\(task)`, language `\(language)`, \(split) split",
        next: "Choose by held-out target text and by validation rows of the source languages.")
    case .studyLanguages(let code):
      Diagnosis(
        what: "The language `\(code)` is the target and also a source.",
        where: "the languages of the study",
        next: "Remove it from the sources: labels of the target may not touch selection.")
    case .sharedDocument(let id, let selection, let test):
      Diagnosis(
        what: "Document `\(id)` serves to choose a model and to test it.",
        where: "\(selection) and \(test)",
        next: "Split the text so that no document is on both sides.")
    case .unpaired(let a, let b, let problem):
      Diagnosis(
        what: "The two results cannot be compared in pairs: \(problem).", where: "\(a) and \(b)",
        next: "Evaluate both on the same documents.")
    case .missingResult(let name, let place, let known):
      Diagnosis(
        what: "There is no `\(name)`.", where: place,
        next: Self.guess(name, known) ?? "Known are \(known.joined(separator: ", ")).")
    case .schema(let problem, let origin):
      Diagnosis(
        what: "This is not a stored evaluation: \(problem).", where: origin,
        next: "Run the evaluation again to write the file anew.")
    }
  }

  private static func guess(_ name: String, _ known: [String]) -> String? {
    nearestName(to: name, in: known).map { "Did you mean `\($0)`?" }
  }
}

extension String {
  /// At most 60 characters, line ends shown as `\n`: fit for one line of an error.
  var oneLine: String {
    let flat = replacing("\n", with: "\\n")
    return flat.count <= 60 ? flat : "\(flat.prefix(57))…"
  }
}
