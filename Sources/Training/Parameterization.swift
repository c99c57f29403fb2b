// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Models
  import Tensors

  /// Which tensors of a model are trained, and how the architecture sees them.
  ///
  /// A loss is differentiated with respect to `arrays` only: frozen tensors have no gradient and no
  /// optimizer state. Made and used on the engine's thread.
  package final class Parameterization {
    /// In the order of the names, so that everything summed over them is reproducible.
    package let trained: [TrainedTensor]
    /// Over the memory of the trained weights, in that order: what a loss is differentiated for.
    package let arrays: [DeviceArray]
    /// Frozen tensors by name.
    private let frozen: [String: DeviceArray]
    private let start: Checkpoint

    /// Everything that the model of `start` needs is trained.
    ///
    /// - Throws: `CheckpointError` for tensors that cannot be read.
    package init(start: Checkpoint, settings: TrainingSettings) throws {
      self.start = start
      let optimizer = settings.optimizer.value
      let blueprint = try Blueprint.of(start.config, origin: start.origin)
      let expectations = try blueprint.expectations(start.config, origin: start.origin)
        .filter(\.isRequired)
      trained = try expectations.sorted { $0.name < $1.name }.map { tensor in
        let outline = TensorOutline(
          name: tensor.name, shape: tensor.shape.extents, role: TensorRole(tensor.role))
        return try TrainedTensor(
          outline,
          weights: WeightBuffer(start.floats(tensor.name), shape: outline.shape),
          // Norms and biases do not decay.
          weightDecay: outline.shape.count > 1 ? settings.weightDecay : 0, optimizer: optimizer)
      }
      frozen = [:]
      arrays = trained.map(\.weights.array)
    }

    /// The model with `arrays` in the place of the trained ones.
    package func parameters(_ arrays: [DeviceArray]) -> Parameters {
      var all = frozen
      for (tensor, array) in zip(trained, arrays) { all[tensor.name] = array }
      return Parameters(all)
    }

    /// The model as it is now.
    package var parameters: Parameters { parameters(arrays) }

    package var trainedCount: Int { trained.reduce(0) { $0 + $1.outline.count } }

    /// All buffers of the optimizer as `<buffer>.<tensor>`, with their shapes: what a saved state
    /// holds besides the weights.
    package var optimizerState: [(name: String, shape: [Int], buffer: FloatBuffer)] {
      trained.flatMap { tensor in
        tensor.buffers.map { ("\($0.name).\(tensor.name)", $0.buffer.array.shape, $0.buffer) }
      }
    }

    /// A copy of the trained model.
    package func checkpoint() throws -> Checkpoint {
      try Checkpoint.inMemory(
        config: start.config,
        tensors: trained.map { ($0.name, Shape($0.shape), try $0.weights.values()) },
        origin: "a trained model")
    }
  }

  extension TensorRole {
    init(_ role: Blueprint.Role) {
      self =
        switch role {
        case .inputEmbedding: .embedding
        case .outputHead: .head
        case .norm: .norm
        case .matrix: .matrix
        case .bias: .bias
        }
    }
  }
#endif
