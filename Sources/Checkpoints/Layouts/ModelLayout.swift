// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// Where the tensors of an architecture stand: before, in or after its layers.
///
/// Layouts are data, one file a family in `Layouts/Data`; `docs/adding-an-architecture.md` says how
/// to write one. A ``Blueprint`` knows more (shapes, which keys of `config.json` call for a tensor)
/// of far fewer architectures; a layout is what taking layers apart and merging them needs. For an
/// architecture without a file there is ``inferred(names:config:)``.
public struct ModelLayout: Sendable, Equatable {
  /// Where a tensor stands in the order of computation.
  public enum Stage: String, Sendable { case before, layer, after }

  /// One tensor, or one per layer, or one per layer and expert.
  public struct Tensor: Sendable, Equatable {
    /// The name in `config.json`'s class, such as `model.layers.{layer}.self_attn.q_proj.weight`;
    /// `{layer}` stands in tensors of the stage `.layer` only.
    public let name: String
    public let stage: Stage
    /// Whether a whole checkpoint may lack it: a bias that a key of `config.json` calls for, a
    /// buffer of old files, a tied head, one of two forms in which experts are stored.
    public let isOptional: Bool
    /// Other names that checkpoints use for the same tensor, as templates like ``name``; most
    /// likely first.
    public let aliases: [String]
    /// Tensors that stand in for it where it is absent: a tied head has its embedding here.
    public let tiedNames: [String]
    /// The axis whose entries are tokens.
    public let vocabularyAxis: Int?
    /// Keys of `config.json` with the number of experts, dots for nesting; the first that is there
    /// counts. Empty where neither ``name`` nor ``parts`` have `{expert}`.
    public let expertsKeys: [String]
    /// Where a file lacks this tensor, the ones it can be assembled from: the matrices
    /// `[rows, columns]` of each of these names for one expert, stacked along the rows in this
    /// order, and the experts stacked along a new first axis. Empty for all but fused experts.
    public let parts: [String]

    init(
      name: String, stage: Stage, isOptional: Bool = false, aliases: [String] = [],
      tiedNames: [String] = [], vocabularyAxis: Int? = nil, expertsKeys: [String] = [],
      parts: [String] = []
    ) {
      self.name = name
      self.stage = stage
      self.isOptional = isOptional
      self.aliases = aliases
      self.tiedNames = tiedNames
      self.vocabularyAxis = vocabularyAxis
      self.expertsKeys = expertsKeys
      self.parts = parts
    }

    /// The first of ``expertsKeys``: the key of `config.json` with the number of experts.
    public var expertsKey: String? { expertsKeys.first }
  }

  /// A stack of layers with what belongs to it.
  public struct Module: Sendable, Equatable {
    /// `default` where a model has one stack; else names such as `encoder` and `decoder`.
    public let name: String
    /// The key of `config.json` with the number of layers, dots for nesting, such as
    /// `text_config.num_hidden_layers`. This is the one to write. Empty where none is known
    /// (inferred layouts) or where the module has no layers.
    public let depthKey: String
    /// Those of the stages before, layer and after, in this order; within each in the model's.
    public let tensors: [Tensor]
    /// Other keys of the same meaning that some files use; ``setDepth(_:in:)`` keeps those in step.
    let depthSynonyms: [String]
    /// A key that gives the depth where all those are absent, but means another module's: the
    /// decoder of T5 is as deep as its encoder unless it says otherwise.
    let depthDefaultKey: String?
    /// The depth where no key gives it: 0 for a module without layers, the count in the names for
    /// an inferred one.
    let knownDepth: Int?

    init(
      name: String, depthKey: String, tensors: [Tensor], depthSynonyms: [String] = [],
      depthDefaultKey: String? = nil, knownDepth: Int? = nil
    ) {
      self.name = name
      self.depthKey = depthKey
      self.tensors = tensors
      self.depthSynonyms = depthSynonyms
      self.depthDefaultKey = depthDefaultKey
      self.knownDepth = knownDepth
    }

    /// The number of layers that `config` states; 0 for a module without layers.
    ///
    /// For an inferred module without a ``depthKey`` it is the number of layers in the names.
    /// - Returns: `nil` where the key is missing or is no whole number from 0 to 100,000.
    public func depth(in config: JSON) -> Int? {
      guard !depthKey.isEmpty else { return knownDepth }
      return config.count(
        at: [depthKey] + depthSynonyms + (depthDefaultKey.map { [$0] } ?? []))
    }

    /// Writes the number of layers into `config`: under ``depthKey``, and under other keys of the
    /// same meaning that stand there. Does nothing for a module without a ``depthKey``.
    ///
    /// When one module's depth changes, set those of all: a decoder may take its own from the
    /// encoder's key.
    public func setDepth(_ layers: Int, in config: inout JSON) {
      guard !depthKey.isEmpty else { return }
      config.set(JSON(layers), at: depthKey)
      for key in depthSynonyms where config.value(at: key) != nil {
        config.set(JSON(layers), at: key)
      }
    }

    /// The module's tensors for a stack of `layers` layers: those before, layer after layer, those
    /// after, templates filled in.
    ///
    /// - Parameters:
    ///   - layers: how many layers, from 0.
    ///   - config: gives the number of experts. Where it does not, tensors of experts are left
    ///     out; they are optional in every layout.
    /// - Complexity: O(tensors made).
    public func tensors(layers: Int, config: JSON) -> [Tensor] {
      precondition(layers >= 0, "a stack has no negative depth")
      let ofLayers = tensors.filter { $0.stage == .layer }
      return tensors.filter { $0.stage == .before }.flatMap { $0.filled(config: config) }
        + (0..<layers).flatMap { layer in
          ofLayers.flatMap { $0.filled(layer: layer, config: config) }
        }
        + tensors.filter { $0.stage == .after }.flatMap { $0.filled(config: config) }
    }
  }

  /// The class, as `architectures` in `config.json` names it: `LlamaForCausalLM`.
  public let architecture: String
  /// At least one.
  public let modules: [Module]
  /// Whether it was made from tensor names rather than read from a file.
  public let isInferred: Bool

  init(architecture: String, modules: [Module], isInferred: Bool = false) {
    self.architecture = architecture
    self.modules = modules
    self.isInferred = isInferred
  }

  /// All layouts that Koine has a file for: one for each class of each family.
  public static var all: [ModelLayout] { LayoutFiles.families.flatMap(\.layouts) }

  /// The layout that `config.json` asks for, or `nil`.
  ///
  /// The first of `architectures` decides. Where `config` names no class, `model_type` does, by the
  /// family's first class. A class that no file has gives `nil`, whatever its `model_type`: its head
  /// would be missing from the layout of another class, and its weights from the result.
  public static func known(_ config: JSON) -> ModelLayout? {
    if let architecture = config["architectures"]?.array?.first?.string {
      return LayoutFiles.layout(architecture: architecture)
    }
    return config["model_type"]?.string.flatMap { LayoutFiles.layout(modelType: $0) }
  }
}

extension ModelLayout {
  /// The first count in `config` that is there and cannot be one, with what stands there: the number
  /// of layers or experts, under any of the keys that the layout reads, or of tokens.
  ///
  /// Whoever cuts layers would else fall back on the names of tensors, and whoever does not would
  /// never look.
  package func wrongCount(in config: JSON) -> (key: String, found: String)? {
    var counts: [String] = []
    for module in modules {
      if !module.depthKey.isEmpty { counts.append(module.depthKey) }
      counts += module.depthSynonyms
      if let key = module.depthDefaultKey { counts.append(key) }
      for tensor in module.tensors { counts += tensor.expertsKeys }
    }
    counts += ["num_hidden_layers", "text_config.num_hidden_layers"]
    func wrong(_ keys: [String], _ limit: Int) -> (key: String, found: String)? {
      for key in keys {
        guard let value = config.value(at: key), !value.isNull else { continue }
        if let count = value.int, count >= 0, count <= limit { continue }
        return (key, value.serialized())
      }
      return nil
    }
    return wrong(counts, 100_000)
      ?? wrong(["vocab_size", "text_config.vocab_size"], Int(Int32.max))
  }
}

extension ModelLayout.Tensor {
  /// This template for one layer, or none, and every expert.
  ///
  /// - Returns: one tensor; as many as experts where the name has `{expert}`, none where `config`
  ///   has no number of them.
  public func filled(layer: Int? = nil, config: JSON) -> [Self] {
    guard name.contains("{expert}") else { return [filled(layer: layer, expert: nil)] }
    return (0..<(expertCount(in: config) ?? 0)).map { filled(layer: layer, expert: $0) }
  }

  /// The number of experts that `config` states; at most 100,000.
  package func expertCount(in config: JSON) -> Int? { config.count(at: expertsKeys) }

  private func filled(layer: Int?, expert: Int?) -> Self {
    func fill(_ template: String) -> String {
      var name = template
      if let layer { name = name.filling("{layer}", with: layer) }
      if let expert { name = name.filling("{expert}", with: expert) }
      return name
    }
    // `parts` keep their `{expert}`: a fused tensor has one of each for all experts.
    return Self(
      name: fill(name), stage: stage, isOptional: isOptional, aliases: aliases.map(fill),
      tiedNames: tiedNames.map(fill), vocabularyAxis: vocabularyAxis, expertsKeys: expertsKeys,
      parts: parts.map(fill))
  }
}

extension String {
  /// The text with the number in the place of `placeholder`, everywhere.
  ///
  /// As `replacing(_:with:)`, which takes a microsecond and more for a name; there are thousands.
  package func filling(_ placeholder: String, with number: Int) -> String {
    let wanted = placeholder.utf8
    let digits = String(number).utf8
    var result: [UInt8] = []
    result.reserveCapacity(utf8.count + 8)
    var rest = utf8[...]
    while let byte = rest.first {
      if byte == wanted.first, rest.starts(with: wanted) {
        result += digits
        rest = rest.dropFirst(wanted.count)
      } else {
        result.append(byte)
        rest = rest.dropFirst()
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension JSON {
  /// The value at a path such as `text_config.vocab_size`.
  func value(at path: String) -> JSON? {
    var value = self
    for key in path.split(separator: ".") {
      guard let member = value[String(key)] else { return nil }
      value = member
    }
    return value
  }

  /// Sets the value at a path such as `text_config.num_hidden_layers`.
  fileprivate mutating func set(_ value: JSON, at path: String) {
    let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
      self[path] = value
      return
    }
    var member = self[parts[0]] ?? .object(JSONObject())
    member.set(value, at: parts[1])
    self[parts[0]] = member
  }

  /// The first of `paths` that is there and not null, as a count that a model can have: a list
  /// of millions of layers would hang us.
  func count(at paths: [String]) -> Int? {
    for path in paths {
      guard let value = value(at: path), !value.isNull else { continue }
      guard let count = value.int, 0...100_000 ~= count else { return nil }
      return count
    }
    return nil
  }
}
