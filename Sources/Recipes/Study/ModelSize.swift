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
    /// P
    let parameterCount: Int
    private let config: JSON
    private let origin: String
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
      self.config = config
      self.origin = origin
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

    /// How a training goes about its work.
    struct TrainingShape {
      /// N, tokens of one micro-batch.
      var batchTokens: Int
      /// Whether layers keep only what goes in and out of them.
      var recomputes = false
      /// Whether a moving average of the weights is kept.
      var averages = false
      /// At most so many tokens of held-out text and tasks are scored meanwhile.
      var evaluatedTokens = 0
    }

    /// Bytes that training takes on top of the program and of a start that lies in memory.
    ///
    /// With the weights W that are trained, the optimizer's state O, gradients G, the moving average
    /// E, frozen weights F and, of N tokens, 4·N·(A + 1)·(9·D + 3·S + 3·F) bytes of activations,
    /// the most of
    /// - a step: W + O + E + F + G and activations; with several micro-batches 2·G;
    /// - a saved state: W + O + E + F and a copy of W + O + E;
    /// - the results: W + O + E + F and a float32 copy of W, of what an adapter changes, and of E
    ///   with what it takes the place of.
    ///
    /// With `recomputes`, activations are 2·A·D, and four of a layer that is computed again. Of the
    /// logits at most 128 MB are there at once (on a CPU; on a GPU it is not the host's memory). Where
    /// held-out text is scored, that may take the most. On the CPU the peak of eight trainings of 0.1 and
    /// 19 million parameters was within 20 % of this and the program.
    /// - Parameter elementType: what a tensor of the start is stored as.
    /// - Throws: as `ParameterPlan`.
    func trainingByteCount(
      _ settings: TrainingSettings, _ shape: TrainingShape,
      elementType: (String) -> ElementType? = { _ in nil }
    ) throws -> Int {
      let tensors = try TrainingFootprint(
        config: config, origin: origin, settings: settings, elementType: elementType)
      let whole = tensors.gradientByteCount
      let average = shape.averages ? whole : 0
      let state = tensors.weightByteCount + tensors.optimizerByteCount + average
      let kept =
        shape.recomputes
        ? 2 * layerCount * hiddenSize + 4 * layerWidth : (layerCount + 1) * layerWidth
      let logits = min(shape.batchTokens * vocabularySize, Self.logitLimit)
      let step =
        (settings.microBatches > 1 ? 2 : 1) * tensors.gradientByteCount
        + 4 * (shape.batchTokens * kept + logits)
      let results = whole + tensors.foldedByteCount + 2 * average
      let scoring = scoringArrayByteCount(min(shape.evaluatedTokens, Self.scoringTokens))
      return state + tensors.frozenByteCount + max(step, state, results, scoring)
    }

    /// Floats of logits that the loss holds at once.
    private static let logitLimit = 1 << 25

    /// Bytes that scoring holds, or writing text: 4·(P + N·(A + 1)·(9·D + 3·S + 3·F)) and the
    /// logits, with N = 4096. MLX prepares a layer's arrays while those before it are still being
    /// computed, so that all layers' are there at once.
    var scoringByteCount: Int { weightByteCount + scoringArrayByteCount(Self.scoringTokens) }

    private func scoringArrayByteCount(_ tokens: Int) -> Int {
      4 * (tokens * (layerCount + 1) * layerWidth + min(tokens * vocabularySize, Self.logitLimit))
    }

    /// Bytes that a merge holds, whose sources stay in their files and are read in pieces:
    /// 4·(P + N·(9·D + 3·S + 3·F + V)), with N = 4096.
    var mergingByteCount: Int {
      4 * (parameterCount + Self.scoringTokens * (layerWidth + vocabularySize))
    }
  }
#endif
