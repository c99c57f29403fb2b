// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// T + 1 tokens to train on at once: T inputs and, one place later, T targets.
public struct Window: Equatable, Sendable {
  /// The ids (T + 1). Inputs are `tokens[0..<T]`, their targets `tokens[1...T]`.
  public var tokens: [Int32]
  /// For each target (T): its weight in the loss, 0 for none. `weights[i]` belongs to the target
  /// `tokens[i + 1]`.
  public var weights: [Float]
  /// For each token *as an input* (T + 1): which text it belongs to, 0, 1, 2 … within the window;
  /// −1 is padding. An input may attend to earlier inputs of the same number only, and its
  /// position counts from the first of them.
  public var segments: [Int32]
  /// For each segment 0, 1, 2 …: the place of its source in the sampler's statistics; empty where
  /// nobody noted it.
  public var sources: [Int32]

  /// Makes a window. T is `weights.count`, at least 1; the other two have one element more.
  public init(tokens: [Int32], weights: [Float], segments: [Int32], sources: [Int32] = []) {
    self.tokens = tokens
    self.weights = weights
    self.segments = segments
    self.sources = sources
  }

  /// Targets that are trained.
  public var trainedCount: Int { weights.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }
}

/// An endless, repeatable source of windows.
///
/// The k-th window is a function of the data, the settings, the seed and k. `state` after k windows,
/// restored into a sampler made alike, continues with window k + 1, bit for bit.
public protocol WindowSampler: Sendable {
  /// T: inputs in a window.
  var windowLength: Int { get }
  /// The next window.
  mutating func next() -> Window
  /// Where the sampler stands.
  var state: SamplerState { get }
  /// Continues at `state`. Throws ``CorpusError/stateMismatch(_:expected:found:)`` when it was saved
  /// with other data, settings or seed.
  mutating func restore(_ state: SamplerState) throws
  /// What was drawn so far, by source.
  var statistics: [SourceStatistics] { get }
}

/// Where a sampler stands; small, and the same on every machine.
public indirect enum SamplerState: Codable, Equatable, Sendable {
  /// Of a ``TextSampler``.
  case text(TextSampler.State)
  /// Of an ``ExampleSampler``.
  case examples(ExampleSampler.State)
  /// Of a ``MixedSampler``.
  case mixed(MixedSampler.State)

  var kind: String {
    switch self {
    case .text: "text"
    case .examples: "examples"
    case .mixed: "a mixture"
    }
  }
}

/// What a sampler drew from one source.
public struct SourceStatistics: Codable, Equatable, Sendable {
  /// The source's name.
  public var name: String
  /// Trained targets of the windows returned so far; of text, tokens handed to lanes and not yet
  /// returned count too.
  public var tokens: Int
  /// UTF-8 bytes of text drawn: of examples those of the whole texts, of running text the tokens
  /// times the source's mean bytes a token.
  public var bytes: Int
  /// How often the source was gone through: 2.25 is two times and a quarter.
  public var epochs: Double
  /// Examples whose prompt was cut, so far (text: 0).
  public var truncated = 0
  /// Padding tokens, so far (text: 0).
  public var padding = 0
  /// Tokens of the windows returned so far, padding included (text: those handed to lanes).
  public var seen = 0

  /// Makes the statistics of a source.
  public init(
    name: String, tokens: Int, bytes: Int = 0, epochs: Double, truncated: Int = 0,
    padding: Int = 0, seen: Int = 0
  ) {
    self.name = name
    self.tokens = tokens
    self.bytes = bytes
    self.epochs = epochs
    self.truncated = truncated
    self.padding = padding
    self.seen = seen
  }

  /// The part of the windows that was padding, 0 to 1.
  public var paddingShare: Double { seen == 0 ? 0 : Double(padding) / Double(seen) }
}
