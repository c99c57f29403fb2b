// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Tensors

  /// The arithmetic of a training's step, for the share of the machine that it uses.
  ///
  /// Letters: M weights of matrices that every token passes (the head among them, the embedding
  /// table not, which is looked up), A layers, S width of the queries (heads × head size), T tokens
  /// in a window.
  struct TrainingWork: Sendable, Equatable {
    /// M
    let matrixWeights: Int
    private let attention: Int

    init(config: JSON, origin: String) throws {
      let sizes: DecoderConfiguration
      do { sizes = try DecoderConfiguration(config: config) } catch { throw error.inModel(origin) }
      let expectations = try Blueprint.of(config, origin: origin)
        .expectations(config, origin: origin).filter(\.isRequired)
      let hasHead = expectations.contains { $0.role == .outputHead }
      matrixWeights = expectations.reduce(0) { sum, tensor in
        switch tensor.role {
        case .matrix, .outputHead: sum + tensor.shape.elementCount
        case .inputEmbedding: sum + (hasHead ? 0 : tensor.shape.elementCount)
        case .norm, .bias: sum
        }
      }
      attention = sizes.layerCount * sizes.headCount * sizes.headSize
    }

    /// Floating-point operations of a forward and a backward pass over one token: 6·M + 6·A·S·T.
    ///
    /// Each weight multiplies and adds once forward and twice backward; attention does so over half
    /// the window on average, for scores and for values.
    /// - Source: Chowdhery et al. 2022 (PaLM), arXiv:2204.02311, appendix B.
    /// - Departs: a causal window counts half; what is computed again in the backward pass does not
    ///   count, as there.
    func operations(perTokenOfWindow windowLength: Int) -> Double {
      6 * Double(matrixWeights) + 6 * Double(attention) * Double(windowLength)
    }
  }
#endif
