// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// How the next token is chosen and when a text ends.
///
/// The defaults are greedy and plain. ``GenerationDefaults`` reads what a model's
/// `generation_config.json` recommends instead.
public struct GenerationOptions: Equatable, Sendable {
  /// At most so many new tokens; 0 gives none.
  public var maximumTokens: Int
  /// Stop ids are not chosen before so many new tokens are there.
  public var minimumTokens: Int
  /// 0 takes the likeliest token each time, the lowest id winning a tie; above 0, logits are
  /// divided by it and a token is drawn.
  public var temperature: Double
  /// Draws among the k likeliest tokens only (and those equal to the kth); `nil`: all.
  public var topK: Int?
  /// Draws among the fewest tokens that together have this probability; `nil` or 1: all.
  public var topP: Double?
  /// Draws among tokens at least this fraction as likely as the likeliest; `nil`: all.
  public var minP: Double?
  /// Divides positive and multiplies negative logits of every token of prompt and answer; 1 does
  /// nothing, above 1 discourages.
  public var repetitionPenalty: Double
  /// Subtracted from a token's logit for each time it is in the answer.
  public var frequencyPenalty: Double
  /// Subtracted from a token's logit once if it is in the answer.
  public var presencePenalty: Double
  /// Decides what is drawn, together with row, step and attempt.
  public var seed: UInt64
  /// Ids that end the text; they are not part of the answer.
  public var stopIDs: Set<Int32>
  /// How many of the likeliest tokens to report with their log-probabilities, besides the chosen
  /// one; `nil` reports none and saves the softmax.
  public var logProbabilityCount: Int?
  /// Keys and values are kept between tokens; without, each token reads the whole text again.
  public var usesCache: Bool

  public init(
    maximumTokens: Int = 64, temperature: Double = 0, seed: UInt64 = 0,
    stopIDs: Set<Int32> = [], usesCache: Bool = true, minimumTokens: Int = 0, topK: Int? = nil,
    topP: Double? = nil, minP: Double? = nil, repetitionPenalty: Double = 1,
    frequencyPenalty: Double = 0, presencePenalty: Double = 0, logProbabilityCount: Int? = nil
  ) {
    self.maximumTokens = maximumTokens
    self.minimumTokens = minimumTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.frequencyPenalty = frequencyPenalty
    self.presencePenalty = presencePenalty
    self.seed = seed
    self.stopIDs = stopIDs
    self.logProbabilityCount = logProbabilityCount
    self.usesCache = usesCache
  }

  /// Checks every range.
  /// - Throws: `ModelError.option` naming the first value that cannot be.
  public func validate() throws(ModelError) {
    func check(_ name: String, _ value: Double, _ expected: String, _ isGood: Bool)
      throws(ModelError)
    {
      guard isGood, value.isFinite else {
        throw .option(name: name, expected: expected, found: "\(value)")
      }
    }
    func check(_ name: String, _ value: Int?, from lowest: Int) throws(ModelError) {
      guard let value, value < lowest else { return }
      throw .option(
        name: name, expected: "a whole number from \(lowest)", found: "\(value)")
    }
    try check("maximum tokens", maximumTokens, from: 0)
    try check("minimum tokens", minimumTokens, from: 0)
    try check("temperature", temperature, "a number from 0", temperature >= 0)
    try check("top-k", topK, from: 1)
    if let topP { try check("top-p", topP, "above 0 and at most 1", topP > 0 && topP <= 1) }
    if let minP { try check("min-p", minP, "from 0 to 1", minP >= 0 && minP <= 1) }
    try check(
      "repetition penalty", repetitionPenalty, "a number above 0", repetitionPenalty > 0)
    try check("frequency penalty", frequencyPenalty, "a number", true)
    try check("presence penalty", presencePenalty, "a number", true)
    try check("log-probabilities", logProbabilityCount, from: 0)
  }

  /// What these options do to logits, in the order of transformers: penalties and limits first,
  /// then, only where a token is drawn, temperature, top-k, top-p and min-p.
  ///
  /// - Parameter additional: processors between the two groups, where transformers puts its
  ///   caller's own.
  public func processors(
    adding additional: [any LogitsProcessor] = []
  ) -> [any LogitsProcessor] {
    var list: [any LogitsProcessor] = []
    if repetitionPenalty != 1 { list.append(RepetitionPenalty(repetitionPenalty)) }
    if frequencyPenalty != 0 || presencePenalty != 0 {
      list.append(OccurrencePenalty(frequency: frequencyPenalty, presence: presencePenalty))
    }
    if minimumTokens > 0, !stopIDs.isEmpty {
      list.append(MinimumLength(minimumTokens, stopIDs: stopIDs))
    }
    list += additional
    guard temperature > 0 else { return list }
    if temperature != 1 { list.append(Temperature(temperature)) }
    if let topK { list.append(TopK(topK)) }
    if let topP, topP < 1 { list.append(TopP(topP)) }
    if let minP { list.append(MinP(minP)) }
    return list
  }
}
