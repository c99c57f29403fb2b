// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Evaluation
import Surgery
import Training

/// What can be wrong with a study beyond its YAML.
public enum StudyError: Diagnosed, Equatable {
  /// A language that is named but has no text entry.
  case unknownLanguage(String, place: String, known: [String])
  /// A tokenizer without an end-of-text token.
  case noEndOfText(String)
  /// A data file that is not there.
  case missingFile(String, language: String)
  /// A file of a `parallel` text, or its lexicon, that is not there.
  case missingParallelFile(String, name: String, place: String)
  /// A file that the laboratory does not write.
  case notInLab(String, known: [String])
  /// A `task` that is none: what the tasks say, at its place in the recipe.
  case taskName(EvaluationError, origin: String, line: Int?)
  /// The target stands among the sources, whose labels are used.
  case targetAmongSources(String, origin: String, line: Int?)
  /// A language on whose held-out text merges are chosen has one held-out document only.
  case fewHeldOut(String, origin: String)
  /// A section that needs another.
  case section(String, needs: String, origin: String)
  /// A key that would change nothing where it stands.
  case unusedKey(String, reason: String, origin: String, line: Int?, next: String)
  /// A point of a merge grid that its method refuses.
  case candidate(String, origin: String, line: Int?, MergeError)
  /// Settings of a section's training that do not fit the model.
  case training(String, origin: String, TrainingError)
  /// A task that a study cannot use: it lacks what selection and report compare.
  case task(String, problem: String, origin: String)
  /// A build without MLX.
  case noEngine

  public var diagnosis: Diagnosis {
    switch self {
    case .unknownLanguage(let language, let place, let known):
      Diagnosis(
        what: "The language `\(language)` has no text.", where: place,
        next: nearestName(to: language, in: known).map { "Did you mean `\($0)`?" }
          ?? "Add it under `text`; there are \(known.joined(separator: ", ")).")
    case .noEndOfText(let folder):
      Diagnosis(
        what: "The tokenizer names no end-of-text token.", where: folder,
        next: "Set `eos_token` in its tokenizer_config.json.")
    case .missingFile(let path, let language):
      Diagnosis(
        what: "A text file of the language `\(language)` is missing.", where: path,
        next: "Check the path in the recipe, and give the data folder with --data or KOINE_DATA.")
    case .missingParallelFile(let path, let name, let place):
      Diagnosis(
        what: "The file `\(path)` is missing.", where: "\(place), `parallel.\(name)`",
        next: "Check the path in the recipe, and give the data folder with --data or KOINE_DATA.")
    case .notInLab(let file, let known):
      Diagnosis(
        what: "The laboratory of this recipe does not write `\(file)`.", where: "`lab` and `text`",
        next: nearestName(to: file, in: known).map { "Did you mean `\($0)`?" }
          ?? "Add the language under `lab.languages`, with text and rows.")
    case .taskName(let error, let origin, let line):
      Self.diagnosis(of: error, at: Self.place(origin, line))
    case .targetAmongSources(let code, let origin, let line):
      Self.diagnosis(of: EvaluationError.studyLanguages(code), at: Self.place(origin, line))
    case .fewHeldOut(let language, let origin):
      Diagnosis(
        what: "Merges are chosen on some held-out text of `\(language)` and reported on other, and "
          + "it has one held-out document.", where: origin,
        next: "Raise `held_out.share` in the recipe, or give more, shorter documents.")
    case .section(let section, let needs, let origin):
      Diagnosis(
        what: "`\(section)` needs \(needs).", where: origin, next: "Add it to the recipe.")
    case .unusedKey(let key, let reason, let origin, let line, let next):
      Diagnosis(
        what: "`\(key)` means nothing here: \(reason).", where: Self.place(origin, line), next: next
      )
    case .candidate(let candidate, let origin, let line, let error):
      Diagnosis(
        what: error.diagnosis.what, where: "\(Self.place(origin, line)), \(candidate)",
        next: Self.advice(error))
    case .training(let section, let origin, let error):
      Diagnosis(
        what: error.diagnosis.what, where: "\(origin), `\(section)`: \(error.diagnosis.where)",
        next: error.diagnosis.next)
    case .task(let task, let problem, let origin):
      Diagnosis(
        what: "The task `\(task)` cannot be used in a study: \(problem).", where: origin,
        next: "Choose a multiple-choice task with `acc` in its `metric_list`, or add it there.")
    case .noEngine:
      Diagnosis(
        what: "This build has no array engine, so it cannot train or score models.",
        where: "the package trait MLX is off",
        next: "Build without --disable-default-traits after scripts/setup.", kind: .failed)
    }
  }

  /// What another room says, at a place in the recipe.
  private static func diagnosis(of error: some Diagnosed, at place: String) -> Diagnosis {
    var result = error.diagnosis
    result.where = place
    return result
  }

  static func place(_ origin: String, _ line: Int?) -> String {
    line.map { "\(origin), line \($0)" } ?? origin
  }

  /// What to do in a study, whose recipe has other places for parameters than a merge's.
  private static func advice(_ error: MergeError) -> String {
    switch error {
    case .missingParameter(let name, _, _): "Add `\(name)` to `parameters` or to `grid`."
    case .sharedParameterUnderModel(let name, _, _, _):
      "Give `\(name)` one value instead of a pair [CT, SFT]."
    default: error.diagnosis.next
    }
  }
}
