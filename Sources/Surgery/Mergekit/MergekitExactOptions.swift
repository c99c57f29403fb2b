// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// How a merge follows mergekit's numbers; see ``MergekitExact`` for what that means.
public struct MergekitExactOptions: Sendable, Equatable {
  /// mergekit's `--random-seed`, below 2³²; each merge of a graph starts with it. `nil` is the recipe's
  /// `random_seed`, or else 0; mergekit draws other masks in every run then.
  public var seed: UInt64?
  /// Which releases' numbers. Only the methods' arithmetic follows it: the order of models and of
  /// random numbers is 0.1.5's, for before it was another in every run.
  public var generation: MergekitGeneration

  public init(seed: UInt64? = nil, generation: MergekitGeneration = .v015) {
    self.seed = seed
    self.generation = generation
  }
}

extension MergekitExactOptions {
  /// The seed that a merge starts with; a negative one is beyond what mergekit takes.
  func seed(of recipe: MergeRecipe) -> UInt64? {
    seed ?? recipe.randomSeed.map { UInt64(bitPattern: Int64($0)) }
  }

  /// Refuses what mergekit does not have, in a recipe and in those nested in it: methods, parameters
  /// of ours at other values than their defaults, work types. Nothing is read for that.
  func check(_ recipe: MergeRecipe) throws(MergeError) {
    let method = try MergeMethods.named(recipe.method)
    if let seed = seed(of: recipe), seed >= 1 << 32 {
      throw Self.refusal(
        "mergekit takes seeds below \(UInt64(1) << 32), found \(seed).", "Choose a smaller one.")
    }
    guard MergekitExact.methods.contains(recipe.method) else {
      throw Self.refusal(
        "mergekit has no method `\(recipe.method)`, so there are no numbers of its to follow.",
        "Leave out `--mergekit-exact`, or choose a method that mergekit has.")
    }
    if let first = Self.firstGeneration(of: recipe.method), generation < first {
      throw Self.refusal(
        "mergekit \(generation.rawValue) has no method `\(recipe.method)`; "
          + "\(first.rawValue) has.", "Ask for the numbers of \(first.rawValue).")
    }
    if let dtype = recipe.dtype, WorkType(dtype) == nil {
      throw Self.refusal(
        "mergekit computes in float32, bfloat16, float16 or float64, found \(dtype.torchName).",
        "Choose one of these as `dtype`; `out_dtype` is free.")
    }
    let schema = ParameterSchema(method)
    let own = Self.ownParameters(recipe, schema)
    guard own.isEmpty else {
      let names = own.map { "`\($0)`" }.joined(separator: ", ")
      throw Self.refusal(
        "mergekit's `\(recipe.method)` has no parameter \(names).",
        "Remove \(own.count == 1 ? "it" : "them"), or leave out `--mergekit-exact`.")
    }
    for reference in recipe.references {
      if reference.difference != nil {
        throw Self.refusal(
          "mergekit has no differences as inputs, found \(reference).",
          "Leave out `--mergekit-exact`.")
      }
      for nested in reference.merges { try check(nested) }
    }
  }

  private static func refusal(_ what: String, _ next: String) -> MergeError {
    .operation(Diagnosis(what: what, where: "`--mergekit-exact`", next: next))
  }

  /// The releases in which a method first appears; `nil` for those of all.
  private static func firstGeneration(of method: String) -> MergekitGeneration? {
    switch method {
    case "karcher", "multislerp", "arcee_fusion": .v01
    case "ram", "ramplus_tl": .v015
    default: nil
    }
  }

  /// The releases whose numbers a method gets: the consensus methods were in 0.0.x alone.
  func generation(for method: String) -> MergekitGeneration {
    method.hasPrefix("consensus_") ? .v00 : generation
  }

  /// Parameters that mergekit's method does not have and that the recipe sets to another value than
  /// the default, sorted.
  private static func ownParameters(_ recipe: MergeRecipe, _ schema: ParameterSchema) -> [String] {
    let models = recipe.models + recipe.modules.flatMap(\.models)
    let slices = recipe.slices + recipe.modules.flatMap(\.slices)
    let places =
      [recipe.parameters] + models.map(\.parameters) + recipe.modules.map(\.parameters)
      + slices.map(\.parameters) + slices.flatMap { $0.sources.map(\.parameters) }
    let found = schema.entries.filter { entry in
      !MergekitParameters.names(entry.name)
        && places.contains { $0[entry.name].map { $0 != entry.defaultValue } ?? false }
    }
    return found.map(\.name).sorted()
  }
}

extension MergekitGeneration: Comparable {
  /// Older is smaller.
  public static func < (left: Self, right: Self) -> Bool {
    func age(_ generation: Self) -> Int { allCases.firstIndex(of: generation) ?? 0 }
    return age(left) < age(right)
  }
}

extension MergekitParameters {
  /// Whether mergekit has a parameter of the name.
  static func names(_ name: String) -> Bool {
    var parameters = MergekitParameters()
    return parameters.set(name, to: 0) || parameters.set(name, perSource: [0])
  }

  /// The parameters of a planned tensor.
  ///
  /// - Parameter values: by name, as `ParameterResolver` gives them; those mergekit does not have
  ///   are at their defaults and skipped.
  init(
    _ values: JSONObject, of schema: ParameterSchema, generation: MergekitGeneration
  ) {
    self.init()
    self.generation = generation
    for entry in schema.entries {
      guard let value = values[entry.name] else { continue }
      switch entry.scope {
      case .shared:
        guard let number = value.bool.map({ $0 ? 1 : 0 }) ?? value.double else { continue }
        // Before 0.1.0 only DELLA read it.
        if entry.name == "lambda", generation == .v00, !schema.method.hasPrefix("della") {
          continue
        }
        _ = set(entry.name, to: number)
      case .perSource:
        let numbers = (value.array ?? []).compactMap(\.double)
        // 0.0.6 takes the first model's.
        if entry.name == "k" {
          consensusCount = numbers.first ?? consensusCount
        } else if !numbers.isEmpty {
          _ = set(entry.name, perSource: numbers)
        }
      }
    }
  }
}
