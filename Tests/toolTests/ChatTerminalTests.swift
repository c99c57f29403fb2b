// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX && os(Linux)
  import Checkpoints
  import Documents
  import Foundation
  import Recipes
  import Tensors
  import TestSupport
  import Testing
  import Tokenization

  @testable import koine

  /// `koine chat` and others as somebody at a terminal sees them.
  struct ChatTerminalTests {
    /// A folder with a model of a few thousand weights.
    private final class Place {
      let root = FileManager.default.temporaryDirectory
        .appending(path: "koine-chat-\(UUID().uuidString)").path
      var model: String { root + "/model" }

      init() throws {
        try Disk.makeFolder(root)
        let tokenizer = try BPETrainer(vocabularySize: 262).train(["the sea and the word"])
        try tokenizer.save(to: root + "/tokenizer")
        let config: JSON = [
          "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 16,
          "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
          "intermediate_size": 24, "vocab_size": JSON(tokenizer.vocabularySize),
          "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000,
          "tie_word_embeddings": true, "hidden_act": "silu",
          "eos_token_id": JSON(Int(try #require(tokenizer.eosID))),
        ]
        let expected = try Blueprint.of(config, origin: "test").expectations(config, origin: "test")
        let random = CounterRandom(seed: 1, stream: "weights")
        let tensors = expected.filter(\.isRequired).enumerated().map { number, expectation in
          let count = expectation.shape.elementCount
          return (
            name: expectation.name, shape: expectation.shape,
            values: (0..<count).map {
              Float(random.bits(at: number << 20 | $0) % 2000) / 10_000 - 0.1
            }
          )
        }
        try CheckpointWriter.write(
          Checkpoint.inMemory(
            config: config, tensors: tensors, tokenizerFilesFrom: root + "/tokenizer"), to: model)
      }

      deinit { try? Disk.remove(root) }
    }

    /// The sequence by which a program asks that pasted text be marked; so the prompt is there.
    private let ready = "\u{1B}[?2004h"
    private let unready = "\u{1B}[?2004l"

    private func chat(_ model: String) throws -> TerminalProcess {
      try TerminalProcess(
        TerminalProcess.built("koine"),
        ["chat", model, "--template", "plain", "--max-tokens", "3", "--temperature", "0"],
        environment: ["HF_HUB_OFFLINE": "1"])
    }

    @Test func `SIGTERM ends a conversation with the terminal as it was`() throws {
      let place = try Place()
      let program = try chat(place.model)
      let before = program.settings
      try program.output(until: ready)
      // The terminal is raw, so there is something to put back.
      #expect(!before.isEmpty && program.settings != before)
      kill(program.processID, SIGTERM)
      #expect(program.end().shellStatus == 143)
      #expect(program.settings == before)
      #expect(program.shown.hasSuffix(unready))
    }

    @Test func `a paste of several lines is one message`() throws {
      let place = try Place()
      let program = try chat(place.model)
      let before = program.settings
      try program.output(until: ready)
      try program.type("\u{1B}[200~the sea\nand the word\r\nand\u{1B}[201~")
      try program.type("\r")
      try program.output(until: " a second")
      try program.output(until: ready)
      try program.type("/save \(place.root)/said.json\r")
      try program.output(until: "(wrote ")
      try program.output(until: ready)
      try program.type("\u{4}")
      #expect(program.end() == .exited(0))
      #expect(program.settings == before)
      let path = place.root + "/said.json"
      let messages = try JSON.parse(try Disk.read(path), origin: path)["messages"]?.array ?? []
      #expect(messages.map { $0["role"]?.string } == ["user", "assistant"])
      #expect(messages.first?["content"]?.string == "the sea\nand the word\nand")
    }

    @Test(arguments: ["modle", "model/", "modle/"])
    func `a path that is nearly a model's is told with what was probably meant`(name: String) throws
    {
      let place = try Place()
      let isRight = name == "model/"
      let program = try chat(place.root + "/" + name)
      guard !isRight else {
        try program.output(until: ready)
        try program.type("/exit\r")
        #expect(program.end() == .exited(0))
        return
      }
      #expect(program.end() == .exited(65))
      #expect(
        program.shown == """
          There is no such folder.\r
          \(place.root)/\(name)\r
          Did you mean `\(place.model)`?\r

          """)
    }

    @Test func `the nearest folder is looked for where a path leads, and above it`() throws {
      let place = try Place()
      #expect(ModelPlace.nearestFolder(to: place.root + "/modl") == place.model)
      try Disk.makeFolder(place.root + "/runs/first")
      #expect(
        ModelPlace.nearestFolder(to: place.root + "/rums/first") == place.root + "/runs/first")
      #expect(
        ModelPlace.nearestFolder(to: place.root + "/runs/frist") == place.root + "/runs/first")
      #expect(ModelPlace.nearestFolder(to: place.root + "/something-else") == nil)
      #expect(ModelPlace.nearestFolder(to: place.root + "/model/config.jsn") == nil)
    }

    @Test func `identify reads lines that end in CRLF as those that end in LF`() throws {
      let place = try Place()
      let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Golden/identification")
      let lines = try Disk.readText(golden.appending(path: "lines.txt").path)
        .split(separator: "\n").prefix(5)
      func found(_ end: String) throws -> JSON {
        let path = place.root + "/lines.txt"
        try Disk.write(lines.joined(separator: end) + end, to: path)
        let process = Process()
        process.executableURL = URL(filePath: try TerminalProcess.built("koine"))
        process.arguments = [
          "identify", "predict", golden.appending(path: "softmax.bin").path, "--json",
        ]
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: path))
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try JSON.parse(Array(bytes), origin: "stdout")
      }
      let plain = try found("\n")
      #expect(plain["lines"]?.array?.count == 5)
      #expect(plain["lines"]?.array?.first?["line"]?.string == lines.first.map(String.init))
      #expect(try found("\r\n") == plain)
    }
  }
#endif
