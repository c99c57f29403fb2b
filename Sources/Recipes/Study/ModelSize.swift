// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Tensors
  import Training

  /// How large a study's models are, and what working with them takes, before any is made.
  ///
  /// Letters: P parameters, N tokens at once, A layers, D model width, F feed-forward width,
  /// S width of the keys (heads × head size), V vocabulary; all numbers are float32.
  struct ModelSize: Equatable, Sendable {
    private let config: JSON
    private let origin: String
    /// P
    let parameterCount: Int
    private let layerCount: Int
    /// D
    private let hiddenSize: Int
    /// 9·D + 3·S + 3·F: what a layer makes of one token and its gradient reads again.
    private let layerWidth: Int
    /// V
    let vocabularySize: Int

    /// Tokens that scoring takes in one batch.
    private static let scoringTokens = 4096

    /// Reads `config.json`.
    /// - Throws: `CheckpointError` and `ModelError` for a config that cannot run.
    init(config: JSON, origin: String) throws {
      (self.config, self.origin) = (config, origin)
      let sizes: DecoderConfiguration
      do { sizes = try DecoderConfiguration(config: config) } catch { throw error.inModel(origin) }
      parameterCount = try Blueprint.of(config, origin: origin)
        .expectations(config, origin: origin).filter(\.isRequired)
        .reduce(0) { $0 + $1.shape.elementCount }
      layerCount = sizes.layerCount
      hiddenSize = sizes.hiddenSize
      layerWidth =
        9 * sizes.hiddenSize + 3 * sizes.keyValueHeadCount * sizes.headSize
        + 3 * sizes.intermediateSize
      vocabularySize = sizes.vocabularySize
    }

    /// Bytes of a checkpoint's weights: 4·P.
    var weightByteCount: Int { 4 * parameterCount }

    /// Throws `TrainingError` for settings that name tensors which such a model does not have, or that
    /// would train nothing.
    func check(_ settings: TrainingSettings) throws {
      _ = try ParameterPlan(config: config, origin: origin, settings: settings)
    }

    /// Bytes that training holds: those of `ParameterPlan.memory`, and the larger of what a batch takes
    /// and what a checkpoint takes, 4·N·((A + 1)·(9·D + 3·S + 3·F) + V) for the batch.
    ///
    /// Each layer keeps its activations, one more layer's worth is under way, and the loss keeps its
    /// logits. The program itself comes on top. AdamW in float32 over all weights takes 20·P beside the
    /// batch: weights, gradients, two moments and the start as it was read. On the CPU, MLX's peak
    /// (weights, gradients, activations) was within 13 % of its part of this for models of 0.9 and 2.4
    /// million parameters with 1024 to 4096 tokens at once.
    /// - Parameters:
    ///   - windowLength: tokens of a window; N is a micro-batch of them.
    ///   - loop: says whether there is a moving average, and whether layers keep only what goes in and
    ///     out of them (2·D a token) while the activations of one layer at a time are there.
    ///   - storedByteCount: of a tensor of the start, by name; `nil` for 4 bytes a number.
    /// - Throws: as `check`.
    func trainingByteCount(
      _ settings: TrainingSettings, windowLength: Int, loop: LoopSettings = LoopSettings(),
      storedByteCount: (String) -> Int? = { _ in nil }
    ) throws -> Int {
      let held = try ParameterPlan(config: config, origin: origin, settings: settings).memory(
        settings, keepsAverage: loop.averageDecay > 0, storedByteCount: storedByteCount)
      let kept =
        loop.recomputesActivations
        ? 2 * layerCount * hiddenSize + 2 * layerWidth : (layerCount + 1) * layerWidth
      let batch = 4 * settings.batchSize * windowLength * (kept + vocabularySize)
      return held.duringSteps + max(batch, held.forCheckpoint)
    }

    /// Bytes that scoring holds, or writing text: 4·(P + N·(9·D + 3·S + 3·F + V)), with N = 4096.
    ///
    /// A merge holds the same: its sources stay in their files and are read in pieces.
    var scoringByteCount: Int {
      4 * (parameterCount + Self.scoringTokens * (layerWidth + vocabularySize))
    }
  }
#endif
