// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Tokenization

  /// A model with its tokenizer: prompts in, texts out.
  ///
  ///     let generator = try TextGenerator(directory: "model")
  ///     var options = generator.recommendedOptions
  ///     options.generation.maximumTokens = 100
  ///     try generator.generate(["Góðan dag"], options: options)[0].text
  public struct TextGenerator: Sendable {
    public let model: Model
    public let tokenizer: Tokenizer
    /// What the model's files say about generation.
    public let defaults: GenerationDefaults

    /// - Throws: `GenerationError.vocabulary` for a tokenizer with more tokens than the model.
    public init(
      model: Model, tokenizer: Tokenizer, defaults: GenerationDefaults = GenerationDefaults()
    ) throws {
      guard tokenizer.vocabularySize <= model.vocabularySize else {
        throw GenerationError.vocabulary(
          tokenizer: tokenizer.vocabularySize, model: model.vocabularySize)
      }
      self.model = model
      self.tokenizer = tokenizer
      self.defaults = defaults
    }

    /// Reads a model folder: weights, tokenizer, generation_config.json.
    ///
    /// - Throws: what checkpoints, models and tokenizers throw.
    public init(directory: String) throws {
      try self.init(checkpoint: Checkpoint.open(directory: directory), directory: directory)
    }

    /// Weights from anywhere, the rest from a folder.
    public init(checkpoint: Checkpoint, directory: String) throws {
      let tokenizer = try Tokenizer.load(directory: directory)
      let folder = try ModelFolder(directory)
      let file = "generation_config.json"
      var defaults =
        folder.has(file)
        ? try GenerationDefaults(json: folder.document(file), file: folder.path(of: file))
        : GenerationDefaults()
      var stopFile = folder.path(of: file)
      if defaults.options.stopIDs.isEmpty {
        stopFile = folder.path(of: "config.json")
        // Only the token: old configs hold other keys of generation that meant something else.
        var stop = JSONObject()
        stop["eos_token_id"] = checkpoint.config["eos_token_id"]
        defaults.options.stopIDs =
          try GenerationDefaults(json: .object(stop), file: stopFile)
          .options.stopIDs
      }
      if defaults.options.stopIDs.isEmpty, let end = tokenizer.eosID {
        defaults.options.stopIDs = [end]
      }
      let model = try Model(checkpoint)
      if let wrong = defaults.options.stopIDs.sorted().first(where: { $0 >= model.vocabularySize })
      {
        throw ModelError.configuration(
          key: "eos_token_id",
          expected: "below vocab_size (\(model.vocabularySize)), or no text would ever end",
          found: "\(wrong)", file: stopFile)
      }
      try self.init(model: model, tokenizer: tokenizer, defaults: defaults)
    }

    /// The model's recommendations as options.
    public var recommendedOptions: TextOptions { TextOptions(generation: defaults.options) }

    /// The ids of a prompt; of an empty one, the token that begins a text.
    ///
    /// - Parameter startsText: whether to begin as the tokenizer begins a text (with a BOS, for many);
    ///   not for the text of a chat template, which says all itself. What a tokenizer puts at the end
    ///   of a text is left out, since the text goes on.
    /// - Throws: `GenerationError.nothingToContinue`.
    public func promptIDs(_ prompt: String, startsText: Bool = true) throws -> [Int32] {
      let ids = tokenizer.encode(prompt)
      if startsText {
        let whole = tokenizer.encodeWithSpecialTokens(prompt)
        let places = 0...max(0, whole.count - ids.count)
        if let place = places.first(where: { whole[$0...].starts(with: ids) }),
          place + ids.count > 0
        {
          return Array(whole[..<(place + ids.count)])
        }
      }
      if !ids.isEmpty { return ids }
      guard let start = tokenizer.bosID ?? tokenizer.eosID else {
        throw GenerationError.nothingToContinue
      }
      return [start]
    }

    /// The answers to prompts, in their order.
    ///
    /// - Parameters:
    ///   - isCancelled: asked between tokens; when true, what is there so far is the answer.
    ///   - onPiece: shown the text as it grows; pieces of different rows are interleaved.
    /// - Throws: `ModelError`, `GenerationError`, and what `onPiece` throws.
    public func generate(
      _ prompts: [String], options: TextOptions, isCancelled: () -> Bool = { false },
      onPiece: (TextPiece) throws -> Void = { _ in }
    ) throws -> [GeneratedText] {
      try generate(
        prompts.map { try promptIDs($0) }, options: options, isCancelled: isCancelled,
        onPiece: onPiece)
    }

    /// The answers to prompts of at least one token each.
    public func generate(
      _ prompts: [[Int32]], options: TextOptions, isCancelled: () -> Bool = { false },
      onPiece: (TextPiece) throws -> Void = { _ in }
    ) throws -> [GeneratedText] {
      for (row, prompt) in prompts.enumerated() {
        try tokenizer.validate(prompt)
        guard prompt.count < model.maximumPositions else {
          throw GenerationError.promptTooLong(
            tokenCount: prompt.count, limit: model.maximumPositions, prompt: row)
        }
      }
      guard options.batchSize >= 1 else {
        throw GenerationError.setting(
          name: "batch size", expected: "at least 1", found: "\(options.batchSize)")
      }
      let processors = try options.language.processors(for: tokenizer)
      var answers = [GeneratedText?](repeating: nil, count: prompts.count)
      // Lines are taken back, which rows that share a batch cannot do one by one.
      let size = options.language.lineCheck == nil ? options.batchSize : 1
      for rows in GenerationBatches.rows(of: prompts, size: size) {
        let generator = try TokenGenerator(
          model, prompts: rows.map { prompts[$0] }, options: options.generation,
          processors: processors, rowNumbers: rows)
        let texts = try write(
          generator, rows: rows, prompts: prompts, options: options, isCancelled: isCancelled,
          onPiece: onPiece)
        for (row, text) in zip(rows, texts) { answers[row] = text }
      }
      return answers.compactMap { $0 }
    }

    /// Runs a generator to its end, with or without a check of lines.
    func write(
      _ generator: TokenGenerator, rows: [Int], prompts: [[Int32]], options: TextOptions,
      isCancelled: () -> Bool, onPiece: (TextPiece) throws -> Void
    ) throws -> [GeneratedText] {
      if let check = options.language.lineCheck {
        try check.validate()
        var writer = CheckedWriter(
          generator, check, options: options, row: rows[0],
          text: GrowingText(tokenizer, after: prompts[rows[0]], stopTexts: options.stopTexts))
        return [
          try writer.run(
            promptTokenCount: prompts[rows[0]].count, isCancelled: isCancelled, onPiece: onPiece)
        ]
      }
      var texts = rows.map {
        GrowingText(tokenizer, after: prompts[$0], stopTexts: options.stopTexts)
      }
      var shown = rows.map { _ in 0 }  // bytes
      func show(_ index: Int) throws {
        if texts[index].take(generator.sequences[index]) { generator.finish(row: index, .stop) }
        let finish = generator.sequences[index].finish
        let new = texts[index].text.utf8.dropFirst(shown[index])
        guard !new.isEmpty || finish != nil else { return }
        shown[index] += new.count
        try onPiece(TextPiece(row: rows[index], text: String(Substring(new)), finish: finish))
      }
      // Answers without any room have ended before the first step.
      for index in rows.indices where generator.sequences[index].finish != nil { try show(index) }
      while true {
        if isCancelled() {
          for index in rows.indices where generator.sequences[index].finish == nil {
            generator.finish(row: index, .cancelled)
            try show(index)
          }
        }
        guard let changed = try generator.step() else { break }
        for index in changed { try show(index) }
      }
      return rows.indices.map { index in
        GeneratedText(
          text: texts[index].text, tokens: generator.sequences[index].tokens,
          finish: generator.sequences[index].finish ?? .stop,
          promptTokenCount: prompts[rows[index]].count, retryCount: 0)
      }
    }
  }
#endif
