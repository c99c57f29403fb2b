// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Foundation
  import Tokenization
  import Training

  /// The texts and examples of a training, encoded and ready to be drawn from.
  struct TrainData {
    /// What there is to tell about a text or a set of examples.
    struct Source: Sendable {
      var name: String
      var documents: Int
      /// UTF-8 bytes to train on; 0 where examples are counted in tokens only.
      var bytes: Int
      var tokens: Int
      /// Tokens of documents that windows cut, or examples whose prompt was.
      var truncated = 0

      /// UTF-8 bytes a token; `nil` without bytes.
      var bytesPerToken: Double? {
        bytes > 0 && tokens > 0 ? Double(bytes) / Double(tokens) : nil
      }

      var json: JSON {
        var json: JSON = [
          "name": JSON(name), "documents": JSON(documents), "tokens": JSON(tokens),
        ]
        if bytes > 0 { json["bytes"] = JSON(bytes) }
        if let bytesPerToken { json["bytes_per_token"] = JSON(bytesPerToken) }
        if truncated > 0 { json["truncated"] = JSON(truncated) }
        return json
      }
    }

    var sources: [Source] = []
    var heldOut: [(name: String, documents: [String])] = []
    var sampler: any WindowSampler

    /// Tokens of one pass over everything.
    var tokensPerEpoch: Int { sources.reduce(0) { $0 + $1.tokens } }

    /// Reads and encodes what is not encoded yet.
    ///
    /// - Parameters:
    ///   - folder: where encoded texts are kept, under the hash of all that they come from, so that
    ///     a training that was killed or changed elsewhere does not encode them again.
    ///   - progress: told of each text as it is encoded.
    init(
      _ recipe: TrainRecipe, _ tokenizer: Tokenizer, tokenizerHash: String, folder: String,
      path: (String) -> String, hashes: FileHashes,
      progress: (_ name: String, _ done: Int, _ total: Int) throws -> Void
    ) throws {
      guard let end = tokenizer.eosID else { throw StudyError.noEndOfText(recipe.origin) }
      var parts: [MixedSampler.Part] = []
      var sources: [Source] = []
      var textSources: [(source: Source, shard: TokenShard)] = []
      for text in recipe.text {
        let encoded = try Self.encode(
          text, recipe, tokenizer, end, tokenizerHash, folder, text.files.map(path), hashes,
          progress)
        sources.append(encoded.source)
        textSources.append((encoded.source, encoded.shard))
        if recipe.evaluation.heldOut != nil, !encoded.heldOut.isEmpty {
          heldOut.append((text.name, encoded.heldOut))
        }
      }
      var exampleSamplers: [(source: Source, sampler: ExampleSampler)] = []
      for examples in recipe.examples {
        let rows = try examples.files.flatMap { try Self.rows(path($0), tokenizer) }
        let tokens = rows.reduce(0) { $0 + $1.prompt.count + $1.answer.count + 1 }
        var source = Source(name: examples.name, documents: rows.count, bytes: 0, tokens: tokens)
        source.truncated = rows.count {
          $0.prompt.count + $0.answer.count + 1 > recipe.windowLength + 1
        }
        sources.append(source)
        exampleSamplers.append(
          (
            source,
            try ExampleSampler(
              rows, name: examples.name, windowLength: recipe.windowLength, endOfText: end,
              opening: tokenizer.bosID ?? end, seed: recipe.seed)
          ))
      }
      func weight(_ source: Source) -> Double {
        recipe.mix.weights[source.name] ?? Double(source.tokens)
      }
      if !textSources.isEmpty {
        let sampler = try TextSampler(
          textSources.map {
            TextSource(name: $0.source.name, shard: $0.shard, share: weight($0.source))
          }, windowLength: recipe.windowLength, seed: recipe.seed)
        parts.append(
          MixedSampler.Part(sampler, share: textSources.reduce(0) { $0 + weight($1.source) }))
      }
      parts += exampleSamplers.map { MixedSampler.Part($0.sampler, share: weight($0.source)) }
      self.sources = sources
      sampler = try MixedSampler(parts)
      for text in recipe.evaluation.texts {
        let documents = try CorpusReader.documents(at: text.files.map(path))
        heldOut.append((text.name, documents.map(\.text)))
      }
    }

    // MARK: Text

    private static func encode(
      _ text: TrainRecipe.Text, _ recipe: TrainRecipe, _ tokenizer: Tokenizer, _ end: Int32,
      _ tokenizerHash: String, _ folder: String, _ files: [String], _ hashes: FileHashes,
      _ progress: (_ name: String, _ done: Int, _ total: Int) throws -> Void
    ) throws -> (source: Source, shard: TokenShard, heldOut: [String]) {
      let heldOut = recipe.evaluation.heldOut
      let key = Hashing.sha256(canonical: [
        "version": 1, "files": JSON(try files.map { JSON(try hashes.hash($0)) }),
        "tokenizer": JSON(tokenizerHash), "max_bytes": JSON(text.maximumBytes),
        "held_out": heldOut.map { [JSON($0.share), JSON($0.maximumBytes)] } ?? .null,
        "seed": JSON(Int(recipe.seed)),
      ])
      let stem = "\(folder)/\(text.name)-\(key.prefix(12))"
      if !Disk.exists(stem + ".tokens") {
        try Disk.makeFolder(folder)
        var (train, held): ([Document], [Document])
        if let heldOut {
          let corpus = try PreparedCorpus(language: text.name, paths: files, heldOut: heldOut)
          (train, held) = (corpus.train, corpus.heldOut)
        } else {
          (train, held) = (
            try TextCleaner().clean(
              CorpusReader.documents(at: files), language: text.name
            ).documents, []
          )
        }
        if text.maximumBytes > 0 {
          train = limited(train, to: text.maximumBytes, name: text.name, seed: recipe.seed)
        }
        let lines = held.map { JSON.object(JSONObject(text: $0.text)).serialized() + "\n" }
        try Disk.write(lines.joined(), to: stem + ".heldout.jsonl", isShared: false)
        let count = train.count
        try TokenShard.build(
          train,
          header: TokenShardHeader(
            vocabularySize: tokenizer.vocabularySize, endOfText: end,
            tokenizerHash: tokenizerHash),
          to: stem + ".tokens", encode: { tokenizer.encode($0) },
          progress: { done, _ in try? progress(text.name, done, count) })
      }
      let shard = try TokenShard(path: stem + ".tokens")
      let held = try heldOutTexts(stem + ".heldout.jsonl")
      return (
        Source(
          name: text.name, documents: shard.documentCount, bytes: shard.header.textByteCount,
          tokens: shard.tokenCount), shard, held
      )
    }

    private static func heldOutTexts(_ path: String) throws -> [String] {
      try Disk.readText(path).split(separator: "\n").compactMap {
        try JSON.parse(String($0), origin: path)["text"]?.string
      }
    }

    private static func limited(
      _ documents: [Document], to maximumBytes: Int, name: String, seed: UInt64
    ) -> [Document] {
      var left = maximumBytes
      var order = Array(documents.indices)
      var random = SeededRandom(seed: seed, name: "\(name)/max_bytes")
      random.shuffle(&order)
      var kept: Set<Int> = []
      for index in order where left > 0 {
        kept.insert(index)
        left -= documents[index].byteCount
      }
      return documents.indices.filter(kept.contains).map { documents[$0] }
    }

    // MARK: Examples

    /// Rows of JSONL with `prompt` and `completion`.
    private static func rows(_ path: String, _ tokenizer: Tokenizer) throws -> [TrainingExample] {
      var number = 0
      var rows: [TrainingExample] = []
      for line in try Disk.readText(path).split(
        separator: "\n", omittingEmptySubsequences: false)
      {
        number += 1
        guard line.contains(where: { !$0.isWhitespace }) else { continue }
        let row = try JSON.parse(String(line), origin: "\(path), line \(number)")
        guard let prompt = row["prompt"]?.string, let completion = row["completion"]?.string else {
          throw CorpusError.badRecord(
            path, line: number, problem: "it has no texts `prompt` and `completion`")
        }
        rows.append(
          TrainingExample(prompt: tokenizer.encode(prompt), answer: tokenizer.encode(completion)))
      }
      return rows
    }
  }

  extension JSONObject {
    fileprivate init(text: String) {
      self.init()
      self["text"] = .string(text)
    }
  }
#endif
