// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

extension Adapter {
  /// The base with the adapter in its weights: W + scale · B · A, for DoRA m · (W + scale · B · A) /
  /// ‖W + scale · B · A‖ per output, and the tensors that were trained whole in place of the base's.
  ///
  /// Every tensor of the adapter finds its place or is an error that names it; all names and shapes
  /// are checked now, from headers. The weights come into being when they are asked for, a block of
  /// rows at a time, in floats, rounded once to the base's type: no folder between, and in memory
  /// one factor of a matrix at a time. DoRA reads a matrix once more, for its lengths. (PEFT rounds
  /// the product to the adapter's type first, and the sum again.)
  ///
  /// A base whose head is its embedding (`tie_word_embeddings`): PEFT trains a change of the embedding
  /// beside a head that stays, and a change of the head beside an embedding that stays. So the
  /// result has a head of its own and says `tie_word_embeddings: false`. (PEFT's `merge_and_unload`
  /// lets the change into both.) It stays tied where the adapter means both: mlx-lm always, PEFT with
  /// `ensure_weight_tying`, and an embedding that was only resized.
  ///
  /// Embedding and head may have another number of rows than the base's, the same for both; the
  /// result then has that `vocab_size`, and the adapter's tokenizer if its folder holds one.
  ///
  /// - Throws: ``AdapterError``; reading the result throws ``CheckpointError``.
  public func folded(into base: Checkpoint) throws(AdapterError) -> Checkpoint {
    var folding = AdapterFolding(adapter: self, base: base)
    return try folding.result()
  }
}

/// The work of folding: which tensor of the base each of the adapter's is for.
private struct AdapterFolding {
  let adapter: Adapter
  let base: Checkpoint
  let shared: SharedEmbedding
  /// What takes the place of tensors of the base.
  private let replacements: [AdapterReplacement]
  /// The result's tensors so far.
  private var sources: [String: TensorSource] = [:]
  /// Which tensor of the adapter changed a tensor of the base first.
  private var owners: [String: String] = [:]
  /// The new number of tokens, and who brought it.
  private var resized: (tokenCount: Int, tensor: String)?

  init(adapter: Adapter, base: Checkpoint) {
    self.adapter = adapter
    self.base = base
    let shared = SharedEmbedding(base)
    self.shared = shared
    // PEFT saves a tied head beside the embedding that it shares: the same numbers once more.
    let isHeadSaved =
      shared.isTied && adapter.keepsHeadTied
      && adapter.replacements.contains { $0.isModuleCopy && $0.target == shared.embedding }
    replacements = adapter.replacements.filter {
      !(isHeadSaved && $0.target == shared.head)
    }
  }

  mutating func result() throws(AdapterError) -> Checkpoint {
    for name in base.names { sources[name] = try source(name) }
    let untied = try untieIfNeeded()
    for replacement in replacements { try place(replacement) }
    for update in adapter.updates { try place(update) }
    try checkTokenCount(isTied: shared.isTied && !untied)
    let config = SharedEmbedding.changing(
      base.config, untie: untied, tokenCount: resized?.tokenCount)
    let result = Checkpoint(
      config: config, origin: "\(base.origin) with \(adapter.directory)", sources: sources,
      tokenizerFiles: base.tokenizerFiles)
    guard resized != nil, adapter.folder.has("tokenizer.json") else { return result }
    do throws(CheckpointError) {
      return try result.replacingTokenizer(fromDirectory: adapter.directory)
    } catch {
      throw .checkpoint(error)
    }
  }

  private func source(_ name: String) throws(AdapterError) -> TensorSource {
    do throws(CheckpointError) { return try base.source(name) } catch { throw .checkpoint(error) }
  }

  // MARK: - Places

  /// The base's tensor for a name of the adapter's: the same name; else without its first part
  /// (`transformer.h.0…` for files that hold `h.0…`); else the only one that ends in it.
  private func place(
    _ wanted: String, for tensor: AdapterTensor
  ) throws(AdapterError) -> String {
    if sources[wanted] != nil { return wanted }
    if let dot = wanted.firstIndex(of: ".") {
      let rest = String(wanted[wanted.index(after: dot)...])
      if rest.contains("."), sources[rest] != nil { return rest }
    }
    let ending = "." + wanted
    let longer = base.names.filter { $0.hasSuffix(ending) }
    if longer.count == 1 { return longer[0] }
    if longer.count > 1 {
      throw .manyPlaces(tensor: tensor.name, candidates: longer, base: base.origin)
    }
    if wanted.hasSuffix(".weight") {
      let packed = wanted.dropLast(6) + "qweight"
      if base.info(String(packed)) != nil {
        throw .quantizedBase(
          tensor: String(packed), reason: "its integers are packed", base: base.origin)
      }
    }
    throw .noPlace(
      tensor: tensor.name, shape: tensor.shape, origin: tensor.source.origin, wanted: wanted,
      base: base.origin, nearest: nearestName(to: wanted, in: base.names))
  }

  /// The base's source of a tensor to change: floats that mean what they say.
  private func plain(_ name: String) throws(AdapterError) -> TensorSource {
    guard let source = sources[name] else {
      throw .checkpoint(.noTensor(name, origin: base.origin, nearest: nil))
    }
    guard source.info.elementType.isFloatingPoint else {
      throw .checkpoint(
        .integerWeights(source.info.elementType, tensor: name, origin: source.origin))
    }
    for scale in ["_scale_inv", "_scale"] where base.info(name + scale) != nil {
      throw .quantizedBase(
        tensor: name, reason: "`\(name)\(scale)` multiplies it", base: base.origin)
    }
    return source
  }

  private mutating func claim(_ name: String, _ tensor: AdapterTensor) throws(AdapterError) {
    if let first = owners.updateValue(tensor.name, forKey: name) {
      throw .duplicate(first: first, second: tensor.name, origin: tensor.source.origin)
    }
  }

  private mutating func place(_ replacement: AdapterReplacement) throws(AdapterError) {
    let tensor = replacement.tensor
    let name = try place(replacement.target, for: tensor)
    let old = try plain(name)
    if tensor.shape != old.info.shape {
      let isVocabulary = name == shared.embedding || name == shared.head
      guard isVocabulary, tensor.shape.rank == 2, tensor.shape[1] == old.info.shape[1],
        tensor.shape[0] > 0
      else {
        throw .shape(
          tensor: tensor.name, expected: "the shape \(old.info.shape) of `\(name)`",
          found: tensor.shape, origin: tensor.source.origin)
      }
      resized = resized ?? (tensor.shape[0], tensor.name)
    }
    // A module's replaced weight may be changed by a product as well, but not replaced twice.
    try claim(name + " itself", tensor)
    let info = TensorInfo(elementType: old.info.elementType, shape: tensor.shape)
    let (source, label) = (tensor.source, tensor.name)
    sources[name] = TensorSource(info: info, origin: source.origin) {
      () throws(CheckpointError) in
      ReplacedReader(
        reader: try source.prepare(), name: label, origin: source.origin,
        isSameType: source.info.elementType == info.elementType, elementType: info.elementType)
    }
  }

  private mutating func place(_ update: LowRankUpdate) throws(AdapterError) {
    let tensor = update.down.tensor
    let name = try place(update.module + ".weight", for: tensor)
    let old = try plain(name)
    try claim(name, tensor)
    let weight = try FoldedWeight(
      update, name: name, base: old,
      storesInputsFirst: storesInputsFirst(update.module))
    sources[name] = TensorSource(info: old.info, origin: "\(old.origin) with \(adapter.directory)")
    {
      () throws(CheckpointError) in try weight.prepare()
    }
    guard let change = update.bias else { return }
    let biasName = try place(update.module + ".bias", for: change)
    let bias = try plain(biasName)
    try claim(biasName, change)
    guard change.shape == bias.info.shape else {
      throw .shape(
        tensor: change.name, expected: "the shape \(bias.info.shape) of `\(biasName)`",
        found: change.shape, origin: change.source.origin)
    }
    let scale = Float(update.scale)
    sources[biasName] = TensorSource(info: bias.info, origin: bias.origin) {
      () throws(CheckpointError) in
      FoldedBiasReader(
        base: try bias.prepare(), change: try change.source.prepare(), name: change.name,
        origin: change.source.origin, scale: scale, elementType: bias.info.elementType)
    }
  }

  /// Whether a module's weight is [inputs, outputs] where the shape leaves it open: GPT-2's
  /// convolutions of one, or, for architectures unknown here, what the adapter says.
  private func storesInputsFirst(_ module: String) -> Bool {
    let kind = base.config["model_type"]?.string ?? ""
    if Convolution1D.modelTypes.contains(kind) { return Convolution1D.contains(module) }
    return adapter.storesInputsFirst && Blueprint.named(kind) == nil
  }

  // MARK: - Tied heads

  /// Gives the result a head of its own where the adapter means only one of embedding and head.
  private mutating func untieIfNeeded() throws(AdapterError) -> Bool {
    guard shared.isTied, let embedding = shared.embedding else { return false }
    func changes(_ name: String?, replaced: (AdapterReplacement) -> Bool) -> AdapterTensor? {
      guard let name else { return nil }
      // Adapters may leave out or add the first part of a name, as `place` allows.
      func fits(_ wanted: String) -> Bool {
        wanted == name || wanted.hasSuffix("." + name) || name.hasSuffix("." + wanted)
      }
      return adapter.updates.first { fits($0.module + ".weight") }?.down.tensor
        ?? replacements.first { fits($0.target) && replaced($0) }?.tensor
    }
    let ofHead = changes(shared.head) { _ in true }
    // A replaced embedding that is no copy of the module is the base's own, and its head's.
    let ofEmbedding = adapter.keepsHeadTied ? nil : changes(embedding) { $0.isModuleCopy }
    guard let change = ofHead ?? ofEmbedding else { return false }
    guard let head = shared.head else {
      if shared.isSharedWithUnknownHead(base.config) {
        throw .tiedHead(tensor: embedding, base: change.source.origin)
      }
      return false
    }
    sources[head] = sources[embedding]
    return true
  }

  /// A change of the number of tokens must be one of embedding and head alike.
  private func checkTokenCount(isTied: Bool) throws(AdapterError) {
    guard let resized else { return }
    for name in [shared.embedding, isTied ? nil : shared.head].compactMap(\.self) {
      guard let info = sources[name]?.info, info.shape.rank == 2 else { continue }
      guard info.shape[0] == resized.tokenCount else {
        throw .shape(
          tensor: resized.tensor, expected: "the \(info.shape[0]) tokens of `\(name)`",
          found: [resized.tokenCount, info.shape[1]], origin: adapter.directory)
      }
    }
  }
}

/// The layers of GPT-2 and its kin whose weight is stored [inputs, outputs].
enum Convolution1D {
  static let modelTypes: Set<String> = ["gpt2", "openai-gpt", "imagegpt", "decision_transformer"]

  /// Whether the module of such a model is one of these layers.
  static func contains(_ module: String) -> Bool {
    let last = module.split(separator: ".").last ?? ""
    return ["c_attn", "c_proj", "c_fc", "q_attn"].contains(last)
  }
}
