// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A prompt and the answer to learn, as token ids.
public struct TrainingExample: Equatable, Sendable {
  /// Read, not trained; may be empty.
  public var prompt: [Int32]
  /// Trained.
  public var answer: [Int32]

  /// Makes an example of ids.
  public init(prompt: [Int32], answer: [Int32]) {
    self.prompt = prompt
    self.answer = answer
  }
}

/// A supervised example as it is trained: ids, what ends them included, and the weight of each.
public struct EncodedExample: Equatable, Sendable {
  /// The ids (n), at least 2.
  public var tokens: [Int32]
  /// For each token *as a target* (n): 0 is read only, 1 trained fully. The first is no target; its
  /// weight says nothing.
  public var weights: [Float]
  /// UTF-8 bytes of the text behind the tokens.
  public var byteCount: Int

  /// Makes an example; both arrays have one length.
  public init(tokens: [Int32], weights: [Float], byteCount: Int = 0) {
    precondition(tokens.count == weights.count)
    self.tokens = tokens
    self.weights = weights
    self.byteCount = byteCount
  }

  /// Targets that are trained.
  public var trainedCount: Int {
    weights.dropFirst().reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
  }
}

/// A set of encoded examples, ready for an ``ExampleSampler``.
public struct ExampleSet: Equatable, Sendable {
  public var name: String
  /// None is longer than a window holds, none is without a trained token.
  public var examples: [EncodedExample]
  /// What became of the records.
  public var report: ExampleReport
  public var packing: ExampleSettings.Packing
  /// Examples that best-fit packing sees at once.
  public var packingBuffer: Int

  /// Makes a set.
  public init(
    name: String, examples: [EncodedExample], report: ExampleReport = ExampleReport(),
    packing: ExampleSettings.Packing = .bestFit, packingBuffer: Int = 1024
  ) {
    self.name = name
    self.examples = examples
    self.report = report
    self.packing = packing
    self.packingBuffer = packingBuffer
  }
}

/// What became of the records of a set of examples.
public struct ExampleReport: Codable, Equatable, Sendable {
  /// Records read.
  public var records = 0
  /// Examples made of them; more than records where texts were cut in pieces.
  public var examples = 0
  /// Examples that lost their start.
  public var truncated = 0
  /// Records dropped because they were too long.
  public var droppedOverLong = 0
  /// Records dropped because nothing in them is trained.
  public var droppedUntrained = 0
  /// Tokens of the examples.
  public var tokens = 0
  /// Targets with a weight, of the examples.
  public var trainedTokens = 0
  /// UTF-8 bytes of their text.
  public var bytes = 0

  /// An empty report.
  public init() {}
}
