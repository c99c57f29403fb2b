// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// What a recipe comes to: the result as a lazy checkpoint, how each tensor comes about, and what
/// there is to say about it.
///
/// Everything is checked when the plan is made (names, shapes, configs, layers, parameters), and no
/// weight is read before the result's are asked for.
public struct MergePlan: Sendable {
  /// How one tensor of the result comes about.
  public struct Tensor: Sendable {
    /// A tensor of a model.
    public struct Input: Sendable {
      /// The model, as the recipe calls it.
      public let model: String
      /// The layout's name of the tensor in that model, which filters are matched with.
      public let tensor: String
      /// The elements, aligned with the result's vocabulary where a tokenizer is asked for.
      package let source: TensorSource
      /// Whether it is a difference, the change of the base and no tensor of a model.
      public let isDifference: Bool
    }

    public enum Action: Sendable, Equatable {
      case merge
      /// The one input passes through.
      case copy
      /// A buffer that is no float and must be equal in all inputs.
      case equalBuffer
    }

    public let name: String
    public let action: Action
    /// The base, where the method treats it as such.
    public let base: Input?
    public let sources: [Input]
    /// What the method was made from; empty where it does nothing.
    public let parameters: JSONObject
    /// Where the tensor stands in its slice: 0 for the first layer and for all that is outside the
    /// layers (the final norm and the head included, as in mergekit), 1 for the last layer.
    public let depth: Double
    /// Where the tensor stands in the result.
    public let place: TensorPlace
    /// Bytes that merging the tensor takes in memory at once, those of nested merges not counted; 0
    /// where a few chunks will do. Tensors above a chunk are merged one after the other.
    public let workingByteCount: Int
  }

  /// A stored model that is read, its adapter folded in.
  public struct Model: Sendable {
    /// As the recipe calls it.
    public let name: String
    public let checkpoint: Checkpoint
  }

  /// The method's name.
  public let method: String
  /// The result.
  public let checkpoint: Checkpoint
  /// The stored models, those of nested merges included, each once.
  public let models: [Model]
  /// The tensors in the order of planning: modules in order, in each what comes before the layers,
  /// the layers, and what comes after.
  public let tensors: [Tensor]
  /// What the user should know and need not mend, a sentence each.
  public let notes: [String]
  /// What computing the result has shown so far.
  public let log: MergeLog

  /// The most bytes that merging one tensor takes in memory at once: tensors above a chunk are
  /// merged one after the other. 0 where a few chunks will do for all.
  public var workingByteCount: Int { tensors.map(\.workingByteCount).max() ?? 0 }

  /// Choices that are not the recipe's.
  public struct Options: Sendable {
    /// Whether models may differ in settings that change what they compute, such as RoPE; a note
    /// then says so. Shapes must agree in any case.
    public var allowsDifferentConfigs: Bool
    /// Texts that a union of vocabularies must divide as the base's does.
    public var sampleTexts: [String]
    /// Whether the result gets the tokenizer's files.
    public var copiesTokenizer = true
    /// Set where the numbers are to be mergekit's instead of ours, which are more accurate.
    public var mergekitExact: MergekitExactOptions?

    public init(
      allowsDifferentConfigs: Bool = false, sampleTexts: [String] = [],
      mergekitExact: MergekitExactOptions? = nil
    ) {
      self.allowsDifferentConfigs = allowsDifferentConfigs
      self.sampleTexts = sampleTexts
      self.mergekitExact = mergekitExact
    }
  }

  /// Plans a merge.
  ///
  /// - Throws: ``MergeError``, `CheckpointError`, and whatever the resolver throws.
  public static func make(
    _ recipe: MergeRecipe, from resolver: ModelResolver, options: Options = Options()
  ) throws -> MergePlan {
    let recipe = try resolver.folders.map { try recipe.expandingPatterns($0) } ?? recipe
    return try MergePlanner.plan(recipe, ModelCache(resolver, options))
  }
}

/// The models of a recipe and of those nested in it, each resolved or planned once.
final class ModelCache {
  let options: MergePlan.Options
  let log = MergeLog()
  private let resolver: ModelResolver
  private var models: [(reference: ModelReference, checkpoint: Checkpoint)] = []
  private(set) var notes: [String] = []

  init(_ resolver: ModelResolver, _ options: MergePlan.Options) {
    self.resolver = resolver
    self.options = options
  }

  func model(_ reference: ModelReference) throws -> InputModel {
    if let known = models.first(where: { $0.reference == reference }) {
      return InputModel(reference, known.checkpoint)
    }
    var checkpoint: Checkpoint
    // What was said so far is not about what is nested here.
    let earlier = takeNotes()
    switch reference.base {
    case .stored:
      checkpoint = try resolver.resolve(reference)
      notes = earlier
    case .merge(let recipe):
      let plan = try MergePlanner.plan(recipe, self, isNested: true)
      notes = earlier + plan.notes.map { "\(recipe.title): \($0)" }
      checkpoint = plan.checkpoint
      if let adapter = reference.adapter {
        checkpoint = try ModelResolver.folded(checkpoint, adapter, resolver.fold, reference)
      }
    case .difference(let difference):
      let plan = try MergePlanner.plan(difference, self)
      notes = earlier + plan.notes.map { "\(reference): \($0)" }
      checkpoint = plan.checkpoint
    }
    models.append((reference, checkpoint))
    return InputModel(reference, checkpoint)
  }

  /// The models that are not merges, in the order in which they were resolved.
  var stored: [MergePlan.Model] {
    models.compactMap { reference, checkpoint in
      guard case .stored = reference.base else { return nil }
      return MergePlan.Model(name: reference.description, checkpoint: checkpoint)
    }
  }
  /// The statistics at a path of the recipe.
  func statistics(_ path: String) throws -> ModelStatistics { try resolver.statistics(path) }

  /// Hands over the notes of nested plans.
  func takeNotes() -> [String] {
    defer { notes = [] }
    return notes
  }
}
