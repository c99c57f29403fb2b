// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

extension MergePlanner {
  /// Plans a difference as the merge that it is: names, experts and tied heads are matched as in
  /// any other. Config and tokenizer are the tuned model's.
  static func plan(
    _ difference: ModelReference.Difference, _ cache: ModelCache
  ) throws -> MergePlan {
    for model in [difference.tuned, difference.base] where model.difference != nil {
      throw MergeError.recipe(.differenceAsModel(model.description), origin: "`difference`")
    }
    guard difference.tuned != difference.base else {
      throw MergeError.duplicateModel(difference.tuned.description)
    }
    var recipe = MergeRecipe(method: Difference.card.id, models: [.init(difference.base)])
    recipe.baseModel = difference.tuned
    recipe.outDtype = .float32
    // Either vocabulary; which row belongs to which is for `DifferenceRows`.
    let models = [try cache.model(difference.tuned), try cache.model(difference.base)]
    var planner = try MergePlanner(
      recipe, models, method: Difference.self, isNested: true,
      log: cache.log)
    planner.notes.texts = cache.takeNotes() + planner.notes.texts
    let modules = try planner.modules()
    try planner.checkConfigs(cache.options)
    planner.differenceRows = try DifferenceRows(tuned: models[0], base: models[1])
    for module in modules { try planner.add(module) }
    planner.noteUnused(modules)
    return try planner.finished(modules, cache)
  }
}

/// What training made of a model. Not a method of recipes: its result is no model.
struct Difference: MergeMethod {
  static let card = MethodCard(
    id: "difference", title: "what training made of a model", formula: "out = b − x",
    source: "Ilharco et al. 2023, arXiv:2212.04089", departs: "nothing", cost: "one pass",
    base: .required, sourceCount: 1...1, perSource: [], notes: [], laws: [], incomplete: .refuses)

  struct Parameters: MergeParameters {}

  init(_ parameters: Parameters) throws(MergeError) {}

  func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    group.map(into: &output) { chunk, out in
      Elementwise.subtract(chunk.base, chunk.source(0), into: out)
    }
  }
}

/// Which row of the base belongs to which row of the tuned model.
struct DifferenceRows {
  /// For each id of the tuned model's tokenizer the id of the same token in the base's, −1 for none;
  /// `nil` where the two number their tokens alike.
  private let ids: [Int32]?
  /// How many ids the base's tokenizer has.
  private let baseSize: Int
  /// Whether both models have a tokenizer.json, which tells what rows they do not share.
  private let isKnown: Bool

  init(tuned: InputModel, base: InputModel) throws(MergeError) {
    func file(_ model: InputModel) throws(MergeError) -> [UInt8]? {
      let file = model.checkpoint.tokenizerFiles.first { $0.name == "tokenizer.json" }
      do throws(CheckpointError) { return try file?.bytes() } catch { throw .checkpoint(error) }
    }
    let (left, right) = (try file(tuned), try file(base))
    isKnown = left != nil && right != nil
    guard isKnown, left != right, let mine = try TokenizerDocument(tuned.checkpoint),
      let other = try TokenizerDocument(base.checkpoint)
    else {
      (ids, baseSize) = (nil, 0)
      return
    }
    var ids = [Int32](repeating: -1, count: mine.size)
    for entry in mine.entries {
      if let id = other.id(of: entry.text), id < Int32.max { ids[entry.id] = Int32(id) }
    }
    self.ids = ids
    baseSize = other.size
  }

  /// Gives the base's tensor the rows of the tuned model's, with zeros for those it lacks.
  func align(
    _ parts: inout [MergePlanner.Part], _ name: String, axis: Int
  ) throws(MergeError) {
    // The tuned model plays the base's part, which is listed last.
    guard parts.count == 2, let tuned = parts.last else { return }
    let (wanted, found) = (tuned.source.info.shape, parts[0].source.info.shape)
    guard wanted.rank == found.rank, wanted.rank > axis else { return }
    guard found[axis] <= wanted[axis] || isKnown else {
      throw .shapes(
        tensor: name, first: wanted, firstModel: tuned.model.checkpoint.origin, second: found,
        secondModel: parts[0].model.checkpoint.origin)
    }
    let rows = (0..<wanted[axis]).map { row -> Int32 in
      // Behind the tokens there may be rows of none; those stay with their numbers.
      let home =
        if let ids { row < ids.count ? Int(ids[row]) : row >= baseSize ? row : -1 } else { row }
      return home < found[axis] ? Int32(home) : -1
    }
    parts[0].source = RowGather.source(
      RowSources(own: rows, defaults: [:], padding: 0), [parts[0].source], position: 0, axis: axis)
  }
}
