// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Tensors

  /// How a model's matrices are kept in memory.
  public enum WeightForm: Sendable {
    /// bfloat16, float16 or float32, whichever the checkpoint has; files stay mapped and are not
    /// copied. Other types, and vectors, become float32.
    case asStored
    /// Four bytes a weight.
    case float32
  }

  /// A language model in memory, ready to score and to write.
  ///
  /// Activations and sums are float32 whatever the form of the weights, and answers are the same
  /// bits: a stored weight is widened, exactly, whenever it is used. Calls hop onto the engine's
  /// thread by themselves and may come from anywhere.
  ///
  /// `@unchecked Sendable`: arrays are touched on the engine's thread only.
  public final class Model: @unchecked Sendable {
    /// `config.json` as read.
    public let config: JSON
    let architecture: any Architecture
    let parameters: Parameters
    let kernels: Kernels

    /// Loads every tensor the architecture names.
    ///
    /// Cost: with weights as stored in files, one look at every byte, for numbers that are not
    /// finite; with float32, a read of the checkpoint and 4 bytes a parameter. A lazy checkpoint (a
    /// merge) is computed on the way and touches no disk.
    /// - Important: weights as stored are the files: they must not be overwritten in place while the
    ///   model lives. Replacing them by others of the same name is safe.
    /// - Throws: `CheckpointError` for missing or misshapen tensors and for weights that are NaN or
    ///   infinite, `ModelError` for a configuration that cannot run.
    public convenience init(_ checkpoint: Checkpoint, weights: WeightForm = .asStored) throws {
      try self.init(checkpoint, weights: weights, kernels: .best)
    }

    package init(
      _ checkpoint: Checkpoint, weights: WeightForm = .asStored, kernels: Kernels
    ) throws {
      config = checkpoint.config
      self.kernels = kernels
      architecture = try Architectures.make(
        config: checkpoint.config, origin: checkpoint.origin)
      try checkpoint.validate()
      try checkpoint.checkTiedHead()
      parameters = try Engine.run {
        switch weights {
        case .asStored: try Parameters(storedIn: checkpoint)
        case .float32: try Parameters(loading: checkpoint)
        }
      }
    }

    /// A model over memory that somebody else owns and updates (Training).
    package init(config: JSON, parameters: Parameters, kernels: Kernels = .best) throws {
      self.config = config
      self.kernels = kernels
      architecture = try Architectures.make(config: config)
      self.parameters = parameters
    }

    /// V
    public var vocabularySize: Int { architecture.sizes.vocabularySize }

    /// The longest input in tokens.
    public var maximumPositions: Int { architecture.sizes.maximumPositions }

    /// The logits after every token of `ids`, row-major (L, V).
    ///
    /// - Throws: `ModelError.idOutOfRange`, or `.length` for an empty or too long input.
    public func logits(_ ids: [Int32]) throws -> [[Float]] {
      try checkIDs(ids)
      return try Engine.run {
        let hidden = try architecture.hidden(
          parameters, ids: DeviceArray(ids, shape: [1, ids.count]), segments: nil, cache: nil,
          kernels: kernels)
        let flat = try logits(ofHidden: hidden).floats()
        return (0..<ids.count).map { row in
          Array(flat[row * vocabularySize..<(row + 1) * vocabularySize])
        }
      }
    }

    func logits(ofHidden hidden: DeviceArray) throws -> DeviceArray {
      try architecture.logits(parameters, hidden: hidden, kernels: kernels)
    }

    func checkIDs(_ ids: [Int32]) throws(ModelError) {
      guard (1...maximumPositions).contains(ids.count) else {
        throw .length(tokenCount: ids.count, limit: maximumPositions)
      }
      for id in ids where id < 0 || id >= vocabularySize {
        throw .idOutOfRange(id: Int(id), vocabularySize: vocabularySize)
      }
    }
  }

  /// The training side of a model: the loss of a batch as a graph.
  package struct LossFunction {
    let architecture: any Architecture
    let kernels: Kernels

    /// - Parameter recomputesActivations: computes the activations of each layer again in the
    ///   backward pass: about a third more time, and memory of one layer and the hidden states
    ///   between layers. The numbers are the same.
    package init(
      config: JSON, kernels: Kernels = .best, recomputesActivations: Bool = false
    ) throws {
      var architecture = try Architectures.make(config: config)
      architecture.recomputesActivations = recomputesActivations
      self.architecture = architecture
      self.kernels = kernels
    }

    package var vocabularySize: Int { architecture.sizes.vocabularySize }
    package var maximumPositions: Int { architecture.sizes.maximumPositions }

    /// Σ weight · cross-entropy over the batch, in nats; divide by the token count outside.
    ///
    /// - Parameters: ids, targets and segments (B, L) int32, weights (B, L).
    package func callAsFunction(
      _ parameters: Parameters, ids: DeviceArray, targets: DeviceArray, weights: DeviceArray,
      segments: DeviceArray
    ) throws -> DeviceArray {
      let rows = targets.count
      let hidden = try architecture.hidden(
        parameters, ids: ids, segments: segments, cache: nil, kernels: kernels)
      return try sum(
        kernels.crossEntropy(
          hidden, parameters[architecture.headName(in: parameters)],
          targets: reshape(targets, [rows]), weights: reshape(weights, [rows]),
          softcap: architecture.logitSoftcap, differentiated: true))
    }
  }
#endif
