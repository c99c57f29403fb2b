// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// What settings make of each tensor of a model; reads no weights.
package struct ParameterPlan {
  /// A tensor that is trained.
  struct Part {
    var outline: TensorOutline
    /// λ
    var weightDecay: Double
    /// Factors of the rate by row.
    var rates: [(rows: Range<Int>, factor: Double)]
  }

  /// In order of name.
  let trained: [Part]
  /// The tensors that the model needs and that are not trained, in order of name.
  let frozenTensors: [TensorOutline]
  /// Their names, sorted.
  var frozen: [String] { frozenTensors.map(\.name) }
  /// Weights with a low-rank change, in order of name; all are frozen.
  let adapted: [TensorOutline]

  /// - Throws: `CheckpointError` for an unknown architecture, `TrainingError` for patterns that match
  ///   nothing, rows that are not there, and settings that leave nothing to train.
  package init(start: Checkpoint, settings: TrainingSettings) throws {
    try self.init(config: start.config, origin: start.origin, settings: settings)
  }

  /// The same for a model that is only planned.
  ///
  /// - Parameters:
  ///   - config: its `config.json`.
  ///   - origin: of it, for messages.
  package init(config: JSON, origin: String, settings: TrainingSettings) throws {
    let blueprint = try Blueprint.of(config, origin: origin)
    // What the model does not need, such as a copy of a tied head, is left behind.
    let tensors = try blueprint.expectations(config, origin: origin)
      .filter(\.isRequired).sorted { $0.name < $1.name }.map {
        TensorOutline(name: $0.name, shape: $0.shape.extents, role: TensorRole($0.role))
      }
    let choices = TensorChoices(tensors: tensors)
    adapted = try settings.adapter.map { try Self.targets($0, choices) } ?? []
    let chosen = try Self.chosen(settings, choices)
    var treatments: [String: TensorTreatment] = [:]
    for tensor in tensors {
      treatments[tensor.name] = TensorTreatment(rowCount: tensor.shape.first ?? 1)
    }
    for group in settings.groups {
      try Self.apply(group, choices, to: &treatments)
    }
    var trained: [Part] = []
    var frozen: [TensorOutline] = []
    for tensor in tensors {
      guard chosen.contains(tensor.name), let treatment = treatments[tensor.name],
        treatment.rates.contains(where: { $0.factor > 0 })
      else {
        frozen.append(tensor)
        continue
      }
      trained.append(
        Part(
          outline: tensor, weightDecay: treatment.weightDecay ?? settings.decay(of: tensor),
          rates: treatment.rates))
    }
    self.trained = trained
    frozenTensors = frozen
    guard !trained.isEmpty || !adapted.isEmpty else { throw TrainingError.nothingTrained }
  }

  /// The names of what is trained whole.
  private static func chosen(
    _ settings: TrainingSettings, _ choices: TensorChoices
  ) throws(TrainingError) -> Set<String> {
    if let adapter = settings.adapter {
      let names = try choices.matching(adapter.train, key: "adapter.train")
      for tensor in choices.tensors where tensor.role == .bias && names.contains(tensor.name) {
        throw .setting(
          "adapter.train", expected: "no biases, which PEFT cannot save beside a change",
          found: "`\(tensor.name)`")
      }
      let changed = try Set(targets(adapter, choices).map(\.name))
      return names.subtracting(changed)
    }
    var names = Set(choices.tensors.map(\.name))
    if !settings.trainOnly.isEmpty {
      var patterns = settings.trainOnly.filter { $0 != "new_blocks" }
      if settings.trainOnly.contains("new_blocks") {
        patterns += settings.newBlocks.map { "model.layers.\($0).*" }
      }
      names = try choices.matching(patterns, key: "train_only")
    }
    return names.subtracting(try choices.matching(settings.freeze, key: "freeze"))
  }

  /// The linear layers that an adapter changes.
  private static func targets(
    _ adapter: AdapterSettings, _ choices: TensorChoices
  ) throws(TrainingError) -> [TensorOutline] {
    let layers = choices.tensors.filter { $0.role == .matrix && $0.shape.count == 2 }
    func module(_ tensor: TensorOutline) -> String { String(tensor.name.dropLast(".weight".count)) }
    for target in adapter.targets
    where !layers.contains(where: { AdapterSettings.target(target, matches: module($0)) }) {
      let ends = Set(layers.map { module($0).split(separator: ".").last.map(String.init) ?? "" })
      throw .noMatch(
        pattern: target, key: "adapter.targets",
        nearest: nearestName(to: target, in: ends.sorted()),
        known: ends.sorted())
    }
    return layers.filter { layer in
      adapter.targets.contains { AdapterSettings.target($0, matches: module(layer)) }
    }
  }

  private static func apply(
    _ group: ParameterGroup, _ choices: TensorChoices,
    to treatments: inout [String: TensorTreatment]
  ) throws(TrainingError) {
    let names = try choices.matching(group.match, key: "groups.match")
    for tensor in choices.tensors where names.contains(tensor.name) {
      let rowCount = tensor.shape.first ?? 1
      if let weightDecay = group.weightDecay { treatments[tensor.name]?.weightDecay = weightDecay }
      guard let factor = group.learningRateFactor else { continue }
      guard let rows = group.rows else {
        treatments[tensor.name]?.set(factor, rows: 0..<rowCount)
        continue
      }
      guard tensor.shape.count == 2, let largest = rows.largest, largest < rowCount else {
        throw .setting(
          "groups.rows",
          expected: tensor.shape.count == 2
            ? "rows below the \(rowCount) of `\(tensor.name)`" : "matrices, which have rows",
          found: tensor.shape.count == 2 ? "\(rows.largest ?? 0)" : "`\(tensor.name)`")
      }
      for range in rows.ranges(count: rowCount) {
        treatments[tensor.name]?.set(factor, rows: range)
      }
    }
  }
}

extension TrainingSettings {
  /// λ of a tensor that no group says anything about: none for norms and biases.
  func decay(of tensor: TensorOutline) -> Double {
    if tensor.shape.count < 2 { return 0 }
    if tensor.role == .embedding || tensor.role == .head, !decaysEmbeddings { return 0 }
    return weightDecay
  }
}
