// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Testing

@testable import Recipes

/// What the step of a parallel text leaves out and keeps.
struct ParallelTextStepTests {
  /// A text, pairs, rows and a lexicon, and the steps that read them.
  private struct Leaks {
    let scratch: Scratch
    /// `{count}` sentences of their own, of fourteen words each.
    static func sentences(_ language: String, _ count: Int, from first: Int = 0) -> [String] {
      (first..<first + count).map { number in
        (0..<14).map { "\(language)\(number)x\($0)" }.joined(separator: " ") + "."
      }
    }

    func steps(_ form: ParallelText.Form, file: String) -> [any RecipeStep] {
      let texts = ["a", "b"].map { code in
        TextStep(
          language: code, files: [.file("file", scratch("\(code).txt"))],
          heldOut: HeldOutSettings(share: 0.2, maximumBytes: 100_000, seed: 1),
          isHeldOutOnly: false, maximumBytes: 0)
      }
      return texts + [
        ParallelTextStep(
          text: ParallelText(
            name: "pairs", languages: ["a", "b"], form: form, place: "r.yaml, line 1"),
          files: [.file("file-0", scratch(file))],
          rows: [.file("rows-a-test", scratch("rows.tsv"))], measured: ["a", "b"])
      ]
    }

    func read(_ step: String, _ file: String) throws -> [String] {
      let folder = try #require(
        try Disk.names(in: scratch("runs/test/steps")).first { $0.hasPrefix(step + "-") })
      return try CorpusReader.documents(at: scratch("runs/test/steps/\(folder)/\(file)"))
        .flatMap(\.segments)
    }

    func sizes() throws -> JSON {
      let folder = try #require(
        try Disk.names(in: scratch("runs/test/steps")).first { $0.hasPrefix("text-pairs-") })
      return try #require(
        try StepManifest(folder: scratch("runs/test/steps/\(folder)")).facts["sizes"])
    }

    init() throws {
      scratch = try Scratch()
      for code in ["a", "b"] {
        try scratch.write(
          Self.sentences(code, 200).joined(separator: "\n") + "\n", to: "\(code).txt")
      }
      let rows = Self.sentences("row", 5).enumerated().map { "\($0.offset)\tl\t\($0.element)" }
      try scratch.write(
        "index_id\tcategory\ttext\n" + rows.joined(separator: "\n") + "\n", to: "rows.tsv")
    }
  }

  @Test(arguments: [ParallelSettings.Form.bilingual, .interlinear])
  func `pairs that hold held-out text of either language or a task row are left out and counted`(
    form: ParallelSettings.Form
  ) async throws {
    let leaks = try Leaks()
    // Beside pairs of their own: all of a's text, all of b's, the task's rows, one side missing.
    let own = zip(Leaks.sentences("c", 50), Leaks.sentences("d", 50)).map { ($0, $1) }
    let ofA = zip(Leaks.sentences("a", 200), Leaks.sentences("d", 200, from: 100))
    let ofB = zip(Leaks.sentences("c", 200, from: 100), Leaks.sentences("b", 200))
    let rows = zip(Leaks.sentences("row", 5), Leaks.sentences("d", 5, from: 500))
    let pairs = own + Array(ofA) + Array(ofB) + Array(rows) + [("lonely", "")]
    try leaks.scratch.write(
      pairs.map { "\($0)\t\($1)" }.joined(separator: "\n") + "\n", to: "pairs.tsv")
    var settings = ParallelSettings(files: .joint(["pairs.tsv"]))
    settings.form = form
    try await runSteps(leaks.steps(.pairs(settings), file: "pairs.tsv"), in: leaks.scratch)

    let learnt = Set(try leaks.read("text-pairs", "train.jsonl"))
    var heldOut: Set<String> = []
    for code in ["a", "b"] {
      for file in ["selection.jsonl", "heldout.jsonl"] {
        heldOut.formUnion(try leaks.read("text-\(code)", file))
      }
    }
    #expect(heldOut.count > 40)
    #expect(learnt.isDisjoint(with: heldOut))
    #expect(learnt.isDisjoint(with: Leaks.sentences("row", 5)))
    // Nothing else goes: training text of the languages may stand in pairs.
    let kept = pairs.dropLast().filter {
      !heldOut.contains($0.0) && !heldOut.contains($0.1) && !$0.0.hasPrefix("row")
    }
    #expect(learnt == Set(kept.flatMap { [$0.0, $0.1] }))
    let sizes = try leaks.sizes()
    #expect(sizes["pairs"]?.int == kept.count)
    #expect(sizes["contaminated"]?.int == heldOut.count + 5)
    #expect(sizes["one_sided"]?.int == 1)
  }

  @Test func `code-switched text has no task row either, and only words of the lexicon change`()
    async throws
  {
    let leaks = try Leaks()
    let row = Leaks.sentences("row", 1)[0]
    let text = Leaks.sentences("a", 200) + (0..<20).map { "before \($0) \(row)" }
    try leaks.scratch.write(text.joined(separator: "\n") + "\n", to: "a.txt")
    let known = (0..<200).map { "a\($0)x3\tb\($0)x3" }
    try leaks.scratch.write(known.joined(separator: "\n") + "\n", to: "lexicon.tsv")
    var settings = CodeSwitchSettings(lexicon: ["lexicon.tsv"])
    settings.share = 1
    try await runSteps(
      leaks.steps(.codeSwitched(settings), file: "lexicon.tsv"), in: leaks.scratch)
    let learnt = try leaks.read("text-pairs", "train.jsonl")
    let source = try leaks.read("text-a", "train.jsonl").filter { !$0.contains("row") }
    #expect(learnt == source.map { $0.replacing(#/a(\d+)x3 /#) { "b\($0.1)x3 " } })
    let sizes = try leaks.sizes()
    #expect(sizes["replaced"]?.int == learnt.count)
    #expect((sizes["contaminated"]?.int ?? 0) > 10)
  }

  @Test func `a bad line, and pairs that are all measured, are told with file and line`()
    async throws
  {
    let leaks = try Leaks()
    let settings = ParallelSettings(files: .joint(["pairs.tsv"]))
    func lines(_ pairs: [String]) async throws -> [Substring] {
      try leaks.scratch.write(pairs.joined(separator: "\n") + "\n", to: "pairs.tsv")
      do {
        _ = try await runSteps(
          leaks.steps(.pairs(settings), file: "pairs.tsv"), in: leaks.scratch)
        return []
      } catch let error as any Diagnosed {
        return error.description.split(separator: "\n")
      }
    }
    #expect(
      try await lines(["one\teins", "two zwei"]) == [
        "Step `text-pairs`: The line should have at least 2 columns, it has 1.",
        "\(leaks.scratch("pairs.tsv")), line 2",
        "Separate the columns with single tabs; put text that holds tabs in double quotes.",
      ])
    #expect(
      try await lines(Leaks.sentences("row", 5).map { $0 + "\tx" }) == [
        "Step `text-pairs`: The corpus is empty: all 5 pairs share words with held-out text or "
          + "task rows.", "pairs", "Give at least one file with text in it.",
      ])
  }
}
