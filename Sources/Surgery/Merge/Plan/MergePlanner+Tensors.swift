// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

extension MergePlanner {
  /// A tensor of one model that takes part.
  struct Part {
    /// The position among the slice's inputs.
    let position: Int
    let model: InputModel
    /// The layout's name in this model.
    let tensor: String
    let home: TensorHome
    var source: TensorSource
  }

  /// Plans all tensors of a module: those before the layers from the first slice, those after from
  /// the last.
  mutating func add(_ module: Module) throws(MergeError) {
    guard let first = module.slices.first, let last = module.slices.last else { return }
    let templates = module.layout.tensors.map(Template.known) + strangers(to: module.layout)
    func slots(_ stage: ModelLayout.Stage, layer: Int? = nil) -> [TensorSlot] {
      templates.filter { $0.stage == stage }.flatMap { $0.slots(layer: layer, donor.config) }
    }
    plannedGroup += 1
    for slot in slots(.before) {
      try add(slot, first.inputs.map { _ in slot }, first, module, depth: 0, .before)
    }
    let ofLayers = templates.filter { $0.stage == .layer }
    var layer = 0
    for slice in module.slices {
      for offset in 0..<slice.layerCount {
        // A single layer counts as the last.
        let depth =
          slice.layerCount > 1 ? Double(offset) / Double(slice.layerCount - 1) : 1
        var rows: [(output: TensorSlot, inputs: [TensorSlot])] = []
        for template in ofLayers {
          let inputs = slice.inputs.map {
            template.slots(layer: $0.start + offset, donor.config)
          }
          for (index, output) in template.slots(layer: layer, donor.config).enumerated() {
            rows.append((output, inputs.map { $0[index] }))
          }
        }
        let fused = fusedParts(rows, slice)
        plannedGroup += 1
        for row in rows where !fused.contains(where: { $0.matches(row.output.name) }) {
          try add(
            row.output, row.inputs, slice, module, depth: depth,
            .layer(index: layer, of: module.layerCount))
        }
        layer += 1
      }
    }
    plannedGroup += 1
    exact?.inputLimit = first.inputs.count
    for slot in slots(.after) {
      try add(slot, last.inputs.map { _ in slot }, last, module, depth: 0, .after)
    }
    exact?.inputLimit = .max
  }

  /// The parts of tensors that some model stores in one piece: where some models have experts one by
  /// one and others have them fused, the result has them fused.
  private func fusedParts(
    _ rows: [(output: TensorSlot, inputs: [TensorSlot])], _ slice: PlannedSlice
  ) -> [ExpertPattern] {
    var patterns: [ExpertPattern] = []
    for (output, inputs) in rows where !output.parts.isEmpty {
      let isStored = zip(slice.inputs, inputs).contains { input, slot in
        ([slot.name] + slot.aliases).contains(where: model(input.model).has)
      }
      if isStored { patterns += output.parts.map(ExpertPattern.init) }
    }
    return patterns
  }

  /// Plans one tensor; `inputs` are its slots in the models of the slice.
  private mutating func add(
    _ output: TensorSlot, _ inputs: [TensorSlot], _ slice: PlannedSlice, _ module: Module,
    depth: Double, _ place: TensorPlace
  ) throws(MergeError) {
    let members = slice.inputs.map { model($0.model) }
    let homes = zip(members, inputs).map { $0.home(of: $1) }
    for (member, home) in zip(members, homes) { use(home, of: member) }
    guard try isWritten(output, homes, module) else {
      return try passExactly(output, inputs, slice, module, depth)
    }
    var parts: [Part] = []
    do throws(CheckpointError) {
      for (position, home) in homes.enumerated() {
        guard let home else { continue }
        parts.append(
          Part(
            position: position, model: members[position], tensor: inputs[position].name,
            home: home, source: try members[position].source(of: home)))
      }
    } catch {
      throw .checkpoint(error)
    }
    if parts.contains(where: { if case .tied = $0.home { true } else { false } }) {
      hasUntiedHead = hasUntiedHead || output.isHead
    }
    if output.isHead, !output.tiedNames.isEmpty { hasHead = true }
    let work = try workType(output.name, parts)
    if output.vocabularyAxis != nil, let vocabulary {
      let sources = try vocabulary.aligned(
        parts, of: output, inputs[0],
        base: slice.cast.base ?? position(of: recipe.baseModel, slice), work: work)
      for index in parts.indices { parts[index].source = sources[index] }
    } else if let axis = output.vocabularyAxis, let differenceRows {
      try differenceRows.align(&parts, output.name, axis: axis)
    }
    let type = try checkedType(output.name, parts)
    guard type.isFloatingPoint else {
      schedule(output, inputs, slice, count: 0, isMergekits: true)
      return finish(output, nil, parts, .equalBuffer, place)
    }
    switch try completeness(output, parts, slice, members) {
    case .leftOut: schedule(output, inputs, slice, count: 0, isMergekits: true)
    case .copy(let part):
      schedule(output, inputs, slice, count: 0, isMergekits: true)
      finish(output, nil, [part], .copy, place)
    case .merge:
      let values = try values(output, parts, slice, module, depth)
      let merger = try merger(values)
      try merger.checkPlace(place)
      let base = parts.first { $0.position == slice.cast.base }
      let sources = parts.filter { $0.position != base?.position }
      let exact = try work.flatMap { (work) throws(MergeError) in
        try exactTensor(output, inputs, slice, parts, base: base, sources, values, work)
      }
      let statistics = try plannedStatistics(output, inputs[0], parts, slice)
      finish(
        output, base, sources, .merge(merger, exact, recipe.elementType ?? type), place, values,
        depth, statistics)
    }
  }

  func position(of reference: ModelReference?, _ slice: PlannedSlice) -> Int? {
    reference.flatMap { base in slice.inputs.firstIndex { $0.model == base } }
  }

  /// Whether the result has the tensor: some model stores it, or it is a tied head and the config
  /// one without ties.
  private mutating func isWritten(
    _ output: TensorSlot, _ homes: [TensorHome?], _ module: Module
  ) throws(MergeError) -> Bool {
    let isStored = homes.contains { if case .stored = $0 { true } else { false } }
    let isTied = homes.contains { if case .tied = $0 { true } else { false } }
    if isStored { return true }
    if isTied {
      guard output.isHead else { return false }
      // A config that unties the head promises one.
      if donor.tiesHead == false { return true }
      if let first = module.slices.first, let last = module.slices.last,
        !last.inputs.map(\.model).allSatisfy(first.inputs.map(\.model).contains)
      {
        notes.add(
          "All heads are tied, so the result's is the embedding, which comes from the first slice.")
      }
      return false
    }
    // Experts that all models store one by one are merged one by one.
    if !output.isOptional, homes.allSatisfy({ $0 == nil }) {
      if let sibling = sibling(of: output, module) {
        throw .operation(
          Diagnosis(
            what: "The tensor `\(output.name)` is in none of the models, but `\(sibling)` is.",
            where: models.map(\.checkpoint.origin).joined(separator: " and "),
            next: "The files are incomplete, or config.json tells of too many layers; fetch the "
              + "models again."))
      }
      notes.count("Part of \(layout.title), and in none of the models", output.name)
    }
    return false
  }

  /// The same tensor of another layer that some model has.
  private func sibling(of output: TensorSlot, _ module: Module) -> String? {
    guard output.stage == .layer else { return nil }
    for prefix in module.layout.layerPrefixes where output.name.hasPrefix(prefix) {
      let end = output.name.dropFirst(prefix.count).drop { $0.isASCII && $0.isNumber }
      for name in models.flatMap(\.checkpoint.names) where name.hasPrefix(prefix) {
        if name.dropFirst(prefix.count).drop(while: { $0.isASCII && $0.isNumber }) == end {
          return name
        }
      }
    }
    return nil
  }

  /// Checks that shapes agree and types can be promoted to one. Differences have a type of their
  /// own, which is not the result's.
  private func checkedType(
    _ name: String, _ parts: [Part]
  ) throws(MergeError) -> ElementType {
    let first = parts.first { !$0.model.isDifference } ?? parts[0]
    var type = first.source.info.elementType
    for part in parts {
      let info = part.source.info
      guard info.shape == first.source.info.shape else {
        throw .shapes(
          tensor: name, first: first.source.info.shape, firstModel: first.model.checkpoint.origin,
          second: info.shape, secondModel: part.model.checkpoint.origin)
      }
      guard let promoted = type.promoted(with: info.elementType) else {
        throw .types(
          tensor: name, first: first.source.info.elementType, second: info.elementType,
          models: [first.model.checkpoint.origin, part.model.checkpoint.origin])
      }
      if !part.model.isDifference { type = promoted }
    }
    return type
  }

  private enum Completeness {
    case merge
    case copy(Part)
    case leftOut
  }

  /// What to do with a tensor that some models lack.
  private mutating func completeness(
    _ output: TensorSlot, _ parts: [Part], _ slice: PlannedSlice, _ members: [InputModel]
  ) throws(MergeError) -> Completeness {
    let base = parts.first { $0.position == slice.cast.base }
    let count = parts.count - (base == nil ? 0 : 1)
    guard parts.count < slice.inputs.count else { return .merge }
    let absent = members.indices.first { position in
      !parts.contains { $0.position == position }
    }
    let error = MergeError.tensorOnlyInOne(
      tensor: output.name, shape: parts[0].source.info.shape,
      presentIn: parts[0].model.checkpoint.origin,
      absentFrom: absent.map { members[$0].checkpoint.origin } ?? "another model")
    // An untied model without its head is incomplete, whatever the layout says of tied ones.
    guard output.isOptional, !output.isHead || output.tiedNames.isEmpty else {
      throw error
    }
    // A change without what it changes.
    if parts.allSatisfy(\.model.isDifference) { throw error }
    switch card.incomplete {
    case .refuses: throw error
    case .mergesRest:
      if card.base == .required, base == nil { throw error }
      if count == 0, let base {
        notes.count("In the base alone, kept as it is", output.name)
        return .copy(base)
      }
      guard card.sourceCount.contains(count) else { throw error }
      notes.count("Missing in some models, merged from the others", output.name)
      return .merge
    case .passesSingle:
      guard parts.count == 1 else { throw error }
    case .passesBase:
      guard parts.count == 1, base != nil else { throw error }
    case .passesBaseBelow(let minimum):
      guard parts.count < minimum else { return .merge }
      guard let base else {
        notes.count("In too few models to be merged, left out", output.name)
        return .leftOut
      }
      notes.count("In too few models to be merged, the base's", output.name)
      return .copy(base)
    }
    notes.count("In one model only, passed through", output.name)
    return .copy(parts[0])
  }

  /// The values of all parameters for one tensor.
  func values(
    _ output: TensorSlot, _ parts: [Part], _ slice: PlannedSlice, _ module: Module,
    _ depth: Double
  ) throws(MergeError) -> JSONObject {
    let inputs = parts.filter { $0.position != slice.cast.base }.map { part in
      ParameterResolver.Input(
        reference: part.model.name, tensor: part.tensor,
        parameters: slice.inputs[part.position].parameters)
    }
    return try ParameterResolver(
      schema: schema, scopes: [slice.parameters, module.parameters, recipe.parameters]
    ).values(tensor: output.name, inputs: inputs, at: depth)
  }

  private enum Action {
    case copy
    case equalBuffer
    /// With the type of the result where numbers are ours.
    case merge(any MergeMethod, ExactTensor?, ElementType)
  }

  /// Adds a tensor to the plan and its lazy source to the result.
  private mutating func finish(
    _ output: TensorSlot, _ base: Part?, _ sources: [Part], _ action: Action, _ place: TensorPlace,
    _ values: JSONObject = JSONObject(), _ depth: Double = 0,
    _ statistics: PlannedStatistics? = nil
  ) {
    let all = (base.map { [$0.source] } ?? []) + sources.map(\.source)
    var planned = MergePlan.Tensor.Action.merge
    var byteCount = 0
    switch action {
    case .equalBuffer:
      planned = .equalBuffer
      outputs[output.name] = Merge.equalBuffer(output.name, all)
    case .copy:
      planned = .copy
      outputs[output.name] = copied(all[0])
    case .merge(_, let exact?, _):
      // A tensor that only passes through is the same in chunks.
      if exact.method == "passthrough", exact.parameters.scale == nil {
        outputs[output.name] = copied(all[0])
      } else {
        byteCount = exact.workingByteCount
        outputs[output.name] = exact.source(as: recipe.outDtype ?? exact.resultType)
      }
    case .merge(let merger, nil, let type):
      if let copies = card.wholeTensors {
        byteCount =
          Int(copies.perSource * Double(sources.count) + copies.besides) * 4
          * all[0].info.shape.elementCount
      }
      outputs[output.name] = Merge.source(
        output.name, place, base: base?.source, sources.map(\.source),
        differences: Set(sources.indices.filter { sources[$0].model.isDifference }), merger,
        isVocabulary: output.vocabularyAxis != nil, statistics: statistics, log: log, as: type,
        isRounded: !isNested || recipe.elementType != nil)
    }
    func input(_ part: Part) -> MergePlan.Tensor.Input {
      .init(
        model: part.model.name, tensor: part.tensor, source: part.source,
        isDifference: part.model.isDifference)
    }
    tensors.append(
      MergePlan.Tensor(
        name: output.name, action: planned, base: base.map(input), sources: sources.map(input),
        parameters: values, depth: depth, place: place, workingByteCount: byteCount))
  }

  /// One input as it is, in the type of the result; mergekit casts it to `dtype` on the way.
  private func copied(_ source: TensorSource) -> TensorSource {
    guard exact != nil else { return ConvertedReader.source(source, as: recipe.elementType) }
    let cast = ConvertedReader.source(source, as: recipe.dtype)
    return ConvertedReader.source(cast, as: recipe.outDtype)
  }
}
