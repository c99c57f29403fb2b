// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension MergeRecipe {
  /// Reads mergekit's YAML, old keys included.
  ///
  /// Everything is checked that needs no model: unknown keys and parameters are errors with line
  /// and nearest name, and so is a shared parameter under a model, which mergekit ignores. What old
  /// recipes say without effect is let pass with an entry of ``notes``.
  ///
  /// - Parameter origin: the file's name, for messages.
  public static func parse(_ text: String, origin: String) throws(MergeError) -> MergeRecipe {
    try parse(text, origin: origin, firstLine: 1)
  }

  /// Reads a part of a file that begins at a line of it.
  static func parse(
    _ text: String, origin: String, firstLine: Int
  ) throws(MergeError) -> MergeRecipe {
    try parse(
      MergeError.ofDocument { () throws(DocumentError) in
        try YAML.parse(text, origin: origin, firstLine: firstLine)
      }, origin: origin, anchorHolders: AnchorHolders.keys(of: text))
  }

  /// Reads a recipe from a mapping inside another document.
  public static func parse(_ node: Node, origin: String) throws(MergeError) -> MergeRecipe {
    try parse(node, origin: origin, anchorHolders: [])
  }

  private static func parse(
    _ node: Node, origin: String, anchorHolders: Set<String>
  ) throws(MergeError) -> MergeRecipe {
    do {
      return try RecipeReader.read(node, origin: origin, path: "", anchorHolders: anchorHolders)
    } catch let error as MergeError {
      throw error
    } catch let error as DocumentError {
      throw .document(error)
    } catch {
      // The reader throws no other type.
      preconditionFailure("an error of an unknown type: \(error)")
    }
  }
}

extension MergeError {
  static func ofDocument<R>(_ body: () throws(DocumentError) -> R) throws(MergeError) -> R {
    do throws(DocumentError) { return try body() } catch { throw .document(error) }
  }
}

/// Reads one recipe; throws `MergeError` and `DocumentError`.
struct RecipeReader {
  /// Every key of a recipe, for guesses where none has been asked for yet.
  private static let keys = [
    "merge_method", "models", "slices", "modules", "base_model", "parameters", "dtype",
    "out_dtype", "tokenizer_source", "tokenizer", "chat_template", "name",
    "input_model_parameters", "random_seed",
  ]

  /// Options of mergekit's command line, which recipes on model cards hold now and then.
  private static let commandLineKeys = [
    "allow_crimes", "clone_tensors", "copy_tokenizer", "cuda", "lazy_unpickle", "lora_merge_cache",
    "low_cpu_memory", "out_shard_size", "transformers_cache", "trust_remote_code",
    "write_model_card",
  ]

  let origin: String
  let schema: ParameterSchema
  let readsStatistics: Bool
  var notes: [String] = []
  var places = ParameterPlaces()

  /// - Parameter anchorHolders: keys that may be there for their anchors alone.
  static func read(
    _ node: Node, origin: String, path: String, anchorHolders: Set<String> = []
  ) throws -> MergeRecipe {
    var settings = try Settings(node, origin: origin, path: path)
    // Without a method nothing else can be read, so a misspelt key must be found before that.
    if settings.node("merge_method") == nil { try settings.finish(known: keys) }
    let name = try settings.string("merge_method")
    let line = node["merge_method"]?.line
    let method = try MergeMethods.named(
      name, origin: line.map { "\(origin), line \($0)" } ?? origin)
    var reader = RecipeReader(
      origin: origin, schema: ParameterSchema(method),
      readsStatistics: method.card.statistics != nil)
    let holders = settings.keys.filter { key in
      anchorHolders.contains(key) && !keys.contains(key) && !commandLineKeys.contains(key)
        && nearestName(to: key, in: keys) == nil
    }
    for key in holders {
      let line = node[key].map { $0.keyLine ?? $0.line } ?? node.line
      reader.notes.append("\(origin), line \(line): `\(key)` is read for its anchors alone.")
    }
    return try reader.recipe(&settings, method: name, knowing: holders)
  }

  private mutating func recipe(
    _ settings: inout Settings, method: String, knowing others: [String]
  ) throws -> MergeRecipe {
    var recipe = MergeRecipe(method: method, models: [])
    recipe.name = try settings.optionalString("name")
    let (models, slices) = try inputs(&settings)
    recipe.models = models
    recipe.slices = slices
    recipe.modules = try modules(&settings)
    recipe.baseModel = try reference(&settings, "base_model")
    recipe.parameters = try parameters(&settings, model: nil)
    recipe.dtype = try elementType(&settings, "dtype")
    recipe.outDtype = try elementType(&settings, "out_dtype")
    recipe.chatTemplate = try settings.optionalString("chat_template")
    recipe.tokenizer = try tokenizer(&settings)
    for key in ["input_model_parameters"] + Self.commandLineKeys { skip(key, of: &settings) }
    recipe.randomSeed = try settings.optionalInt("random_seed", in: 0...Int.max)
    try finish(settings, known: others)
    let found = [
      recipe.models.isEmpty ? nil : "`models`", recipe.slices.isEmpty ? nil : "`slices`",
      recipe.modules.isEmpty ? nil : "`modules`",
    ].compactMap { $0 }
    guard found.count == 1 else {
      throw MergeError.recipe(.inputs(found: found, place: settings.path), origin: place(settings))
    }
    recipe.notes = notes
    recipe.places = places
    return recipe.seedingNested()
  }

  private func place(_ settings: Settings) -> String {
    settings.line.map { "\(origin), line \($0)" } ?? origin
  }

  /// Refuses unknown keys. A parameter that stands beside `parameters` has an advice of its own:
  /// mergekit reads past it, which many have noticed by the result alone.
  private func finish(_ settings: Settings, known: [String] = []) throws {
    do { try settings.finish(known: known) } catch {
      guard case .unknownKey(let key, _, _, _, _) = error,
        schema.entry(key) != nil || ParameterSchema.foreign.contains(key)
      else { throw error }
      throw settings.wrong(
        key, expected: "below `parameters` there: `parameters: {\(key): …}`",
        found: "it beside them")
    }
  }

  private func elementType(_ settings: inout Settings, _ key: String) throws -> ElementType? {
    guard let name = try settings.optionalString(key) else { return nil }
    guard let type = ElementType(torchName: name), type.isFloatingPoint else {
      throw settings.wrong(key, expected: "float32, bfloat16 or float16", found: "`\(name)`")
    }
    return type
  }

  private mutating func parameters(
    _ settings: inout Settings, model: String?
  ) throws -> [String: JSON] {
    var child = try settings.child("parameters")
    return try schema.read(&child, model: model, notes: &notes, places: &places)
  }
}

// MARK: Inputs

extension RecipeReader {
  /// `models` and `slices` of a recipe or a module.
  private mutating func inputs(
    _ settings: inout Settings
  ) throws -> ([MergeRecipe.Model], [MergeRecipe.Slice]) {
    var models: [MergeRecipe.Model] = []
    for var entry in try settings.children("models") {
      let reference = try requiredReference(&entry, "model")
      let parameters = try parameters(&entry, model: reference.description)
      for key in ["input_model_parameters", "layer_range"] { skip(key, of: &entry) }
      let statistics = try statistics(&entry)
      let last = try entry.optionalInt("last", in: 1...1_000_000)
      let decay = try entry.optionalDouble("decay")
      if let decay, !(decay > 0 && decay <= 1) {
        throw entry.wrong("decay", expected: "a number above 0 and at most 1", found: "\(decay)")
      }
      for (key, isGiven) in [("last", last != nil), ("decay", decay != nil)] where isGiven {
        guard !reference.hasPattern else { continue }
        throw entry.wrong(
          key, expected: "beside a `model` with `*` or `?`, which stands for several folders",
          found: "it beside `\(reference)`")
      }
      try finish(entry)
      models.append(
        MergeRecipe.Model(
          reference, parameters: parameters, statistics: statistics, last: last, decay: decay))
    }
    var slices: [MergeRecipe.Slice] = []
    for var entry in try settings.children("slices") {
      var slice = MergeRecipe.Slice([])
      for var source in try entry.children("sources") {
        slice.sources.append(try self.source(&source))
      }
      slice.baseModel = try reference(&entry, "base_model")
      slice.parameters = try parameters(&entry, model: nil)
      skip("residual_weight", of: &entry)
      let place = place(entry)
      try finish(entry)
      guard !slice.sources.isEmpty else { throw MergeError.slice(.noSources, place: place) }
      let counts = slice.sources.map(\.layerCount)
      guard counts.allSatisfy({ $0 == counts[0] }) else {
        throw MergeError.slice(.unequal(counts), place: place)
      }
      slices.append(slice)
    }
    return (models, slices)
  }

  private mutating func source(_ settings: inout Settings) throws -> MergeRecipe.Source {
    let model = try requiredReference(&settings, "model")
    guard let node = settings.node("layer_range") else {
      // Asking for it is how a missing key is reported; a misspelt one is reported first.
      try finish(settings, known: ["parameters"])
      throw DocumentError.missingKey(
        "layer_range", path: settings.path, line: settings.line, origin: origin)
    }
    let bounds = node.json.array?.map { ParameterSetting.Kind.number($0)?.int }
    guard let bounds, bounds.count == 2, let start = bounds[0], let end = bounds[1] else {
      throw settings.wrong(
        "layer_range", expected: "two whole numbers, `[start, end]`", found: node.found)
    }
    guard start >= 0 else {
      throw MergeError.slice(
        .negativeStart(model: model.description, start: start),
        place: "\(origin), line \(node.line)")
    }
    let parameters = try parameters(&settings, model: model.description)
    let statistics = try statistics(&settings)
    skip("input_model_parameters", of: &settings)
    try finish(settings)
    return MergeRecipe.Source(
      model, layers: start, to: end, parameters: parameters, statistics: statistics)
  }

  /// The folder of a model's statistics; a note where the method reads none.
  private mutating func statistics(_ settings: inout Settings) throws -> String? {
    guard let node = settings.node("statistics") else { return nil }
    let path = try settings.string("statistics")
    guard !path.isEmpty else {
      throw settings.wrong("statistics", expected: "a folder", found: "an empty text")
    }
    if !readsStatistics {
      notes.append(
        "\(origin), line \(node.keyLine ?? node.line): `statistics` changes nothing, "
          + "`\(schema.method)` does not read it.")
    }
    return path
  }

  /// Lets a key pass that mergekit, too, reads without effect, with a note where it stands.
  private mutating func skip(_ key: String, of settings: inout Settings) {
    guard let node = settings.node(key) else { return }
    notes.append(
      "\(origin), line \(node.keyLine ?? node.line): `\(key)` changes nothing, nor does it in mergekit."
    )
  }

  private mutating func modules(_ settings: inout Settings) throws -> [MergeRecipe.Module] {
    guard var modules = try settings.optionalChild("modules") else { return [] }
    var result: [MergeRecipe.Module] = []
    for name in modules.keys {
      guard var child = try modules.optionalChild(name) else { continue }
      let (models, slices) = try inputs(&child)
      let parameters = try parameters(&child, model: nil)
      let place = place(child)
      try child.finish()
      guard models.isEmpty != slices.isEmpty else {
        throw MergeError.recipe(
          .inputs(found: models.isEmpty ? [] : ["`models`", "`slices`"], place: child.path),
          origin: place)
      }
      result.append(
        MergeRecipe.Module(name, models: models, slices: slices, parameters: parameters))
    }
    return result
  }
}
