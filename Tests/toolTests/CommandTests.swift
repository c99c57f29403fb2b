// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Checkpoints
import Documents
import Foundation
import Recipes
import Testing
import Tokenization

@testable import koine

@Suite struct TokenizationReportTests {
  @Test func `texts that have the same file name are told apart by more of their paths`() {
    let found = TokenizationReport.named([
      "steps/text-qaa/heldout.jsonl", "steps/text-qab/heldout.jsonl", "fao=a/b.txt", "c.txt",
    ])
    #expect(
      found.map(\.name) == [
        "text-qaa/heldout.jsonl", "text-qab/heldout.jsonl", "fao", "c.txt",
      ])
    #expect(found[2].path == "a/b.txt" && found[0].path == "steps/text-qaa/heldout.jsonl")
    #expect(TokenizationReport.named(["a/x=1/b.txt"])[0].path == "a/x=1/b.txt")
    #expect(TokenizationReport.named(["a.txt", "a.txt"]).map(\.name) == ["a.txt", "a.txt"])
  }
}

/// What the command line takes, and how it answers what it cannot.
@Suite struct CommandTests {
  private func diagnosis(_ arguments: [String]) async throws -> Diagnosis? {
    var command = try Koine.parseAsRoot(arguments)
    do {
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return nil
    } catch let error as any Diagnosed {
      return error.diagnosis
    }
  }

  @Test(arguments: ["-x", "--json", "- a list", "", "--text"])
  func `a text may begin with a dash`(text: String) throws {
    let command = try #require(
      try Koine.parseAsRoot(["tokenize", "m", "--text", text, "--json"]) as? TokenizeCommand)
    #expect(command.text == text && command.format.json && command.model == "m")
    #if MLX
      let logits = try #require(
        try Koine.parseAsRoot(["logits", "m", "--text", text]) as? LogitsCommand)
      #expect(logits.text == text && !logits.format.json)
    #endif
  }

  @Test func `a folder as the recipe is malformed input`() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-tool-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var commands = [
      ["merge", folder, folder + "/out"], ["lab", "--out", "x", "--settings", folder],
    ]
    #if MLX
      commands.append(["run", folder, "--dry-run"])
    #endif
    for command in commands {
      let found = try await diagnosis(command)
      #expect(found?.what == "Expected a file, found a folder.")
      #expect(found?.where == folder && found?.kind == .malformedInput)
    }
  }

  #if MLX
    @Test func `what one process does is refused to several, with what to do`() throws {
      try RankCommands.refuse("run", count: nil)
      try RankCommands.refuse("run", count: 1)
      let error = try #require(throws: ValidationError.self) {
        try RankCommands.refuse("run", count: 4)
      }
      let (text, code) = Program.ending(of: error)
      #expect(code == 64)
      #expect(text.contains("a launcher started 4 of it: leave out mpirun."))
      #expect(text.contains("`mpirun -n 4 koine train`"))
    }
  #endif

  @Test func `an error's kind is its exit code`() {
    #expect(Program.ending(of: CancellationError()) == ("", 130))
    let missing = Program.ending(of: DocumentError.missingKey("x", path: "y", line: 3, origin: "z"))
    #expect(missing.code == 65 && missing.text.split(separator: "\n").count == 3)
  }

  @Test func `a model is not replaced by what is made of it`() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-tool-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let golden = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Golden/gguf/qwen3").standardized.path
    try FileManager.default.copyItem(atPath: golden, toPath: folder)
    let before = try Data(contentsOf: URL(filePath: "\(folder)/model.safetensors"))
    for command in [
      ["export", folder, "\(folder)/model.safetensors", "--gguf", "--force"],
      ["quantize", folder, folder + "/", "--group-size", "32", "--force"],
    ] {
      let found = try await diagnosis(command)
      #expect(found?.what == "The output folder is one of the inputs, which would be lost.")
    }
    #expect(try Data(contentsOf: URL(filePath: "\(folder)/model.safetensors")) == before)
  }

  @Test func `a merge does not take an input's place even by force`() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-tool-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let tiny = try Checkpoint.inMemory(
      config: ["model_type": "other"],
      tensors: [(name: "w", shape: [2], values: [1, 2])], elementType: .float32,
      tokenizerFilesFrom: nil)
    for name in ["a", "b"] { try CheckpointWriter.write(tiny, to: "\(folder)/\(name)") }
    let recipe = "\(folder)/merge.yaml"
    try """
    merge_method: linear
    models:
      - {model: \(folder)/a, parameters: {weight: 1}}
      - {model: \(folder)/b, parameters: {weight: 1}}
    """.write(toFile: recipe, atomically: true, encoding: .utf8)
    let found = try await diagnosis(["merge", recipe, "\(folder)/b/", "--force"])
    #expect(found?.what == "The output folder is one of the inputs, which would be lost.")
    #expect(try await diagnosis(["merge", recipe, "\(folder)/c", "--dry-run"]) == nil)
  }

  @Test(
    arguments: [
      ("5B", 5_000_000_000), ("5GB", 5_000_000_000), ("5g", 5_000_000_000), ("500M", 500_000_000),
      ("1.5kB", 1500), ("1000", 1000), ("2T", 2_000_000_000_000),
    ])
  func `sizes are read as mergekit and as people write them`(text: String, count: Int) {
    #expect(ByteSize(argument: text)?.count == count)
  }

  @Test(arguments: ["", "B", "GB", "0", "-5GB", "5XB", "nan", "1e30", "5 GB"])
  func `a size that is none is refused`(text: String) {
    #expect(ByteSize(argument: text) == nil)
  }

  @Test func `nothing to count and no folder of runs are told`() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-tool-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try BPETrainer(vocabularySize: 258).train(["a"]).save(to: folder)
    let empty = try await diagnosis(["tokenize", folder, "--stats", "--text", " \n"])
    #expect(empty?.what == "The corpus is empty: there is nothing to count.")
    #expect(empty?.where == "`--text`")
    let absent = try await diagnosis(["tokenize", folder, "--stats", "\(folder)/no.txt"])
    #expect(absent?.what == "The file does not exist." && absent?.where == "\(folder)/no.txt")
    #expect(absent?.next.hasPrefix("Check the path") == true)
    for command in [["runs"], ["runs", "a"], ["compare", "a", "b"]] {
      let found = try await diagnosis(command + ["--folder", "\(folder)/none"])
      #expect(found?.what == "There is no such folder." && found?.where == "\(folder)/none")
    }
  }

  @Test func `an empty name of an output is told`() async throws {
    let found = try await diagnosis(["lab", "--out", ""])
    #expect(found?.what == "Expected the name of a folder, found an empty text.")
    #expect(found?.where == "`--out`")
  }

  #if MLX
    @Test func `statistics take several texts, and refuse what cannot be`() async throws {
      let command = try #require(
        try Koine.parseAsRoot([
          "statistics", "m", "--text", "a.txt", "b.jsonl", "--kind", "gram", "--out", "s",
        ]) as? StatisticsCommand)
      #expect(command.text == ["a.txt", "b.jsonl"] && command.kind == .gram && !command.dryRun)
      for wrong in [
        ["--kind", "hessian"], ["--kind", "gram", "--labels", "sampled"],
        ["--kind", "fisher", "--tokens", "0"], ["--kind", "fisher", "--length", "0"],
        ["--kind", "gram", "--memory", "0"], [],
      ] {
        let arguments = ["statistics", "m", "--text", "a.txt", "--out", "s"] + wrong
        #expect(throws: (any Error).self, "\(wrong)") { try Koine.parseAsRoot(arguments) }
      }
      let empty = try await diagnosis([
        "statistics", "m", "--text", "a.txt", "--kind", "fisher", "--out", "",
      ])
      #expect(empty?.where == "`--out`")
      let absent = try await diagnosis([
        "statistics", "/nowhere", "--text", "a.txt", "--kind", "fisher", "--out", "s",
      ])
      #expect(absent?.where == "/nowhere" && absent?.kind == .malformedInput)
    }
  #endif
}
