// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Tensors

  /// Which tensors of a model are trained, and how the architecture sees them.
  ///
  /// A loss is differentiated with respect to `arrays` only: frozen tensors have no gradient and no
  /// optimizer state, and lie in memory as they are stored. Made and used on the engine's thread.
  package final class Parameterization {
    /// In the order of the names, so that everything summed over them is reproducible.
    package let trained: [TrainedTensor]
    /// The trained weights, in that order: what a loss is differentiated for.
    package var arrays: [DeviceArray] { trained.map(\.weights.array) }
    /// Frozen tensors by name.
    let frozen: [String: DeviceArray]
    /// The layers with a low-rank change, by the name of their weight.
    let adapted: [String: AdaptedModule]
    let start: Checkpoint
    let settings: TrainingSettings
    let kernels: Kernels

    /// The numbers of a forward pass under training, by which dropout differs.
    package struct Pass {
      /// From 0.
      package var step: Int
      /// How many positions of the step's windows come before those of this pass, of all ranks and
      /// micro-batches: however a step is divided, a position is dropped alike.
      package var firstPosition: Int

      package init(step: Int, firstPosition: Int) {
        self.step = step
        self.firstPosition = firstPosition
      }
    }

    /// - Throws: `CheckpointError` for tensors that cannot be read, `TrainingError` for settings
    ///   that name what is not there.
    package init(
      start: Checkpoint, settings: TrainingSettings, kernels: Kernels = .best
    ) throws {
      self.start = start
      self.settings = settings
      self.kernels = kernels
      let plan = try ParameterPlan(
        config: start.config, origin: start.origin, settings: settings)
      let optimizer = settings.optimizer.value
      var trained = try plan.trained.map { part in
        try TrainedTensor(
          part.outline,
          weights: WeightBuffer(
            start.floats(part.outline.name), shape: part.outline.shape,
            elementType: settings.masters.elementType(
              of: part.outline, storedAs: start.info(part.outline.name)?.elementType)),
          weightDecay: part.weightDecay, rates: part.rates, optimizer: optimizer)
      }
      var frozen: [String: DeviceArray] = [:]
      for tensor in plan.frozen {
        frozen[tensor.name] = try Parameters.storedArray(tensor.name, of: start)
      }
      var adapted: [String: AdaptedModule] = [:]
      if let adapter = settings.adapter {
        for weight in plan.adapted {
          guard let base = frozen[weight.name] else { continue }
          let module = AdaptedModule(weight: weight)
          adapted[weight.name] = module
          trained += try module.tensors(
            base: base, adapter: adapter, settings: settings, kernels: kernels)
        }
      }
      self.trained = trained.sorted { $0.name < $1.name }
      self.frozen = frozen
      self.adapted = adapted
    }

    /// The model with `arrays` in the place of the trained ones.
    ///
    /// - Parameter pass: `nil` drops nothing out, as in evaluation.
    package func parameters(_ arrays: [DeviceArray], pass: Pass? = nil) throws -> Parameters {
      var all = frozen
      var adapters: [String: LowRankAdapter] = [:]
      if adapted.isEmpty {
        for (tensor, array) in zip(trained, arrays) { all[tensor.name] = array }
        return Parameters(all)
      }
      var seen: [String: DeviceArray] = [:]
      var own: [String: DeviceArray] = [:]
      for (tensor, array) in zip(trained, arrays) {
        if tensor.outline.role == .factor {
          seen[tensor.name] = array
          own[tensor.name] = tensor.weights.array
        } else {
          all[tensor.name] = array
        }
      }
      guard let adapter = settings.adapter else { return Parameters(all) }
      for (name, module) in adapted {
        guard let base = frozen[name] else { continue }
        adapters[name] = try module.adapter(
          seen, own: own, base: base, adapter, dropout: pass.map { dropout(module, $0) },
          kernels: kernels)
      }
      return Parameters(all, adapters: adapters)
    }

    private func dropout(_ module: AdaptedModule, _ pass: Pass) -> Dropout {
      Dropout(
        rate: Float(settings.adapter?.dropout ?? 0),
        random: CounterRandom(
          seed: settings.seed,
          stream: "dropout.\(pass.step).\(module.name)"),
        firstPosition: pass.firstPosition)
    }

    /// The model as it is now.
    package func current() throws -> Parameters { try parameters(arrays) }

    /// The number of weights that change.
    package var trainedCount: Int { trained.reduce(0) { $0 + $1.trainedCount } }

    /// All buffers of the optimizer as `<buffer>.<tensor>`, with their shapes: what a saved state
    /// holds besides the weights.
    package var optimizerState: [(name: String, shape: [Int], buffer: FloatBuffer)] {
      trained.flatMap { tensor in
        tensor.buffers.map { ("\($0.name).\(tensor.name)", $0.buffer.array.shape, $0.buffer) }
      }
    }

    /// A copy of the trained model: what was trained in the types it was trained in, all else as
    /// it was, and low-rank changes folded in, in float32.
    ///
    /// Memory: the copy, and one tensor more while it is made.
    package func checkpoint() throws -> Checkpoint {
      let origin = "a trained model"
      var sources: [String: TensorSource] = [:]
      for name in frozen.keys { sources[name] = try start.source(name) }
      for tensor in trained where tensor.outline.role != .factor {
        sources[tensor.name] = try TensorSource(
          holding: tensor.weights.values(), shape: Shape(tensor.shape),
          elementType: tensor.weights.elementType, origin: origin)
      }
      try forEachFolded { tensor, values in
        sources[tensor.name] = TensorSource(
          holding: values, shape: Shape(tensor.shape), origin: origin)
      }
      return Checkpoint(
        config: start.config, origin: origin, sources: sources, tokenizerFiles: [])
    }

    /// Shows what the adapted weights have become, one after the other in order of name.
    func forEachFolded(_ body: (TensorOutline, [Float]) throws -> Void) throws {
      guard let adapter = settings.adapter else { return }
      let own = Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.weights.array) })
      for name in adapted.keys.sorted() {
        guard let base = frozen[name], let module = adapted[name] else { continue }
        try body(module.weight, module.folded(base, own, adapter, kernels: kernels).floats())
      }
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
