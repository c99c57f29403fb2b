// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Training

  /// The arithmetic of a training's step, for the share of the machine that it uses.
  ///
  /// Letters: A layers, S width of the queries (heads × head size), T tokens in a window.
  struct TrainingWork: Sendable, Equatable {
    /// Operations of the matrices' weights a token.
    let weightOperations: Int
    private let attention: Int

    /// - Throws: `CheckpointError`, `ModelError` for a config that cannot run; `TrainingError` for
    ///   settings that do not fit the model.
    init(config: JSON, origin: String, settings: TrainingSettings) throws {
      let sizes: DecoderConfiguration
      do { sizes = try DecoderConfiguration(config: config) } catch { throw error.inModel(origin) }
      weightOperations = try ParameterPlan(config: config, origin: origin, settings: settings)
        .operationsPerToken(settings)
      attention = sizes.layerCount * sizes.headCount * sizes.headSize
    }

    /// Floating-point operations of a forward and a backward pass over one token: those of the weights,
    /// and 6·A·S·T.
    ///
    /// Each weight multiplies and adds once forward and twice backward, one that is frozen once;
    /// attention does so over half the window on average, for scores and for values.
    /// - Source: Chowdhery et al. 2022 (PaLM), arXiv:2204.02311, appendix B.
    /// - Departs: a causal window counts half, and frozen weights have no gradient; what is computed
    ///   again in the backward pass does not count, as there.
    func operations(perTokenOfWindow windowLength: Int) -> Double {
      Double(weightOperations) + 6 * Double(attention) * Double(windowLength)
    }
  }
#endif
