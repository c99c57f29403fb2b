// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Foundation
import Testing

@testable import koine

#if MLX
  import Corpora
  import Generation
  import Models

  @Suite struct GenerateCommandTests {
    @Test(arguments: [
      ["generate", "m"],
      ["generate", "m", "--prompt", "a", "--lines"],
      ["generate", "m", "--prompt", "a", "--system", "b"],
      ["generate", "m", "--prompt", "a", "--template", "plain"],
      ["generate", "m", "--prompt", "a", "--logprobs", "3"],
      ["generate", "m", "--prompt", "a", "--batch", "0"],
      ["generate", "m", "--prompt", "a", "--temperature", "0", "--top-p", "0.9"],
      ["generate", "m", "--prompt", "a", "--identifier", "x.bin"],
      ["generate", "m", "--prompt", "a", "--language", "fao"],
      ["generate", "m", "--prompt", "a", "--script-penalty", "3"],
      ["generate", "m", "--prompt", "a", "--prior-reference", "x.txt"],
      ["generate", "m", "--prompt", "a", "--prior-strength", "0.4"],
      ["generate", "m", "--prompt", "a", "--line-attempts", "2"],
      ["chat", "m", "--on-wrong-line", "stop"],
      ["chat", "m", "--identifier", "x", "--language", "y", "--on-wrong-line", "cry"],
      ["identify", "predict", "x.bin", "--count", "0"],
      ["identify", "train", "a=b", "--out", "c", "--ngrams", "two"],
    ])
    func `options that make no sense together are wrong usage`(arguments: [String]) {
      do {
        _ = try Koine.parseAsRoot(arguments)
        Issue.record("accepted \(arguments)")
      } catch {
        #expect(Koine.exitCode(for: error) == .validationFailure)
      }
    }

    @Test func `a prompt may begin with a dash, and there may be several`() throws {
      let command = try #require(
        try Koine.parseAsRoot(["generate", "m", "--prompt", "-x", "--prompt", "--seed", "--json"])
          as? GenerateCommand)
      #expect(command.prompt == ["-x", "--seed"] && command.format.json)
    }

    private func options(
      _ arguments: [String], _ defaults: GenerationDefaults = GenerationDefaults()
    ) throws -> GenerationOptions {
      let command = try #require(
        try Koine.parseAsRoot(["generate", "m", "--prompt", "a"] + arguments) as? GenerateCommand)
      var options = TextOptions(generation: defaults.options)
      try command.sampling.apply(to: &options, defaults: defaults)
      return options.generation
    }

    @Test func `the command line wins over the model's recommendations`() throws {
      #expect(try options([]) == GenerationOptions())
      var defaults = GenerationDefaults()
      defaults.options = GenerationOptions(temperature: 0.6, stopIDs: [3], topK: 20, topP: 0.95)
      let changed = try options(["--top-k", "5", "--seed", "9", "--max-tokens", "7"], defaults)
      #expect(
        changed
          == GenerationOptions(
            maximumTokens: 7, temperature: 0.6, seed: 9, stopIDs: [3], topK: 5, topP: 0.95))
      #expect(try options(["--temperature", "0"], defaults).temperature == 0)
      // Who says among what to draw wants to draw.
      defaults.options.temperature = 0
      defaults.samplingTemperature = 0.8
      #expect(try options(["--top-p", "0.5"], defaults).temperature == 0.8)
      #expect(throws: ModelError.self) { try options(["--top-p", "1.5"]) }
    }

    private func prompts(_ name: String, _ text: String, byLine: Bool = false) throws -> [String] {
      let path = FileManager.default.temporaryDirectory
        .appending(path: "koine-\(UUID().uuidString)-\(name)").path
      try Data(text.utf8).write(to: URL(filePath: path))
      defer { try? FileManager.default.removeItem(atPath: path) }
      return try PromptFile(path: path).prompts(byLine: byLine)
    }

    @Test func `prompts come from whole files, lines and records`() throws {
      #expect(try prompts("a.txt", "one\ntwo\n") == ["one\ntwo\n"])
      #expect(try prompts("a.txt", "one\r\n\n two\n", byLine: true) == ["one", " two"])
      #expect(
        try prompts("a.jsonl", "{\"prompt\": \"a\\nb\"}\n\n{\"prompt\": \"\"}") == ["a\nb", ""])
      for bad in ["{\"text\": \"a\"}", "{", "{\"prompt\": 3}", ""] {
        #expect(throws: CorpusError.self) { try prompts("a.jsonl", bad) }
      }
      let error = #expect(throws: CorpusError.self) { try prompts("a.jsonl", "\n{\"prompt\": 3}") }
      #expect(error?.diagnosis.where.hasSuffix("a.jsonl, line 2") == true)
      #expect(
        error?.diagnosis.next == #"Each line must be a JSON object like {"prompt": "…"}."#)
    }

    @Test func `the report says every option of language, null where it is not used`() throws {
      func options(_ arguments: [String], _ control: LanguageControl) throws -> JSON {
        let command = try #require(
          try Koine.parseAsRoot(["generate", "m", "--prompt", "a"] + arguments)
            as? GenerateCommand)
        return command.language.json(control)
      }
      let keys = [
        "scripts", "script_penalty", "language_prior", "prior_reference", "prior_strength",
        "identifier", "language", "line_attempts", "on_wrong_line",
      ]
      let none = try options([], LanguageControl())
      #expect(none.object?.members.map(\.key) == keys)
      #expect(none.object?.members.allSatisfy { $0.value == .null } == true)
      var control = LanguageControl()
      control.scriptPenalty = 2.5
      let some = try options(
        ["--language-script", "Latn", "--script-penalty", "2.5", "--language-prior", "fao.txt"],
        control)
      #expect(some["script_penalty"] == 2.5 && some["prior_strength"] == .null)
      #expect(some["language_prior"] == "fao.txt" && some["prior_reference"] == .null)
    }

    @Test func `what a model writes cannot steer the terminal`() {
      #expect(SafeText.forTerminal("a\tb\n\u{1B}[2Jc\u{202E}d\u{9B}é😀") == "a\tb\n�[2Jc�d�é😀")
    }
  }
#endif
