// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Which rows of a task: lm-eval's three splits.
public enum EvaluationSplit: String, CaseIterable, Sendable {
  /// Rows to learn from.
  case training
  /// Rows to choose by.
  case validation
  /// Rows to report on, and nothing else.
  case test
}

/// A benchmark: how a row becomes a question, what counts as right, in which languages.
///
/// A task is one YAML file. Its keys are lm-evaluation-harness's with the same meaning, plus
/// `languages` and `choices_from`:
///
/// | key | meaning |
/// | --- | --- |
/// | `task` | name; a language's own is `<task>_<code>` unless the table says otherwise |
/// | `task_alias` | shown in tables; default `task` |
/// | `output_type` | `multiple_choice` or `loglikelihood_rolling` |
/// | `dataset_path` | file below the data folder, with `{{dataset_name}}`, `{{language}}`, `{{split}}` |
/// | `training_split`, `validation_split`, `test_split` | what `{{split}}` becomes |
/// | `description` | stands before every prompt |
/// | `doc_to_text`, `doc_to_target` | a column's name, or text with `{{column}}` |
/// | `doc_to_choice` | list of choices |
/// | `choices_from` | `training_split`: the choices are its labels, sorted by code point |
/// | `target_delimiter` | between prompt and choice; default one space |
/// | `num_fewshot` | 0 |
/// | `metric_list` | list of `metric`, `aggregation`, `higher_is_better` |
/// | `languages` | code → `name`, `task`, `dataset_name`, `doc_to_text`, `doc_to_choice`; `"*"` admits any code |
/// | `metadata` | `version`; also `source`, `licence`, `note` |
///
/// **Departs** from lm-eval: unknown keys are errors; a label outside the choices is an error where
/// lm-eval warns and counts it as wrong; text columns are never taken for numbers, except a target
/// of digits, which is an index into the choices as there.
public struct EvaluationTask: Equatable, Sendable {
  /// What is asked of the model.
  public enum OutputType: String, CaseIterable, Sendable {
    /// The choice with the highest log-likelihood after the prompt.
    case multipleChoice = "multiple_choice"
    /// The log-likelihood of a whole text.
    case rolling = "loglikelihood_rolling"
  }

  /// One entry of `languages`; `nil` keeps the task's own.
  public struct Language: Equatable, Sendable {
    /// The table's key, such as `fao_Latn`.
    public var code: String
    /// The language's English name; default the code.
    public var name: String?
    /// The name of the task in this language.
    public var task: String?
    /// What `{{dataset_name}}` becomes; default the code.
    public var datasetName: String?
    var docToText: Template?
    var choices: [String]?
  }

  /// `task`.
  public var name: String
  /// `task_alias`.
  public var alias: String
  /// `output_type`.
  public var outputType: OutputType
  /// `metadata.version`, as written.
  public var version: String
  /// Identifiers out of `Metrics.all`, in the order of the file.
  public var metrics: [String]
  /// The languages of the file in its order, without `"*"`.
  public var languages: [Language]
  /// Whether any other code is admitted (`"*"`).
  public var admitsOtherLanguages: Bool
  /// The file, for messages.
  public var origin: String
  var datasetPath: Template?
  var splits: [EvaluationSplit: String]
  var introduction: Template?
  var docToText: Template
  var docToTarget: Template
  var choices: [String]?
  var choicesFromTraining: Bool
  var targetDelimiter: String

  /// The task in one language.
  ///
  /// - Throws: `EvaluationError.unknownLanguage`.
  public func localized(_ code: String) throws -> LocalizedTask {
    guard let language = languages.first(where: { $0.code == code }) ?? other(code) else {
      throw EvaluationError.unknownLanguage(
        code, task: name, nearest: nearestName(to: code, in: languages.map(\.code)))
    }
    return try LocalizedTask(self, language)
  }

  /// Everything that the task says, for hashing: two tasks that ask or count differently differ
  /// here, whatever their names and versions. Where it was read from is not part of it.
  public var identity: JSON {
    var object = JSONObject()
    object["task"] = .string(name)
    object["task_alias"] = .string(alias)
    object["output_type"] = .string(outputType.rawValue)
    object["version"] = .string(version)
    object["metrics"] = JSON(metrics.map { .string($0) })
    object["dataset_path"] = Self.json(datasetPath?.source)
    for split in EvaluationSplit.allCases {
      object["\(split.rawValue)_split"] = Self.json(splits[split])
    }
    object["description"] = Self.json(introduction?.source)
    object["doc_to_text"] = .string(docToText.source)
    object["doc_to_target"] = .string(docToTarget.source)
    object["doc_to_choice"] = Self.json(choices)
    object["choices_from_training"] = .bool(choicesFromTraining)
    object["target_delimiter"] = .string(targetDelimiter)
    object["admits_other_languages"] = .bool(admitsOtherLanguages)
    object["languages"] = JSON(
      languages.map { language in
        [
          "code": .string(language.code), "name": Self.json(language.name),
          "task": Self.json(language.task), "dataset_name": Self.json(language.datasetName),
          "doc_to_text": Self.json(language.docToText?.source),
          "doc_to_choice": Self.json(language.choices),
        ] as JSON
      })
    return .object(object)
  }

  private static func json(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }

  private static func json(_ texts: [String]?) -> JSON {
    texts.map { JSON($0.map { .string($0) }) } ?? .null
  }

  private func other(_ code: String) -> Language? {
    admitsOtherLanguages ? Language(code: code) : nil
  }
}
