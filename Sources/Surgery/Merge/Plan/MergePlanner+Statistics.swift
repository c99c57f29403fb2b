// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Synchronization
import Tensors

extension MergePlanner {
  /// Opens the statistics of every source, where the method needs some; their numbers stay unread.
  mutating func openStatistics(_ modules: [Module], _ cache: ModelCache) throws {
    guard let kind = card.statistics else { return }
    if kind == .fisher, let rule = recipe.tokenizer?.tokens.first(where: { $0.source != nil }) {
      // A row of another model's weights has no Fisher information to go with it.
      throw MergeError.statistics(
        .tokenRule(rule.token, method: card.id), model: donor.name)
    }
    for slice in modules.flatMap(\.slices) {
      for position in slice.cast.sources {
        let input = slice.inputs[position]
        let name = model(input.model).name
        guard let path = input.statistics else {
          throw MergeError.statistics(.missing(kind, method: card.id), model: name)
        }
        if statistics[path] != nil { continue }
        let opened = try cache.statistics(path)
        guard opened.kind == kind else {
          throw MergeError.statistics(
            .kind(opened.kind, needed: kind, method: card.id, path: path), model: name)
        }
        statistics[path] = opened
        if let reason = Self.whyUncompared(opened, input.model) {
          notes.add(
            "Whether the statistics in `\(path)` are of \(name)'s weights is not checked: \(reason)."
          )
        }
        let own = Self.lastComponent(opened.provenance.model)
        if own != Self.lastComponent(name) {
          notes.add(
            "The statistics in \(path) were made of `\(opened.provenance.model)` and are used for "
              + "\(name).")
        }
      }
    }
  }

  /// Why a model is taken on trust to be the one that its statistics were made of; see
  /// ``checked(_:of:_:)``.
  private static func whyUncompared(
    _ statistics: ModelStatistics, _ model: ModelReference
  ) -> String? {
    if statistics.provenance.weightsSample == nil { return "they hold no sample of them" }
    guard case .stored = model.base, model.adapter == nil else {
      return "those are computed as the merge reads them"
    }
    return nil
  }

  private static func lastComponent(_ path: String) -> Substring {
    path.split(separator: "/").last { $0 != "." } ?? ""
  }

  /// The statistics of a tensor's sources; `nil` where the method needs none, or none of them has
  /// any (a norm's weight is no linear layer).
  mutating func plannedStatistics(
    _ output: TensorSlot, _ slot: TensorSlot, _ parts: [Part], _ slice: PlannedSlice
  ) throws(MergeError) -> PlannedStatistics? {
    guard let kind = card.statistics else { return nil }
    let own = parts.filter { $0.position != slice.cast.base }
    var found: [Part] = []
    var norms: [Double] = []
    var absent: (part: Part, path: String)?
    for part in own {
      guard let path = slice.inputs[part.position].statistics, let known = statistics[path] else {
        continue
      }
      guard let name = part.home.name, let source = known.source(of: name) else {
        // A tied head has no inputs of its own on record.
        if case .tied = part.home, absent != nil { continue }
        absent = (part, path)
        continue
      }
      try check(source.info.shape, of: part, kind, path: path)
      var part = part
      part.source = checked(source, of: part.model, known)
      found.append(part)
      norms.append(known.norm)
    }
    guard let absent else { return try planned(kind, found, norms, output, slot, slice) }
    if kind == .gram {
      if found.isEmpty { return nil }
      if case .tied = absent.part.home {
        notes.count("A head that some models tie, averaged without its inputs", output.name)
        return nil
      }
    }
    throw .statistics(
      .missingTensor(absent.part.home.name ?? absent.part.tensor, path: absent.path),
      model: absent.part.model.name)
  }

  /// Statistics that are given only once the model has been seen to be the one they were made of.
  ///
  /// Planning reads no weights, so that is found when the first of them is asked for. The sum of a
  /// nested merge or of an adapter is not sampled: that would compute it.
  private mutating func checked(
    _ source: TensorSource, of model: InputModel, _ known: ModelStatistics
  ) -> TensorSource {
    guard let expected = known.provenance.weightsSample, !allowsOtherWeights,
      case .stored = model.reference.base, model.reference.adapter == nil
    else { return source }
    let key = "\(known.origin)\n\(model.name)"
    let check =
      weightsChecks[key]
      ?? WeightsCheck(model: model.checkpoint, expected: expected, path: known.origin)
    weightsChecks[key] = check
    return TensorSource(info: source.info, origin: source.origin) { () throws(CheckpointError) in
      try check.run()
      return try source.prepare()
    }
  }

  private func planned(
    _ kind: ModelStatistics.Kind, _ found: [Part], _ norms: [Double], _ output: TensorSlot,
    _ slot: TensorSlot, _ slice: PlannedSlice
  ) throws(MergeError) -> PlannedStatistics {
    var sources = found.map(\.source)
    if kind == .fisher, output.vocabularyAxis != nil, let vocabulary {
      // Each row's information goes where the row goes.
      sources = try vocabulary.aligned(
        found, of: output, slot,
        base: slice.cast.base ?? position(of: recipe.baseModel, slice))
    }
    return PlannedStatistics(kind: kind, sources: sources, norms: norms)
  }

  /// The shape must be the stored tensor's, or that of its inputs.
  private func check(
    _ shape: Shape, of part: Part, _ kind: ModelStatistics.Kind, path: String
  ) throws(MergeError) {
    guard let name = part.home.name, let info = part.model.checkpoint.info(name) else { return }
    var expected = info.shape
    if kind == .gram {
      let inputs = info.shape.rank == 2 ? info.shape[1] : 0
      expected = Shape([inputs, inputs])
    }
    guard shape == expected else {
      throw .statistics(
        .shape(tensor: name, expected: expected, found: shape, path: path),
        model: part.model.name)
    }
  }
}

extension TensorHome {
  /// The tensor's name in its model; `nil` where it is made of several.
  fileprivate var name: String? {
    switch self {
    case .stored(let name), .tied(let name): name
    case .assembled: nil
    }
  }
}

/// Compares a model with what its statistics remember of it, once.
final class WeightsCheck: Sendable {
  private let model: Checkpoint
  private let expected: String
  private let path: String
  private let isDone = Mutex(false)

  init(model: Checkpoint, expected: String, path: String) {
    self.model = model
    self.expected = expected
    self.path = path
  }

  func run() throws(CheckpointError) {
    try isDone.withLock { (isDone) throws(CheckpointError) in
      if isDone { return }
      guard try model.weightsSample() == expected else {
        throw .statistics(path: path, .otherWeights(model: model.origin))
      }
      isDone = true
    }
  }
}

/// What can be wrong with the statistics of a model.
public enum StatisticsFault: Equatable, Sendable {
  /// The recipe names none.
  case missing(ModelStatistics.Kind, method: String)
  /// They are of the other kind.
  case kind(ModelStatistics.Kind, needed: ModelStatistics.Kind, method: String, path: String)
  case missingTensor(String, path: String)
  case shape(tensor: String, expected: Shape, found: Shape, path: String)
  /// A rule takes a token's row from some model.
  case tokenRule(String, method: String)

  func diagnosis(model: String) -> Diagnosis {
    func make(_ kind: ModelStatistics.Kind) -> String {
      "koine statistics \(model) --text FILE --kind \(kind.rawValue) --out FOLDER"
    }
    return switch self {
    case .missing(let kind, let method):
      Diagnosis(
        what: "The method `\(method)` needs statistics of every model, found none of this one.",
        where: "model \(model)",
        next: "Make them with `\(make(kind))`, and add `statistics: FOLDER` below the model.")
    case .kind(let found, let needed, let method, let path):
      Diagnosis(
        what: "The method `\(method)` needs statistics of the kind `\(needed.rawValue)`, found "
          + "`\(found.rawValue)`.",
        where: "\(path), model \(model)", next: "Make them with `\(make(needed))`.")
    case .missingTensor(let tensor, let path):
      Diagnosis(
        what: "The statistics have nothing of the tensor `\(tensor)`.",
        where: "\(path), model \(model)",
        next: "Make them again from this very model with `koine statistics`.")
    case .shape(let tensor, let expected, let found, let path):
      Diagnosis(
        what: "The statistics of `\(tensor)` should have the shape \(expected), found \(found).",
        where: "\(path), model \(model)",
        next: "Make them again from this very model with `koine statistics`.")
    case .tokenRule(let token, let method):
      Diagnosis(
        what: "The method `\(method)` cannot weigh the row that a rule gives to `\(token)`.",
        where: "`tokenizer.tokens`",
        next: "Leave the rule out, or set the row in a merge of its own.")
    }
  }
}
