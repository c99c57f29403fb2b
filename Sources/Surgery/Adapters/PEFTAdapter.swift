// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Reads a folder that PEFT wrote.
///
/// A tensor is called `base_model.model.` + module + `.lora_A.weight` (rank × inputs), `.lora_B.weight`
/// (outputs × rank), `.lora_B.bias`, `.lora_embedding_A` (rank × tokens), `.lora_embedding_B` (width
/// × rank), `.lora_magnitude_vector`; a convolution's have the kernel's extents behind. Every other
/// name is a weight or bias of the base that was trained whole.
struct PEFTAdapter {
  private let settings: JSONObject
  private let folder: ModelFolder
  private let origin: String

  init(_ settings: JSONObject, folder: ModelFolder, origin: String) {
    (self.settings, self.folder, self.origin) = (settings, folder, origin)
  }

  /// Keys that say how training went, or what the tensors say themselves.
  private static let withoutEffect: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "eva_config",
    "exclude_modules", "inference_mode", "layers_pattern", "layers_to_transform", "loftq_config",
    "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "peft_version",
    "qalora_group_size", "revision", "runtime_config", "target_modules", "task_type",
    "modules_to_tie", "velora_config",
    // Written by Unsloth and ms-swift.
    "unsloth_fixed", "model_type", "swift_version", "lorap_lr_ratio", "lorap_emb_lr",
    "lora_dtype",
    // Of PEFT before 0.3.
    "enable_lora", "merge_weights",
  ]
  private static let read: Set<String> = [
    "peft_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora",
    "fan_in_fan_out", "modules_to_save", "use_dora", "lora_bias", "ensure_weight_tying",
    "init_lora_weights",
  ]
  /// Options that change what the tensors do, with what to say of them.
  private static let refused: [(key: String, what: String)] = [
    ("use_qalora", "A QALoRA adapter, which pools its inputs,"),
    ("alora_invocation_tokens", "An activated LoRA, which acts after certain tokens only,"),
    ("arrow_config", "An Arrow router over several adapters"),
    ("use_bdlora", "A block-diagonal LoRA"),
    ("monteclora_config", "A Monte Carlo LoRA"),
    ("kasa_config", "A KaSA adapter, which truncates the base,"),
    ("layer_replication", "An adapter of replicated layers"),
    ("target_parameters", "An adapter of bare parameters (`target_parameters`)"),
    ("trainable_token_indices", "An adapter of single token rows (`trainable_token_indices`)"),
  ]
  /// Initialisations that leave the base's weights as they are.
  private static let plainStarts: Set<String> = ["gaussian", "eva", "orthogonal"]

  /// The file of weights: safetensors, or where there is none what PEFT wrote before it.
  private var weightsFile: String {
    let (name, pickle) = ("adapter_model.safetensors", "adapter_model.bin")
    return !folder.has(name) && folder.has(pickle) ? pickle : name
  }

  func adapter() throws(AdapterError) -> Adapter {
    try checkKind()
    try checkOptions()
    guard folder.has(weightsFile) else {
      throw .noAdapter(
        directory: folder.path, reason: "adapter_model.safetensors is missing",
        advice: "The download is incomplete; fetch it again.")
    }
    let tensors = try AdapterFile.tensors(weightsFile, in: folder)
    var parts: [String: Parts] = [:]
    var replacements: [AdapterReplacement] = []
    let saved = try savedModules()
    // What is replaced, by which tensor.
    var targets: [String: String] = [:]
    for tensor in tensors {
      try sort(tensor, saved: saved, into: &parts, &replacements, &targets)
    }
    var updates: [LowRankUpdate] = []
    let (ranks, alphas) = (try patterns("rank_pattern"), try patterns("alpha_pattern"))
    for module in parts.keys.sorted() {
      guard let part = parts[module] else { continue }
      updates.append(
        try update(
          module, part, rank: try number("r", ranks, module: module, default: 8),
          alpha: try number("lora_alpha", alphas, module: module, default: 8)))
    }
    guard !updates.isEmpty || !replacements.isEmpty else {
      throw .noAdapter(
        directory: folder.path, reason: "\(weightsFile) is empty",
        advice: "The adapter is incomplete; save or fetch it again.")
    }
    return Adapter(
      folder: folder, format: .peft, baseModel: settings["base_model_name_or_path"]?.string,
      updates: updates, replacements: replacements,
      storesInputsFirst: try flag("fan_in_fan_out"),
      keepsHeadTied: try flag("ensure_weight_tying"))
  }

  // MARK: - Settings

  private func checkKind() throws(AdapterError) {
    guard let kind = settings["peft_type"]?.string else {
      throw setting("peft_type", "a text", settings["peft_type"])
    }
    guard kind.uppercased() == "LORA" else {
      throw .unsupported(
        what: "An adapter of the kind `\(kind)`", origin: origin,
        advice: "Koine folds LoRA and DoRA; merge this one with PEFT (merge_and_unload) and name "
          + "the result.")
    }
  }

  private func checkOptions() throws(AdapterError) {
    for (key, what) in Self.refused where !Self.isUnset(settings[key]) {
      throw .unsupported(
        what: what, origin: origin,
        advice: "Merge it with PEFT (merge_and_unload), if PEFT can, and name the result.")
    }
    switch settings["init_lora_weights"] {
    case nil, .null, .bool: break
    case .string(let start) where Self.plainStarts.contains(start): break
    case let start?:
      throw .unsupported(
        what: "An adapter that started from `\(start.string ?? start.serialized())`, which "
          + "rewrites the base's weights,", origin: origin,
        advice: "Save it with PEFT as a plain LoRA "
          + "(save_pretrained with path_initial_model_for_weight_conversion).")
    }
    let known = Self.read.union(Self.withoutEffect).union(Self.refused.map(\.key))
    for (key, value) in settings.members where !known.contains(key) && !Self.isUnset(value) {
      throw .unknownSetting(
        key: key, value: "`\(value.serialized())`", origin: origin,
        nearest: nearestName(to: key, in: known.sorted()))
    }
  }

  /// Whether a value is what an option has that is not used.
  private static func isUnset(_ value: JSON?) -> Bool {
    switch value {
    case nil, .null, .bool(false): true
    case .array(let elements): elements.isEmpty
    case .object(let members): members.isEmpty
    default: false
    }
  }

  private func setting(_ key: String, _ expected: String, _ found: JSON?) -> AdapterError {
    .setting(
      key: key, origin: origin, expected: expected, found: found?.serialized() ?? "nothing")
  }

  private func flag(_ key: String) throws(AdapterError) -> Bool {
    switch settings[key] {
    case nil, .null: return false
    case .bool(let flag): return flag
    case let found: throw setting(key, "true or false", found)
    }
  }

  /// The modules trained whole, by the end of their names.
  private func savedModules() throws(AdapterError) -> [String] {
    guard let list = settings["modules_to_save"], !list.isNull else { return [] }
    guard let names = list.array else { throw setting("modules_to_save", "a list", list) }
    var result: [String] = []
    for name in names {
      guard let text = name.string, !text.isEmpty else {
        throw setting("modules_to_save", "a list of names", list)
      }
      result.append(text)
    }
    return result
  }

  /// A pattern over module names and the number of the modules that match it.
  private typealias PatternNumber = (pattern: ModulePattern, number: Double)

  /// The table of patterns under `key`, in its order.
  private func patterns(_ key: String) throws(AdapterError) -> [PatternNumber] {
    guard let table = settings[key], !table.isNull else { return [] }
    guard let members = table.object else { throw setting(key, "an object", table) }
    var patterns: [PatternNumber] = []
    for (text, value) in members.members {
      guard let number = value.double else { throw setting("\(key).\(text)", "a number", value) }
      do throws(ModulePattern.Fault) {
        patterns.append((try ModulePattern(text), number))
      } catch {
        throw .pattern(text, key: key, origin: origin, problem: error.problem)
      }
    }
    return patterns
  }

  /// The value of a number for a module: of the first of `patterns` that matches its name, else the
  /// general one.
  private func number(
    _ key: String, _ patterns: [PatternNumber], module: String, default value: Double
  ) throws(AdapterError) -> Double {
    if let own = patterns.first(where: { $0.pattern.matches(module: module) }) {
      return own.number
    }
    guard let general = settings[key], !general.isNull else { return value }
    guard let found = general.double else { throw setting(key, "a number", general) }
    return found
  }

  // MARK: - Tensors

  /// The tensors of one adapted module.
  private struct Parts {
    var tensors: [String: AdapterTensor] = [:]
  }

  /// The parts of names under which tensors of a product stand, and whether `.weight` follows.
  private static let roles: Set<String> = [
    "lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector",
  ]

  private func sort(
    _ tensor: AdapterTensor, saved: [String], into parts: inout [String: Parts],
    _ replacements: inout [AdapterReplacement], _ targets: inout [String: String]
  ) throws(AdapterError) {
    var name = tensor.name[...]
    while name.hasPrefix("base_model.model.") { name = name.dropFirst("base_model.model.".count) }
    var components = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if let place = components.lastIndex(where: Self.roles.contains) {
      let module = components[..<place].filter { $0 != "base_layer" }.joined(separator: ".")
      let rest = components[(place + 1)...].filter { $0 != "default" }
      let isBias = rest == ["bias"] && components[place] == "lora_B"
      guard !module.isEmpty, rest.isEmpty || rest == ["weight"] || isBias else {
        throw .unsupported(
          what: "The tensor `\(tensor.name)`, which is no part of a LoRA,", origin: origin,
          advice: "Save the adapter with a current version of PEFT.")
      }
      let role = isBias ? "lora_B.bias" : components[place]
      if let other = parts[module]?.tensors[role] {
        throw .duplicate(first: other.name, second: tensor.name, origin: tensor.source.origin)
      }
      parts[module, default: Parts()].tensors[role] = tensor
      return
    }
    if let stranger = components.first(where: { $0.hasPrefix("lora_") }) {
      throw .unsupported(
        what: "The tensor `\(tensor.name)` with the unknown part `\(stranger)`", origin: origin,
        advice: "Merge the adapter with the software it comes from, and name the result.")
    }
    let isMarked = components.contains("modules_to_save")
    if isMarked || components.contains("base_layer") || components.contains("original_module") {
      components.removeAll {
        ["modules_to_save", "base_layer", "original_module", "default"].contains($0)
      }
    }
    let target = components.joined(separator: ".")
    // Whether the tensor is in or below a module that was trained whole.
    let isCopy =
      isMarked
      || target.indices.contains { end in
        target[end] == "." && saved.contains { target[..<end].hasSuffix($0) }
      }
    if let other = targets.updateValue(tensor.name, forKey: target) {
      throw .duplicate(first: other, second: tensor.name, origin: tensor.source.origin)
    }
    replacements.append(AdapterReplacement(target: target, tensor: tensor, isModuleCopy: isCopy))
  }

  private func update(
    _ module: String, _ parts: Parts, rank expected: Double, alpha: Double
  ) throws(AdapterError) -> LowRankUpdate {
    let isEmbedding =
      parts.tensors["lora_embedding_A"] != nil
      || parts.tensors["lora_embedding_B"] != nil
    let names = isEmbedding ? ("lora_embedding_A", "lora_embedding_B") : ("lora_A", "lora_B")
    let path = folder.path(of: weightsFile)
    guard let a = parts.tensors[names.0] else {
      throw .incomplete(module: module, missing: "`\(names.0)`", origin: path)
    }
    guard let b = parts.tensors[names.1] else {
      throw .incomplete(module: module, missing: "`\(names.1)`", origin: path)
    }
    if isEmbedding, let other = parts.tensors["lora_A"] ?? parts.tensors["lora_B"] {
      throw .duplicate(first: a.name, second: other.name, origin: path)
    }
    guard a.shape.rank >= 2, a.shape[0] > 0 else {
      throw .shape(tensor: a.name, expected: "a shape [rank, inputs]", found: a.shape, origin: path)
    }
    let rank = a.shape[0]
    // A convolution's B has extents of 1 behind; those of a grouped one do not fit and are refused.
    guard b.shape.rank >= 2, b.shape[1] == rank, b.shape.extents[2...].allSatisfy({ $0 == 1 })
    else {
      throw .shape(
        tensor: b.name, expected: "a shape [outputs, \(rank)]", found: b.shape, origin: path)
    }
    guard expected == Double(rank) else {
      guard expected >= 1, expected <= 1e9, expected == expected.rounded() else {
        throw setting("r", "a whole number from 1 on", JSON(expected))
      }
      throw .rank(module: module, expected: Int(expected), found: rank, origin: path)
    }
    let isStabilized = try flag("use_rslora")
    let isDoRA = try flag("use_dora")
    let magnitude = parts.tensors["lora_magnitude_vector"]
    if isDoRA, magnitude == nil {
      throw .incomplete(module: module, missing: "`lora_magnitude_vector`", origin: path)
    }
    if let magnitude, !isDoRA {
      throw .unsupported(
        what: "The DoRA tensor `\(magnitude.name)` without `use_dora`", origin: origin,
        advice: "Configuration and tensors are of two adapters; fetch both again.")
    }
    let inputs = a.shape.elementCount / rank
    return LowRankUpdate(
      module: module,
      up: LowRankFactor(tensor: b, rows: b.shape[0], columns: rank, isTransposed: false),
      down: LowRankFactor(tensor: a, rows: rank, columns: inputs, isTransposed: false),
      scale: alpha / (isStabilized ? Double(rank).squareRoot() : Double(rank)),
      isEmbedding: isEmbedding, magnitude: magnitude, measuresRows: false,
      bias: parts.tensors["lora_B.bias"])
  }
}
