// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// One evaluated model: a row of the result table, an element of `scores.json`.
public struct ModelScores: Codable, Sendable, Equatable {
  /// What a model is in the comparison; the table groups its rows in this order.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// No model at all: majority class, Naive Bayes.
    case floor
    /// The pre-trained base.
    case base
    /// Trained children of the base: SFT only, CT only, CT→SFT, joint.
    case baseline
    /// A merge of children.
    case merge
  }

  /// A setting by name, as text.
  public struct Setting: Codable, Sendable, Equatable {
    /// Name of the setting, as in the recipe.
    public var name: String
    /// Its value as text.
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
    /// The value when it is a finite number.
    public var number: Double? { Double(value).flatMap { $0.isFinite ? $0 : nil } }
  }

  /// Scores in one language, or over a group of languages.
  public struct LanguageScores: Codable, Sendable, Equatable {
    /// Language code, or "source" / "target" for the aggregate.
    public var language: String
    /// lm-evaluation-harness's `acc`, 0 to 1.
    public var accuracy: Estimate?
    /// lm-evaluation-harness's `acc_norm`, 0 to 1.
    public var normalizedAccuracy: Estimate?
    /// Bits per UTF-8 byte of held-out text; lower is better.
    public var bitsPerByte: Estimate?
    /// `bitsPerByte` minus that of the base; positive is forgetting.
    public var bitsPerByteChange: Estimate?
    /// `accuracy` minus that of the base.
    public var accuracyChange: Estimate?

    public init(
      language: String, accuracy: Estimate? = nil, normalizedAccuracy: Estimate? = nil,
      bitsPerByte: Estimate? = nil, bitsPerByteChange: Estimate? = nil,
      accuracyChange: Estimate? = nil
    ) {
      self.language = language
      self.accuracy = accuracy
      self.normalizedAccuracy = normalizedAccuracy
      self.bitsPerByte = bitsPerByte
      self.bitsPerByteChange = bitsPerByteChange
      self.accuracyChange = accuracyChange
    }

    /// Metric name (as stored in the notebook) and estimate, in a fixed order, absent ones left out.
    public var metrics: [(name: String, estimate: Estimate)] {
      [
        ("acc", accuracy), ("acc_norm", normalizedAccuracy), ("bits_per_byte", bitsPerByte),
        ("bits_per_byte_change", bitsPerByteChange), ("acc_change", accuracyChange),
      ].compactMap { name, estimate in estimate.map { (name, $0) } }
    }

    enum CodingKeys: String, CodingKey {
      case language
      case accuracy = "acc"
      case normalizedAccuracy = "acc_norm"
      case bitsPerByte = "bits_per_byte"
      case bitsPerByteChange = "bits_per_byte_change"
      case accuracyChange = "acc_change"
    }
  }

  /// What the model of one seed measures, where the row is a mean over several.
  public struct SeedScores: Codable, Sendable, Equatable {
    /// The seed.
    public var seed: UInt64
    /// Settings that selection chose for this seed.
    public var settings: [Setting]
    /// As in the row, of this seed alone; intervals cover rows only.
    public var source: LanguageScores?
    /// As in the row, of this seed alone; intervals cover rows only.
    public var target: LanguageScores?
    /// As in the row, of this seed alone; intervals cover rows only.
    public var languages: [LanguageScores]
    /// Against the reference model of the same seed.
    public var againstReference: PairedComparison?
    /// Wall time of this seed in seconds.
    public var wallSeconds: Double?
    /// Tokens trained after the base for this seed.
    public var trainedTokens: Int?

    public init(
      seed: UInt64, settings: [Setting] = [], source: LanguageScores? = nil,
      target: LanguageScores? = nil, languages: [LanguageScores] = [],
      againstReference: PairedComparison? = nil, wallSeconds: Double? = nil,
      trainedTokens: Int? = nil
    ) {
      self.seed = seed
      self.settings = settings
      self.source = source
      self.target = target
      self.languages = languages
      self.againstReference = againstReference
      self.wallSeconds = wallSeconds
      self.trainedTokens = trainedTokens
    }

    enum CodingKeys: String, CodingKey {
      case seed, settings, source, target, languages
      case againstReference = "against_reference"
      case wallSeconds = "wall_seconds"
      case trainedTokens = "trained_tokens"
    }
  }

  /// Unique in a run and shown as is: "CT→SFT", "ties_sv".
  public var name: String
  /// What it is in the comparison.
  public var kind: Kind
  /// Settings that selection chose; empty when there was nothing to choose, or when it chose
  /// differently for different seeds.
  public var settings: [Setting]
  /// Over all task (source) languages.
  public var source: LanguageScores?
  /// Over the target.
  public var target: LanguageScores?
  /// Each language by itself; may repeat what the aggregates say when there is one language each.
  public var languages: [LanguageScores]
  /// Against the reference model (CT→SFT) on target accuracy; `nil` for the reference and floors.
  public var againstReference: PairedComparison?
  /// Further comparisons.
  public var comparisons: [PairedComparison]
  /// Wall time to make it from the base, ancestors after the base included, in seconds; of several
  /// seeds the mean.
  public var wallSeconds: Double?
  /// Tokens trained after the base, ancestors included; of several seeds the mean.
  public var trainedTokens: Int?
  /// Each seed by itself, where the row is a mean over several; the base and floors have none.
  public var seeds: [SeedScores]?

  public init(
    name: String, kind: Kind, settings: [Setting] = [], source: LanguageScores? = nil,
    target: LanguageScores? = nil, languages: [LanguageScores] = [],
    againstReference: PairedComparison? = nil, comparisons: [PairedComparison] = [],
    wallSeconds: Double? = nil, trainedTokens: Int? = nil, seeds: [SeedScores]? = nil
  ) {
    self.name = name
    self.kind = kind
    self.settings = settings
    self.source = source
    self.target = target
    self.languages = languages
    self.againstReference = againstReference
    self.comparisons = comparisons
    self.wallSeconds = wallSeconds
    self.trainedTokens = trainedTokens
    self.seeds = seeds
  }

  enum CodingKeys: String, CodingKey {
    case name, kind, settings, source, target, languages, comparisons, seeds
    case againstReference = "against_reference"
    case wallSeconds = "wall_seconds"
    case trainedTokens = "trained_tokens"
  }
}

extension ModelScores {
  /// "CT→SFT, seed 2": a row's name, and the seed of the one that is meant.
  static func title(_ name: String, seed: UInt64?) -> String {
    seed.map { "\(name), seed \($0)" } ?? name
  }
}

extension [ModelScores] {
  /// The seeds that the rows are means over; none where nothing was repeated.
  var seeds: [UInt64] { lazy.compactMap(\.seeds).first?.map(\.seed) ?? [] }

  /// "seeds 1, 2, 3"
  var seedNames: String { "seeds " + seeds.map(String.init).joined(separator: ", ") }
}

/// All scores of a run: `scores.json`. Schema 1; later schemas only add optional keys.
public struct ScoreSheet: Codable, Sendable, Equatable {
  /// The newest schema this program writes and reads.
  public static let schema = 1
  /// Schema of this value.
  public var schema = ScoreSheet.schema
  /// Name of the run.
  public var run: String
  /// Name of the task: "sib200_fo".
  public var task: String
  /// The rows.
  public var models: [ModelScores]

  public init(run: String, task: String, models: [ModelScores]) {
    self.run = run
    self.task = task
    self.models = models
  }
}
