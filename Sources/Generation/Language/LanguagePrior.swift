// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tokenization

/// Raises the tokens that are more frequent in a language than elsewhere, lowers the others.
///
///     bias(t) = λ (ln p(t | target) − ln p(t | reference))
///     bias(t) = λ (ln p(t | target) + H(target))            without a reference
///
/// p are unigram counts plus one half each; H is the entropy, so that a typical token of the language
/// is neither raised nor lowered. Special tokens keep their logits.
/// - Source: our form of a unigram language prior; λ from 0.1 to 0.5 is usual.
/// - Note: Without a reference the bias also favours what is frequent in any language.
public struct LanguagePrior: Equatable, Sendable {
  /// For each token id.
  public let biases: [Float]

  /// - Parameters:
  ///   - strength: λ, from 0.
  ///   - reference: text of what is to be kept away, often English.
  /// - Throws: `GenerationError` for a strength below 0 and texts without tokens.
  public init(
    strength: Double, target: some Sequence<String>, reference: (some Sequence<String>)?,
    tokenizer: Tokenizer
  ) throws {
    guard strength >= 0, strength.isFinite else {
      throw GenerationError.setting(
        name: "strength of the prior", expected: "a number from 0", found: "\(strength)")
    }
    let wanted = try Self.logProbabilities(target, tokenizer, name: "the text of the language")
    let other = try reference.map {
      try Self.logProbabilities($0, tokenizer, name: "the reference text")
    }
    let entropy = -wanted.reduce(0) { $0 + exp($1) * $1 }
    biases = wanted.indices.map { id in
      if tokenizer.isSpecial(Int32(id)) { return 0 }
      return Float(strength * (wanted[id] - (other?[id] ?? -entropy)))
    }
  }

  /// Without a reference.
  public init(strength: Double, target: some Sequence<String>, tokenizer: Tokenizer) throws {
    try self.init(
      strength: strength, target: target, reference: [String]?.none, tokenizer: tokenizer)
  }

  private static func logProbabilities(
    _ texts: some Sequence<String>, _ tokenizer: Tokenizer, name: String
  ) throws -> [Double] {
    var counts = [Double](repeating: 0.5, count: tokenizer.vocabularySize)
    var total = 0
    for text in texts {
      for id in tokenizer.encode(text) {
        counts[Int(id)] += 1
        total += 1
      }
    }
    guard total > 0 else { throw GenerationError.emptyPrior(name) }
    let sum = counts.reduce(0, +)
    return counts.map { log($0 / sum) }
  }
}
