// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can be wrong with a study beyond its YAML.
public enum StudyError: Diagnosed, Equatable {
  /// A language that is named but has no text entry.
  case unknownLanguage(String, place: String, known: [String])
  /// A tokenizer without an end-of-text token.
  case noEndOfText(String)
  /// A data file that is not there.
  case missingFile(String, language: String)
  /// A section that needs another.
  case section(String, needs: String, origin: String)
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
    case .section(let section, let needs, let origin):
      Diagnosis(
        what: "`\(section)` needs \(needs).", where: origin, next: "Add it to the recipe.")
    case .noEngine:
      Diagnosis(
        what: "This build has no array engine, so it cannot train or score models.",
        where: "the package trait MLX is off",
        next: "Build without --disable-default-traits after scripts/setup.", kind: .failed)
    }
  }
}
