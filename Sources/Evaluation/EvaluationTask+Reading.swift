// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension EvaluationTask {
  /// Reads a task's YAML text.
  ///
  /// - Throws: `DocumentError` (syntax, unknown key with the nearest, wrong value) with the line,
  ///   and `EvaluationError` for templates and choices.
  public init(yaml text: String, origin: String) throws {
    try self.init(Settings(YAML.parse(text, origin: origin), origin: origin))
  }

  init(_ settings: Settings) throws {
    var settings = settings
    origin = settings.origin
    name = try settings.string("task")
    alias = try settings.string("task_alias", default: name)
    let kind = try settings.choice("output_type", of: OutputType.allCases.map(\.rawValue))
    let type = OutputType(rawValue: kind) ?? .multipleChoice
    outputType = type
    datasetPath = try settings.optionalString("dataset_path").map(Template.init)
    splits = [:]
    for split in EvaluationSplit.allCases {
      splits[split] = try settings.optionalString("\(split.rawValue)_split")
    }
    introduction = try settings.optionalString("description").map(Template.init)
    docToTarget = try Template(
      settings.string("doc_to_target", default: type == .rolling ? "text" : "label"))
    switch type {
    case .multipleChoice: docToText = try Template(settings.string("doc_to_text"))
    case .rolling: docToText = try Template(settings.string("doc_to_text", default: ""))
    }
    choices = try settings.optionalStrings("doc_to_choice")
    choicesFromTraining =
      try settings.optionalString("choices_from") != nil
      && settings.choice("choices_from", of: ["training_split"]) == "training_split"
    targetDelimiter = try settings.string("target_delimiter", default: " ")
    _ = try settings.int("num_fewshot", default: 0, in: 0...0)
    metrics = try Self.metrics(&settings, of: type)
    (languages, admitsOtherLanguages) = try Self.languages(&settings)
    var metadata = try settings.child("metadata")
    version = try metadata.string("version", default: "0")
    for key in ["source", "licence", "note"] { _ = try metadata.optionalString(key) }
    try metadata.finish()
    try settings.finish()
    try check()
  }

  private static func metrics(
    _ settings: inout Settings, of type: OutputType
  ) throws -> [String] {
    var names: [String] = []
    for var entry in try settings.children("metric_list") {
      let name = try entry.choice("metric", of: Metrics.names(answering: type))
      let card = try Metrics.required(name).card
      if let aggregation = try entry.optionalString("aggregation"), aggregation != card.aggregation
      {
        throw entry.wrong(
          "aggregation", expected: "`\(card.aggregation)` for `\(name)`",
          found: "`\(aggregation)`")
      }
      let direction = card.higherIsBetter
      guard try entry.bool("higher_is_better", default: direction) == direction else {
        throw entry.wrong(
          "higher_is_better", expected: "\(direction) for `\(name)`", found: "\(!direction)")
      }
      try entry.finish()
      guard !names.contains(name) else {
        throw entry.wrong("metric", expected: "each metric once", found: "`\(name)` twice")
      }
      names.append(name)
    }
    guard !names.isEmpty else {
      throw settings.wrong("metric_list", expected: "at least one metric", found: "none")
    }
    return names
  }

  private static func languages(_ settings: inout Settings) throws -> ([Language], Bool) {
    guard var table = try settings.optionalChild("languages") else { return ([], true) }
    var languages: [Language] = []
    var admitsOthers = false
    for code in table.keys {
      var entry = try table.child(code)
      if code == "*" {
        admitsOthers = true
      } else {
        languages.append(
          Language(
            code: code, name: try entry.optionalString("name"),
            task: try entry.optionalString("task"),
            datasetName: try entry.optionalString("dataset_name"),
            docToText: try entry.optionalString("doc_to_text").map(Template.init),
            choices: try entry.optionalStrings("doc_to_choice")))
      }
      try entry.finish()
    }
    return (languages, admitsOthers)
  }

  private func check() throws {
    guard outputType == .multipleChoice else { return }
    if choicesFromTraining && choices != nil {
      throw EvaluationError.choices(
        choices ?? [], task: name, problem: "both `doc_to_choice` and `choices_from` are given")
    }
    guard choicesFromTraining || choices != nil || languages.contains(where: { $0.choices != nil })
    else {
      throw EvaluationError.choices(
        [], task: name, problem: "neither `doc_to_choice` nor `choices_from` is given")
    }
    for list in [choices].compactMap({ $0 }) + languages.compactMap(\.choices) {
      try LocalizedTask.check(list, task: name)
    }
  }
}
