// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Weights → weights in few bits: the folder that mlx-lm runs, without gradients or data.
///
/// Every matrix of a linear layer, and the embedding, becomes integers with a scale and a bias for
/// each run of a row (``AffineGroups``); norms and biases stay as they are. Rounding to nearest is
/// all there is to it: at 8 bits it costs next to nothing, at 4 bits little, below it hurts.
public struct ModelQuantization: Sendable {
  /// Bits and size of runs where no override matches.
  public var groups: AffineGroups
  /// Other forms for tensors in whose name a regular expression occurs; `nil` leaves them as they
  /// are. The first that matches counts.
  public private(set) var overrides: [(pattern: String, groups: AffineGroups?)]
  private let patterns: [ModulePattern]
  /// The type of scales, biases and all that is not quantised; `nil` keeps that of each tensor.
  public var elementType: ElementType?

  /// - Throws: ``CheckpointError/operation(_:)`` for a pattern that is none.
  public init(
    groups: AffineGroups, overrides: [(pattern: String, groups: AffineGroups?)] = [],
    elementType: ElementType? = nil
  ) throws(CheckpointError) {
    self.groups = groups
    self.overrides = overrides
    self.elementType = elementType
    var patterns: [ModulePattern] = []
    for (text, _) in overrides {
      do throws(ModulePattern.Fault) { patterns.append(try ModulePattern(text)) } catch {
        throw .operation(
          Diagnosis(
            what: "The pattern `\(text)` has \(error.problem).", where: "the options",
            next: "Write a regular expression over tensor names, such as `lm_head`."))
      }
    }
    self.patterns = patterns
  }

  /// `checkpoint` with its matrices quantised; nothing is computed before it is written.
  ///
  /// A module's scales, biases and integers are three tensors, so its weights are read three times.
  /// - Returns: the model, its config saying so, and the modules that were not quantised because
  ///   their rows are no whole number of runs.
  /// - Throws: ``CheckpointError`` where nothing can be quantised, or the model is already; when the
  ///   result is written, for weights that are NaN or infinite.
  public func apply(
    to checkpoint: Checkpoint
  ) throws(CheckpointError) -> (model: Checkpoint, unfitting: [String]) {
    if let found = checkpoint.quantization {
      throw .operation(
        Diagnosis(
          what: "The model is quantised already, to \(found.groups.bits) bits.",
          where: checkpoint.origin,
          next: "Quantise the model it was made from; rounding twice only loses more."))
    }
    var sources: [String: TensorSource] = [:]
    var forms: [String: AffineGroups?] = [:]
    var unfitting: [String] = []
    var matched = Set<Int>()
    for name in checkpoint.names where !isUnread(name, of: checkpoint) {
      let source = try cast(try checkpoint.source(name))
      guard let module = Self.module(of: name, source.info) else {
        sources[name] = source
        continue
      }
      let match = patterns.firstIndex { $0.occurs(in: name) }
      if let match { matched.insert(match) }
      let wanted = match.map { overrides[$0].groups } ?? groups
      guard let groups = wanted else {
        sources[name] = source
        forms[module] = .some(nil)
        continue
      }
      guard source.info.shape[1].isMultiple(of: groups.size) else {
        sources[name] = source
        forms[module] = .some(nil)
        unfitting.append(module)
        continue
      }
      forms[module] = groups
      for part in QuantizedReader.Part.allCases {
        sources["\(module).\(part.rawValue)"] = QuantizedReader.source(
          part, of: source, named: name, groups)
      }
    }
    if let idle = overrides.indices.first(where: { !matched.contains($0) }) {
      throw .operation(
        Diagnosis(
          what: "The pattern `\(overrides[idle].pattern)` occurs in no matrix's name.",
          where: checkpoint.origin,
          next: "`koine inspect --tensors` lists the names; the head of a tied model is none."))
    }
    guard forms.values.contains(where: { $0 != nil }) else {
      throw .operation(
        Diagnosis(
          what: "No matrix of the model has rows that are whole runs of \(groups.size) weights.",
          where: checkpoint.origin, next: "Choose another --group-size."))
    }
    let quantization = Quantization(groups: groups, overrides: forms.filter { $0.value != groups })
    var config = checkpoint.config.object ?? JSONObject()
    config["quantization"] = quantization.json
    config["quantization_config"] = quantization.json
    let model = Checkpoint(
      config: .object(config), origin: checkpoint.origin, quantization: quantization,
      sources: sources, tokenizerFiles: checkpoint.tokenizerFiles)
    return (model, unfitting)
  }

  /// The module whose weight a tensor is, if it is a matrix of the kind that gets quantised.
  private static func module(of name: String, _ info: TensorInfo) -> String? {
    guard name.hasSuffix(".weight"), info.elementType.isFloatingPoint, info.shape.rank == 2,
      info.shape.elementCount > 0
    else { return nil }
    return String(name.dropLast(".weight".count))
  }

  /// Whether readers leave a tensor aside, as the head of a model that is tied: as integers it would
  /// be unknown to them.
  private func isUnread(_ name: String, of checkpoint: Checkpoint) -> Bool {
    guard let type = checkpoint.config["model_type"]?.string,
      let blueprint = Blueprint.named(type)
    else { return false }
    return blueprint.template(of: name)?.presence == .unlessTied
      && blueprint.tiesWordEmbeddings(checkpoint.config)
  }

  private func cast(_ source: TensorSource) throws(CheckpointError) -> TensorSource {
    guard let elementType, source.info.elementType.isFloatingPoint else { return source }
    guard elementType.isFloatingPoint else { throw .notAFloatType(elementType, tensor: "scales") }
    return TensorSource(
      info: TensorInfo(elementType: elementType, shape: source.info.shape), origin: source.origin
    ) { () throws(CheckpointError) in
      RoundedReader(reader: try source.prepare(), type: elementType)
    }
  }
}

/// Reads weights rounded to another type.
private struct RoundedReader: TensorReader {
  let reader: any TensorReader
  let type: ElementType

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try reader.read(from: start, into: output)
    Conversion.round(output, to: type)
  }
}
