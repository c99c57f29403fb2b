// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Models
  import Tensors

  /// Runs a model over text and writes down what merging can use of it: the diagonal of its Fisher
  /// information, or the Gram matrices of its linear layers' inputs.
  ///
  /// Sequences are shown one at a time, in order, in float32 whatever the folder holds; sums are in
  /// double precision. The bytes written depend on weights, sequences and options, not on threads.
  public struct TextStatistics {
    public struct Options: Sendable {
      /// What the Fisher information takes for the right tokens.
      public enum Labels: String, Sendable, CaseIterable {
        /// Those of the text: the empirical Fisher information.
        case text
        /// Tokens drawn from the model's prediction at each place, one draw a place, the text before
        /// it being the true one: an unbiased sample of the expectation over labels.
        case sampled
      }

      public var kind: ModelStatistics.Kind
      public var labels: Labels
      /// Chooses sampled labels.
      public var seed: UInt64
      /// Gram matrices that are summed at a time take at most so many bytes, or are one; the text is
      /// gone through once for each such group.
      public var memoryByteLimit: Int
      /// Whether statistics that are there are replaced.
      public var force: Bool
      public var shardByteLimit: Int

      public init(
        _ kind: ModelStatistics.Kind, labels: Labels = .text, seed: UInt64 = 0,
        memoryByteLimit: Int = 4 << 30, force: Bool = false, shardByteLimit: Int = 5_000_000_000
      ) {
        self.kind = kind
        self.labels = labels
        self.seed = seed
        self.memoryByteLimit = memoryByteLimit
        self.force = force
        self.shardByteLimit = shardByteLimit
      }
    }

    /// What there will be, known before any text is read.
    public struct Plan: Sendable {
      /// Stored tensors or matrices.
      public let tensorCount: Int
      /// On disk.
      public let byteCount: Int
      /// Of weights, gradients and sums, without activations.
      public let memoryByteCount: Int
      /// How often the text is gone through.
      public let passCount: Int
    }

    private let checkpoint: Checkpoint
    private let name: String
    let options: Options
    let loss: LossFunction

    /// - Parameters:
    ///   - checkpoint: any whose architecture Koine runs; also a lazy one.
    ///   - name: what the statistics call the model: its folder.
    /// - Throws: `ModelError`, `CheckpointError`.
    public init(of checkpoint: Checkpoint, name: String, options: Options) throws {
      try self.init(of: checkpoint, name: name, options: options, kernels: .best)
    }

    package init(
      of checkpoint: Checkpoint, name: String, options: Options, kernels: Kernels
    ) throws {
      try checkpoint.validate()
      self.checkpoint = checkpoint
      self.name = name
      self.options = options
      do {
        loss = try LossFunction(config: checkpoint.config, kernels: kernels)
      } catch let error as ModelError {
        throw error.inModel(checkpoint.origin)
      }
    }

    public var vocabularySize: Int { loss.vocabularySize }
    /// The longest sequence.
    public var maximumPositions: Int { loss.maximumPositions }

    /// What will be written, and what it takes.
    public func plan() throws -> Plan {
      let weights = checkpoint.parameterCount
      switch options.kind {
      case .fisher:
        // Weights, gradients, and sums in double precision.
        return Plan(
          tensorCount: weightNames.count, byteCount: 4 * weights, memoryByteCount: 16 * weights,
          passCount: 1)
      case .gram:
        let inputs = try linearInputs()
        let groups = groups(of: inputs)
        let largest = groups.map { $0.reduce(0) { $0 + 8 * inputs[$1].elementCount } }.max() ?? 0
        let one = inputs.map { 4 * $0.elementCount }.max() ?? 0
        return Plan(
          tensorCount: inputs.count, byteCount: inputs.reduce(0) { $0 + 4 * $1.elementCount },
          memoryByteCount: 4 * weights + largest + one, passCount: groups.count)
      }
    }

    /// Shows the model all sequences and writes the folder, whole or not at all.
    ///
    /// - Parameter progress: told how many of how many sequences are done, before each; an error it
    ///   throws ends the work.
    /// - Returns: what was written.
    /// - Throws: ``StatisticsError``, `ModelError`, `CheckpointError`.
    public func write(
      _ text: SampleText, to directory: String,
      progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> ModelStatistics.Provenance {
      guard (1...maximumPositions).contains(text.length) else {
        throw StatisticsError.length(text.length, limit: maximumPositions)
      }
      try Self.checkOutput(directory, force: options.force)
      return try Engine.run {
        var hashes: [UInt8] = []
        let parameters = try Parameters(loading: checkpoint) { name, values in
          let hash = values.withUnsafeBytes { ContentHash($0) }
          hashes += "\(name)\t\(hash.hex)\n".utf8
        }
        let provenance = ModelStatistics.Provenance(
          model: name, weightsHash: ContentHash(hashes).hex, textHash: text.textHash,
          tokenCount: text.tokenCount, exampleCount: text.windows.count,
          sequenceLength: text.length, seed: text.seed,
          labels: options.kind == .fisher ? options.labels.rawValue : Options.Labels.text.rawValue,
          weightsSample: try checkpoint.weightsSample())
        switch options.kind {
        case .fisher: try writeFisher(text, parameters, provenance, to: directory, progress)
        case .gram: try writeGrams(text, parameters, provenance, to: directory, progress)
        }
        return provenance
      }
    }

    /// Throws where statistics cannot be written to `directory`; makes nothing.
    public static func checkOutput(_ directory: String, force: Bool) throws {
      try StatisticsWriter.check(directory, force: force)
    }

    /// The float tensors, sorted.
    var weightNames: [String] {
      checkpoint.names.filter { checkpoint.info($0)?.elementType.isFloatingPoint == true }
    }

    func shape(_ tensor: String) -> Shape { checkpoint.info(tensor)?.shape ?? [] }

    /// What every linear layer is given, found by a pass that is built and never computed.
    func linearInputs() throws -> [LinearInput] {
      try Engine.run {
        // Of no number: shapes are all that is asked.
        let parameters = Parameters(
          try Dictionary(
            uniqueKeysWithValues: weightNames.map { name in
              (name, try placeholder(shape(name).extents))
            }))
        let tokens = try DeviceArray([0] as [Int32], shape: [1, 1])
        var found: [LinearInput] = []
        try loss.observeLinearInputs(parameters, ids: tokens, segments: tokens) { layers, input in
          found.append(LinearInput(layers: layers, size: input.shape[1]))
        }
        return found
      }
    }
  }

  /// An input that some linear layers share.
  struct LinearInput {
    let layers: [String]
    let size: Int

    /// What its Gram matrix is stored as: the first layer.
    var name: String { layers[0] }
    var elementCount: Int { size * size }
  }
#endif
