// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Foundation
  import Models
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

      /// With what `drawn` says of it.
      func json(drawn: [SourceStatistics]) -> JSON {
        var json: JSON = [
          "name": JSON(name), "documents": JSON(documents), "bytes": JSON(bytes),
          "tokens": JSON(tokens), "truncated": JSON(truncated), "dropped": JSON(dropped),
        ]
        if let bytesPerToken { json["bytes_per_token"] = JSON(bytesPerToken) }
        if let fertility { json["tokens_per_word"] = JSON(fertility) }
        if let drawn = drawn.first(where: { $0.name == name }) {
          json["trained_tokens"] = JSON(drawn.tokens)
          json["trained_bytes"] = JSON(drawn.bytes)
          json["epochs"] = JSON(drawn.epochs)
          json["padding"] = JSON(drawn.padding)
        }
        return json
      }
    }

    let sources: [Source]
    let heldOut: [(name: String, documents: [String])]
    private let texts: [(name: String, shard: TokenShard)]
    private let sets: [ExampleSet]
    private let endOfText: Int32

    /// Tokens of the windows of one pass over everything, padding between examples included.
    func tokensPerEpoch(_ recipe: TrainRecipe) throws -> Double {
      let windows = try sets.reduce(0) {
        $0
          + (try ExampleSampler(
            $1, windowLength: recipe.windowLength, endOfText: endOfText, seed: recipe.seed
          ).windowsPerEpoch)
      }
      return windows * Double(recipe.windowLength)
        + Double(texts.reduce(0) { $0 + $1.shard.tokenCount })
    }

    /// The largest token id of all texts and examples, and whose it is; `nil` without any.
    var largestID: (id: Int32, source: String)? {
      var largest: (id: Int32, source: String)?
      func note(_ ids: some Sequence<Int32>, _ source: String) {
        guard let most = ids.max(), most > largest?.id ?? -1 else { return }
        largest = (most, source)
      }
      for (name, shard) in texts {
        for start in stride(from: 0, to: shard.tokenCount, by: 1 << 20) {
          note(shard.tokens(in: start..<min(shard.tokenCount, start + 1 << 20)), name)
        }
      }
      for set in sets {
        for example in set.examples { note(example.tokens, set.name) }
      }
      return largest
    }

    /// Reads and encodes what is not encoded yet.
    ///
    /// - Parameters:
    ///   - cache: where encoded texts are kept, under the hash of all that they come from, so that a
    ///     training that was killed or changed elsewhere does not encode them again.
    ///   - templates: the model's own chat templates.
    ///   - folder: where relative names of files begin.
    ///   - group: the processes that share the encoding of texts and the folder of encoded texts.
    ///   - shouldStop: asked for each example.
    ///   - progress: told how far encoding texts is; may throw to stop.
    init(
      _ recipe: TrainRecipe, _ tokenizer: Tokenizer, tokenizerHash: String, cache: String,
      templates: ChatTemplates, folder: String, sharedBy group: DistributedGroup = .alone,
      shouldStop: () -> Bool = { false }, progress: (CorpusProgress) throws -> Void
    ) throws {
      guard let end = tokenizer.eosID else { throw StudyError.noEndOfText(recipe.origin) }
      endOfText = end
      let encoder = try TokenEncoder(tokenizer, hash: tokenizerHash)
      var sources: [Source] = []
      var heldOut: [(name: String, documents: [String])] = []
      var texts: [(name: String, shard: TokenShard)] = []
      let builder = CorpusShardBuilder(
        recipe.text, encoder: encoder, cache: cache, relativeTo: folder.isEmpty ? nil : folder)
      let shards = try withoutActuallyEscaping(progress) { progress in
        try Self.encodeShare(
          of: builder, recipe, tokenizer, cache: cache, group, progress)
        // With several ranks all is there now, unless they do not share the folder.
        return try builder.build(progress: progress)
      }
      for found in shards {
        var shard = found.shard
        if let settings = recipe.evaluation.heldOut {
          let (kept, held) = try Self.divided(found, settings, tokenizer)
          heldOut.append((found.name, held))
          shard = kept
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

    /// Encodes this rank's share of the texts that the folder lacks, and waits for the other ranks.
    ///
    /// A text is the work of one rank; the share goes by the bytes of its files. Files are there
    /// whole or not at all, and their bytes do not depend on who makes them.
    private static func encodeShare(
      of builder: CorpusShardBuilder, _ recipe: TrainRecipe, _ tokenizer: Tokenizer, cache: String,
      _ group: DistributedGroup, _ progress: @escaping (CorpusProgress) throws -> Void
    ) throws {
      guard group.size > 1, !recipe.text.isEmpty else { return }
      // Rank 0 looks: it hashes the files, which it remembers for all, and what the others see of the
      // folder may lag behind.
      try Disk.makeFolder(cache)
      let sizes = try group.gather(
        group.rank == 0
          ? builder.plan().map { $0.report == nil ? max(1, Double($0.inputBytes)) : 0 } : [],
        patience: TrainJob.preparationPatience)[0]
      let owners = group.owners(ofSizes: sizes.map { Int($0) })
      let own = Set(owners.indices.filter { owners[$0] == group.rank })
      for found in try builder.build(only: own, progress: progress) {
        if let settings = recipe.evaluation.heldOut {
          _ = try divided(found, settings, tokenizer)
        }
      }
      try group.barrier(patience: TrainJob.preparationPatience)
    }

    /// What is left of a text to train on, in a file of its own beside it, and what is held out.
    private static func divided(
      _ found: CorpusShard, _ settings: HeldOutSettings, _ tokenizer: Tokenizer
    ) throws -> (shard: TokenShard, heldOut: [String]) {
      let held = try found.shard.heldOut(settings, name: found.name) { tokenizer.decode($0) }
      let key = Hashing.sha256(canonical: [
        JSON(settings.share), JSON(settings.maximumBytes), JSON(Int(settings.seed)),
      ])
      let path = String(
        found.shard.path.dropLast(".tokens".count) + "-train-\(key.prefix(8)).tokens")
      if let known = try? TokenShard(path: path) { return (known, held.texts) }
      let shard = try found.shard.dividing(
        leavingOut: held.documents, textByteCount: held.texts.reduce(0) { $0 + $1.utf8.count },
        to: path)
      return (shard, held.texts)
    }

    /// The windows of a training of so many.
    func sampler(_ recipe: TrainRecipe, windowCount: Int) throws -> MixedSampler {
      try MixedSampler(
        recipe.mix, texts: texts, examples: sets, windowLength: recipe.windowLength,
        windowCount: windowCount, endOfText: endOfText, seed: recipe.seed)
    }
  }
#endif
