// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Tokenization

/// Trains a byte-level BPE tokenizer on the texts of the base mix.
struct TokenizerStep: RecipeStep {
  static let kind = StepKind("tokenizer", version: 1)

  let name = "tokenizer"
  let vocabularySize: Int
  /// Languages with their share of the mix; a language's text is cut so that the shares hold.
  let mix: [(language: String, share: Double)]
  /// At most so many bytes of text in all; 0 for all there is.
  let maximumBytes: Int
  /// The longest text the model takes, for `model_max_length`.
  let maximumLength: Int

  var inputs: [StepInput] {
    mix.map { .output($0.language, of: "text-\($0.language)") }
  }
  var settings: JSON {
    [
      "vocab_size": JSON(vocabularySize), "max_bytes": JSON(maximumBytes),
      "model_max_length": JSON(maximumLength),
      "mix": .array(mix.map { [.string($0.language), JSON($0.share)] }),
    ]
  }

  func run(_ context: StepContext) throws {
    var texts: [String] = []
    let total = mix.reduce(0) { $0 + $1.share }
    for (language, share) in mix {
      let path = try context.input(language) + "/train.jsonl"
      var left =
        maximumBytes > 0 ? Int(Double(maximumBytes) * share / total) : Int.max
      for document in try CorpusReader.documents(at: path) where left > 0 {
        texts.append(document.text)
        left -= document.byteCount
      }
    }
    try context.cancellation.check()
    let trainer = BPETrainer(vocabularySize: vocabularySize)
    var tokenizer = try trainer.train(texts) { progress in
      context.report(
        StepProgress(done: progress.done, total: progress.total, unit: "\(progress.phase)"))
    }
    tokenizer.modelMaxLength = maximumLength
    try tokenizer.save(to: context.folder)
    context.setFact("vocab_size", JSON(tokenizer.vocabularySize))
  }
}
