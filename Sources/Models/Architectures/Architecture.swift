// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents

  /// How a kind of model computes.
  ///
  /// Decoder-only families are all a `Decoder` with a configuration of their own. What has another
  /// shape (an encoder, say) conforms itself and joins `Architectures.make`.
  protocol Architecture: Sendable {
    var sizes: ModelSizes { get }

    /// Whether the head is the embedding.
    var tiesEmbeddings: Bool { get }

    /// c in c · tanh(logit / c), which follows the head; `nil` for none.
    var logitSoftcap: Float? { get }

    /// Whether each layer's activations are computed again in the backward pass instead of kept.
    var recomputesActivations: Bool { get set }

    /// The tensor whose rows are the output vectors of the tokens.
    func headName(in parameters: Parameters) -> String

    /// The last hidden states: ids (B, L) int32 → (B·L, D).
    ///
    /// - Parameters:
    ///   - segments: (B, L) int32; tokens see earlier tokens of their own segment only, −1 is
    ///     padding. `nil`: one segment a row. Positions do not restart with a segment: rotations
    ///     are relative, so what a token sees of its own segment is the same.
    ///   - cache: keys and values of earlier tokens; the new ones are appended. Excludes
    ///     `segments`.
    ///   - observer: shown what each linear layer is given, the head's excepted.
    func hidden(
      _ parameters: Parameters, ids: DeviceArray, segments: DeviceArray?, cache: KeyValueCache?,
      kernels: Kernels, observer: LinearObserver?
    ) throws -> DeviceArray

    /// What reads one token more for a few texts without a graph, where there is such a thing.
    func decodingStep(_ parameters: Parameters) throws -> DecodingStep?

    /// Whether keys kept of texts of up to `before` tokens do not serve texts of up to `after`.
    func switchesRotation(from before: Int, to after: Int) -> Bool
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

    /// The logits of hidden states: (N, D) → (N, V).
    func logits(
      _ parameters: Parameters, hidden: DeviceArray, kernels: Kernels
    ) throws -> DeviceArray {
      try kernels.softcap(
        kernels.linear(hidden, [parameters[headName(in: parameters)]])[0], logitSoftcap)
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
    /// The architecture that `config` names, by default Llama.
    /// - Parameter origin: the model's folder, for messages.
    static func make(config: JSON, origin: String) throws -> any Architecture {
      do { return try make(config: config) } catch let error as ModelError {
        throw error.inModel(origin)
      }
    }

    static func make(config: JSON) throws -> any Architecture {
      Decoder(configuration: try DecoderConfiguration(config: config))
    }
  }
#endif
