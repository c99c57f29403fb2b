// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// What a text has shown of a model's tensors, as methods of merging weigh them by it.
///
/// On disk it is a folder with `statistics.safetensors`, or shards and their index, whose
/// `__metadata__` says what it is; ``open(_:)`` also takes a single such file by any name. It is as
/// lazy as a ``Checkpoint``: opening reads headers only.
public struct ModelStatistics: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    /// For each tensor one of its shape: the mean over examples of the squared gradient of an
    /// example's log-likelihood (the diagonal of the Fisher information).
    case fisher
    /// For each linear layer of n inputs an n × n matrix, XᵀX/N of its inputs X at N tokens.
    case gram
  }

  /// Where the numbers come from.
  public struct Provenance: Sendable, Equatable {
    /// The model, as the one who made the statistics called it.
    public var model: String
    /// A hash of the model's weights as floats.
    public var weightsHash: String
    /// A hash of a few of them, by which a merge knows the model again; see
    /// ``Checkpoint/weightsSample()``. `nil` in files of old.
    public var weightsSample: String?
    /// A hash of the texts.
    public var textHash: String
    /// N: tokens that were predicted.
    public var tokenCount: Int
    /// Sequences.
    public var exampleCount: Int
    /// Tokens of a sequence.
    public var sequenceLength: Int
    /// Chose the texts' order, and the labels where they were sampled.
    public var seed: UInt64
    /// What was predicted: `text` (the true tokens) or `sampled` (tokens drawn from the model).
    public var labels: String

    public init(
      model: String, weightsHash: String, textHash: String, tokenCount: Int, exampleCount: Int,
      sequenceLength: Int, seed: UInt64, labels: String = "text", weightsSample: String? = nil
    ) {
      self.model = model
      self.weightsHash = weightsHash
      self.textHash = textHash
      self.tokenCount = tokenCount
      self.exampleCount = exampleCount
      self.sequenceLength = sequenceLength
      self.seed = seed
      self.labels = labels
      self.weightsSample = weightsSample
    }
  }

  public let kind: Kind
  public let provenance: Provenance
  /// ‖F‖ over all tensors; 0 for Gram matrices.
  public let norm: Double
  /// The folder or file, for messages.
  public let origin: String
  /// The stored tensor of each of the model's; several linear layers of one input share one.
  private let homes: [String: String]
  private let sources: [String: TensorSource]

  package init(
    kind: Kind, provenance: Provenance, norm: Double, homes: [String: String],
    sources: [String: TensorSource], origin: String
  ) throws(CheckpointError) {
    self.kind = kind
    self.provenance = provenance
    self.norm = norm
    self.homes = homes
    self.sources = sources
    self.origin = origin
    for (tensor, home) in homes.sorted(by: { $0.key < $1.key }) {
      guard let info = sources[home]?.info else {
        throw .statistics(path: origin, .absentTensor(home, of: tensor))
      }
      guard info.elementType.isFloatingPoint else {
        throw .statistics(path: origin, .integers(tensor: home, info.elementType))
      }
      if kind == .gram, info.shape.rank != 2 || info.shape[0] != info.shape[1] {
        throw .statistics(path: origin, .notSquare(tensor: home, info.shape))
      }
    }
  }

  /// The model's tensors that there are statistics of, sorted.
  public var names: [String] { homes.keys.sorted() }

  /// The shape of the statistics of one of the model's tensors: its own for Fisher information,
  /// (n, n) for a Gram matrix; `nil` where there are none.
  public func shape(of tensor: String) -> Shape? {
    homes[tensor].flatMap { sources[$0]?.info.shape }
  }

  /// The statistics of a tensor, whose reader throws for numbers that cannot be: NaN, infinities,
  /// and where they are means of squares, negative ones. `nil` where there are none.
  package func source(of tensor: String) -> TensorSource? {
    guard let home = homes[tensor], let source = sources[home] else { return nil }
    let isSquare = kind == .fisher
    return TensorSource(info: source.info, origin: source.origin) { () throws(CheckpointError) in
      CheckedReader(
        reader: try source.prepare(), name: home, origin: source.origin, isNonNegative: isSquare)
    }
  }
}

/// Reads statistics and refuses damaged ones.
private struct CheckedReader: TensorReader {
  let reader: any TensorReader
  let name: String
  let origin: String
  let isNonNegative: Bool

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    try reader.read(from: start, into: output)
    let least: Float = isNonNegative ? 0 : -.greatestFiniteMagnitude
    var isRight = true
    // Without a branch inside; NaN compares false.
    for i in output.indices {
      isRight = isRight && output[i] >= least && output[i] <= .greatestFiniteMagnitude
    }
    if isRight { return }
    for i in output.indices {
      guard !(output[i] >= least && output[i] <= .greatestFiniteMagnitude) else { continue }
      throw .statistics(
        path: origin, .number(tensor: name, index: start + i, value: "\(output[i])"))
    }
  }
}
