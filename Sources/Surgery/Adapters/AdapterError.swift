// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// What can be wrong with an adapter: its folder, its fit to a base, its extraction.
public enum AdapterError: Diagnosed, Equatable {
  /// A file of weights, the adapter's or a model's.
  case checkpoint(CheckpointError)
  /// `adapter_config.json` is not well formed.
  case document(DocumentError)
  /// The folder holds no adapter that can be read.
  case noAdapter(directory: String, reason: String, advice: String)
  /// A kind of adapter, or an option of one, that cannot be folded into weights here.
  case unsupported(what: String, origin: String, advice: String)
  /// A value of `adapter_config.json`.
  case setting(key: String, origin: String, expected: String, found: String)
  /// A key of `adapter_config.json` that may change what the numbers mean.
  case unknownSetting(key: String, value: String, origin: String, nearest: String?)
  /// A regular expression.
  case pattern(String, key: String, origin: String, problem: String)
  /// A tensor that no tensor of the base is for.
  case noPlace(
    tensor: String, shape: Shape, origin: String, wanted: String, base: String, nearest: String?)
  /// A tensor that several tensors of the base could be for.
  case manyPlaces(tensor: String, candidates: [String], base: String)
  /// A module with one half of a product.
  case incomplete(module: String, missing: String, origin: String)
  /// Two tensors with one meaning.
  case duplicate(first: String, second: String, origin: String)
  case shape(tensor: String, expected: String, found: Shape, origin: String)
  case rank(module: String, expected: Int, found: Int, origin: String)
  /// The base's tensor is not plain floats.
  case quantizedBase(tensor: String, reason: String, base: String)
  /// The base ties its head to its embedding in a way that cannot be undone here.
  case tiedHead(tensor: String, base: String)
  /// Two models between which there is no difference to extract.
  case noDifference(tuned: String, base: String)
  case tensorOnlyInOne(tensor: String, shape: Shape, presentIn: String, absentFrom: String)
  /// A tensor that has changed and cannot be part of an adapter.
  case notExtractable(tensor: String, reason: String, origin: String, advice: String)
  case decomposition(tensor: String, problem: String, origin: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .checkpoint(let error): error.diagnosis
    case .document(let error): error.diagnosis
    case .noAdapter(let directory, let reason, let advice):
      Diagnosis(what: "The folder holds no adapter: \(reason).", where: directory, next: advice)
    case .unsupported(let what, let origin, let advice):
      Diagnosis(what: "\(what) cannot be folded into weights.", where: origin, next: advice)
    case .setting(let key, let origin, let expected, let found):
      Diagnosis(
        what: "`\(key)` should be \(expected), found \(found).", where: origin,
        next: "Restore adapter_config.json from the adapter's original folder.")
    case .unknownSetting(let key, let value, let origin, let nearest):
      Diagnosis(
        what: "The key `\(key)` is unknown, so what \(value) does to the weights is too.",
        where: origin,
        next: nearest.map { "Did you mean `\($0)`?" }
          ?? "Merge the adapter with the software it comes from, or remove the key if it only "
          + "concerned training.")
    case .pattern(let pattern, let key, let origin, let problem):
      Diagnosis(
        what: "The regular expression `\(pattern)` in `\(key)` cannot be read: \(problem).",
        where: origin,
        next: "Use literals, `.`, `[…]`, `*`, `+`, `?`, `{m,n}`, `|`, groups, `^` and `$` only.")
    case .noPlace(let tensor, let shape, let origin, let wanted, let base, let nearest):
      Diagnosis(
        what: "The adapter's tensor `\(tensor)` of shape \(shape) is for `\(wanted)`, which "
          + "\(base) does not have.",
        where: origin,
        next: nearest.map { "The nearest tensor is `\($0)`; check that this is the right base." }
          ?? "Name the base model that the adapter was trained on.")
    case .manyPlaces(let tensor, let candidates, let base):
      Diagnosis(
        what: "The adapter's tensor `\(tensor)` fits several: "
          + "\(candidates.prefix(4).joined(separator: ", ")).",
        where: base, next: "Rename the adapter's tensors to the base's full names.")
    case .incomplete(let module, let missing, let origin):
      Diagnosis(
        what: "The module `\(module)` has no \(missing).", where: origin,
        next: "The adapter is incomplete; save or fetch it again.")
    case .duplicate(let first, let second, let origin):
      Diagnosis(
        what: "The tensors `\(first)` and `\(second)` mean the same.", where: origin,
        next: "Keep one adapter per file; save it again.")
    case .shape(let tensor, let expected, let found, let origin):
      Diagnosis(
        what: "The tensor `\(tensor)` should have \(expected), found shape \(found).",
        where: origin, next: "Name the base model that the adapter was trained on.")
    case .rank(let module, let expected, let found, let origin):
      Diagnosis(
        what: "The module `\(module)` should have rank \(expected) by adapter_config.json, its "
          + "tensors have \(found).",
        where: origin, next: "Configuration and tensors are of two adapters; fetch both again.")
    case .quantizedBase(let tensor, let reason, let base):
      Diagnosis(
        what: "The base's tensor `\(tensor)` is quantised: \(reason).", where: base,
        next: "Fetch the base in float32, bfloat16 or float16; the adapter fits that too.")
    case .tiedHead(let tensor, let base):
      Diagnosis(
        what: "The adapter changes `\(tensor)`, which the base also uses as its output head.",
        where: base,
        next: "This architecture cannot be written with a head of its own; use an adapter that "
          + "leaves the embedding alone.")
    case .noDifference(let tuned, let base):
      Diagnosis(
        what: "The models do not differ in any tensor that may go into an adapter.",
        where: "\(tuned) and \(base)",
        next: "Check the two paths, and what `include` and `exclude` leave.")
    case .tensorOnlyInOne(let tensor, let shape, let present, let absent):
      Diagnosis(
        what: "The tensor `\(tensor)` of shape \(shape) is in one model and missing in the other.",
        where: "present in \(present), absent from \(absent)",
        next: "Extract from a model and the base it was trained from.")
    case .notExtractable(let tensor, let reason, let origin, let advice):
      Diagnosis(
        what: "The tensor `\(tensor)` cannot go into an adapter: \(reason).", where: origin,
        next: advice)
    case .decomposition(let tensor, let problem, let origin):
      Diagnosis(
        what: "The change of `\(tensor)` cannot be decomposed: \(problem).", where: origin,
        next: "The weights are damaged or their training diverged; use an earlier checkpoint.",
        kind: .failed)
    }
  }
}
