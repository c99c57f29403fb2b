// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents

  /// How a family of models computes: one file in this folder, one line in `Architectures.all`.
  ///
  /// Everything about its weights (names, shapes, ties) is in its blueprint in `Checkpoints`.
  protocol Architecture: Sendable {
    /// The `model_type`s of `config.json` it runs.
    static var modelTypes: [String] { get }

    /// Reads and checks the configuration.
    init(config: JSON) throws

    var sizes: ModelSizes { get }

    /// Whether the head is the embedding.
    var tiesEmbeddings: Bool { get }

    /// The tensor whose rows are the output vectors of the tokens.
    func headName(in parameters: Parameters) -> String

    /// The last hidden states: ids (B, L) int32 → (B·L, D).
    ///
    /// - Parameters:
    ///   - segments: (B, L) int32; tokens see earlier tokens of their own segment only, −1 is
    ///     padding. `nil`: one segment a row.
    ///   - cache: keys and values of earlier tokens; the new ones are appended.
    ///   - observer: shown what each linear layer is given, the head's excepted.
    func hidden(
      _ parameters: Parameters, ids: DeviceArray, segments: DeviceArray?, cache: KeyValueCache?,
      kernels: Kernels, observer: LinearObserver?
    ) throws -> DeviceArray
  }

  extension Architecture {
    /// Without an observer.
    func hidden(
      _ parameters: Parameters, ids: DeviceArray, segments: DeviceArray?, cache: KeyValueCache?,
      kernels: Kernels
    ) throws -> DeviceArray {
      try hidden(
        parameters, ids: ids, segments: segments, cache: cache, kernels: kernels, observer: nil)
    }
  }

  /// Sees what linear layers are given while a forward pass is built.
  ///
  /// Called once for each input: `weights` are the names of the layers that share it, `input` is
  /// (N, inputs) and not evaluated yet.
  package typealias LinearObserver = (_ weights: [String], _ input: DeviceArray) throws -> Void

  /// What callers need to know of any architecture.
  struct ModelSizes: Sendable {
    var vocabularySize: Int
    var maximumPositions: Int
    var layerCount: Int
  }

  enum Architectures {
    static let all: [any Architecture.Type] = [Llama.self]

    /// The architecture that `config` names, by default Llama.
    /// - Parameter origin: the model's folder, for messages.
    static func make(config: JSON, origin: String) throws -> any Architecture {
      do { return try make(config: config) } catch let error as ModelError {
        throw error.inModel(origin)
      }
    }

    static func make(config: JSON) throws -> any Architecture {
      let name = config["model_type"]?.string ?? "llama"
      guard let architecture = all.first(where: { $0.modelTypes.contains(name) }) else {
        throw ModelError.unknownArchitecture(name, known: all.flatMap { $0.modelTypes })
      }
      return try architecture.init(config: config)
    }
  }

  /// Arrays by tensor name, with a prefix for the block one is in.
  package struct Parameters {
    private let arrays: [String: DeviceArray]
    private let prefix: String

    package init(_ arrays: [String: DeviceArray]) {
      self.arrays = arrays
      prefix = ""
    }

    private init(_ arrays: [String: DeviceArray], prefix: String) {
      self.arrays = arrays
      self.prefix = prefix
    }

    /// The same arrays, named from inside `prefix`.
    func scoped(_ prefix: String) -> Parameters {
      Parameters(arrays, prefix: self.prefix + prefix)
    }

    /// A name from inside the block as the checkpoint has it.
    func fullName(_ name: String) -> String { prefix + name }

    package subscript(name: String) -> DeviceArray {
      get throws {
        guard let array = arrays[prefix + name] else {
          throw ModelError.configuration(
            key: prefix + name, expected: "a tensor in the checkpoint", found: "none")
        }
        return array
      }
    }
  }

  /// Keys and values of the tokens seen so far, per layer: (B, S, G, K).
  package final class KeyValueCache {
    final class Layer {
      private var keys: DeviceArray?
      private var values: DeviceArray?
      /// S
      var length: Int { keys?.shape[1] ?? 0 }

      /// Appends (B, L, G, K) and returns all so far.
      func append(_ k: DeviceArray, _ v: DeviceArray) throws -> (DeviceArray, DeviceArray) {
        let allKeys = try keys.map { try concatenate([$0, k], axis: 1) } ?? k
        let allValues = try values.map { try concatenate([$0, v], axis: 1) } ?? v
        keys = allKeys
        values = allValues
        return (allKeys, allValues)
      }

      var arrays: [DeviceArray] { [keys, values].compactMap { $0 } }
    }

    let layers: [Layer]

    init(layerCount: Int) { layers = (0..<layerCount).map { _ in Layer() } }

    /// How many tokens it holds.
    package var length: Int { layers.first?.length ?? 0 }

    /// All arrays, to be evaluated with each step so that no graph grows.
    var arrays: [DeviceArray] { layers.flatMap(\.arrays) }
  }
#endif
