// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tensors

/// Chooses one token from scores.
struct TokenChooser: Sendable {
  let options: GenerationOptions
  let processors: [any LogitsProcessor]

  init(_ options: GenerationOptions, adding additional: [any LogitsProcessor]) {
    self.options = options
    processors = options.processors(adding: additional)
  }

  /// - Parameters:
  ///   - logits: (V), as the model gives them.
  ///   - row: the prompt's index, however prompts are batched.
  ///   - attempt: 0, or which repetition of this place it is.
  /// - Throws: `ModelError.notFinite`, or `.noTokenAllowed` where processors exclude everything.
  func choose(
    _ logits: [Float], after history: TokenHistory, row: Int, attempt: Int
  ) throws(ModelError) -> GeneratedToken {
    try Self.checkFinite(logits)
    var scores = logits
    for processor in processors { processor.process(&scores, after: history) }
    var best = 0
    for index in scores.indices where scores[index] > scores[best] { best = index }
    let step = history.ids.count - history.promptCount
    guard scores[best] > -.infinity else { throw .noTokenAllowed(row: row, step: step) }
    let chosen =
      options.temperature > 0
      ? Self.draw(
        scores, best: best,
        uniform: Self.uniform(seed: options.seed, row: row, step: step, attempt: attempt))
      : best
    guard let count = options.logProbabilityCount else {
      return GeneratedToken(id: Int32(chosen), logProbability: nil, likeliest: [])
    }
    return Self.measure(chosen, count, logits)
  }

  /// Whether every token is the likeliest one, and nothing else about it is asked for.
  var takesLikeliest: Bool {
    processors.isEmpty && options.temperature == 0 && options.logProbabilityCount == nil
  }

  /// The lowest index of the largest of `logits`.
  static func likeliest(_ logits: [Float]) throws(ModelError) -> Int {
    try checkFinite(logits)
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return best
  }

  private static func checkFinite(_ logits: [Float]) throws(ModelError) {
    if let index = logits.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(name: "logits", index: index)
    }
  }

  /// A number in [0, 1) with 52 random bits that depends on nothing but these four.
  static func uniform(seed: UInt64, row: Int, step: Int, attempt: Int) -> Double {
    let random = CounterRandom(seed: seed, stream: "generate \(row) \(attempt)")
    let (high, low) = (random.bits(at: 2 * step), random.bits(at: 2 * step + 1))
    return (Double(high >> 6) * 0x1p26 + Double(low >> 6)) * 0x1p-52
  }

  /// The first token at which the sum of probabilities exceeds `uniform`.
  private static func draw(_ scores: [Float], best: Int, uniform: Double) -> Int {
    let peak = scores[best]
    let weights = scores.map { $0 > -.infinity ? exp(Double($0 - peak)) : 0 }
    var remaining = uniform * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() where weight > 0 {
      remaining -= weight
      if remaining < 0 { return index }
    }
    return best  // only by rounding
  }

  private static func measure(_ chosen: Int, _ count: Int, _ logits: [Float]) -> GeneratedToken {
    let peak = logits.max() ?? 0
    var total = 0.0
    for logit in logits { total += exp(Double(logit) - Double(peak)) }
    let normalizer = Double(peak) + log(total)
    var likeliest: [TokenProbability] = []
    if count > 0 {
      let limit =
        count < logits.count ? TopK.highest(count, of: logits) : -Float.infinity
      likeliest = logits.indices.lazy.filter { logits[$0] >= limit }
        .sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(count)
        .map { TokenProbability(id: Int32($0), logProbability: Double(logits[$0]) - normalizer) }
    }
    return GeneratedToken(
      id: Int32(chosen), logProbability: Double(logits[chosen]) - normalizer,
      likeliest: likeliest)
  }
}
