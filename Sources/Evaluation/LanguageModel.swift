// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A language model as the evaluator sees it: three questions, those of lm-evaluation-harness's
/// `LM`.
///
/// An implementer turns text to ids and runs the network; the rules for ids are pure functions here
/// (`PairEncoding`, `RollingWindows`), so that an adapter is short and the scores equal lm-eval's.
/// It owes:
///
/// - **Order.** One answer per request, in the order of the requests. Batch and sort inside as you
///   like: an answer may not depend on its neighbours.
/// - **Precision.** Log-softmax in `Float` or wider, sums in `Double`, natural logarithm (nats).
///   lm-eval computes the softmax in the model's own type unless `softmax_dtype` is given.
/// - **Finite answers.** NaN and infinities are passed on as they are; the evaluator stops there
///   and names the document.
/// - **Special tokens.** The tokenizer's default (a BOS if its post-processor adds one), none where
///   the text itself starts with the BOS token.
/// - **Prefix token.** BOS, or EOS in a model without BOS.
///
/// **Source:** lm-evaluation-harness 0.4.13, `api/model.py`, `models/huggingface.py`.
public protocol LanguageModel: Sendable {
  /// Σ log p(continuation | context) for each request, and whether every token of the continuation
  /// is the model's first choice (argmax of the logits, the lowest id winning a tie).
  ///
  /// Encode with `PairEncoding.encode`, feed `PairEncoding.input(maximumLength:)`, and sum over the
  /// last `continuation.count` positions.
  func logLikelihoods(
    _ requests: [(context: String, continuation: String)]
  ) throws -> [(logLikelihood: Double, isGreedy: Bool)]

  /// log p(text) of each whole text, in nats: the sum over `RollingWindows.windows`, every text by
  /// itself. An empty text has 0.
  func rollingLogLikelihoods(_ texts: [String]) throws -> [Double]

  /// The continuation of each prompt, without the prompt and without the stop text.
  func generate(_ prompts: [String], options: GenerationOptions) throws -> [String]
}

/// How to generate; the defaults are lm-eval's for `generate_until`: greedy, 256 tokens.
public struct GenerationOptions: Equatable, Sendable {
  /// Generation ends before the first occurrence of any of these (lm-eval's `until`).
  public var stopTexts: [String]
  /// At most this many new tokens; lm-eval's `max_gen_toks`.
  public var maximumTokenCount: Int
  /// 0 takes the likeliest token; above 0 samples from softmax(logits / temperature).
  public var temperature: Double
  /// Seed of the sampling; without effect at temperature 0.
  public var seed: UInt64

  /// Options for one call.
  public init(
    stopTexts: [String] = ["\n\n"], maximumTokenCount: Int = 256, temperature: Double = 0,
    seed: UInt64 = 1234
  ) {
    self.stopTexts = stopTexts
    self.maximumTokenCount = maximumTokenCount
    self.temperature = temperature
    self.seed = seed
  }
}
