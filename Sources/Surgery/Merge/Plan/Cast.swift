// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Who plays which part in one slice.
struct Cast: Equatable {
  /// The position of the base among the slice's inputs, where the method treats it as such.
  let base: Int?
  /// The positions of the others, in order.
  let sources: [Int]

  /// - Parameters:
  ///   - models: the slice's inputs in order.
  ///   - base: the base of slice or recipe.
  ///   - place: for messages, such as `slices[2]`; empty for `models`.
  init(
    _ models: [ModelReference], base: ModelReference?, card: MethodCard, place: String
  ) throws(MergeError) {
    for (index, model) in models.enumerated() where models[..<index].contains(model) {
      throw .duplicateModel(model.description)
    }
    let origin = place.isEmpty ? "`models`" : place
    for model in models where model.difference != nil {
      if model == base {
        throw .recipe(.differenceAsModel(model.description), origin: "`base_model`")
      }
      guard base != nil, card.base != .isSource else {
        throw .recipe(
          .differenceWithoutBase(model.description, method: card.id), origin: origin)
      }
    }
    for model in models where card.takesDifferences && model.difference == nil && model != base {
      throw .recipe(.modelAsDifference(model.description, method: card.id), origin: origin)
    }
    let position = base.flatMap { models.firstIndex(of: $0) }
    switch card.base {
    case .required:
      guard let base else { throw .missingBase(method: card.id) }
      guard position != nil else {
        throw .slice(
          .baseNotASource(base: base.description, method: card.id), place: place)
      }
      self.base = position
    case .optional: self.base = position
    case .isSource: self.base = nil
    }
    let own = self.base
    sources = models.indices.filter { $0 != own }
    guard card.sourceCount.contains(sources.count) else {
      throw .sourceCount(
        method: card.id, expected: card.sourceCount, found: sources.count, hasBase: own != nil)
    }
  }
}

/// A slice of the result with all its inputs, whole models included.
struct PlannedSlice {
  struct Input {
    let model: ModelReference
    let start: Int
    let parameters: [String: JSON]
    var statistics: String?
  }

  let inputs: [Input]
  let layerCount: Int
  let parameters: [String: JSON]
  let cast: Cast
  /// For messages.
  let place: String
}
