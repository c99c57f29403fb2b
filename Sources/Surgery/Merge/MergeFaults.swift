// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can be wrong with a recipe as a whole.
public enum RecipeFault: Equatable, Sendable {
  /// Not exactly one of `models`, `slices` and `modules`, in a recipe or a module.
  case inputs(found: [String], place: String)
  /// `tokenizer_source` and `tokenizer` in one recipe.
  case twoTokenizers
  /// A document of a graph refers to itself; the loop begins and ends with one name.
  case cycle([String])
  /// Documents use documents that use documents, and so on.
  case tooDeep(limit: Int, outermost: String)
  case duplicateName(String)
  /// More than one document of a graph has no name, or none is left to be merged.
  case outputs(count: Int)
  /// A module that the architecture lacks.
  case unknownModule(String, architecture: String, known: [String])
  /// A difference where the method sees no changes of a base.
  case differenceWithoutBase(String, method: String)
  /// A difference where a whole model is needed.
  case differenceAsModel(String)
  /// A whole model where the method adds differences.
  case modelAsDifference(String, method: String)
  /// A module that the recipe leaves out, or slices without the name of their module.
  case missingModule(String, architecture: String)

  func diagnosis(origin: String) -> Diagnosis {
    switch self {
    case .inputs(let found, let place):
      Diagnosis(
        what:
          "Expected one of `models`, `slices` and `modules`\(place.isEmpty ? "" : " in `\(place)`")"
          + ", found \(found.isEmpty ? "none" : found.joined(separator: " and ")).",
        where: origin,
        next: found.isEmpty ? "List what to merge under `models`." : "Keep one of them.")
    case .twoTokenizers:
      Diagnosis(
        what: "The recipe has both `tokenizer_source` and `tokenizer`.", where: origin,
        next: "Keep `tokenizer`, with the source as its `source`.")
    case .cycle(let names):
      Diagnosis(
        what: "The merges need each other: \(names.joined(separator: " → ")).", where: origin,
        next: "Let one of them name a stored model instead.")
    case .tooDeep(let limit, let outermost):
      Diagnosis(
        what:
          "More than \(limit) merges need each other one after the other, from `\(outermost)` on.",
        where: origin, next: "Write one of them to a folder first, and name the folder.")
    case .duplicateName(let name):
      Diagnosis(
        what: "Two documents have the name `\(name)`.", where: origin,
        next: "Give each document a name of its own.")
    case .outputs(let count):
      Diagnosis(
        what: count == 0
          ? "Every document is an input of another, and none is the result."
          : "\(count) documents have no name.",
        where: origin, next: "Leave out the `name` of the result alone.")
    case .unknownModule(let name, let architecture, let known):
      Diagnosis(
        what: "\(architecture) has no module `\(name)`; it has \(known.joined(separator: ", ")).",
        where: origin,
        next: nearestName(to: name, in: known).map { "Did you mean `\($0)`?" }
          ?? "Choose one of them.")
    case .differenceWithoutBase(let name, let method):
      Diagnosis(
        what: "`\(method)` sees no changes of a base here, and \(name) is a difference.",
        where: origin,
        next: "Name a `base_model` and a method that needs one, such as `transfer` or `ties`.")
    case .differenceAsModel(let name):
      Diagnosis(
        what: "\(name) is a difference, where a whole model is needed.", where: origin,
        next: "Name a model; a difference stands under `models` and `sources` only.")
    case .modelAsDifference(let name, let method):
      Diagnosis(
        what: "The method `\(method)` adds differences, and \(name) is a model.", where: origin,
        next: "Write `model: {difference: {tuned: \(name), base: …}}` with the model that it was "
          + "trained from.")
    case .missingModule(let name, let architecture):
      Diagnosis(
        what: "The recipe says nothing of `\(name)`, a module of \(architecture).", where: origin,
        next: "List `\(name)` under `modules`; the result would lack its weights.")
    }
  }
}

/// What can be wrong with a slice.
public enum SliceFault: Equatable, Sendable {
  /// The sources have different numbers of layers.
  case unequal([Int])
  case beyondModel(model: String, start: Int, end: Int, depth: Int)
  case negativeStart(model: String, start: Int)
  case noSources
  /// The method needs the base, which is no source of the slice.
  case baseNotASource(base: String, method: String)

  func diagnosis(place: String) -> Diagnosis {
    switch self {
    case .unequal(let counts):
      Diagnosis(
        what: "The sources of a slice should have equally many layers, found "
          + counts.map(String.init).joined(separator: " and ") + ".",
        where: place, next: "Correct `layer_range`; its end is not included.")
    case .beyondModel(let model, let start, let end, let depth):
      Diagnosis(
        what: "The layers \(start) to \(end) are asked of a model that has \(depth).",
        where: "\(place), model \(model)",
        next: "Correct `layer_range`: from 0 to at most \(depth), the end not included.")
    case .negativeStart(let model, let start):
      Diagnosis(
        what: "`layer_range` should start at 0 or later, found \(start).",
        where: "\(place), model \(model)", next: "Correct the value.")
    case .noSources:
      Diagnosis(
        what: "The slice has no sources.", where: place, next: "List a model under `sources`.")
    case .baseNotASource(let base, let method):
      Diagnosis(
        what: "The method `\(method)` needs the base `\(base)`, which is no source of the slice.",
        where: place, next: "List it among the `sources` with its `layer_range`.")
    }
  }
}
