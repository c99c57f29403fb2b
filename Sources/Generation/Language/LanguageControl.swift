// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Models
import Tokenization

/// What keeps an answer in a language; each part may be used alone.
///
/// - Source: measures against language confusion after Marchisio et al. 2024, arXiv:2406.20052: a
///   lower temperature, and these three.
public struct LanguageControl: Sendable {
  /// Only tokens of these scripts; `nil`: all.
  public var scripts: ScriptSet?
  /// Subtracted from the logits of tokens of other scripts; `nil` excludes them. 2 to 5 lets a
  /// foreign name through.
  public var scriptPenalty: Double?
  /// Which tokens the language likes.
  public var prior: LanguagePrior?
  /// Whether each line is in the language, after it was written.
  public var lineCheck: LineCheck?

  public init(
    scripts: ScriptSet? = nil, scriptPenalty: Double? = nil, prior: LanguagePrior? = nil,
    lineCheck: LineCheck? = nil
  ) {
    self.scripts = scripts
    self.scriptPenalty = scriptPenalty
    self.prior = prior
    self.lineCheck = lineCheck
  }

  /// The processors of scripts and prior.
  /// - Throws: `GenerationError.setting` for a penalty below 0.
  public func processors(for tokenizer: Tokenizer) throws -> [any LogitsProcessor] {
    var processors: [any LogitsProcessor] = []
    if let prior { processors.append(TokenBias(prior.biases)) }
    if let scripts {
      if let penalty = scriptPenalty, !(penalty >= 0 && penalty.isFinite) {
        throw GenerationError.setting(
          name: "script penalty", expected: "a number from 0", found: "\(penalty)")
      }
      processors.append(
        ScriptControl(ScriptFilter(scripts, tokenizer: tokenizer), penalty: scriptPenalty))
    }
    return processors
  }
}

/// Lowers or excludes tokens that would write another script; see ``ScriptFilter``.
public struct ScriptControl: LogitsProcessor {
  private let filter: ScriptFilter
  private let bias: Float
  private let excluded: [Int]

  /// - Parameter penalty: subtracted from the scores of tokens of other scripts; `nil` excludes them.
  public init(_ filter: ScriptFilter, penalty: Double?) {
    self.filter = filter
    bias = penalty.map { -Float($0) } ?? -.infinity
    excluded = filter.allowed.indices.filter { !filter.allowed[$0] }
  }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    var exceptions: [Int: Bool] = [:]
    for (id, isAllowed) in filter.exceptions(after: history.ids) {
      exceptions[Int(id)] = isAllowed
      if !isAllowed, scores.indices.contains(Int(id)) { scores[Int(id)] += bias }
    }
    for index in excluded where index < scores.count && exceptions[index] != true {
      scores[index] += bias
    }
  }
}
