// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Tokenization

/// Encodes one language's training text into a mapped file of token ids.
struct ShardStep: RecipeStep {
  static let kind = StepKind("shard", version: 1)

  let language: String
  let tokenizer: StepInput
  /// For the estimate; `nil` when the tokenizer is not known yet.
  var vocabularySize: Int?

  var name: String { "tokens-\(language)" }
  var inputs: [StepInput] { [.output("text", of: "text-\(language)"), tokenizer] }

  /// Three bytes a token: between the two of a small vocabulary and the four of a large one.
  private static let bytesPerToken = 3

  func estimate(_ context: EstimateContext) -> StepEstimate {
    let trained = context.manifest("text")?.facts["sizes"]?["train"]?["bytes"]?.int
    guard let vocabularySize, let text = trained ?? context.byteCount("text")?.byteCount else {
      return StepEstimate()
    }
    let width = TokenShardHeader.tokenWidth(vocabularySize: vocabularySize)
    var estimate = StepEstimate(outputByteCount: text / Self.bytesPerToken * width)
    estimate.rough = [.bytes]
    return estimate
  }

  func run(_ context: StepContext) throws {
    let folder = try context.input(tokenizer.label)
    let tokenizer = try Tokenizer.load(directory: folder)
    guard let endOfText = tokenizer.eosID else {
      throw StudyError.noEndOfText(folder)
    }
    let documents = try CorpusReader.documents(at: try context.input("text") + "/train.jsonl")
    let hash = try tokenizer.fileHash(in: folder) { try Hashing.sha256(fileAt: $0).hash }
    let shard = try TokenShard.build(
      documents,
      header: TokenShardHeader(
        vocabularySize: tokenizer.vocabularySize, endOfText: endOfText, tokenizerHash: hash),
      to: context.folder + "/train.tokens", encode: { tokenizer.encode($0) },
      progress: { done, _ in
        context.report(StepProgress(done: done, total: documents.count, unit: "documents"))
      })
    context.setFact("tokens", JSON(shard.tokenCount))
  }
}
