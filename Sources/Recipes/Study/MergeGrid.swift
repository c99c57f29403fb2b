// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Surgery

/// A merge method with the values to try for each of its parameters.
///
///     - merge_method: ties
///       parameters: { density: 0.8, normalize: true }
///       grid:
///         weight: [[1, 1], [0.5, 1]]   # per model: CT, SFT
///         lambda: [0.7, 1.0]           # shared
struct MergeGrid: Sendable {
  /// One value of a parameter: the same for both models, or one each.
  enum Value: Equatable, Sendable {
    case shared(JSON)
    case each(ct: JSON, sft: JSON)

    var json: JSON {
      switch self {
      case .shared(let value): value
      case .each(let ct, let sft): [ct, sft]
      }
    }
  }

  /// One point of the grid.
  struct Candidate: Sendable {
    let method: String
    /// In the order of the recipe.
    let values: [(name: String, value: Value)]

    var json: JSON {
      var object = JSONObject()
      for (name, value) in values { object[name] = value.json }
      return .object(object)
    }

    /// The merge of `ct` and `sft`, over `base` where the method sees changes of a base. Random
    /// masks have the seed where no parameter of the recipe gives one.
    ///
    /// A method that takes one source beside its base goes from CT, the base, to SFT: SLERP with
    /// t = 0 is CT, and layer swapping keeps CT's ends. One that adds differences adds what SFT
    /// changed to CT. Where a base would be a source like the others there is none.
    func recipe(seed: UInt64 = 0) -> MergeRecipe {
      var recipe = plainRecipe
      recipe.randomSeed = Int(seed)
      return recipe
    }

    private var plainRecipe: MergeRecipe {
      var shared: [String: JSON] = [:]
      var (ct, sft): ([String: JSON], [String: JSON]) = ([:], [:])
      for (name, value) in values {
        switch value {
        case .shared(let value): shared[name] = value
        case .each(let first, let second):
          ct[name] = first
          sft[name] = second
        }
      }
      let card = MergeMethods.all.first { $0.card.id == method }?.card
      if card?.takesDifferences == true {
        let change = ModelReference(
          .difference(.init(tuned: ModelReference(path: "sft"), base: ModelReference(path: "base")))
        )
        return MergeRecipe(
          method: method, models: [.init(change, parameters: sft)], baseModel: "ct",
          parameters: shared)
      }
      let base =
        switch card?.base {
        case .isSource: String?.none
        case .required where card?.sourceCount.upperBound == 1: "ct"
        default: "base"
        }
      return MergeRecipe(
        method: method,
        models: [.init("ct", parameters: ct), .init("sft", parameters: sft)],
        baseModel: base, parameters: shared)
    }
  }

  let method: String
  let fixed: [(name: String, value: Value)]
  let axes: [(name: String, values: [Value])]

  /// Whether the method draws masks whose seed the recipe does not give.
  var drawsMasks: Bool {
    let isRandom =
      MergeMethods.all.first { $0.card.id == method }?.card.wholeNumbers.contains("seed") == true
    return isRandom && !fixed.contains { $0.name == "seed" } && !axes.contains { $0.name == "seed" }
  }

  /// The product of all axes; the first axis changes slowest.
  var candidates: [Candidate] {
    var rows: [[(name: String, value: Value)]] = [fixed]
    for (name, values) in axes {
      rows = rows.flatMap { row in values.map { row + [(name, $0)] } }
    }
    return rows.map { Candidate(method: method, values: $0) }
  }

  var identity: JSON {
    ["merge_method": .string(method), "candidates": JSON(candidates.map(\.json))]
  }

  /// The methods that a study has all inputs of: it makes no statistics of its models, and merges two.
  static var methods: [String] {
    MergeMethods.all.compactMap { method in
      let card = method.card
      let takesOne = card.base == .isSource && card.sourceCount.upperBound == 1
      return card.statistics == nil && !takesOne ? card.id : nil
    }
  }

  /// Reads an element of `merges`; method, parameters and their ranges are checked at once, by
  /// preparing every candidate as far as that needs no model.
  ///
  /// - Throws: `DocumentError` for a misspelt key or parameter (with the nearest) and for a value
  ///   of the wrong form; `StudyError.candidate` for a missing parameter or one out of range.
  init(_ settings: inout Settings) throws {
    // Without a method the parameters cannot be read, so its misspelt key must be found first.
    if settings.node("merge_method") == nil { try settings.finish(known: ["parameters", "grid"]) }
    method = try settings.choice("merge_method", of: Self.methods)
    let names = try Merge.parameterNames(of: method)
    var fixed: [(name: String, value: Value)] = []
    if var parameters = try settings.optionalChild("parameters") {
      try parameters.finish(known: names)
      for key in parameters.keys {
        if let node = parameters.node(key) {
          fixed.append((key, try Self.value(node, key, parameters)))
        }
      }
    }
    var axes: [(name: String, values: [Value])] = []
    if var grid = try settings.optionalChild("grid") {
      try grid.finish(known: names)
      for key in grid.keys {
        guard !fixed.contains(where: { $0.name == key }) else {
          throw grid.wrong(key, expected: "here or in `parameters`", found: "both")
        }
        guard let node = grid.node(key), case .sequence(let nodes) = node.content, !nodes.isEmpty
        else {
          throw grid.wrong(key, expected: "a list of values to try", found: "something else")
        }
        axes.append((key, try nodes.map { try Self.value($0, key, grid) }))
      }
    }
    self.fixed = fixed
    self.axes = axes
    try settings.finish()
    for candidate in candidates {
      do throws(MergeError) { try Merge.check(candidate.recipe()) } catch {
        throw StudyError.candidate(
          "\(method) \(candidate.json.serialized())", origin: settings.origin,
          line: settings.line, error)
      }
    }
  }

  private static func value(_ node: Node, _ key: String, _ settings: Settings) throws -> Value {
    guard case .sequence(let pair) = node.content else { return .shared(node.json) }
    guard pair.count == 2 else {
      throw settings.wrong(
        key, expected: "one value, or two: [CT, SFT]", found: "\(pair.count) values")
    }
    return .each(ct: pair[0].json, sft: pair[1].json)
  }
}
