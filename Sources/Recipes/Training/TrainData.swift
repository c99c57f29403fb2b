// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Foundation
  import Templates
  import Tokenization
  import Training

  /// The texts and examples of a training, encoded and ready to be drawn from.
  struct TrainData {
    /// What there is to tell about a text or a set of examples.
    struct Source: Sendable {
      var name: String
      var documents: Int
      var bytes: Int
      var tokens: Int
      /// Tokens a word; of text.
      var fertility: Double?
      /// Documents or examples that lost a part.
      var truncated = 0
      /// Documents or examples left out, all reasons together.
      var dropped = 0

      /// UTF-8 bytes a token; `nil` without bytes.
      var bytesPerToken: Double? {
        bytes > 0 && tokens > 0 ? Double(bytes) / Double(tokens) : nil
      }

      var json: JSON {
        var json: JSON = [
          "name": JSON(name), "documents": JSON(documents), "bytes": JSON(bytes),
          "tokens": JSON(tokens), "truncated": JSON(truncated), "dropped": JSON(dropped),
        ]
        if let bytesPerToken { json["bytes_per_token"] = JSON(bytesPerToken) }
        if let fertility { json["tokens_per_word"] = JSON(fertility) }
        return json
      }
    }

    let sources: [Source]
    let heldOut: [(name: String, documents: [String])]
    private let texts: [(name: String, shard: TokenShard)]
    private let sets: [ExampleSet]
    private let endOfText: Int32

    /// Tokens of one pass over everything.
    var tokensPerEpoch: Int { sources.reduce(0) { $0 + $1.tokens } }

    /// Reads and encodes what is not encoded yet.
    ///
    /// - Parameters:
    ///   - cache: where encoded texts are kept, under the hash of all that they come from, so that a
    ///     training that was killed or changed elsewhere does not encode them again.
    ///   - templates: the model's own chat templates.
    ///   - folder: where relative names of files begin.
    ///   - shouldStop: asked for each example.
    ///   - progress: told how far encoding texts is; may throw to stop.
    init(
      _ recipe: TrainRecipe, _ tokenizer: Tokenizer, tokenizerHash: String, cache: String,
      templates: ChatTemplates, folder: String, shouldStop: () -> Bool = { false },
      progress: (CorpusProgress) throws -> Void
    ) throws {
      guard let end = tokenizer.eosID else { throw StudyError.noEndOfText(recipe.origin) }
      endOfText = end
      let encoder = try TokenEncoder(tokenizer, hash: tokenizerHash)
      var sources: [Source] = []
      var heldOut: [(name: String, documents: [String])] = []
      var texts: [(name: String, shard: TokenShard)] = []
      let shards = try withoutActuallyEscaping(progress) { progress in
        try CorpusShardBuilder(
          recipe.text, encoder: encoder, cache: cache, relativeTo: folder.isEmpty ? nil : folder
        ).build(progress: progress)
      }
      for found in shards {
        var shard = found.shard
        if let settings = recipe.evaluation.heldOut {
          let held = try shard.heldOut(settings, name: found.name) { tokenizer.decode($0) }
          heldOut.append((found.name, held.texts))
          let key = Hashing.sha256(canonical: [
            JSON(settings.share), JSON(settings.maximumBytes), JSON(Int(settings.seed)),
          ])
          let path = shard.path.dropLast(".tokens".count) + "-train-\(key.prefix(8)).tokens"
          shard =
            try (try? TokenShard(path: String(path)))
            ?? shard.dividing(
              leavingOut: held.documents,
              textByteCount: held.texts.reduce(0) { $0 + $1.utf8.count }, to: String(path))
        }
        texts.append((found.name, shard))
        let report = found.report
        sources.append(
          Source(
            name: found.name, documents: shard.documentCount, bytes: shard.header.textByteCount,
            tokens: shard.tokenCount, fertility: report.fertility,
            truncated: report.truncatedDocuments,
            dropped: report.read.documents - report.kept.documents))
      }
      var sets: [ExampleSet] = []
      for (name, settings) in recipe.examples {
        let set = try ExampleSet(
          settings, name: name, tokenizer: tokenizer, templates: templates,
          windowLength: recipe.windowLength, endOfText: end,
          relativeTo: folder.isEmpty ? nil : folder, shouldStop: shouldStop)
        sets.append(set)
        sources.append(
          Source(
            name: name, documents: set.report.examples, bytes: set.report.bytes,
            tokens: set.report.tokens, truncated: set.report.truncated,
            dropped: set.report.droppedOverLong + set.report.droppedUntrained))
      }
      for text in recipe.evaluation.texts {
        let files = try CorpusFiles.expand(
          text.files, relativeTo: folder.isEmpty ? nil : folder)
        let documents = try CorpusReader.documents(at: files)
        heldOut.append((text.name, documents.map(\.text)))
      }
      self.sources = sources
      self.heldOut = heldOut
      self.texts = texts
      self.sets = sets
    }

    /// The windows of a training of so many.
    func sampler(_ recipe: TrainRecipe, windowCount: Int) throws -> MixedSampler {
      try MixedSampler(
        recipe.mix, texts: texts, examples: sets, windowLength: recipe.windowLength,
        windowCount: windowCount, endOfText: endOfText, seed: recipe.seed)
    }
  }
#endif
