// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// What can be wrong with a merge before a weight is read, and while weights are.
public enum MergeError: Diagnosed, Equatable {
  /// The recipe's text.
  case document(DocumentError)
  /// A model's folder.
  case checkpoint(CheckpointError)
  case unknownMethod(String, origin: String, nearest: String?, known: [String])
  case unknownParameter(String, method: String, place: String, nearest: String?)
  /// A parameter that belongs at the top level stands under a model.
  case sharedParameterUnderModel(String, method: String, model: String, place: String)
  case missingParameter(String, method: String, model: String?)
  /// The filters of a parameter leave a tensor without a value, and there is no default.
  case uncoveredTensor(parameter: String, tensor: String, model: String?)
  case parameter(String, value: String, expected: String)
  case missingBase(method: String)
  case sourceCount(method: String, expected: ClosedRange<Int>, found: Int, hasBase: Bool)
  case duplicateModel(String)
  /// What a recipe as a whole lacks or has too much of.
  case recipe(RecipeFault, origin: String)
  case slice(SliceFault, place: String)
  /// Statistics that a method needs of a model.
  case statistics(StatisticsFault, model: String)
  case tensorOnlyInOne(tensor: String, shape: Shape, presentIn: String, absentFrom: String)
  case shapes(tensor: String, first: Shape, firstModel: String, second: Shape, secondModel: String)
  case configs(key: String, first: String, firstModel: String, second: String, secondModel: String)
  case types(tensor: String, first: ElementType, second: ElementType, models: [String])
  case notAFloatType(String)
  /// A model or a tokenizer that cannot be used as the recipe says.
  case operation(Diagnosis)

  public var diagnosis: Diagnosis {
    switch self {
    case .document(let error): error.diagnosis
    case .checkpoint(let error): error.diagnosis
    case .unknownMethod(let name, let origin, let nearest, let known):
      Diagnosis(
        what: "The merge method `\(name)` is unknown; known: \(known.joined(separator: ", ")).",
        where: origin,
        next: nearest.map { "Did you mean `\($0)`?" } ?? "Choose one of the known methods.")
    case .unknownParameter(let name, let method, let place, let nearest):
      Diagnosis(
        what: "The method `\(method)` has no parameter `\(name)`.", where: place,
        next: nearest.map { "Did you mean `\($0)`?" } ?? "Remove it.")
    case .sharedParameterUnderModel(let name, let method, let model, let place):
      Diagnosis(
        what:
          "The parameter `\(name)` of `\(method)` is one for all models, found under `\(model)`.",
        where: place,
        next: "Move `\(name)` to `parameters` at the top level, of the slice or of the module.")
    case .missingParameter(let name, let method, let model):
      Diagnosis(
        what: "The method `\(method)` needs the parameter `\(name)`.",
        where: model.map { "model \($0)" } ?? "`parameters` at the top level",
        next: model == nil
          ? "Add `\(name)` to `parameters` at the top level."
          : "Add `\(name)` to the model's `parameters`, or at the top level for all models.")
    case .uncoveredTensor(let name, let tensor, let model):
      Diagnosis(
        what: "No filter of `\(name)` matches the tensor `\(tensor)`, and it has no default.",
        where: model.map { "`\(name)` of model \($0)" } ?? "parameter `\(name)`",
        next: "End the list with a `value` that has no filter.")
    case .parameter(let name, let value, let expected):
      Diagnosis(
        what: "`\(name)` should be \(expected), found \(value).", where: "parameter `\(name)`",
        next: "Correct the value.")
    case .missingBase(let method):
      Diagnosis(
        what: "The method `\(method)` needs a `base_model`, found none.", where: "`base_model`",
        next: "Name the model that the others were trained from.")
    case .sourceCount(let method, let expected, let found, let hasBase):
      Diagnosis(
        what: "The method `\(method)` merges "
          + (expected.lowerBound == expected.upperBound
            ? "\(expected.lowerBound)" : "at least \(expected.lowerBound)")
          + " model(s)\(hasBase ? " besides the base" : ""), found \(found).",
        where: "`models`", next: "Correct the list of models.")
    case .duplicateModel(let name):
      Diagnosis(
        what: "The model `\(name)` is listed twice.", where: "`models`",
        next: "List it once, with the sum of its weights.")
    case .operation(let diagnosis): diagnosis
    case .recipe(let fault, let origin): fault.diagnosis(origin: origin)
    case .slice(let fault, let place): fault.diagnosis(place: place)
    case .statistics(let fault, let model): fault.diagnosis(model: model)
    case .tensorOnlyInOne(let tensor, let shape, let present, let absent):
      Diagnosis(
        what: "The tensor `\(tensor)` of shape \(shape) is in one model and missing in another.",
        where: "present in \(present), absent from \(absent)",
        next: "Merge models of one architecture and size only.")
    case .shapes(let tensor, let first, let firstModel, let second, let secondModel):
      Diagnosis(
        what: "The tensor `\(tensor)` has shape \(first) in one model and \(second) in another.",
        where: "\(firstModel) and \(secondModel)",
        next: first.extents.dropFirst() == second.extents.dropFirst() && first.rank > 1
          && ["embed", "lm_head", "wte", "shared"].contains(where: tensor.contains)
          ? Self.vocabularyAdvice
          : "Merge models of one architecture and size only.")
    case .configs(let key, let first, let firstModel, let second, let secondModel):
      Diagnosis(
        what: "`\(key)` is \(first) in one model's config.json and \(second) in another's.",
        where: "\(firstModel) and \(secondModel)",
        next: key.hasSuffix("vocab_size")
          ? Self.vocabularyAdvice
          : "Such models compute differently from equal weights; merge children of one base.")
    case .types(let tensor, let first, let second, let models):
      Diagnosis(
        what: "The tensor `\(tensor)` has type \(first.rawValue) in one model and "
          + "\(second.rawValue) in another.",
        where: models.joined(separator: " and "),
        next: "A buffer must have one type in all models; save them with the same software.")
    case .notAFloatType(let name):
      Diagnosis(
        what: "`\(name)` is not a type weights can have.", where: "`dtype`",
        next: "Choose float32, bfloat16 or float16.")
    }
  }

  /// Vocabularies are never cut by number, so one must be chosen.
  static let vocabularyAdvice =
    "The vocabularies differ; say with `tokenizer: {source: union}`, `base` or a model which one the "
    + "result has."
}
