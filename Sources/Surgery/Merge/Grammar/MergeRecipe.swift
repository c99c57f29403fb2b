// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// What to merge and how, as mergekit's YAML says it or as code builds it.
///
///     merge_method: ties_sv
///     base_model: runs/base
///     models:
///       - model: runs/ct
///         parameters: { weight: [1.0, 0.6], density: 0.8 }   # a gradient over the layers
///       - model: runs/sft
///         parameters: { weight: 1.0, density: 0.8, slack: 1.0 }
///     parameters: { normalize: true, lambda: 1.0 }
///     dtype: bfloat16
///
/// The inputs are whole ``models``, or ``slices`` of their layers, or either for each of the
/// model's ``modules``; exactly one of the three is not empty. The base may be listed among the
/// models or not; in slices it is listed where it is needed.
///
/// A value of a parameter is mergekit's: a scalar, a list (interpolated over the layers), an object
/// with `value` and `filter`, or a list of such; ``ParameterSetting`` evaluates it.
public struct MergeRecipe: Sendable, Equatable {
  /// A model that is merged.
  public struct Model: Sendable, Equatable {
    public var model: ModelReference
    /// Values by mergekit's parameter names.
    public var parameters: [String: JSON]
    /// The folder of statistics, for methods that need some; see ``ModelStatistics``.
    public var statistics: String?
    /// Of the folders that a pattern stands for, how many are taken from the end; `nil` for all.
    /// See ``MergeRecipe/expandingPatterns(_:)``.
    public var last: Int?
    /// Of those folders, how the weight falls from each to the one before it, above 0 to 1; `nil`
    /// for equal weights.
    public var decay: Double?

    public init(
      _ model: ModelReference, parameters: [String: JSON] = [:], statistics: String? = nil,
      last: Int? = nil, decay: Double? = nil
    ) {
      self.model = model
      self.parameters = parameters
      self.statistics = statistics
      self.last = last
      self.decay = decay
    }

    /// A stored model by its path.
    public init(_ path: String, parameters: [String: JSON] = [:], statistics: String? = nil) {
      self.init(ModelReference(path: path), parameters: parameters, statistics: statistics)
    }

    /// The model as text.
    public var reference: String { model.description }
  }

  /// Layers `start ..< end` of a model.
  public struct Source: Sendable, Equatable {
    public var model: ModelReference
    public var start: Int
    /// One past the last layer; an end at or before the start makes no layers.
    public var end: Int
    public var parameters: [String: JSON]
    /// The folder of statistics of the whole model, as under ``Model/statistics``.
    public var statistics: String?

    public init(
      _ model: ModelReference, layers start: Int, to end: Int, parameters: [String: JSON] = [:],
      statistics: String? = nil
    ) {
      self.statistics = statistics
      self.model = model
      self.start = start
      self.end = end
      self.parameters = parameters
    }

    /// How many layers there are.
    public var layerCount: Int {
      guard end > start else { return 0 }
      // Beyond counting only where `start` is negative, which planning refuses.
      let (count, overflow) = end.subtractingReportingOverflow(start)
      return overflow ? .max : count
    }
  }

  /// Layers of the result, made of as many layers of each source.
  public struct Slice: Sendable, Equatable {
    public var sources: [Source]
    /// The base of this slice, where it is another than the recipe's.
    public var baseModel: ModelReference?
    public var parameters: [String: JSON]

    public init(
      _ sources: [Source], baseModel: ModelReference? = nil, parameters: [String: JSON] = [:]
    ) {
      self.sources = sources
      self.baseModel = baseModel
      self.parameters = parameters
    }
  }

  /// One part of a model of several, such as its text model; `models` or `slices` is not empty.
  public struct Module: Sendable, Equatable {
    public var name: String
    public var models: [Model]
    public var slices: [Slice]
    public var parameters: [String: JSON]

    public init(
      _ name: String, models: [Model] = [], slices: [Slice] = [], parameters: [String: JSON] = [:]
    ) {
      self.name = name
      self.models = models
      self.slices = slices
      self.parameters = parameters
    }
  }

  /// What other documents of a graph call the result.
  public var name: String?
  /// The method's name; see ``MergeMethods/all``.
  public var method: String
  /// In order; sums run in it.
  public var models: [Model] = []
  /// In the order of the result's layers.
  public var slices: [Slice] = []
  public var modules: [Module] = []
  public var baseModel: ModelReference?
  /// Shared parameters, and defaults of those that each source has.
  public var parameters: [String: JSON]
  /// mergekit's `dtype`: the type of the result where ``outDtype`` names none. mergekit also rounds
  /// the inputs to it; here they are exact, arithmetic is in float32, and the result is rounded
  /// once, unless ``MergePlan/Options/mergekitExact`` asks for mergekit's way.
  public var dtype: ElementType?
  /// mergekit's `out_dtype`: the type of the result.
  public var outDtype: ElementType?
  public var tokenizer: TokenizerSection?
  /// The `seed` of random masks where no parameter gives one: a key that the notebooks many model
  /// cards come from write, and that mergekit reads from its command line only.
  public var randomSeed: Int?
  /// `auto`, the name of a known template, or a Jinja text.
  public var chatTemplate: String?
  /// What the reader of the YAML has to say: old keys that change nothing.
  public var notes: [String] = []
  /// Where its text gives each parameter.
  var places = ParameterPlaces()

  /// The type of the result; `nil` for the type the sources have (`F32` where they differ).
  public var elementType: ElementType? {
    get { outDtype ?? dtype }
    set { (dtype, outDtype) = (nil, newValue) }
  }

  /// A merge of whole models.
  public init(
    method: String, models: [Model], baseModel: String? = nil, parameters: [String: JSON] = [:],
    elementType: ElementType? = nil
  ) {
    self.method = method
    self.models = models
    self.baseModel = baseModel.map { ModelReference(path: $0) }
    self.parameters = parameters
    outDtype = elementType
  }

  /// A merge of slices of layers.
  public init(
    method: String, slices: [Slice], baseModel: String? = nil, parameters: [String: JSON] = [:],
    elementType: ElementType? = nil
  ) {
    self.init(
      method: method, models: [], baseModel: baseModel, parameters: parameters,
      elementType: elementType)
    self.slices = slices
  }

  /// The recipe with its ``randomSeed`` for each merge that stands inside it without a name and has
  /// none of its own, as if one seed had been given for all. Documents with a name are asked for
  /// theirs wherever they are used.
  func seedingNested() -> MergeRecipe {
    guard let randomSeed else { return self }
    return mapReferences { reference in
      reference.mapMerges { inner in
        guard inner.name == nil, inner.randomSeed == nil else { return .merge(inner) }
        var inner = inner
        inner.randomSeed = randomSeed
        return .merge(inner.seedingNested())
      }
    }
  }

  /// The recipe with ``randomSeed`` as the parameter `seed`, if its method has one and no place gives
  /// it.
  func seeded() throws(MergeError) -> MergeRecipe {
    guard let randomSeed, parameters["seed"] == nil,
      ParameterSchema(try MergeMethods.named(method)).entry("seed") != nil
    else { return self }
    var recipe = self
    recipe.parameters["seed"] = JSON(randomSeed)
    return recipe
  }

  /// The paths that are read, each once: models and adapters, those of nested merges included.
  public var folders: [String] {
    var seen: Set<String> = []
    return stored.map(\.location.path).filter { seen.insert($0).inserted }
  }

  /// What is read and lies somewhere, each once: models and adapters, those of nested merges
  /// included.
  public var stored: [StoredModel] {
    var seen: Set<StoredModel> = []
    return nested.flatMap(\.references).flatMap(\.stored).filter { seen.insert($0).inserted }
  }

  /// The statistics that are read, each once, those of nested merges included.
  package var statistics: [String] {
    var seen: Set<String> = []
    return nested.flatMap { recipe in
      let models = recipe.models + recipe.modules.flatMap(\.models)
      let slices = recipe.slices + recipe.modules.flatMap(\.slices)
      return models.compactMap(\.statistics)
        + slices.flatMap(\.sources).compactMap(\.statistics)
    }.filter { seen.insert($0).inserted }
  }

  /// This merge and all that stand in it, each once: there are exponentially many ways through
  /// merges of merges.
  private var nested: [MergeRecipe] {
    var pending = [self]
    var visited: [MergeRecipe] = []
    while let recipe = pending.popLast() {
      if visited.contains(recipe) { continue }
      visited.append(recipe)
      pending += recipe.references.flatMap(\.merges)
    }
    return visited
  }

  /// The models that are merged, each once: the base, then the others as they are listed.
  package var references: [ModelReference] {
    var found: [ModelReference] = []
    func add(_ reference: ModelReference?) {
      if let reference, !found.contains(reference) { found.append(reference) }
    }
    func add(_ models: [Model], _ slices: [Slice]) {
      for model in models { add(model.model) }
      for slice in slices {
        for source in slice.sources { add(source.model) }
        add(slice.baseModel)
      }
    }
    add(baseModel)
    add(models, slices)
    for module in modules { add(module.models, module.slices) }
    return found
  }
}

extension ModelReference {
  /// The stored models that are read for this one, beside those of merges.
  fileprivate var stored: [StoredModel] {
    let own: [StoredModel] =
      switch base {
      case .stored(let location): [StoredModel(location)]
      case .merge: []
      case .difference(let difference): difference.tuned.stored + difference.base.stored
      }
    return own + (adapter.map { [StoredModel($0, isAdapter: true)] } ?? [])
  }
}
