// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Foundation
  import Models
  import Synchronization
  import Testing
  import Tokenization

  @testable import Generation

  struct TextGeneratorTests {
    private func options(
      _ tokens: Int = 40, stops: [String] = [], temperature: Double = 1.2
    ) -> TextOptions {
      TextOptions(
        generation: GenerationOptions(maximumTokens: tokens, temperature: temperature, seed: 3),
        stopTexts: stops)
    }

    @Test func `pieces are the answers, of one prompt and of several`() throws {
      let generator = try Support.generator()
      let prompts = ["abc", "Q", "a longer one", "é"]
      var shown = [String](repeating: "", count: 4)
      var ends: [Int] = []
      let answers = try generator.generate(
        prompts, options: options(),
        onPiece: { piece in
          shown[piece.row] += piece.text
          if piece.finish != nil { ends.append(piece.row) }
        })
      #expect(answers.map(\.text) == shown)
      #expect(ends.sorted() == [0, 1, 2, 3])
      #expect(answers.allSatisfy { $0.finish == .length && $0.tokens.count == 40 })
      #expect(answers.map(\.promptTokenCount) == [3, 1, 12, 2])
      var single = options()
      single.batchSize = 1
      #expect(try generator.generate(prompts, options: single) == answers)
    }

    @Test func `a stop text ends the answer wherever tokens end`() throws {
      let generator = try Support.generator()
      let free = try generator.generate(["abc"], options: options())[0].text
      // Every stretch of the answer of up to three characters, as the stop text.
      let characters = Array(free)
      for start in stride(from: 0, to: characters.count - 3, by: 3) {
        let stop = String(characters[start..<start + 1 + start % 3])
        let answer = try generator.generate(["abc"], options: options(stops: [stop, "zzzz"]))[0]
        let first = try #require(free.range(of: stop))
        #expect(answer.text == String(free[..<first.lowerBound]))
        #expect(answer.finish == .stop)
      }
    }

    @Test func `an answer that ends in half a stop text is shown whole`() throws {
      let generator = try Support.generator()
      let free = try generator.generate(["abc"], options: options(20))[0].text
      let stop = String(free.suffix(2)) + "never"
      var shown = ""
      let answer = try generator.generate(
        ["abc"], options: options(20, stops: [stop]), onPiece: { shown += $0.text })[0]
      #expect(answer.text == free && shown == free && answer.finish == .length)
    }

    @Test func `cancelling keeps what is there`() throws {
      let generator = try Support.generator()
      var count = 0
      let whole = try generator.generate(["abc", "d"], options: options())
      let answers = try generator.generate(
        ["abc", "d"], options: options(),
        isCancelled: {
          count += 1
          return count > 8
        })
      for (answer, whole) in zip(answers, whole) {
        #expect(answer.finish == .cancelled)
        #expect(whole.text.hasPrefix(answer.text) && answer.tokens.count == 8)
      }
    }

    @Test func `what the receiver throws ends the work and comes out`() throws {
      let generator = try Support.generator()
      #expect(throws: CancellationError.self) {
        try generator.generate(
          ["abc"], options: options(), onPiece: { _ in throw CancellationError() })
      }
    }

    @Test func `an empty prompt begins with the token of the tokenizer`() throws {
      let generator = try Support.generator()
      #expect(try generator.promptIDs("") == [generator.tokenizer.eosID])
      let none = try TextGenerator(
        model: generator.model,
        tokenizer: Tokenizer(json: generator.tokenizer.json, origin: "no roles"))
      #expect(throws: GenerationError.nothingToContinue) { try none.promptIDs("") }
    }

    @Test func `a prompt that fills the positions is refused, with its number`() throws {
      let generator = try Support.generator()
      let long = String(repeating: "a", count: 64)
      #expect(throws: GenerationError.promptTooLong(tokenCount: 64, limit: 64, prompt: 1)) {
        try generator.generate(["a", long], options: options())
      }
      let answer = try generator.generate([String(long.dropLast())], options: options())[0]
      #expect(answer.finish == .context && answer.tokens.count == 1)
    }

    @Test func `a tokenizer larger than the model is refused`() throws {
      let generator = try Support.generator()
      #expect(throws: GenerationError.vocabulary(tokenizer: 257, model: 61)) {
        try TextGenerator(model: generator.model, tokenizer: Support.tokenizer())
      }
    }

    @Test func `pieces come as an asynchronous sequence, which may be let go`() async throws {
      let generator = try Support.generator()
      var text = ""
      for try await piece in generator.pieces(after: "abc", options: options()) {
        text += piece.text
      }
      #expect(text == (try generator.generate(["abc"], options: options())[0].text))
      for try await piece in generator.pieces(after: "abc", options: options()) {
        #expect(text.hasPrefix(piece.text))
        break
      }
      await #expect(throws: ModelError.self) {
        for try await _ in generator.pieces(after: "abc", options: options(temperature: -1)) {}
      }
    }

    @Test func `a folder's generation_config, else its config, else its tokenizer says what stops`()
      throws
    {
      let source = try Support.generator()
      let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
      defer { try? FileManager.default.removeItem(at: folder) }
      let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Golden/models/llama-plain")
      try FileManager.default.copyItem(at: golden, to: folder)
      try source.tokenizer.save(to: folder.path)
      func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: name))
      }
      func remove(_ name: String) {
        try? FileManager.default.removeItem(at: folder.appending(path: name))
      }
      try write("generation_config.json", #"{"eos_token_id": [3, 4], "do_sample": true}"#)
      var options = try TextGenerator(directory: folder.path).recommendedOptions.generation
      #expect(options.stopIDs == [3, 4] && options.temperature == 1 && options.topK == 50)
      remove("generation_config.json")
      options = try TextGenerator(directory: folder.path).recommendedOptions.generation
      #expect(options == GenerationOptions(stopIDs: [0]))
      let config = try String(
        contentsOf: folder.appending(path: "config.json"), encoding: .utf8)
      try write("config.json", config.replacing("\"eos_token_id\": 0", with: "\"eos\": 0"))
      options = try TextGenerator(directory: folder.path).recommendedOptions.generation
      #expect(options.stopIDs == [try #require(source.tokenizer.eosID)])
      try write("generation_config.json", "[]")
      #expect(throws: ModelError.self) { try TextGenerator(directory: folder.path) }
      // A stop id that is no row of the model would stop nothing.
      try write("generation_config.json", #"{"eos_token_id": [3, 61]}"#)
      let error = #expect(throws: ModelError.self) { try TextGenerator(directory: folder.path) }
      #expect(
        error?.diagnosis.what
          == "`eos_token_id` should be below vocab_size (61), or no text would ever end, found 61.")
      #expect(error?.diagnosis.where.hasSuffix("/generation_config.json") == true)
    }
  }

  struct ChatSessionTests {
    /// A format whose prompts grow by what is said, in letters that the tiny tokenizer has.
    struct Turns: ChatFormat {
      var stopTexts: [String] { ["\n"] }
      var startsText: Bool { true }
      func prompt(for messages: [ChatMessage]) -> String {
        messages.map { $0.role.prefix(1) + "." + $0.content + "\n" }.joined() + "a."
      }
    }

    private func session(_ tokens: Int = 6, system: String? = nil) throws -> ChatSession {
      ChatSession(
        try Support.generator(), format: Turns(),
        options: TextOptions(
          generation: GenerationOptions(maximumTokens: tokens, temperature: 1, seed: 1)),
        system: system)
    }

    @Test func `a conversation is what a prompt of all of it would give`() throws {
      let session = try session()
      for text in ["ab", "cd", "e"] {
        let prompt = Turns().prompt(
          for: session.messages + [ChatMessage(role: "user", content: text)])
        let count = session.messages.count
        var shown = ""
        let turn = try session.send(text, onText: { shown += $0 })
        #expect(turn.answer.promptTokenCount == session.generator.tokenizer.count(prompt))
        #expect(session.messages.count == count + 2)
        #expect(
          session.messages[count + 1].content
            == shown.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }

    @Test func `what was read before is not read again`() throws {
      let session = try session()
      let first = try session.send("ab", onText: { _ in })
      #expect(first.reusedTokenCount == 0)
      let second = try session.send("cd", onText: { _ in })
      // The prompt and all of the answer but its last token; a stop text would be read again.
      if first.answer.finish == .length, first.answer.text == session.messages[1].content {
        #expect(second.reusedTokenCount == first.answer.promptTokenCount + 5)
      }
      // The same turns without a cache.
      let plain = try self.session()
      plain.options.generation.usesCache = false
      #expect(try plain.send("ab", onText: { _ in }).answer == first.answer)
      #expect(try plain.send("cd", onText: { _ in }).answer == second.answer)
    }

    @Test
    func `the oldest turns are forgotten when the positions run short, the system's words not`()
      throws
    {
      let session = try session(system: "xyz")
      var forgotten = 0
      for _ in 0..<8 { forgotten += try session.send("abcdef", onText: { _ in }).forgottenCount }
      #expect(forgotten > 0 && forgotten.isMultiple(of: 2))
      #expect(session.messages.count == 16 - forgotten)
      #expect(session.messages.first?.role == "user")
    }

    @Test func `a message that does not fit leaves the conversation as it was`() throws {
      let session = try session()
      _ = try session.send("ab", onText: { _ in })
      let before = session.messages
      #expect(throws: GenerationError.self) {
        try session.send(String(repeating: "a", count: 80), onText: { _ in })
      }
      #expect(session.messages == before)
      _ = try session.send("cd", onText: { _ in })
      #expect(session.messages.count == 4)
      session.reset()
      #expect(session.messages.isEmpty)
    }

    @Test func `a cancelled answer is part of the conversation`() throws {
      let session = try session(20)
      var count = 0
      let turn = try session.send(
        "ab",
        isCancelled: {
          count += 1
          return count > 3
        }, onText: { _ in })
      #expect(turn.answer.finish == .cancelled && session.messages.count == 2)
    }

    @Test func `the formats that need no file`() {
      let messages = [
        ChatMessage(role: "system", content: "Be short."),
        ChatMessage(role: "user", content: "Hi"),
        ChatMessage(role: "assistant", content: "Hello"),
        ChatMessage(role: "user", content: "Bye"),
      ]
      #expect(
        BuiltInChatFormat.chatml.prompt(for: messages) == """
          <|im_start|>system
          Be short.<|im_end|>
          <|im_start|>user
          Hi<|im_end|>
          <|im_start|>assistant
          Hello<|im_end|>
          <|im_start|>user
          Bye<|im_end|>
          <|im_start|>assistant

          """)
      #expect(
        BuiltInChatFormat.plain.prompt(for: messages) == """
          Be short.

          User: Hi
          Assistant: Hello
          User: Bye
          Assistant:
          """)
    }
  }
#endif
