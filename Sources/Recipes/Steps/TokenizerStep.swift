// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Tokenization

/// Trains a tokenizer on the texts of the base mix.
///
/// The shares of the mix hold: the amount is the largest of which every language has its share,
/// so the language that is scarcest for its share limits it, and `maximumBytes` if that is less.
/// Documents are taken whole, in their order, so a language may exceed its share by part of one.
struct TokenizerStep: RecipeStep {
  static let kind = StepKind("tokenizer", version: 2)

  let name = "tokenizer"
  let trainer: TokenizerTrainer
  /// Languages with their share of the mix, at any scale.
  let mix: [(language: String, share: Double)]
  /// At most so many bytes of text in all; 0 for as many as the shares allow.
  let maximumBytes: Int
  /// The longest text the model takes, for `model_max_length`.
  let maximumLength: Int

  var inputs: [StepInput] {
    mix.map { .output($0.language, of: "text-\($0.language)") }
  }
  var settings: JSON {
    var settings: JSON = [
      "vocab_size": JSON(trainer.vocabularySize), "max_bytes": JSON(maximumBytes),
      "model_max_length": JSON(maximumLength),
      "mix": .array(mix.map { [.string($0.language), JSON($0.share)] }),
    ]
    // Only what was set, so that tokenizers made before there were these settings count as done.
    if trainer.kind != .bpe { settings["type"] = JSON(trainer.kind.rawValue) }
    if !trainer.specialTokens.isEmpty {
      settings["special_tokens"] = JSON(trainer.specialTokens.map { JSON($0) })
    }
    for (key, value) in [
      ("byte_fallback", trainer.fallsBackToBytes.map { JSON.bool($0) }),
      ("min_frequency", trainer.minimumFrequency.map { JSON($0) }),
      ("max_token_length", trainer.maximumTokenLength.map { JSON($0) }),
      ("character_coverage", trainer.coverage.map { JSON($0) }),
      ("limit_alphabet", trainer.characterLimit.map { JSON($0) }),
      ("pattern", trainer.pattern.map { JSON($0) }),
    ] {
      if let value { settings[key] = value }
    }
    return settings
  }

  /// What a tokenizer folder takes: tokenizer.json has the 256 bytes, and for each merge a token
  /// and a pair. Measured on byte-level BPE of 768 to 4096 tokens for Germanic and laboratory text:
  /// within 2 %; of a Unigram, whose tokens have a score and no pair, it is a little less.
  func estimate(_ context: EstimateContext) -> StepEstimate {
    var estimate = StepEstimate(outputByteCount: 4500 + 68 * max(0, trainer.vocabularySize - 258))
    estimate.rough = [.bytes]
    return estimate
  }

  func run(_ context: StepContext) throws {
    let documents = try mix.map { language, _ in
      try CorpusReader.documents(at: try context.input(language) + "/train.jsonl")
    }
    let budgets = budgets(of: documents.map { $0.reduce(0) { $0 + $1.byteCount } })
    var texts: [String] = []
    var taken = JSONObject()
    for (position, (language, _)) in mix.enumerated() {
      var left = budgets[position]
      for document in documents[position] where left > 0 {
        texts.append(document.text)
        left -= document.byteCount
      }
      taken[language] = JSON(budgets[position] - left)
    }
    context.setFact("bytes", .object(taken))
    try context.cancellation.check()
    var tokenizer = try trainer.train(texts) { context.report(StepProgress($0)) }
    tokenizer.modelMaxLength = maximumLength
    try tokenizer.save(to: context.folder)
    context.setFact("vocab_size", JSON(tokenizer.vocabularySize))
  }

  /// How many bytes of each language to take, given how many there are.
  func budgets(of available: [Int]) -> [Int] {
    let total = mix.reduce(0) { $0 + $1.share }
    let amounts = zip(mix, available).map { Double($1) * total / $0.share }
    var amount = amounts.min() ?? 0
    if maximumBytes > 0 { amount = min(amount, Double(maximumBytes)) }
    return zip(mix, available).map { min($1, Int((amount * $0.share / total).rounded())) }
  }
}

extension StepProgress {
  /// What a trainer of tokenizers says.
  package init(_ progress: TokenizerTrainingProgress) {
    switch progress.phase {
    case .counting: self.init(done: progress.done, unit: "texts")
    case .merging: self.init(done: progress.done, total: progress.total, unit: "tokens")
    case .seeding: self.init(done: 0, unit: "pieces", rate: 0, detail: "looking for pieces")
    // They become fewer, so there is no share that is done.
    case .fitting:
      self.init(
        done: progress.done, unit: "pieces", rate: 0,
        detail: "to \(progress.total.map { "\($0)" } ?? "fewer")")
    }
  }
}
