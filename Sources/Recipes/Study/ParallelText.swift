// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Evaluation

/// Text that links two languages: an entry of a recipe's section `parallel`, whose name may stand in
/// a `mix` beside languages.
///
/// The keys are those that `koine train` has under `parallel` and `code_switch` of a text; see
/// docs/mixing.md.
struct ParallelText: Sendable {
  /// How its documents are made.
  enum Form: Sendable {
    /// Of segments and their translations: bilingual or interlinear.
    case pairs(ParallelSettings)
    /// Of the first language's training text, with words of the second.
    case codeSwitched(CodeSwitchSettings)
  }

  /// The form's name where words are replaced; the others are those of `ParallelSettings.Form`.
  static let codeSwitched = "code_switched"

  var name: String
  /// Of the first side, or of the text whose words are replaced; and of the second.
  var languages: [String]
  var form: Form
  /// Recipe and line of the entry, for messages.
  var place: String

  /// Pairs or lexica, relative to the data folder; sources before targets.
  var files: [String] {
    switch form {
    case .pairs(let settings): settings.allFiles
    case .codeSwitched(let settings): settings.lexicon
    }
  }
}

extension ParallelText {
  /// Reads the section; none without it.
  ///
  /// - Parameters:
  ///   - taken: languages, whose codes name their own texts.
  ///   - seed: of what is drawn, where an entry has no `seed`.
  static func all(
    _ root: inout Settings, taken: [String], seed: UInt64
  ) throws -> [ParallelText] {
    guard var section = try root.optionalChild("parallel") else { return [] }
    return try section.keys.map { name in
      guard StepGraph.isUsableName("tokens-" + name) else {
        throw section.wrong(
          name, expected: "named by 1 to 93 letters, digits, `-`, `_` or `.`", found: "`\(name)`")
      }
      guard !taken.contains(name) else {
        throw section.wrong(name, expected: "no language's code", found: "`\(name)`")
      }
      let node = section.node(name)
      let place = StudyError.place(root.origin, node?.keyLine ?? node?.line)
      var entry = try section.child(name)
      let text = try ParallelText(&entry, name: name, place: place, seed: seed)
      try entry.finish()
      return text
    }
  }

  private init(_ entry: inout Settings, name: String, place: String, seed: UInt64) throws {
    self.name = name
    self.place = place
    languages = try entry.strings("languages")
    guard languages.count == 2, languages[0] != languages[1] else {
      throw entry.wrong(
        "languages", expected: "two languages, that of the first side and that of the second",
        found: languages.isEmpty ? "none" : languages.joined(separator: ", "))
    }
    let pairForms = ParallelSettings.Form.allCases.map(\.rawValue)
    let chosen = try entry.choice(
      "form", default: pairForms[0], of: pairForms + [Self.codeSwitched])
    if chosen == Self.codeSwitched {
      guard var child = try entry.optionalChild("code_switch") else {
        throw DocumentError.missingKey(
          "code_switch", path: entry.path, line: entry.line, origin: entry.origin)
      }
      var settings = try CodeSwitchSettings(&child)
      if !child.keys.contains("seed") { settings.seed = seed }
      try child.finish()
      try StudySettings.refuse(
        entry.keys.filter { !["languages", "form", "code_switch"].contains($0) }, in: entry,
        because: "code-switched text is the first language's own, which stands under `text`",
        next: "Remove it, or choose another `form`.")
      form = .codeSwitched(settings)
    } else {
      try StudySettings.refuse(
        ["code_switch"], in: entry, because: "pairs keep their words",
        next: "Remove it, or say `form: \(Self.codeSwitched)`.")
      var settings = try ParallelSettings(&entry)
      if !entry.keys.contains("seed") { settings.seed = seed }
      form = .pairs(settings)
    }
  }

  /// Throws for a language that the recipe does not have; one whose words are replaced must have
  /// text to train on.
  ///
  /// - Parameters:
  ///   - trained: languages with text to train on.
  ///   - known: these, those that are measured only, and those of the task.
  func check(trained: [String], known: [String]) throws {
    for (position, code) in languages.enumerated() {
      var allowed = known
      if position == 0, case .codeSwitched = form { allowed = trained }
      guard allowed.contains(code) else {
        throw StudyError.unknownLanguage(
          code, place: "\(place), `parallel.\(name).languages`", known: allowed)
      }
    }
  }
}

extension ParallelText {
  /// What a laboratory writes for two languages each, if pairs are asked for.
  static func labFiles(_ lab: LabSettings) -> [String] {
    let codes = lab.languages.map(\.code)
    return codes.enumerated().flatMap { index, first in
      codes[(index + 1)...].flatMap { second in
        (lab.parallelPairs > 0 ? ["parallel/\(first)-\(second).tsv"] : [])
          + ["lexicons/\(first)-\(second).tsv"]
      }
    }
  }
}

extension StudySettings {
  /// The languages and parallel texts that a training draws text from.
  var mixedNames: Set<String> {
    Set([base?.mix, ct.mix, joint.mix].compactMap { $0 }.joined().map(\.language))
  }

  /// The parallel texts that a training draws from; the others take no step.
  var usedParallel: [ParallelText] { parallel.filter { mixedNames.contains($0.name) } }

  /// Their steps. Throws `StudyError.missingParallelFile`.
  func parallelSteps(_ data: StudyData) throws -> [ParallelTextStep] {
    try usedParallel.map { text in
      let files = text.files.enumerated().map { data.input("file-\($0.offset)", $0.element) }
      for file in files {
        if case .file(let path) = file.source, !Disk.exists(path) {
          throw StudyError.missingParallelFile(path, name: text.name, place: text.place)
        }
      }
      // The target's validation rows are read for nothing, and need not be there.
      let rows =
        languages.sources.flatMap { [($0, EvaluationSplit.validation), ($0, .test)] }
        + [(languages.target, .test)]
      return ParallelTextStep(
        text: text, files: files,
        rows: try rows.filter { text.languages.contains($0.0) }.map { code, split in
          data.input(
            "rows-\(code)-\(split.rawValue)",
            try TaskRowsInput.paths(task, code, split).rows)
        }, measured: texts.map(\.code).filter(text.languages.contains))
    }
  }
}
