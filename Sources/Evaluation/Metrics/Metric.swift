// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a metric is called, which reference metric it equals, and which way is up.
public struct MetricCard: Sendable {
  /// The key of task files and results.
  public let id: String
  /// The reference tool's exact name of the same number.
  public let reference: String
  /// What it is computed from.
  public let outputType: EvaluationTask.OutputType
  /// lm-eval's aggregation, as task files may repeat it.
  public let aggregation: String
  /// Whether more is better.
  public let higherIsBetter: Bool
  /// Whether the value is the mean of one number per document, whose standard error lm-eval prints.
  public let isMean: Bool

  /// A card; all facts are required.
  public init(
    id: String, reference: String, outputType: EvaluationTask.OutputType, aggregation: String,
    higherIsBetter: Bool, isMean: Bool
  ) {
    self.id = id
    self.reference = reference
    self.outputType = outputType
    self.aggregation = aggregation
    self.higherIsBetter = higherIsBetter
    self.isMean = isMean
  }
}

/// An amount a document adds to one of a metric's sums.
public struct MetricTerm: Equatable, Sendable {
  /// Which sum.
  public var slot: Int
  /// How much.
  public var amount: Double

  /// One term.
  public init(_ slot: Int, _ amount: Double) {
    self.slot = slot
    self.amount = amount
  }
}

/// A score of a set of documents: a function of sums over its documents.
///
/// Each document adds terms to `slotCount` sums, and the value is computed from the sums alone. So
/// a mean, a ratio of sums and a confusion matrix are resampled, pooled and compared by one
/// machinery.
public protocol Metric: Sendable {
  /// Name, reference, direction.
  static var card: MetricCard { get }
  /// How many sums there are in a task with `choiceCount` choices (0 for texts).
  static func slotCount(choiceCount: Int) -> Int
  /// What a document adds; nothing for an answer of the other kind.
  static func terms(of score: DocumentScore, choiceCount: Int) -> [MetricTerm]
  /// The value from the sums, `slotCount` of them.
  static func value(_ sums: [Double]) -> Double
}

/// The list of metrics: a new one is one file and one line here.
public enum Metrics {
  /// All metrics, in the order in which tables show them.
  public static let all: [any Metric.Type] = [
    Accuracy.self,
    AccuracyPerCodePoint.self,
    AccuracyPerByte.self,
    MacroF1.self,
    WeightedF1.self,
    BitsPerByte.self,
    BytePerplexity.self,
    WordPerplexity.self,
  ]

  /// The metric of an identifier, or `nil`.
  public static func named(_ id: String) -> (any Metric.Type)? {
    for metric in all where metric.card.id == id { return metric }
    return nil
  }

  /// The metric of an identifier.
  ///
  /// - Throws: `EvaluationError.missingResult` with the nearest.
  static func required(_ id: String) throws -> any Metric.Type {
    guard let metric = named(id) else {
      throw EvaluationError.missingResult(
        id, in: "the list of metrics", known: names)
    }
    return metric
  }

  /// All identifiers, in the order of `all`.
  static var names: [String] { cards.map(\.id) }

  /// The identifiers that belong to an output type, in the order of `all`.
  static func names(answering type: EvaluationTask.OutputType) -> [String] {
    cards.filter { $0.outputType == type }.map(\.id)
  }

  /// All cards. (A loop: Swift 6.3.1 crashes on a key path through a list of metatypes.)
  private static var cards: [MetricCard] {
    var cards: [MetricCard] = []
    for metric in all { cards.append(metric.card) }
    return cards
  }
}
