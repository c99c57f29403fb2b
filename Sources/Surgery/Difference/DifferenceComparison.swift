// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// The pairing of tensors of two models, and a base, and the reading of them.
struct DifferenceComparison {
  /// The first, the second, and where there is one the base.
  let models: [InputModel]
  let method: TiesSlack
  let threads: Int?
  let vocabulary: VocabularyMatch
  private let places: MeasuredPlaces

  init(models: [Checkpoint], method: TiesSlack, threads: Int?) {
    self.models = models.map { InputModel(ModelReference(path: $0.origin), $0) }
    self.method = method
    self.threads = threads
    vocabulary = VocabularyMatch(models)
    places = MeasuredPlaces(models)
  }

  /// A tensor to read.
  private struct Item {
    let slot: TensorSlot
    let place: MeasuredPlace
    /// One a model; `nil` where the base has none.
    let sources: [TensorSource?]
    let rows: ModelDifference.RowMatch?
    /// The ids of the first model's rows, and their tokens, where rows were matched.
    let ids: [Int]
    let texts: [String]

    var first: TensorInfo { sources[0]?.info ?? TensorInfo(elementType: .float32, shape: [0]) }
  }

  func run(_ progress: ((Int, Int) -> Void)?) throws(MergeError) -> ModelDifference {
    var result = ModelDifference()
    do throws(CheckpointError) {
      let items = try pair(&result)
      guard !items.isEmpty || !result.buffers.isEmpty || !result.incomparable.isEmpty else {
        throw .operation(nothingInCommon)
      }
      if models.count > 2, !items.isEmpty, items.count == result.withoutBase.count {
        throw .operation(foreignBase)
      }
      let total = items.reduce(0) { $0 + $1.first.shape.elementCount }
      var done = 0
      for item in items {
        let size = item.first.shape.elementCount
        do throws(CheckpointError) {
          result.tensors.append(try measure(item))
        } catch .notFinite(_, let index, let value, let origin) {
          result.incomparable.append(
            .init(
              name: item.slot.name,
              reason:
                "Element \(index) is \(value) in \(origin); `koine inspect --norms` counts all."))
        }
        done += size
        progress?(done, total)
      }
    } catch {
      throw .checkpoint(error)
    }
    return result
  }

  private var nothingInCommon: Diagnosis {
    Diagnosis(
      what: "The models have no tensor in common: none of the same name and shape.",
      where: "\(models[0].name) and \(models[1].name)",
      next: "Compare models of one architecture and size.")
  }

  private var foreignBase: Diagnosis {
    Diagnosis(
      what: "The base has no tensor in common with the models: none of the same name and shape.",
      where: models.last?.name ?? "",
      next: "Name the model that both were trained from as the base, or leave it out.")
  }
}

// MARK: Pairing

extension DifferenceComparison {
  /// Finds each tensor in all models; what cannot be paired is noted in `result`.
  private func pair(_ result: inout ModelDifference) throws(CheckpointError) -> [Item] {
    var slots: [String: (slot: TensorSlot, place: MeasuredPlace)] = [:]
    for model in models[..<2] {
      for name in model.checkpoint.names {
        let found = places.find(name)
        if slots[found.slot.name] == nil { slots[found.slot.name] = found }
      }
    }
    // Fused tensors first: where one model has them in parts, those parts are not on their own.
    let ordered = slots.values.sorted { left, right in
      if left.slot.parts.isEmpty != right.slot.parts.isEmpty { return right.slot.parts.isEmpty }
      return places.comesBefore((left.place, left.slot.name), (right.place, right.slot.name))
    }
    var used: [Set<String>] = models.map { _ in [] }
    var items: [Item] = []
    for (slot, place) in ordered {
      let homes = models.map { $0.home(of: slot) }
      for (index, home) in homes[..<2].enumerated() {
        if case .tied = home,
          let name = ([slot.name] + slot.aliases).first(where: models[index].has)
        {
          result.notes.append(
            "`\(name)` of \(models[index].name) is not compared: its config ties the head to the "
              + "embedding.")
        }
      }
      if homes[..<2].allSatisfy({ if case .tied = $0 { true } else { false } }) { continue }
      // Parts whose whole has been compared.
      let isDone = homes[..<2].enumerated().contains { index, home in
        if case .stored(let name) = home { used[index].contains(name) } else { false }
      }
      if isDone { continue }
      // A fused form that nobody stores is only another view of the parts.
      let isStored = homes[..<2].contains { if case .stored = $0 { true } else { false } }
      if !isStored { continue }
      for (index, home) in homes.enumerated() {
        if case .assembled(let names) = home { used[index].formUnion(names.joined()) }
      }
      if let item = try item(slot, place, homes, &result) { items.append(item) }
    }
    items.sort { places.comesBefore(($0.place, $0.slot.name), ($1.place, $1.slot.name)) }
    return items
  }

  private func item(
    _ slot: TensorSlot, _ place: MeasuredPlace, _ homes: [TensorHome?],
    _ result: inout ModelDifference
  ) throws(CheckpointError) -> Item? {
    var sources: [TensorSource?] = []
    for (model, home) in zip(models, homes) {
      if let home { sources.append(try model.source(of: home)) } else { sources.append(nil) }
    }
    guard let first = sources[0] else {
      if let second = sources[1] {
        result.onlyInSecond.append(.init(name: slot.name, info: second.info))
      }
      return nil
    }
    guard let second = sources[1] else {
      result.onlyInFirst.append(.init(name: slot.name, info: first.info))
      return nil
    }
    guard first.info.elementType.isFloatingPoint, second.info.elementType.isFloatingPoint else {
      result.buffers.append(.init(name: slot.name, isEqual: try areEqual(first, second)))
      return nil
    }
    if let axis = slot.vocabularyAxis, isAlike(sources.prefix(2), but: axis) {
      // A base of another width is no base of this tensor.
      let base = isAlike(sources[...], but: axis) ? Array(sources.dropFirst(2)) : [nil]
      return matched(slot, place, [first, second] + base, axis, &result)
    }
    guard first.info.shape == second.info.shape else {
      result.reshaped.append(
        .init(name: slot.name, first: first.info.shape, second: second.info.shape))
      return nil
    }
    return plain(slot, place, sources, &result)
  }

  private func plain(
    _ slot: TensorSlot, _ place: MeasuredPlace, _ sources: [TensorSource?],
    _ result: inout ModelDifference
  ) -> Item {
    var sources = sources
    if sources.count > 2,
      sources[2]?.info.shape != sources[0]?.info.shape
        || sources[2]?.info.elementType.isFloatingPoint != true
    {
      sources[2] = nil
      result.withoutBase.append(slot.name)
    }
    return Item(slot: slot, place: place, sources: sources, rows: nil, ids: [], texts: [])
  }

  /// Rows brought together by token.
  private func matched(
    _ slot: TensorSlot, _ place: MeasuredPlace, _ sources: [TensorSource?], _ axis: Int,
    _ result: inout ModelDifference
  ) -> Item? {
    let present = sources.indices.filter { sources[$0] != nil }
    if let found = vocabulary.aligned(sources.compactMap { $0 }, of: present, axis: axis) {
      var aligned: [TensorSource?] = found.sources
      if aligned.count < models.count {
        aligned.append(nil)
        result.withoutBase.append(slot.name)
      }
      return Item(
        slot: slot, place: place, sources: aligned, rows: found.rows, ids: found.ids,
        texts: found.texts)
    }
    // Perhaps it is the base alone whose rows cannot be matched.
    if sources.count > 2, sources[2] != nil {
      return matched(slot, place, [sources[0], sources[1], nil], axis, &result)
    }
    let sizes = sources[..<2].compactMap { $0.map { String($0.info.shape[axis]) } }
    result.incomparable.append(
      .init(
        name: slot.name,
        reason: "The vocabularies have \(sizes.joined(separator: " and ")) rows, and without a "
          + "tokenizer.json of both models rows cannot be matched by token."))
    return nil
  }

  /// Whether all have the same extents on all axes but one.
  private func isAlike(_ sources: ArraySlice<TensorSource?>, but axis: Int) -> Bool {
    let shapes = sources.compactMap { $0?.info.shape }
    return shapes.allSatisfy { shape in
      shape.rank == shapes[0].rank && shape.rank > axis
        && (0..<shape.rank).allSatisfy { $0 == axis || shape[$0] == shapes[0][$0] }
    }
  }

  private func areEqual(
    _ first: TensorSource, _ second: TensorSource
  ) throws(CheckpointError) -> Bool {
    guard first.info == second.info else { return false }
    let (left, right) = (try first.prepare(), try second.prepare())
    for range in chunkRanges(count: first.info.shape.elementCount) {
      let type = first.info.elementType
      if try left.bytes(range, as: type) != right.bytes(range, as: type) { return false }
    }
    return true
  }
}

// MARK: Measuring

extension DifferenceComparison {
  private struct Measures: Sendable {
    var pair: PairMeasures
    var change: ChangeMeasures?
  }

  private func measure(_ item: Item) throws(CheckpointError) -> ModelDifference.Tensor {
    var readers: [any TensorReader] = []
    for source in item.sources {
      if let source { readers.append(try source.prepare()) }
    }
    let hasBase = readers.count > 2
    let names = models.map(\.name)
    let group = TensorGroup(
      name: item.slot.name, shape: item.first.shape, base: hasBase ? readers[2] : nil,
      sources: Array(readers[..<2]),
      origins: (hasBase ? [names[2]] : []) + names[..<2], threads: threads)
    let election =
      hasBase
      ? try ChangeMeasures.Election(group, method, importantShares: [0.1, 0.1]) : nil
    let found = try group.reduce(
      { chunk -> Measures in
        Measures(
          pair: PairMeasures(chunk.source(0), chunk.source(1), startingAt: chunk.start),
          change: election.map { ChangeMeasures(chunk, $0) })
      },
      combine: { left, right in
        Measures(
          pair: left.pair + right.pair,
          change: left.change.flatMap { one in right.change.map { one + $0 } })
      })
    var pair = found?.pair ?? PairMeasures()
    if pair.largestIndex >= 0 { pair.largestElement = element(pair.largestIndex, of: item) }
    return ModelDifference.Tensor(
      name: item.slot.name, place: item.place, shape: item.first.shape,
      firstType: item.first.elementType,
      secondType: item.sources[1]?.info.elementType ?? item.first.elementType, rows: item.rows,
      pair: pair, change: hasBase ? found?.change ?? ChangeMeasures() : nil)
  }

  /// Where an element of the compared tensor is in the first model.
  private func element(_ index: Int, of item: Item) -> PairMeasures.Element {
    var position: [Int] = []
    var rest = index
    for extent in item.first.shape.extents.reversed() {
      position.append(rest % extent)
      rest /= extent
    }
    position.reverse()
    var token: String?
    if let axis = item.slot.vocabularyAxis, !item.ids.isEmpty {
      token = item.texts[position[axis]]
      position[axis] = item.ids[position[axis]]
    }
    return PairMeasures.Element(tensor: item.slot.name, position: position, token: token)
  }
}
