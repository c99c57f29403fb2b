// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Everything that tells one decoder-only model from another, read from a `config.json` of either
/// transformers generation.
///
/// The families in this folder fill it in; `Decoder` computes what it says.
public struct DecoderConfiguration: Equatable, Sendable {
  /// V
  public var vocabularySize: Int
  /// D
  public var hiddenSize: Int
  /// F
  public var intermediateSize: Int
  public var layerCount: Int
  /// H
  public var headCount: Int
  /// G, a divisor of H
  public var keyValueHeadCount: Int
  /// K, even
  public var headSize: Int
  public var maximumPositions: Int
  /// The longest text in tokens: the positions, or as far as rotations stretch them.
  var longestText: Int {
    let stretch = rotations.map(\.stretch).min() ?? 1
    return Int(min(Double(maximumPositions) * stretch, 1e9))
  }
  public var normEpsilon: Float
  /// Whether the head is the embedding.
  public var tiesEmbeddings: Bool

  /// Where RMSNorms stand.
  var norms = NormPlacement.before
  /// Norms multiply by 1 + weight instead of by the weight.
  var addsOneToNorms = false
  var attention: AttentionLayer
  var feedForward = FeedForwardLayer()
  var layers: [Layer]
  /// The rotations that layers choose from.
  var rotations: [RotaryEmbedding] = []
  /// Multiplies the embeddings; `nil` for 1.
  var embeddingScale: Float?
  /// c in c · tanh(logit / c); `nil` for none.
  var logitSoftcap: Float?

  /// What one layer has of its own.
  struct Layer: Equatable, Sendable {
    /// A token sees itself and the window − 1 before; `nil`: all before.
    var window: Int?
    /// An index into `rotations`; `nil` for no positions at all.
    var rotation: Int? = 0
  }

  /// What all attention layers have in common.
  struct AttentionLayer: Equatable, Sendable {
    /// Multiplies q · k.
    var scale: Float
    /// c in c · tanh(score / c); `nil` for none.
    var softcap: Float?
    /// Biases on q, k and v.
    var hasInputBias = false
    /// A bias on o.
    var hasOutputBias = false
    /// q, k and v are rows of one matrix `qkv_proj`, in this order.
    var isFused = false
    var queryKeyNorm = QueryKeyNorm.none
  }

  /// An RMSNorm of queries and keys before they are rotated (`q_norm`, `k_norm`).
  enum QueryKeyNorm: Equatable, Sendable {
    case none
    /// Of each head, with a weight (K) for all of them.
    case perHead
    /// Of all heads together, with a weight (H·K) or (G·K).
    case whole
  }

  /// What all feed-forward layers have in common: down(activation(gate(x)) · up(x)).
  struct FeedForwardLayer: Equatable, Sendable {
    var activation = GateActivation.silu
    var hasBias = false
    /// gate and up are rows of one matrix `gate_up_proj`, in this order.
    var isFused = false
  }

  /// The configuration of a model whose `config.json` is `config`.
  ///
  /// - Throws: `ModelError.configuration` for sizes that cannot be or a feature that is not the
  ///   family's, `.unknownArchitecture` for a family that Koine does not run.
  public init(config: JSON) throws(ModelError) {
    let name = try Self.modelType(config)
    guard let family = DecoderFamilies.named(name) else {
      throw .unknownArchitecture(name, known: DecoderFamilies.modelTypes)
    }
    self = try family.configuration(ConfigurationReader(config, modelType: name))
  }

  /// Public models have at most some hundred; tables of frequencies are as long.
  private static let headSizeLimit = 1 << 16

  /// `model_type`, by default that of Llama.
  static func modelType(_ config: JSON) throws(ModelError) -> String {
    guard let type = config["model_type"] else { return "llama" }
    guard let name = type.string else {
      throw .configuration(key: "model_type", expected: "a name", found: type.serialized())
    }
    return name
  }

  /// The sizes that all families name alike; everything else as in Llama, without rotations.
  init(sizesOf config: ConfigurationReader) throws(ModelError) {
    vocabularySize = try config.size("vocab_size")
    hiddenSize = try config.size("hidden_size")
    intermediateSize = try config.size("intermediate_size")
    // The deepest public models have some hundred layers.
    layerCount = try config.size("num_hidden_layers", limit: 10_000)
    headCount = try config.size("num_attention_heads")
    keyValueHeadCount = try config.optionalSize("num_key_value_heads") ?? headCount
    maximumPositions = try config.size("max_position_embeddings")
    guard headCount % keyValueHeadCount == 0 else {
      throw .configuration(
        key: "num_key_value_heads", expected: "a divisor of num_attention_heads (\(headCount))",
        found: "\(keyValueHeadCount)")
    }
    if let size = try config.optionalSize("head_dim", limit: Self.headSizeLimit) {
      headSize = size
    } else {
      guard hiddenSize % headCount == 0 else {
        throw .configuration(
          key: "hidden_size", expected: "a multiple of num_attention_heads (\(headCount))",
          found: "\(hiddenSize)")
      }
      headSize = hiddenSize / headCount
    }
    guard headSize % 2 == 0, headSize <= Self.headSizeLimit else {
      throw .configuration(
        key: "head_dim", expected: "an even number up to \(Self.headSizeLimit)",
        found: "\(headSize)")
    }
    normEpsilon = Float(try config.number("rms_norm_eps", below: 1))
    tiesEmbeddings = try config.flag("tie_word_embeddings")
    attention = AttentionLayer(scale: 1 / Float(headSize).squareRoot())
    layers = [Layer](repeating: Layer(), count: layerCount)
  }

  /// Whether keys kept of texts of up to `before` tokens are not turned as the model wants them for
  /// texts of up to `after`: with `longrope`, where one is beyond the original positions and the
  /// other is not. The cache is then to be made anew from the whole texts, as transformers'
  /// generation does for one that grows.
  package func switchesRotation(from before: Int, to after: Int) -> Bool {
    rotations.contains { $0.switches(from: before, to: after) }
  }
}

/// The activation of a gated feed-forward layer.
enum GateActivation: Equatable, Sendable {
  /// x · sigmoid(x)
  case silu
  /// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))
  case tanhGELU
}

/// Where the RMSNorms of a block stand: the names of their tensors, `nil` where there is none.
struct NormPlacement: Equatable, Sendable {
  var beforeAttention: String?
  var afterAttention: String?
  var beforeFeedForward: String?
  var afterFeedForward: String?

  /// x + f(norm(x)), as in Llama.
  static let before = NormPlacement(
    beforeAttention: "input_layernorm", beforeFeedForward: "post_attention_layernorm")
  /// x + norm(f(x)), as in OLMo 2.
  static let after = NormPlacement(
    afterAttention: "post_attention_layernorm", afterFeedForward: "post_feedforward_layernorm")
  /// x + norm(f(norm(x))), as in Gemma 2.
  static let around = NormPlacement(
    beforeAttention: "input_layernorm", afterAttention: "post_attention_layernorm",
    beforeFeedForward: "pre_feedforward_layernorm",
    afterFeedForward: "post_feedforward_layernorm")
}

/// A family of decoder-only models: one file in this folder, one line in `DecoderFamilies.all`.
///
/// Everything about its weights (names, shapes, ties, defaults) is in its blueprint in
/// `Checkpoints`.
protocol DecoderFamily: Sendable {
  /// The `model_type`s of `config.json` it runs.
  static var modelTypes: [String] { get }

  /// Reads and checks the configuration; what Koine cannot do exactly is an error, never ignored.
  static func configuration(
    _ config: ConfigurationReader
  ) throws(ModelError) -> DecoderConfiguration
}

enum DecoderFamilies {
  static let all: [any DecoderFamily.Type] = [
    Gemma.self,
    Gemma2.self,
    Gemma3Text.self,
    Llama.self,
    Mistral.self,
    OLMo2.self,
    Phi3.self,
    Qwen2.self,
    Qwen3.self,
    SmolLM3.self,
  ]

  static var modelTypes: [String] { all.flatMap { $0.modelTypes } }

  static func named(_ modelType: String) -> (any DecoderFamily.Type)? {
    all.first { $0.modelTypes.contains(modelType) }
  }
}
