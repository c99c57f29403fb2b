// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Templates
  import Tokenization
  import Training

  /// The weights and the tokenizer that a training begins with.
  struct TrainStart {
    let checkpoint: Checkpoint
    let tokenizer: Tokenizer
    /// Where the tokenizer's files lie.
    let tokenizerFolder: String
    let tokenizerHash: String
    /// Its chat templates; there may be none.
    var templates: ChatTemplates {
      get throws { try ChatTemplates(folder: URL(fileURLWithPath: tokenizerFolder)) }
    }
    /// What the weights are, for the training's identity.
    let identity: JSON
  }

  extension TrainJob {
    /// Opens the model, or makes a new one.
    func prepareStart(
      _ hashes: FileHashes, _ observer: @escaping TrainObserver
    ) throws -> TrainStart {
      switch recipe.start {
      case .model(let name):
        let folder = try folder(name)
        let checkpoint = try Checkpoint.open(directory: folder)
        if let limit = checkpoint.config["max_position_embeddings"]?.int,
          recipe.windowLength > limit
        {
          throw TrainingError.setting(
            "window_length", expected: "at most the model's max_position_embeddings (\(limit))",
            found: "\(recipe.windowLength)")
        }
        observer(.phase("checking the weights"))
        try checkpoint.checkFinite()
        let tokenizer = try Tokenizer.load(directory: folder)
        return try TrainStart(
          checkpoint: checkpoint, tokenizer: tokenizer, tokenizerFolder: folder,
          tokenizerHash: tokenizer.fileHash(in: folder, hashes.hash),
          identity: ["weights": .string(weightsHash(folder, hashes))])
      case .fresh(let sizes, let choice):
        let folder: String
        switch choice {
        case .existing(let name): folder = try self.folder(name)
        case .trained(let size, let limit):
          folder = out + "/tokenizer"
          if !Disk.exists(folder) {
            try trainTokenizer(size, maximumBytes: limit, sizes, to: folder, observer)
          }
        }
        let tokenizer = try Tokenizer.load(directory: folder)
        guard let end = tokenizer.eosID else { throw StudyError.noEndOfText(folder) }
        let hash = try tokenizer.fileHash(in: folder, hashes.hash)
        let checkpoint = try Initialization.random(
          config: Initialization.llamaConfig(
            sizes, vocabularySize: tokenizer.vocabularySize,
            beginOfText: tokenizer.bosID.map { Int($0) }, endOfText: Int(end)),
          seed: recipe.seed, tokenizerFilesFrom: folder)
        return TrainStart(
          checkpoint: checkpoint, tokenizer: tokenizer, tokenizerFolder: folder,
          tokenizerHash: hash,
          identity: ["sizes": sizes.identity, "tokenizer": .string(String(hash.prefix(16)))])
      }
    }

    /// The hash of what of a folder is a model: a training's own folder holds much else.
    private func weightsHash(_ folder: String, _ hashes: FileHashes) throws -> String {
      let names = try Disk.names(in: folder).sorted().filter {
        Checkpoint.mayHold($0) && $0 != "README.md"
      }
      let parts = try names.map { [JSON($0), JSON(try hashes.hash(folder + "/" + $0))] as JSON }
      return String(Hashing.sha256(canonical: JSON(parts)).prefix(16))
    }

    /// A folder of this machine, below the data folder or as it stands, or a model of a hub.
    private func folder(_ name: String) throws -> String {
      for place in [path(name), name] where Disk.identity(place)?.isFolder == true { return place }
      return try models?.folder(name) ?? name
    }

    private func trainTokenizer(
      _ vocabularySize: Int, maximumBytes: Int, _ sizes: LlamaSizes, to folder: String,
      _ observer: @escaping TrainObserver
    ) throws {
      observer(.phase("training the tokenizer"))
      var texts: [String] = []
      for text in recipe.text {
        // As many bytes of each, where there is a limit.
        var left = maximumBytes > 0 ? maximumBytes / recipe.text.count : Int.max
        let files = try CorpusFiles.expand(
          text.files, relativeTo: dataFolder.isEmpty ? nil : dataFolder)
        let stream = DocumentStream(files: files, text)
        while left > 0, let found = try stream.next() {
          texts.append(found.document.text)
          left -= found.document.byteCount
        }
      }
      var tokenizer = try BPETrainer(vocabularySize: vocabularySize).train(texts) { progress in
        observer(
          .work(
            label: "training the tokenizer", done: progress.done, total: progress.total ?? 0,
            unit: "\(progress.phase)"))
      }
      tokenizer.modelMaxLength = sizes.maximumPositions
      let partial = out + "/.tokenizer"
      if Disk.exists(partial) { try Disk.remove(partial) }
      try Disk.makeFolder(partial)
      try tokenizer.save(to: partial)
      try Disk.move(partial, to: folder)
    }
  }
#endif
