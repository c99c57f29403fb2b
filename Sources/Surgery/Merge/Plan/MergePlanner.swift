// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Makes a plan of a recipe: which layers, which tensors, which values, from which models.
struct MergePlanner {
  let recipe: MergeRecipe
  let method: any MergeMethod.Type
  let schema: ParameterSchema
  /// All models of the recipe, the base first.
  let models: [InputModel]
  let layout: ModelLayout
  var notes = Notes()
  /// Whether results without a type of their own stay as exact as they are computed.
  let isNested: Bool
  var vocabulary: VocabularyPlan?
  /// Of a difference: how rows of its base are found.
  var differenceRows: DifferenceRows?
  var tensors: [MergePlan.Tensor] = []
  var outputs: [String: TensorSource] = [:]
  /// Methods by their values.
  private var methods: [String: any MergeMethod] = [:]
  /// Where numbers are to be mergekit's.
  var exact: ExactPlanning?
  /// Counts what is planned together: what stands before the layers, each layer, what comes after.
  var plannedGroup = 0
  /// Statistics by their paths in the recipe.
  var statistics: [String: ModelStatistics] = [:]
  /// Whether statistics may be of other weights than those they are used for.
  var allowsOtherWeights = false
  var weightsChecks: [String: WeightsCheck] = [:]
  /// Where tensors put down what computing them shows.
  let log: MergeLog
  /// Of each model the tensors that something is made of.
  var used: [Set<String>]
  /// Whether the result has a head that the config could tie, and one that is tied in some model.
  var hasHead = false
  var hasUntiedHead = false

  var card: MethodCard { method.card }
  /// Whether the plan is that of a difference and not of a recipe.
  var isDifference: Bool { method is Difference.Type }
  /// Where config and tokenizer come from: the base, or else the first model.
  var donor: InputModel { models[0] }

  /// - Parameter isNested: whether the result is the input of another merge, which reads it
  ///   unrounded unless the recipe gives it a type.
  static func plan(
    _ recipe: MergeRecipe, _ cache: ModelCache, isNested: Bool = false
  ) throws -> MergePlan {
    do { return try unplaced(recipe, cache, isNested: isNested) } catch let error as MergeError {
      throw error.placed(in: recipe)
    }
  }

  private static func unplaced(
    _ recipe: MergeRecipe, _ cache: ModelCache, isNested: Bool
  ) throws -> MergePlan {
    try Merge.check(recipe)
    try cache.options.mergekitExact?.check(recipe)
    // mergekit takes its seed elsewhere.
    let recipe = cache.options.mergekitExact == nil ? try recipe.seeded() : recipe
    let models = try recipe.references.map { try cache.model($0) }
    var planner = try MergePlanner(
      recipe, models, method: MergeMethods.named(recipe.method), isNested: isNested,
      log: cache.log)
    planner.notes.texts = recipe.notes + cache.takeNotes() + planner.notes.texts
    if recipe.baseModel == nil, models.count > 1 {
      planner.notes.add("Config and tokenizer are those of \(planner.donor.name), the first model.")
    }
    var exact = cache.options.mergekitExact
    let seed = exact?.seed(of: recipe)
    exact?.seed = seed
    if let options = exact {
      planner.exact = ExactPlanning(options, method: recipe.method)
    }
    let modules = try planner.modules()
    try planner.checkConfigs(cache.options)
    try planner.checkShapes(cache.options)
    if let section = recipe.tokenizer {
      planner.vocabulary = try VocabularyPlan(
        section, recipe: recipe, models: models, cache: cache, notes: &planner.notes)
    } else {
      try Merge.checkTokenizers(models.map(\.checkpoint))
    }
    planner.allowsOtherWeights = cache.options.allowsDifferentConfigs
    try planner.openStatistics(modules, cache)
    for module in modules { try planner.add(module) }
    planner.noteUnused(modules)
    try planner.checkVocabularySizes()
    if let options = exact {
      planner.exact?.finish()
      planner.addExactNotes(options)
    }
    return try planner.finished(modules, cache)
  }

  init(
    _ recipe: MergeRecipe, _ models: [InputModel], method: any MergeMethod.Type, isNested: Bool,
    log: MergeLog
  ) throws(MergeError) {
    self.recipe = recipe
    self.log = log
    self.models = models
    self.method = method
    self.isNested = isNested
    used = models.map { _ in [] }
    for model in models { try Self.checkNames(of: model) }
    schema = ParameterSchema(method)
    (layout, notes) = try Self.layout(of: models)
  }

  /// Refuses names that would be taken for templates: the tensors would be missing from the result.
  private static func checkNames(of model: InputModel) throws(MergeError) {
    let placeholders = ["{layer}", "{expert}"]
    for name in model.checkpoint.names where placeholders.contains(where: name.contains) {
      throw .operation(
        Diagnosis(
          what: "The tensor `\(name)` has a part in braces that stands for a number here.",
          where: model.checkpoint.origin,
          next: "The file is damaged or was written by faulty software; rename the tensor."))
    }
  }

  /// The layout all models share: that of the first; where one has none, or theirs differ in name
  /// only, one made from the names of their tensors.
  private static func layout(of models: [InputModel]) throws(MergeError) -> (ModelLayout, Notes) {
    var notes = Notes()
    var first: (layout: ModelLayout, model: InputModel)?
    for model in models {
      guard let layout = ModelLayout.known(model.config) else {
        let names = (model.config["architectures"]?.array ?? []).compactMap(\.string)
        let name = names.first ?? model.config["model_type"]?.string
        notes.add(
          "\(name.map { "The architecture \($0)" } ?? "An architecture without a name") is not known "
            + "here; tensors are merged by name, and layers are found by their numbers.")
        return (
          ModelLayout.inferred(
            infos: models.map { model in
              Dictionary(
                uniqueKeysWithValues: model.checkpoint.names.compactMap { name in
                  model.checkpoint.info(name).map { (name, $0) }
                })
            }, config: models[0].config), notes
        )
      }
      if let first, first.layout.architecture != layout.architecture {
        throw .configs(
          key: "architectures", first: first.layout.architecture,
          firstModel: first.model.checkpoint.origin, second: layout.architecture,
          secondModel: model.checkpoint.origin)
      }
      first = first ?? (layout, model)
    }
    guard let first else { preconditionFailure("a recipe without models passed its check") }
    return (first.layout, notes)
  }

  func model(_ reference: ModelReference) -> InputModel {
    guard let model = models.first(where: { $0.reference == reference }) else {
      preconditionFailure("`references` has not listed \(reference)")
    }
    return model
  }

  /// The method for these values; equal values give one method.
  mutating func merger(_ values: JSONObject) throws(MergeError) -> any MergeMethod {
    let key = JSON.object(values).serialized()
    if let known = methods[key] { return known }
    let made = try ParameterSchema.make(method, values)
    methods[key] = made
    return made
  }

  /// What there is to say, each sentence once.
  struct Notes {
    var texts: [String] = []
    /// What holds of many tensors: how many, and the first.
    private var counted: [(text: String, example: String, count: Int)] = []

    mutating func add(_ text: String) {
      if !texts.contains(text) { texts.append(text) }
    }

    /// Says `text` of a tensor; in the end it stands once, with the first tensor and the number of
    /// others.
    mutating func count(_ text: String, _ tensor: String) {
      if let index = counted.firstIndex(where: { $0.text == text }) {
        counted[index].count += 1
      } else {
        counted.append((text, tensor, 1))
      }
    }

    var all: [String] {
      texts
        + counted.map { text, example, count in
          "\(text): `\(example)`\(count > 1 ? " and \(count - 1) more" : "")."
        }
    }
  }
}
