// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// What a checkpoint of one architecture holds: the one place that knows which tensors there are,
/// their shapes, which are optional and which tied.
///
/// A blueprint is data. ``Checkpoint/validate()``, merging and growing read it; a new architecture
/// is a new value in ``all``.
public struct Blueprint: Sendable {
  /// A dimension named as in `config.json`, or a product of such.
  public enum Dimension: Sendable, Equatable {
    case vocabulary, hidden, intermediate
    /// num_attention_heads × head_dim
    case queries
    /// num_key_value_heads × head_dim
    case keysAndValues
    /// head_dim
    case headSize
    /// Queries, keys and values in one: (num_attention_heads + 2 · num_key_value_heads) × head_dim
    case queriesKeysValues
    /// 2 × intermediate_size
    case gateAndUp
  }

  /// What a tensor is to operators that treat some specially.
  public enum Role: Sendable, Equatable { case inputEmbedding, outputHead, norm, matrix, bias }

  /// When a tensor is there.
  public enum Presence: Sendable, Equatable {
    case always
    /// Present where this boolean key of `config.json` is true; absent means false.
    case whenTrue(String)
    /// Present where the head is not tied; ignored where it is.
    case unlessTied
  }

  /// One tensor, or one per layer where the name holds `{layer}`.
  public struct Template: Sendable {
    public let name: String
    public let shape: [Dimension]
    public let role: Role
    public let presence: Presence
    /// The axis whose entries are tokens.
    public let vocabularyAxis: Int?

    init(
      _ name: String, _ shape: [Dimension], _ role: Role, _ presence: Presence = .always,
      vocabularyAxis: Int? = nil
    ) {
      self.name = name
      self.shape = shape
      self.role = role
      self.presence = presence
      self.vocabularyAxis = vocabularyAxis
    }
  }

  /// A tensor a given config calls for.
  public struct Expectation: Sendable {
    public let name: String
    public let shape: Shape
    public let role: Role
    /// False for a tensor that may be there but is ignored, such as the head of a tied model.
    public let isRequired: Bool
  }

  /// `model_type` of `config.json`.
  public let modelType: String
  public let templates: [Template]
  /// What keys of `config.json` mean when the file lacks them: the defaults of transformers'
  /// configuration class, sizes without which no model can be told excepted.
  public let classDefaults: [String: JSON]
  /// The weight with which a norm changes nothing: 1, or 0 where norms multiply by 1 + weight.
  public let neutralNorm: Float
  /// Ends of names of tensors that old files hold and nobody reads.
  public let ignoredSuffixes: [String]

  init(
    modelType: String, templates: [Template], classDefaults: [String: JSON],
    neutralNorm: Float = 1, ignoredSuffixes: [String] = [".rotary_emb.inv_freq"]
  ) {
    self.modelType = modelType
    self.templates = templates
    self.classDefaults = classDefaults
    self.neutralNorm = neutralNorm
    self.ignoredSuffixes = ignoredSuffixes
  }

  /// All architectures that Koine knows.
  public static let all: [Blueprint] = [
    .gemma,
    .gemma2,
    .gemma3Text,
    .llama,
    .mistral,
    .olmo2,
    .phi3,
    .qwen2,
    .qwen3,
    .smollm3,
  ]

  /// The blueprint of a `model_type`, or `nil`.
  public static func named(_ modelType: String) -> Blueprint? {
    all.first { $0.modelType == modelType }
  }

  /// The blueprint for a checkpoint's config; an error naming the known ones otherwise.
  public static func of(_ config: JSON, origin: String) throws(CheckpointError) -> Blueprint {
    let found = config["model_type"]?.string
    guard let found, let blueprint = named(found) else {
      throw .unsupportedArchitecture(
        found: found.map { "`\($0)`" } ?? "(`model_type` is missing)", origin: origin,
        supported: all.map(\.modelType))
    }
    return blueprint
  }

  /// What `tie_word_embeddings` means when `config.json` does not say.
  public var tiesWordEmbeddingsByDefault: Bool {
    classDefaults["tie_word_embeddings"]?.bool ?? false
  }

  /// Whether the head shares the embedding's weights: the config's word, else the class default.
  public func tiesWordEmbeddings(_ config: JSON) -> Bool {
    config["tie_word_embeddings"]?.bool ?? tiesWordEmbeddingsByDefault
  }

  /// The tensors that `config` calls for, layers in order.
  public func expectations(
    _ config: JSON, origin: String
  ) throws(CheckpointError) -> [Expectation] {
    let sizes = try Sizes(config, defaults: classDefaults, origin: origin)
    let isTied = tiesWordEmbeddings(config)
    var result: [Expectation] = []
    func add(_ template: Template, layer: Int?) {
      var isRequired = true
      switch template.presence {
      case .always: break
      case .whenTrue(let key): if config[key]?.bool != true { return }
      case .unlessTied: isRequired = !isTied
      }
      let name =
        layer.map { template.name.replacing("{layer}", with: String($0)) } ?? template.name
      result.append(
        Expectation(
          name: name, shape: Shape(template.shape.map { sizes[$0] }), role: template.role,
          isRequired: isRequired))
    }
    for template in templates where !template.name.contains("{layer}") { add(template, layer: nil) }
    for layer in 0..<sizes.layers {
      for template in templates where template.name.contains("{layer}") {
        add(template, layer: layer)
      }
    }
    return result
  }

  /// The template of a tensor by its name in a checkpoint; `nil` for a name that is none of ours.
  public func template(of name: String) -> Template? {
    let general = name.split(separator: ".", omittingEmptySubsequences: false)
      .map { part in !part.isEmpty && part.allSatisfy(\.isNumber) ? "{layer}" : String(part) }
      .joined(separator: ".")
    return templates.first { $0.name == general }
  }

  /// The numbers of a config that shapes are made of.
  struct Sizes {
    let layers: Int
    private let vocabulary, hidden, intermediate, queries, keysAndValues, headSize: Int

    /// Extents above this are surely a mistake, and products of two stay below `Int.max`.
    private static let limit = 1 << 31
    /// The deepest public models have some hundred layers; a list of millions would hang us.
    private static let layerLimit = 10_000

    init(
      _ config: JSON, defaults: [String: JSON], origin: String
    ) throws(CheckpointError) {
      func number(
        _ key: String, default value: Int? = nil, from low: Int = 1, to limit: Int = Self.limit
      ) throws(CheckpointError) -> Int {
        let found = config[key] ?? defaults[key]
        if found == nil || found == .null, let value { return value }
        guard let number = found?.int, number >= low, number <= limit else {
          throw .config(
            key: key, origin: origin, expected: "a whole number from \(low) to \(limit)",
            found: found.map { $0.serialized() } ?? "nothing")
        }
        return number
      }
      layers = try number("num_hidden_layers", from: 0, to: Self.layerLimit)
      vocabulary = try number("vocab_size")
      hidden = try number("hidden_size")
      intermediate = try number("intermediate_size")
      let heads = try number("num_attention_heads")
      let keyHeads = try number("num_key_value_heads", default: heads)
      guard heads.isMultiple(of: keyHeads) else {
        throw .config(
          key: "num_key_value_heads", origin: origin, expected: "a divisor of \(heads)",
          found: "\(keyHeads)")
      }
      let ownSize = config["head_dim"] ?? defaults["head_dim"] ?? .null
      if ownSize.isNull, !hidden.isMultiple(of: heads) {
        throw .config(
          key: "hidden_size", origin: origin, expected: "a multiple of \(heads) heads",
          found: "\(hidden)")
      }
      let size = try number("head_dim", default: hidden / heads)
      for (key, count) in [("num_attention_heads", heads), ("num_key_value_heads", keyHeads)]
      where count.multipliedReportingOverflow(by: size).partialValue > Self.limit {
        throw .config(
          key: key, origin: origin, expected: "at most \(Self.limit / size)", found: "\(count)")
      }
      headSize = size
      queries = heads * size
      keysAndValues = keyHeads * size
    }

    subscript(dimension: Dimension) -> Int {
      switch dimension {
      case .vocabulary: vocabulary
      case .hidden: hidden
      case .intermediate: intermediate
      case .queries: queries
      case .keysAndValues: keysAndValues
      case .headSize: headSize
      case .queriesKeysValues: queries + 2 * keysAndValues
      case .gateAndUp: 2 * intermediate
      }
    }
  }
}
