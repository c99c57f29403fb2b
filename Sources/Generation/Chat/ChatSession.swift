// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Models

  /// A conversation with a model.
  ///
  /// The model reads only what is new in each turn where the conversation so far stays as it was
  /// read. When the positions run short, the oldest turns are forgotten, never the system's words.
  /// Not for several threads at once.
  public final class ChatSession {
    /// What one turn gave.
    public struct Turn: Sendable {
      public var answer: GeneratedText
      /// How many of the oldest messages no longer fit and were forgotten.
      public var forgottenCount: Int
      /// How many tokens of the prompt had been read in earlier turns.
      public var reusedTokenCount: Int
    }

    public let generator: TextGenerator
    public let format: any ChatFormat
    public var options: TextOptions
    /// What was said, without the system's words.
    public private(set) var messages: [ChatMessage] = []
    /// Said before everything else; a change holds from the next turn on.
    public var system: String?
    private var turnCount = 0
    private var batch: DecodingBatch?

    public init(
      _ generator: TextGenerator, format: any ChatFormat, options: TextOptions,
      system: String? = nil
    ) {
      self.generator = generator
      self.format = format
      self.options = options
      self.system = system
    }

    /// Forgets what was said, but not the system's words.
    public func reset() {
      messages = []
      batch = nil
    }

    /// Says something and gets the answer, which becomes part of the conversation even where it was
    /// cancelled.
    ///
    /// - Parameter onText: shown the answer as it grows, without white space at its start.
    /// - Throws: `GenerationError.promptTooLong` when this message alone is too long, and what
    ///   generation throws; the conversation is then as it was before.
    public func send(
      _ text: String, isCancelled: () -> Bool = { false }, onText: (String) throws -> Void
    ) throws -> Turn {
      let before = messages
      messages.append(ChatMessage(role: "user", content: text))
      do {
        return try answer(isCancelled, onText)
      } catch {
        messages = before
        batch = nil
        throw error
      }
    }

    private func answer(
      _ isCancelled: () -> Bool, _ onText: (String) throws -> Void
    ) throws -> Turn {
      let (ids, forgotten) = try prompt()
      var options = options
      options.stopTexts += format.stopTexts
      // What was read stays, if the new prompt goes on from there.
      let read = batch?.ids(ofRow: 0) ?? []
      let continued = ids.count > read.count && ids.starts(with: read) ? batch : nil
      batch = nil
      let tokens = try TokenGenerator(
        generator.model, prompts: [ids], options: options.generation,
        processors: options.language.processors(for: generator.tokenizer),
        rowNumbers: [turnCount], continuing: continued)
      var hasBegun = false
      let answers = try generator.write(
        tokens, rows: [0], prompts: [ids], options: options, isCancelled: isCancelled,
        onPiece: { piece in
          let text = hasBegun ? piece.text[...] : piece.text.drop(while: \.isWhitespace)
          guard !text.isEmpty else { return }
          hasBegun = true
          try onText(String(text))
        })
      turnCount += 1
      batch = tokens.readBatch
      var said = answers[0].text[...].drop(while: \.isWhitespace)
      while said.last?.isWhitespace ?? false { said.removeLast() }
      messages.append(ChatMessage(role: "assistant", content: String(said)))
      return Turn(
        answer: answers[0], forgottenCount: forgotten,
        reusedTokenCount: continued == nil ? 0 : read.count)
    }

    /// The ids of the conversation, after forgetting what does not fit with room for an answer.
    private func prompt() throws -> (ids: [Int32], forgottenCount: Int) {
      let positions = generator.model.maximumPositions
      let room = min(options.generation.maximumTokens, positions / 4)
      var forgotten = 0
      while true {
        let opening = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
        let ids = try generator.promptIDs(
          format.prompt(for: opening + messages), startsText: format.startsText)
        if ids.count + room <= positions { return (ids, forgotten) }
        guard messages.count > 1 else {
          if ids.count < positions { return (ids, forgotten) }
          throw GenerationError.promptTooLong(
            tokenCount: ids.count, limit: positions, prompt: turnCount)
        }
        // A question and its answer.
        let count = messages.count > 2 ? 2 : 1
        messages.removeFirst(count)
        forgotten += count
      }
    }
  }
#endif
