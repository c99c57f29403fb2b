// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Reads a folder that mlx-lm wrote.
///
/// A tensor is called module + `.lora_a` (inputs × rank), `.lora_b` (rank × outputs) or `.m` (DoRA's
/// lengths of the rows); every other name is a weight of the base that was trained whole, which is
/// all there is for `fine_tune_type: full`. The scale is `lora_parameters.scale` itself, not divided
/// by the rank. An embedding's change is its tied head's too: mlx-lm computes with both.
struct MLXAdapter {
  private let settings: JSONObject
  private let folder: ModelFolder
  private let origin: String

  init(_ settings: JSONObject, folder: ModelFolder, origin: String) {
    (self.settings, self.folder, self.origin) = (settings, folder, origin)
  }

  func adapter() throws(AdapterError) -> Adapter {
    let isDoRA = try readKind()
    let file = "adapters.safetensors"
    guard folder.has(file) else {
      let hasOld = folder.has("adapters.npz")
      throw .noAdapter(
        directory: folder.path,
        reason: hasOld
          ? "its weights are in adapters.npz, an old format" : "adapters.safetensors is missing",
        advice: hasOld
          ? "Load it with a version of mlx-lm that reads it, and save it again."
          : "The download is incomplete; fetch it again.")
    }
    var halves: [String: [String: AdapterTensor]] = [:]
    var replacements: [AdapterReplacement] = []
    for tensor in try AdapterFile.tensors(file, in: folder) {
      let components = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
      let role = components.last.map(String.init) ?? ""
      let module = components.dropLast().joined(separator: ".")
      if ["lora_a", "lora_b"].contains(role) || (isDoRA && role == "m") {
        halves[module, default: [:]][role] = tensor
      } else {
        replacements.append(
          AdapterReplacement(target: tensor.name, tensor: tensor, isModuleCopy: false))
      }
    }
    var updates: [LowRankUpdate] = []
    for module in halves.keys.sorted() {
      updates.append(
        try update(module, halves[module] ?? [:], isDoRA: isDoRA, path: folder.path(of: file)))
    }
    guard !updates.isEmpty || !replacements.isEmpty else {
      throw .noAdapter(
        directory: folder.path, reason: "adapters.safetensors is empty",
        advice: "The adapter is incomplete; save or fetch it again.")
    }
    return Adapter(
      folder: folder, format: .mlx, baseModel: settings["model"]?.string, updates: updates,
      replacements: replacements, storesInputsFirst: false, keepsHeadTied: true)
  }

  /// Whether the adapter is a DoRA.
  private func readKind() throws(AdapterError) -> Bool {
    switch settings["fine_tune_type"] {
    case nil, .null: return settings["use_dora"]?.bool ?? false
    case .string("lora"), .string("full"): return false
    case .string("dora"): return true
    case let kind?:
      throw .unsupported(
        what: "An adapter of the kind `\(kind.string ?? kind.serialized())`", origin: origin,
        advice: "Koine folds mlx-lm's lora, dora and full; fuse this one with mlx-lm.")
    }
  }

  private func parameter(_ key: String) throws(AdapterError) -> Double? {
    guard let value = settings["lora_parameters"]?[key], !value.isNull else { return nil }
    guard let number = value.double else {
      throw .setting(
        key: "lora_parameters.\(key)", origin: origin, expected: "a number",
        found: value.serialized())
    }
    return number
  }

  private func update(
    _ module: String, _ parts: [String: AdapterTensor], isDoRA: Bool, path: String
  ) throws(AdapterError) -> LowRankUpdate {
    func part(_ role: String) throws(AdapterError) -> AdapterTensor {
      guard let tensor = parts[role] else {
        throw .incomplete(module: module, missing: "`\(role)`", origin: path)
      }
      return tensor
    }
    let (a, b) = (try part("lora_a"), try part("lora_b"))
    guard a.shape.rank == 2, a.shape[1] > 0 else {
      throw .shape(
        tensor: a.name, expected: "a shape [inputs, rank] (experts are not supported)",
        found: a.shape, origin: path)
    }
    let rank = a.shape[1]
    guard b.shape.rank == 2, b.shape[0] == rank else {
      throw .shape(
        tensor: b.name, expected: "a shape [\(rank), outputs]", found: b.shape, origin: path)
    }
    guard let scale = try parameter("scale") else {
      throw .setting(
        key: "lora_parameters.scale", origin: origin, expected: "a number", found: "nothing")
    }
    if let expected = try parameter("rank"), expected != Double(rank) {
      guard expected >= 1, expected <= 1e9, expected == expected.rounded() else {
        throw .setting(
          key: "lora_parameters.rank", origin: origin, expected: "a whole number from 1 on",
          found: "\(expected)")
      }
      throw .rank(module: module, expected: Int(expected), found: rank, origin: path)
    }
    let last = module.split(separator: ".").last.map(String.init) ?? ""
    return LowRankUpdate(
      module: module,
      up: LowRankFactor(tensor: b, rows: b.shape[1], columns: rank, isTransposed: true),
      down: LowRankFactor(tensor: a, rows: rank, columns: a.shape[0], isTransposed: true),
      scale: scale, isEmbedding: SharedEmbedding.embeddingModules.contains(last),
      magnitude: isDoRA ? try part("m") : nil, measuresRows: true, bias: nil)
  }
}
