// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Where two models differ: tensor by tensor, by layer and kind, in config and tokenizer; with a
/// base, also how their changes of it agree and what a TIES merge would lose of each.
///
/// Nothing is refused for being different: what only one model has, what differs in shape and what
/// cannot be compared is listed.
public struct ModelDifference: Sendable {
  public struct Options: Sendable {
    /// The share of each model's change that the election's trim keeps, 0 to 1.
    public var density = 1.0
    /// How much louder the second model votes, from 0; see ``TiesSlack``.
    public var slack: Float = 0
    /// The most threads that compute; `nil` for one per processor. The result does not depend on it.
    public var threads: Int?

    public init() {}
  }

  /// A float tensor that both models have in one shape.
  public struct Tensor: Sendable, Equatable {
    /// The name in the architecture's layout; where there is none, in the models.
    public let name: String
    public let place: MeasuredPlace
    /// The shape of what was compared.
    public let shape: Shape
    public let firstType: ElementType
    public let secondType: ElementType
    /// How rows were matched where the vocabularies differ.
    public let rows: RowMatch?
    public let pair: PairMeasures
    /// `nil` without a base, or where the base has no such tensor.
    public let change: ChangeMeasures?
  }

  /// Rows of two vocabularies that were compared token by token.
  public struct RowMatch: Sendable, Equatable {
    /// Rows of tokens that all models have.
    public let shared: Int
    /// All rows of either model.
    public let first: Int
    public let second: Int
  }

  /// A tensor of one model.
  public struct Lone: Sendable, Equatable {
    public let name: String
    public let info: TensorInfo
  }

  /// A tensor of two shapes.
  public struct Reshaped: Sendable, Equatable {
    public let name: String
    public let first: Shape
    public let second: Shape
  }

  /// A tensor that could not be compared, and why: a sentence.
  public struct Incomparable: Sendable, Equatable {
    public let name: String
    public let reason: String
  }

  /// A tensor that holds no floats.
  public struct Buffer: Sendable, Equatable {
    public let name: String
    /// Same type and same bytes.
    public let isEqual: Bool
  }

  /// In the order of computation.
  public internal(set) var tensors: [Tensor] = []
  public internal(set) var onlyInFirst: [Lone] = []
  public internal(set) var onlyInSecond: [Lone] = []
  public internal(set) var reshaped: [Reshaped] = []
  public internal(set) var incomparable: [Incomparable] = []
  public internal(set) var buffers: [Buffer] = []
  /// Compared tensors that the base lacks, or has in another shape.
  public internal(set) var withoutBase: [String] = []
  public internal(set) var config: [KeyDifference] = []
  public internal(set) var tokenizer: [KeyDifference] = []
  /// `nil` where the tokens are the same, or a tokenizer is missing.
  public internal(set) var vocabulary: VocabularyDifference?
  /// What there is to know about how the models were compared.
  public internal(set) var notes: [String] = []

  /// All measures of pairs, by layer and kind.
  public var pairs: LayerTable<PairMeasures> { LayerTable(tensors.map { ($0.place, $0.pair) }) }
  /// All measures of changes, by layer and kind; empty without a base.
  public var changes: LayerTable<ChangeMeasures> {
    LayerTable(tensors.compactMap { tensor in tensor.change.map { (tensor.place, $0) } })
  }

  /// Whether nothing at all differs: weights, config, tokenizer.
  public var isEmpty: Bool {
    tensors.allSatisfy { $0.pair.changedCount == 0 && $0.firstType == $0.secondType }
      && onlyInFirst.isEmpty && onlyInSecond.isEmpty && reshaped.isEmpty && incomparable.isEmpty
      && buffers.allSatisfy(\.isEqual) && config.isEmpty && tokenizer.isEmpty && vocabulary == nil
  }

  /// Compares two models, and with `base` their changes of it.
  ///
  /// Tensors are matched by what the architecture's layout calls them, so that prefixes may differ, a
  /// tied head is compared as the embedding it is, and experts stored one by one with fused ones. Rows
  /// of vocabularies are matched by token where the tokenizers differ.
  ///
  /// - Cost: reads A and B once. With a base, all three once more for each pass of the election: three
  ///   for the largest tenth of each change (four where magnitudes tie), one for the measures. Memory:
  ///   a chunk a thread, and some numbers for every 4096 elements of one tensor.
  /// - Parameter progress: told of elements done, of how many.
  /// - Throws: ``MergeError`` for options out of range, where the models have no tensor in common, and
  ///   for files that cannot be read. A tensor with NaN or infinity is listed under ``incomparable``.
  public static func compute(
    _ first: Checkpoint, _ second: Checkpoint, base: Checkpoint? = nil,
    options: Options = Options(), progress: ((_ done: Int, _ total: Int) -> Void)? = nil
  ) throws(MergeError) -> ModelDifference {
    var parameters = TiesSlack.Parameters()
    parameters.weights = [1, 1]
    parameters.densities = [options.density, options.density]
    parameters.slacks = [0, options.slack]
    parameters.protect = [nil, nil]
    let comparison = DifferenceComparison(
      models: [first, second] + (base.map { [$0] } ?? []), method: try TiesSlack(parameters),
      threads: options.threads)
    var result = try comparison.run(progress)
    result.config = MetadataDifference.keys(first.config, second.config)
    result.tokenizer = try MetadataDifference.files(first, second)
    result.vocabulary = comparison.vocabulary.difference
    result.notes += comparison.vocabulary.notes
    return result
  }
}
