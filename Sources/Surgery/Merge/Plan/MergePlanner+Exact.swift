// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// What a merge with mergekit's numbers needs to know beside the plan.
struct ExactPlanning {
  let generation: MergekitGeneration
  let draws: MergekitDraws
  /// How many of the models mergekit sees: behind the layers, as many as the first slice has.
  var inputLimit = Int.max
  /// Tensors that mergekit merges: the numbers it draws for each, and where it plans it.
  private var theirs: [(name: String, count: Int, place: Place, item: MergekitSchedule.Item)] = []
  /// Tensors that only we merge.
  private var own: [(tensor: String, count: Int)] = []

  /// Where mergekit plans a tensor: our groups in our order, within a layer its own.
  struct Place: Comparable {
    let group: Int
    let inLayer: Int

    static func < (left: Self, right: Self) -> Bool {
      (left.group, left.inLayer) < (right.group, right.inLayer)
    }
  }

  init(_ options: MergekitExactOptions, method: String) {
    generation = options.generation(for: method)
    draws = MergekitDraws(seed: options.seed ?? 0)
  }

  /// Adds what mergekit merges at `place`, or what it does not have.
  mutating func add(_ name: String, count: Int, at place: Place?, _ item: MergekitSchedule.Item) {
    if let place {
      theirs.append((name, count, place, item))
    } else {
      own.append((name, count))
    }
  }

  var drawsAny: Bool { theirs.contains { $0.count > 0 } || own.contains { $0.count > 0 } }

  /// Puts all in mergekit's order; what mergekit does not have comes after, so that it moves
  /// nothing.
  func finish() {
    guard drawsAny else { return }
    // The sort is stable within a place by its second key.
    let planned = theirs.indices.sorted {
      (theirs[$0].place, $0) < (theirs[$1].place, $1)
    }.map { theirs[$0] }
    let order = MergekitSchedule.order(planned.map(\.item))
    draws.plan(order.map { (planned[$0].name, planned[$0].count) } + own)
  }
}

extension MergePlanner {
  /// The type in which mergekit merges these parts; `nil` for buffers that are not floats, and
  /// where numbers are ours.
  func workType(_ tensor: String, _ parts: [Part]) throws(MergeError) -> WorkType? {
    guard exact != nil else { return nil }
    let types = parts.map(\.source.info.elementType)
    guard types.allSatisfy(\.isFloatingPoint) else { return nil }
    if let dtype = recipe.dtype { return WorkType(dtype) }
    guard let work = WorkType.promoted(types) else {
      throw .operation(
        Diagnosis(
          what: "mergekit does not compute in 8-bit floats, as which `\(tensor)` is stored.",
          where: parts.map(\.model.checkpoint.origin).joined(separator: " and "),
          next: "Give the recipe a `dtype`, to which the inputs are cast."))
    }
    return work
  }

  /// Plans one merge with mergekit's numbers.
  mutating func exactTensor(
    _ output: TensorSlot, _ inputs: [TensorSlot], _ slice: PlannedSlice, _ parts: [Part],
    base: Part?, _ sources: [Part], _ values: JSONObject, _ work: WorkType
  ) throws(MergeError) -> ExactTensor? {
    guard let exact else { return nil }
    let parameters = MergekitParameters(values, of: schema, generation: exact.generation)
    let tensor = ExactTensor(
      name: output.name, method: card.id, base: base?.source, sources: sources.map(\.source),
      work: work, parameters: parameters, draws: exact.draws)
    try MergekitExact.check(method: card.id, shape: tensor.shape, parameters: parameters)
    var seen = parameters
    if sources.contains(where: { $0.position >= exact.inputLimit }) {
      seen.densities = zip(sources, parameters.densities).filter {
        $0.0.position < exact.inputLimit
      }.map(\.1)
      notes.count(
        "Merged of all models of the last slice, where mergekit takes as many as the first has",
        output.name)
    }
    let count = MergekitExact.drawCount(
      method: card.id, parameters: seen, elementCount: tensor.shape.elementCount)
    if count > 0, output.name.contains(/\.experts\.[0-9]+\./) {
      notes.count("mergekit stacks experts stored one by one, and draws other masks", output.name)
    }
    schedule(
      output, inputs, slice, count: count,
      isMergekits: parts.contains { part in
        // A head that all models tie is ours.
        let slot = inputs[part.position]
        return !slot.isOptional || ([slot.name] + slot.aliases).contains(where: part.model.has)
      })
    if tensor.resultType != work.elementType, recipe.outDtype == nil {
      notes.add(
        "As in mergekit, `\(card.id)` gives \(tensor.resultType.torchName) whatever `dtype` says; "
          + "`out_dtype` casts it.")
    }
    return tensor
  }

  /// Lets the stream pass a head that mergekit merges and the result does not have: one stored
  /// beside a config that ties it.
  mutating func passExactly(
    _ output: TensorSlot, _ inputs: [TensorSlot], _ slice: PlannedSlice, _ module: Module,
    _ depth: Double
  ) throws(MergeError) {
    guard exact != nil, output.isHead else { return }
    var parts: [Part] = []
    var isStored = false
    do throws(CheckpointError) {
      for (position, slot) in inputs.enumerated() {
        let model = model(slice.inputs[position].model)
        let stored = ([slot.name] + slot.aliases).first(where: model.has)
        isStored = isStored || stored != nil
        guard let name = stored ?? slot.tiedNames.first(where: model.has) else { continue }
        parts.append(
          Part(
            position: position, model: model, tensor: slot.name, home: .stored(name),
            source: try model.source(of: .stored(name))))
      }
    } catch {
      throw .checkpoint(error)
    }
    guard isStored, let first = parts.first else { return }
    let values = try self.values(output, parts, slice, module, depth)
    var extents = first.source.info.shape.extents
    if let axis = output.vocabularyAxis, axis < extents.count, let count = vocabulary?.rowCount {
      extents[axis] = count
    }
    let count = MergekitExact.drawCount(
      method: card.id,
      parameters: MergekitParameters(values, of: schema, generation: exact?.generation ?? .v015),
      elementCount: Shape(extents).elementCount)
    schedule(output, inputs, slice, count: count, isMergekits: true)
    if count > 0 {
      notes.add(
        "`\(output.name)` is stored beside a config that ties it: mergekit draws for it, the result "
          + "does without it.")
    }
  }

  /// Tells the random stream of a tensor for which mergekit draws `count` numbers, or none.
  mutating func schedule(
    _ output: TensorSlot, _ inputs: [TensorSlot], _ slice: PlannedSlice, count: Int,
    isMergekits: Bool
  ) {
    let item = MergekitSchedule.Item(
      inputs: zip(slice.inputs, inputs).prefix(exact?.inputLimit ?? .max).map { input, slot in
        let model = model(input.model)
        let names = [slot.name] + slot.aliases + slot.tiedNames
        return .init(
          model: model.name, tensor: slot.name, label: names.first(where: model.has) ?? "")
      }, isAligned: vocabulary != nil && output.vocabularyAxis != nil)
    let type = donor.config["model_type"]?.string ?? ""
    var inLayer: Int? = tensors.count
    if output.stage == .layer, let known = MergekitLayers.tensors(modelType: type) {
      inLayer = MergekitLayers.place(of: output.name, in: known)
    }
    let place = inLayer.map { ExactPlanning.Place(group: plannedGroup, inLayer: $0) }
    exact?.add(
      output.name, count: count, at: isMergekits && !output.isStranger ? place : nil, item)
  }

  /// What the user of mergekit's numbers should know.
  mutating func addExactNotes(_ options: MergekitExactOptions) {
    guard let exact else { return }
    let line = exact.generation.rawValue
    notes.add(
      "The numbers are those of mergekit \(line == "0.1.5" ? line : "\(line).x") on a CPU, each "
        + "tensor computed whole.")
    if exact.generation != options.generation {
      notes.add("`\(card.id)` was in mergekit \(line).x alone, whose numbers it gets.")
    }
    if exact.drawsAny, options.seed == nil {
      notes.add(
        "mergekit draws other masks in every run without a `--random-seed`; here the seed is 0.")
    }
    if recipe.baseModel == nil, models.count > 1 {
      notes.add(
        "Without a `base_model` mergekit takes config and tokenizer from a model chosen by chance.")
    }
  }
}
