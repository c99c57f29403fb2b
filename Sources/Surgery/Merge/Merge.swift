// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Merging: checkpoints to a checkpoint.
public enum Merge {
  /// The name of the output head that a tied model lacks.
  private static let head = "lm_head.weight"
  /// The tensor a tied head shares.
  private static let embedding = "model.embed_tokens.weight"

  /// Plans a merge and returns its result as a lazy checkpoint: every check on names, shapes,
  /// configs and parameters is made now, no weight is read before the result's are asked for.
  ///
  /// Config and tokenizer are the base's, or the first model's where there is no base.
  ///
  /// Tied heads: where all models are tied the result is, and has no `lm_head.weight`. Where some
  /// are, each of those contributes its embedding as its head, which is what it computes with, and
  /// the result has a head of its own and `tie_word_embeddings: false`. (mergekit writes the head
  /// but leaves the flag, so loaders drop it.)
  ///
  /// Buffers that are not floats must be equal in all models and are copied.
  ///
  /// - Parameter resolve: the checkpoint of a reference; called once for each model.
  /// - Throws: ``MergeError``, and whatever `resolve` throws.
  public static func plan(
    _ recipe: MergeRecipe, resolve: (String) throws -> Checkpoint
  ) throws -> Checkpoint {
    let (cast, merger) = try prepare(recipe)
    let models = try cast.references.map { (name: $0, checkpoint: try resolve($0)) }
    return try combine(models, cast, merger, recipe)
  }

  /// Checks all of a recipe that needs no model: the method, the number of models, the names of
  /// parameters, which of them are missing, and their ranges.
  package static func check(_ recipe: MergeRecipe) throws(MergeError) { _ = try prepare(recipe) }

  /// The names of the parameters that a recipe may give to a method, accepted ones that change
  /// nothing included.
  package static func parameterNames(of method: String) throws(MergeError) -> [String] {
    let method = try MergeMethods.named(method)
    return ParameterSchema(method).entries.map(\.name) + method.card.ignored
  }

  private static func prepare(
    _ recipe: MergeRecipe
  ) throws(MergeError) -> (Cast, any MergeMethod) {
    let method = try MergeMethods.named(recipe.method)
    let cast = try Cast(recipe, card: method.card)
    let values = try ParameterSchema(method).resolve(
      shared: recipe.parameters, sources: cast.sources, base: cast.base)
    return (cast, try ParameterSchema.make(method, values))
  }

  /// Plans a merge of folders: references are paths.
  public static func plan(_ recipe: MergeRecipe) throws(MergeError) -> Checkpoint {
    do {
      return try plan(recipe) { try Checkpoint.open(directory: $0) }
    } catch let error as MergeError {
      throw error
    } catch let error as CheckpointError {
      throw .checkpoint(error)
    } catch {
      // `plan` and `open` throw no other type.
      preconditionFailure("an error of an unknown type: \(error)")
    }
  }

  /// Who plays which part.
  private struct Cast {
    let base: MergeRecipe.Model?
    let sources: [MergeRecipe.Model]
    /// The base first, where the method requires one; then the sources.
    var references: [String] { (base.map { [$0.reference] } ?? []) + sources.map(\.reference) }

    init(_ recipe: MergeRecipe, card: MethodCard) throws(MergeError) {
      var seen: Set<String> = []
      for model in recipe.models where !seen.insert(model.reference).inserted {
        throw .duplicateModel(model.reference)
      }
      switch card.base {
      case .required:
        guard let name = recipe.baseModel else { throw .missingBase(method: card.id) }
        base = recipe.models.first { $0.reference == name } ?? MergeRecipe.Model(name)
        sources = recipe.models.filter { $0.reference != name }
      case .isSource:
        base = nil
        // As in mergekit, a base that is not listed is one source more, the last.
        let extra = recipe.baseModel.flatMap { name in
          seen.contains(name) ? nil : MergeRecipe.Model(name)
        }
        sources = recipe.models + (extra.map { [$0] } ?? [])
      }
      guard card.sourceCount.contains(sources.count) else {
        throw .sourceCount(
          method: card.id, expected: card.sourceCount, found: sources.count,
          hasBase: card.base == .required)
      }
    }
  }

  private static func combine(
    _ models: [(name: String, checkpoint: Checkpoint)], _ cast: Cast,
    _ merger: any MergeMethod, _ recipe: MergeRecipe
  ) throws(MergeError) -> Checkpoint {
    let views = models.map { ModelView(name: $0.name, checkpoint: $0.checkpoint) }
    try checkConfigs(views)
    try checkTokenizers(views.map(\.checkpoint))
    let donor = (recipe.baseModel.flatMap { name in views.first { $0.name == name } }) ?? views[0]
    let isTied = views.allSatisfy(\.isTied)
    var names = Set(views.flatMap(\.names))
    if isTied { names.remove(head) } else { names.insert(head) }
    if !views.contains(where: { $0.has(head) }) { names.remove(head) }
    var sources: [String: TensorSource] = [:]
    for name in names.sorted() {
      let homes = views.map { $0.isTied && name == head ? embedding : name }
      sources[name] = try source(
        name, views, homes, hasBase: cast.base != nil, merger, type: recipe.elementType)
    }
    var config = donor.checkpoint.config
    if !isTied, donor.isTied, var object = config.object {
      object["tie_word_embeddings"] = false
      config = .object(object)
    }
    return Checkpoint(
      config: config,
      origin: "\(recipe.method) of \(models.map(\.name).joined(separator: ", "))",
      sources: sources, tokenizerFiles: donor.checkpoint.tokenizerFiles)
  }

  /// A model under the name the recipe gives it.
  private struct ModelView {
    let name: String
    let checkpoint: Checkpoint
    let isTied: Bool
    let names: [String]

    init(name: String, checkpoint: Checkpoint) {
      self.name = name
      self.checkpoint = checkpoint
      names = checkpoint.names
      // The config's word, else the class default, else whether there is a head.
      let blueprint = checkpoint.config["model_type"]?.string.flatMap(Blueprint.named)
      isTied =
        checkpoint.info(Merge.embedding) != nil
        && (checkpoint.config["tie_word_embeddings"]?.bool
          ?? blueprint?.tiesWordEmbeddingsByDefault ?? (checkpoint.info(Merge.head) == nil))
    }

    func has(_ tensor: String) -> Bool { checkpoint.info(tensor) != nil }
  }

  /// Keys that change what a model computes from its weights.
  private static let decisiveKeys = [
    "model_type", "num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads",
    "num_key_value_heads", "head_dim", "vocab_size", "hidden_act", "rope_theta", "rope_scaling",
    "rope_parameters", "rms_norm_eps", "sliding_window", "attention_bias", "mlp_bias",
  ]

  private static func checkConfigs(_ views: [ModelView]) throws(MergeError) {
    guard let first = views.first else { return }
    for view in views.dropFirst() {
      for key in decisiveKeys {
        // Absent or null means the class default, which only the reader of that key knows.
        guard let left = first.checkpoint.config[key], let right = view.checkpoint.config[key],
          left != .null, right != .null
        else { continue }
        let isEqual =
          if let a = left.double, let b = right.double { a == b } else { left == right }
        if !isEqual {
          throw .configs(
            key: key, first: left.serialized(), firstModel: first.checkpoint.origin,
            second: right.serialized(), secondModel: view.checkpoint.origin)
        }
      }
    }
  }

  /// The lazy source of one tensor of the result; `homes` says which tensor each model gives.
  private static func source(
    _ name: String, _ views: [ModelView], _ homes: [String], hasBase: Bool,
    _ merger: any MergeMethod, type requested: ElementType?
  ) throws(MergeError) -> TensorSource {
    var infos: [TensorInfo] = []
    var origins: [TensorSource] = []
    for (view, home) in zip(views, homes) {
      guard let source = try? view.checkpoint.source(home) else {
        // Some model has it, or the name would not be here.
        let (owner, shape) = Self.owner(of: name, views, homes)
        throw .tensorOnlyInOne(
          tensor: name, shape: shape, presentIn: owner, absentFrom: view.checkpoint.origin)
      }
      if let first = infos.first, first.shape != source.info.shape {
        throw .shapes(
          tensor: name, first: first.shape, firstModel: views[0].checkpoint.origin,
          second: source.info.shape, secondModel: view.checkpoint.origin)
      }
      infos.append(source.info)
      origins.append(source)
    }
    var type = infos[0].elementType
    for (position, info) in infos.enumerated() {
      guard let promoted = type.promoted(with: info.elementType) else {
        throw .types(
          tensor: name, first: infos[0].elementType, second: info.elementType,
          models: [views[0].checkpoint.origin, views[position].checkpoint.origin])
      }
      type = promoted
    }
    let parts = origins
    guard type.isFloatingPoint else {
      let info = infos[0]
      return TensorSource(info: info, origin: views[0].checkpoint.origin) {
        () throws(CheckpointError) in
        try equalBuffer(name, parts)
      }
    }
    let info = TensorInfo(elementType: requested ?? type, shape: infos[0].shape)
    let origin = views.map(\.name).joined(separator: ", ")
    return TensorSource(info: info, origin: "merge of \(origin)") {
      () throws(CheckpointError) in
      var readers: [any TensorReader] = []
      for part in parts { readers.append(try part.prepare()) }
      let base = hasBase ? readers.removeFirst() : nil
      let group = TensorGroup(
        name: name, shape: info.shape, base: base, sources: readers,
        origins: parts.map(\.origin))
      return try reader(merger, group, as: info.elementType)
    }
  }

  private static func owner(
    of name: String, _ views: [ModelView], _ homes: [String]
  ) -> (String, Shape) {
    for (view, home) in zip(views, homes) {
      if let info = view.checkpoint.info(home) { return (view.checkpoint.origin, info.shape) }
    }
    return ("another model", [])
  }

  /// Lets a method say how a tensor comes about.
  static func reader(
    _ merger: some MergeMethod, _ group: TensorGroup, as type: ElementType
  ) throws(CheckpointError) -> any TensorReader {
    var sink = TensorSink()
    try merger.merge(group, into: &sink)
    guard let body = sink.body else {
      preconditionFailure("\(Swift.type(of: merger).card.id) has not called group.map")
    }
    return MergedReader(group: group, body: body, elementType: type)
  }

  /// The reader of a buffer that is the same in all models.
  private static func equalBuffer(
    _ name: String, _ parts: [TensorSource]
  ) throws(CheckpointError) -> any TensorReader {
    var readers: [any TensorReader] = []
    for part in parts { readers.append(try part.prepare()) }
    let info = parts[0].info
    for range in chunkRanges(count: info.shape.elementCount) {
      var first: [UInt8] = []
      for (position, reader) in readers.enumerated() {
        let bytes = try reader.bytes(range, as: info.elementType)
        if position == 0 { first = bytes }
        if bytes != first {
          throw .operation(
            Diagnosis(
              what: "The buffer `\(name)` of type \(info.elementType.rawValue) differs between "
                + "the models; only floats can be merged.",
              where: "\(parts[0].origin) and \(parts[position].origin)",
              next: "Give the models the same buffer, or remove it."))
        }
      }
    }
    return readers[0]
  }
}
