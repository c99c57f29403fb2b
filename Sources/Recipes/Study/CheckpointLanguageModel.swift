// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Evaluation
  import Foundation
  import Generation
  import Models
  import Tokenization

  /// A model and its tokenizer, as the evaluator wants to see them.
  ///
  /// The ranks of a group may share the scoring: each then asks the same questions in the same order,
  /// and has the answers of one process. What is generated, each rank generates for itself.
  public struct CheckpointLanguageModel: LanguageModel {
    public let model: Model
    public let tokenizer: Tokenizer
    /// BOS, else EOS.
    let prefixToken: Int32
    let group: DistributedGroup
    let batchTokens: Int

    /// - Parameters:
    ///   - group: the processes that share the scoring.
    ///   - batchTokens: of one pass of the model.
    /// - Throws: `StudyError.noEndOfText` for a tokenizer with neither BOS nor EOS.
    public init(
      model: Model, tokenizer: Tokenizer, sharedBy group: DistributedGroup = .alone,
      batchTokens: Int = 4096
    ) throws {
      self.group = group
      self.batchTokens = batchTokens
      self.model = model
      self.tokenizer = tokenizer
      guard let prefix = tokenizer.bosID ?? tokenizer.eosID else {
        throw StudyError.noEndOfText("the tokenizer of the model")
      }
      prefixToken = prefix
    }

    public func logLikelihoods(
      _ requests: [(context: String, continuation: String)]
    ) throws -> [(logLikelihood: Double, isGreedy: Bool)] {
      var contexts: [String: [Int32]] = [:]  // choices share their context
      let scoring = try requests.map { request in
        let pair = try PairEncoding.encode(
          context: request.context, continuation: request.continuation,
          encode: { text, _ in
            if let known = contexts[text] { return known }
            let ids = tokenizer.encode(text)
            if text.utf8.count <= request.context.utf8.count { contexts[text] = ids }
            return ids
          }, prefixToken: prefixToken)
        // lm-eval's truncation keeps the end; the last id is only predicted.
        let input = try pair.input(maximumLength: model.maximumPositions)
        let all = input + [pair.continuation[pair.continuation.count - 1]]
        return ScoringRequest(ids: all, start: all.count - pair.continuation.count)
      }
      return try model.score(
        scoring, greedy: true, batchTokens: batchTokens, sharedBy: group
      ).map {
        ($0.logLikelihood, $0.isGreedy ?? false)
      }
    }

    public func rollingLogLikelihoods(_ texts: [String]) throws -> [Double] {
      var owners: [Int] = []
      var scoring: [ScoringRequest] = []
      for (index, text) in texts.enumerated() {
        let windows = RollingWindows.windows(
          tokens: tokenizer.encode(text), prefixToken: prefixToken,
          maxLength: model.maximumPositions)
        for window in windows {
          owners.append(index)
          scoring.append(
            ScoringRequest(
              ids: window.context + window.continuation, start: window.context.count))
        }
      }
      var sums = [Double](repeating: 0, count: texts.count)
      for (owner, result) in zip(
        owners, try model.score(scoring, batchTokens: batchTokens, sharedBy: group))
      {
        sums[owner] += result.logLikelihood
      }
      return sums
    }

    public func generate(
      _ prompts: [String], options: Evaluation.GenerationOptions
    ) throws -> [String] {
      let room = max(1, model.maximumPositions - max(1, options.maximumTokenCount))
      let inputs = prompts.map { prompt in
        let ids = tokenizer.encode(prompt)
        return ids.isEmpty ? [prefixToken] : Array(ids.suffix(room))
      }
      let generation = Models.GenerationOptions(
        maximumTokens: options.maximumTokenCount, temperature: options.temperature,
        seed: options.seed, stopIDs: Set([tokenizer.eosID].compactMap { $0 }))
      return try TextGenerator(model: model, tokenizer: tokenizer).generate(
        inputs, options: TextOptions(generation: generation, stopTexts: options.stopTexts)
      ).map(\.text)
    }
  }
#endif
