// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Merging: checkpoints to a checkpoint.
///
/// ``MergeRecipe`` says what to merge, ``MergePlan`` what will be computed, and the methods how.
public enum Merge {
  /// Plans a merge and returns its result as a lazy checkpoint: every check on names, shapes,
  /// configs, layers and parameters is made now, no weight is read before the result's are asked
  /// for.
  ///
  /// Config and tokenizer are the base's, or the first model's where there is no base, unless the
  /// recipe has a tokenizer section. The number of layers in the config is the result's.
  ///
  /// Tied heads: where all models are tied the result is, and has no head. Where some are, each of
  /// those contributes its embedding as its head, which is what it computes with, and the result
  /// has a head of its own and `tie_word_embeddings: false`. (mergekit writes the head but leaves
  /// the flag, so loaders drop it.)
  ///
  /// Buffers that are not floats must be equal in all models and are copied.
  ///
  /// - Parameter resolve: the checkpoint of a reference, as text; called once for each model.
  /// - Throws: ``MergeError``, and whatever `resolve` throws.
  public static func plan(
    _ recipe: MergeRecipe, resolve: (String) throws -> Checkpoint
  ) throws -> Checkpoint {
    try withoutActuallyEscaping(resolve) { resolve in
      try MergePlan.make(recipe, from: ModelResolver { try resolve($0.description) }).checkpoint
    }
  }

  /// Plans a merge of folders: references are paths.
  public static func plan(_ recipe: MergeRecipe) throws(MergeError) -> Checkpoint {
    do {
      return try MergePlan.make(recipe, from: .folders()).checkpoint
    } catch let error as MergeError {
      throw error
    } catch let error as CheckpointError {
      throw .checkpoint(error)
    } catch {
      // The planner and the resolver of folders throw no other type.
      preconditionFailure("an error of an unknown type: \(error)")
    }
  }

  /// Checks all of a recipe that needs no model: the method, the number of models in each slice, the
  /// names of parameters, which of them are missing, and their ranges at both ends of gradients.
  package static func check(_ recipe: MergeRecipe) throws(MergeError) {
    let method = try MergeMethods.named(recipe.method)
    let schema = ParameterSchema(method)
    let found = [
      recipe.models.isEmpty ? nil : "`models`", recipe.slices.isEmpty ? nil : "`slices`",
      recipe.modules.isEmpty ? nil : "`modules`",
    ].compactMap { $0 }
    guard found.count <= 1, recipe.baseModel != nil || !found.isEmpty else {
      throw .recipe(.inputs(found: found, place: ""), origin: "the recipe")
    }
    try schema.checkNames(recipe)
    for model in recipe.models + recipe.modules.flatMap(\.models)
    where model.last != nil || model.decay != nil {
      throw .operation(
        Diagnosis(
          what: "`last` and `decay` choose among folders, and `\(model.reference)` stands for one.",
          where: "model `\(model.reference)`",
          next: "Name a pattern of folders with `*`, where folders can be listed."))
    }
    if recipe.slices.isEmpty, recipe.modules.isEmpty {
      try check(recipe.models, recipe, method, schema, module: [:], place: "`models`")
    }
    try check(recipe.slices, recipe, method, schema, module: [:], place: "slices")
    for module in recipe.modules {
      let place = "modules.\(module.name)"
      guard module.models.isEmpty != module.slices.isEmpty else {
        throw .recipe(
          .inputs(found: module.models.isEmpty ? [] : ["`models`", "`slices`"], place: place),
          origin: "the recipe")
      }
      if module.slices.isEmpty {
        try check(
          module.models, recipe, method, schema, module: module.parameters,
          place: "\(place).models")
      }
      try check(
        module.slices, recipe, method, schema, module: module.parameters, place: "\(place).slices")
    }
  }

  private static func check(
    _ models: [MergeRecipe.Model], _ recipe: MergeRecipe, _ method: any MergeMethod.Type,
    _ schema: ParameterSchema, module: [String: JSON], place: String
  ) throws(MergeError) {
    let all = models.withBase(recipe.baseModel)
    let cast = try Cast(all.map(\.model), base: recipe.baseModel, card: method.card, place: place)
    try check(
      cast.sources.map { (all[$0].model, all[$0].parameters) }, schema, method,
      scopes: [module, recipe.parameters])
  }

  private static func check(
    _ slices: [MergeRecipe.Slice], _ recipe: MergeRecipe, _ method: any MergeMethod.Type,
    _ schema: ParameterSchema, module: [String: JSON], place: String
  ) throws(MergeError) {
    for (index, slice) in slices.enumerated() {
      let place = "`\(place)[\(index)]`"
      guard let first = slice.sources.first else { throw .slice(.noSources, place: place) }
      let counts = slice.sources.map(\.layerCount)
      guard counts.allSatisfy({ $0 == first.layerCount }) else {
        throw .slice(.unequal(counts), place: place)
      }
      for source in slice.sources where source.start < 0 {
        throw .slice(
          .negativeStart(model: source.model.description, start: source.start), place: place)
      }
      let cast = try Cast(slice, recipe, method.card, place: place)
      try check(
        cast.sources.map { (slice.sources[$0].model, slice.sources[$0].parameters) }, schema,
        method, scopes: [slice.parameters, module, recipe.parameters])
    }
  }

  private static func check(
    _ inputs: [(ModelReference, [String: JSON])], _ schema: ParameterSchema,
    _ method: any MergeMethod.Type, scopes: [[String: JSON]]
  ) throws(MergeError) {
    let resolver = ParameterResolver(schema: schema, scopes: scopes)
    for depth in [0.0, 1.0] {
      let values = try resolver.values(
        tensor: nil,
        inputs: inputs.map {
          .init(reference: $0.0.description, tensor: "", parameters: $0.1)
        }, at: depth)
      _ = try ParameterSchema.make(method, values)
    }
  }

  /// The names of the parameters that a recipe may give to a method, accepted ones that change
  /// nothing included.
  package static func parameterNames(of method: String) throws(MergeError) -> [String] {
    let method = try MergeMethods.named(method)
    return ParameterSchema(method).entries.map(\.name) + method.card.ignored
  }
}
