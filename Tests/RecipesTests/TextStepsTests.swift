// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Evaluation
import Foundation
import Testing
import Tokenization

@testable import Recipes

/// The steps that only read and write text.
@Suite struct TextStepsTests {
  private func tokenizer(maximumBytes: Int) -> TokenizerStep {
    TokenizerStep(
      trainer: TokenizerTrainer(vocabularySize: 300), mix: [("a", 3), ("b", 1)],
      maximumBytes: maximumBytes,
      maximumLength: 64)
  }

  @Test func `a tokenizer takes the largest amount of text for which the shares hold`() {
    #expect(tokenizer(maximumBytes: 0).budgets(of: [9000, 1000]) == [3000, 1000])
    #expect(tokenizer(maximumBytes: 0).budgets(of: [900, 1000]) == [900, 300])
    #expect(tokenizer(maximumBytes: 400).budgets(of: [9000, 1000]) == [300, 100])
    #expect(tokenizer(maximumBytes: 1_000_000).budgets(of: [9000, 1000]) == [3000, 1000])
    #expect(tokenizer(maximumBytes: 0).budgets(of: [9000, 0]) == [0, 0])
  }

  @Test func `a tokenizer without max_bytes learns by the shares of its mix`() async throws {
    let scratch = try Scratch()
    var steps: [any RecipeStep] = []
    for (code, count) in [("a", 400), ("b", 40)] {
      // Each document has 20 bytes and words that no other has.
      let lines = (0..<count).map { "\(code)\(1_000_000_000_000_000_000 + $0)" }
      try scratch.write(lines.joined(separator: "\n") + "\n", to: "\(code).txt")
      steps.append(
        TextStep(
          language: code, files: [.file("file", scratch("\(code).txt"))],
          heldOut: HeldOutSettings(share: 0.1, maximumBytes: 1000, seed: 1),
          isHeldOutOnly: false, maximumBytes: 0))
    }
    steps.append(tokenizer(maximumBytes: 0))
    try await runSteps(steps, in: scratch)
    let plan = try Plan(
      Recipe(name: "test", steps: steps), places: RunPlaces(run: scratch("runs/test")))
    let bytes = try #require(plan["tokenizer"]?.manifest?.facts["bytes"])
    let (a, b) = (try #require(bytes["a"]?.int), try #require(bytes["b"]?.int))
    let available = try #require(
      plan["text-b"]?.manifest?.facts["sizes"]?["train"]?["bytes"]?.int)
    #expect(b == available)
    #expect(abs(a - 3 * b) < 25)
  }

  @Test func `max_bytes picks documents by a shuffle that the seed decides`() {
    let documents = (0..<200).map { Document(segments: ["document \($0)"]) }
    func picked(seed: UInt64, _ language: String = "a") -> [String] {
      TextStep(
        language: language, files: [], heldOut: HeldOutSettings(seed: seed),
        isHeldOutOnly: false, maximumBytes: 500
      ).limited(documents).map(\.text)
    }
    let one = picked(seed: 1)
    #expect(one == picked(seed: 1))
    #expect(Set(one) != Set(picked(seed: 2)))
    #expect(Set(one) != Set(picked(seed: 1, "b")))
    let bytes = one.reduce(0) { $0 + $1.utf8.count }
    #expect(bytes >= 500 && bytes < 520)
    // Those picked stay in the order of the file.
    #expect(one == documents.map(\.text).filter(Set(one).contains))
  }

  @Test func `a target with one held-out document is refused before anything is trained`()
    async throws
  {
    let scratch = try Scratch()
    let lines = (0..<40).map { "The document with the number \(7919 * $0) and no other." }
    let file = try scratch.write(lines.joined(separator: "\n") + "\n", to: "a.txt")
    func step(serves: Bool, bytes: Int) -> TextStep {
      TextStep(
        language: "fao_Latn", files: [.file("file", file)],
        heldOut: HeldOutSettings(share: 0.5, maximumBytes: bytes, seed: 1), isHeldOutOnly: false,
        maximumBytes: 0, servesSelection: serves)
    }
    // Where none fits, one document is held out all the same.
    try await runSteps([step(serves: false, bytes: 1)], in: scratch, run: "runs/one")
    try await runSteps([step(serves: true, bytes: 1000)], in: scratch, run: "runs/two")
    do {
      try await runSteps([step(serves: true, bytes: 1)], in: scratch, run: "runs/three")
      Issue.record("nothing is left to choose merges on")
    } catch {
      let text = "\(error)"
      #expect(text.contains("some held-out text of `fao_Latn`"), "\(text)")
      #expect(text.contains("Raise `held_out.share`"))
    }
    #expect(step(serves: true, bytes: 9).settings == step(serves: false, bytes: 9).settings)
  }

  @Test func `sizes of texts and token files are estimated before they are made`() async throws {
    let scratch = try Scratch()
    try scratch.write(String(repeating: "x", count: 3000), to: "plain.txt")
    try scratch.write(String(repeating: "x", count: 3000), to: "packed.txt.gz")
    func text(_ file: String, maximumBytes: Int = 0) -> TextStep {
      TextStep(
        language: "a", files: [.file("file", scratch(file))],
        heldOut: HeldOutSettings(share: 0.1, maximumBytes: 1000), isHeldOutOnly: false,
        maximumBytes: maximumBytes)
    }
    func estimates(_ text: TextStep, vocabulary: Int) throws -> [StepEstimate] {
      let steps: [any RecipeStep] = [
        text, Echo(name: "tokenizer", word: "t"),
        ShardStep(
          language: "a", tokenizer: .output("tokenizer", of: "tokenizer"),
          vocabularySize: vocabulary),
      ]
      return try Plan(
        Recipe(name: "test", steps: steps), places: RunPlaces(run: scratch("runs/test"))
      ).entries.map(\.estimate)
    }
    let plain = try estimates(text("plain.txt"), vocabulary: 65_536)
    #expect(plain.map(\.outputByteCount) == [3000, nil, 2000])
    #expect(plain[0].rough == [] && plain[2].rough == [.bytes])
    let large = try estimates(text("plain.txt", maximumBytes: 1200), vocabulary: 65_537)
    #expect(large.map(\.outputByteCount) == [1500, nil, 2000])
    let packed = try estimates(text("packed.txt.gz"), vocabulary: 300)
    #expect(packed.map(\.outputByteCount) == [9000, nil, 6000] && packed[0].rough == [.bytes])
  }

  @Test func `held-out texts of two languages share no document id`() throws {
    let scratch = try Scratch()
    let path = try scratch.write("{\"text\": \"a\"}\n{\"text\": \"b\"}\n", to: "heldout.jsonl")
    let sets = try ["qaa", "qab"].map {
      try StudyData.text(language: $0, split: .test, path: path)
    }
    #expect(sets[0].documents.map(\.id) == ["qaa-0", "qaa-1"])
    #expect(Set(sets.flatMap(\.documents).map(\.id)).count == 4)
  }
}
