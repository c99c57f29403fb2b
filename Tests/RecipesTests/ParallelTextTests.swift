// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Evaluation
  import Foundation
  import Testing

  @testable import Recipes

  /// Parallel texts in a study's recipe: what may be said, what stays unseen, and what is done anew.
  struct ParallelTextTests {
    /// The tiny study with a section `parallel`, and what it has drawn from in CT and joint training.
    private func recipe(
      _ section: String = Self.section, mixing names: [String] = ["pairs", "words"]
    ) throws -> String {
      let shares = names.map { ", \($0): 0.1" }.joined()
      let text = StudyTests.recipe.replacing("\ntokenizer:", with: "\n\(section)\ntokenizer:")
        .replacing("ct: {mix: {qab: 0.8, qaa: 0.2", with: "ct: {mix: {qab: 0.8, qaa: 0.2" + shares)
        .replacing("joint: {mix: {qab: 1.0", with: "joint: {mix: {qab: 1.0" + shares)
        .replacing("parallel_pairs: 10", with: "parallel_pairs: 200")
      #expect(text.contains(section))
      return text
    }

    private static let section = """
      parallel:
        pairs:
          languages: [qaa, qab]
          form: interlinear
          files: [parallel/qaa-qab.tsv]
        words:
          languages: [qab, qaa]
          form: code_switched
          code_switch: {lexicon: [lexicons/qaa-qab.tsv], reversed: true, share: 0.3}
      """

    private func lines(_ text: String) -> [String] {
      do {
        _ = try StudySettings(yaml: text, origin: "r.yaml")
        return []
      } catch {
        return ((error as? any Diagnosed)?.description ?? "\(error)")
          .split(separator: "\n").map(String.init)
      }
    }

    private func line(of start: String, in text: String) throws -> Int {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      return try #require(lines.firstIndex { $0.hasPrefix(start) }) + 1
    }

    // MARK: What may be said

    @Test func `the keys are those that koine train has, the recipe's seed where there is none`()
      throws
    {
      let section = """
        parallel:
          a:
            languages: [qaa, qab]
            source_files: [a.txt]
            target_files: [b.txt]
            order: random
            pairs_per_document: 4
            source_tag: "1: "
            target_tag: "2: "
            separator: "--"
            seed: 9
          b: {languages: [qaa, qab], files: [parallel/qaa-qab.tsv], source_field: x, target_field: y}
          c:
            languages: [qaa, qab]
            form: code_switched
            code_switch: {lexicon: [l.tsv], share: 0.4, documents: 0.5}
        """
      let found = try StudySettings(yaml: recipe(section, mixing: []), origin: "r.yaml").parallel
      #expect(found.map(\.name) == ["a", "b", "c"])
      var wanted = ParallelSettings(files: .aligned(source: ["a.txt"], target: ["b.txt"]))
      (wanted.order, wanted.pairsPerDocument, wanted.separator) = (.random, 4, "--")
      (wanted.sourceTag, wanted.targetTag, wanted.seed) = ("1: ", "2: ", 9)
      guard case .pairs(let a) = found[0].form, case .pairs(let b) = found[1].form,
        case .codeSwitched(let c) = found[2].form
      else {
        Issue.record("other forms")
        return
      }
      #expect(a == wanted)
      #expect((b.form, b.order, b.sourceField, b.targetField) == (.bilingual, .both, "x", "y"))
      #expect((c.lexicon, c.share, c.documents) == (["l.tsv"], 0.4, 0.5))
      #expect(b.seed == 3 && c.seed == 3)
    }

    @Test func `an unknown name in a mix is told with its line and the nearest one`() throws {
      let text = try recipe(mixing: ["pars"])
      #expect(
        lines(text) == [
          "The language `pars` has no text.",
          "r.yaml, line \(try line(of: "ct:", in: text)), `ct.mix`", "Did you mean `pairs`?",
        ])
      #expect(lines(try recipe()) == [])
    }

    @Test func `a language that the recipe does not have is told with its line`() throws {
      let pairs = try recipe(Self.section.replacing("[qaa, qab]", with: "[qaa, qax]"))
      #expect(
        lines(pairs) == [
          "The language `qax` has no text.",
          "r.yaml, line \(try line(of: "  pairs:", in: pairs)), `parallel.pairs.languages`",
          "Did you mean `qaa`?",
        ])
      // Words are replaced in text that is trained on.
      let words = try recipe(
        Self.section.replacing("[qab, qaa]", with: "[qac, qaa]"), mixing: ["words"]
      ).replacing(
        "  qab: {files: [text/qab.txt]}",
        with: "  qab: {files: [text/qab.txt]}\n  qac: {files: [x.txt], held_out_only: true}")
      #expect(lines(words).first == "The language `qac` has no text.")
      #expect(
        lines(try recipe(Self.section.replacing("[qaa, qab]", with: "[qaa]"))).first
          == "`parallel.pairs.languages` should be two languages, that of the first side and that "
          + "of the second, found qaa.")
    }

    @Test func `a form without its lexicon or files, and one with another's, are refused`() throws {
      let bare = try recipe(
        Self.section.replacing(/\n +code_switch: .*/, with: ""), mixing: ["words"])
      #expect(
        lines(bare) == [
          "The key `code_switch` is missing in `parallel.words`.",
          "r.yaml, line \(try line(of: "  words:", in: bare) + 1)", "Add `code_switch`.",
        ])
      #expect(
        lines(try recipe(Self.section.replacing("lexicon: [lexicons/qaa-qab.tsv], ", with: "")))
          .first == "`parallel.words.code_switch.lexicon` should be one or more files, found none.")
      #expect(
        lines(try recipe(Self.section.replacing(/\n +files: .*/, with: ""))).first
          == "`parallel.pairs.files` should be files with both sides, or `source_files` and "
          + "`target_files`, found none.")
      let both = try recipe(Self.section + "\n    order: both")
      #expect(
        lines(both) == [
          "`parallel.words.order` means nothing here: code-switched text is the first language's "
            + "own, which stands under `text`.",
          "r.yaml, line \(try line(of: "    order: both", in: both))",
          "Remove it, or choose another `form`.",
        ])
      #expect(
        lines(
          try recipe(
            Self.section.replacing(
              "form: interlinear", with: "code_switch: {lexicon: [l.tsv]}"))
        ).first == "`parallel.pairs.code_switch` means nothing here: pairs keep their words.")
      #expect(
        lines(try recipe(Self.section.replacing("interlinear", with: "interlinar"))).first?
          .hasPrefix("`parallel.pairs.form` should be one of bilingual, interlinear, code_switched")
          == true)
      #expect(
        lines(try recipe(Self.section.replacing("  form: inter", with: "  fom: inter"))).first
          == "Unknown key `fom` in `parallel.pairs`.")
    }

    @Test func `names of languages and names that no folder can have are refused`() throws {
      #expect(
        lines(try recipe(Self.section.replacing("  pairs:", with: "  qaa:"), mixing: [])).first
          == "`parallel.qaa` should be no language's code, found `qaa`.")
      #expect(
        lines(try recipe(Self.section.replacing("  pairs:", with: "  a/b:"), mixing: [])).first?
          .hasPrefix("`parallel.a/b` should be named by 1 to 93 letters") == true)
    }

    @Test func `a missing file is told with the line that names it, if a training needs it`() throws
    {
      let scratch = try Scratch()
      try scratch.write("One sentence.\nAnother one.\n", to: "a.txt")
      func study(mixing names: [String]) throws {
        var text = try recipe(mixing: names)
        text.replaceSubrange(
          try #require(text.range(of: "lab:"))
            .lowerBound..<#require(text.range(of: "text:\n")).lowerBound, with: "task: lab_topics\n"
        )
        text = text.replacing(/text\/qa.\.txt/, with: "a.txt")
        let path = try scratch.write(text, to: "r.yaml")
        _ = try Study(path: path, dataFolder: scratch.path)
      }
      do {
        try study(mixing: ["pairs"])
        Issue.record("accepted")
      } catch let error as StudyError {
        let lines = error.description.split(separator: "\n")
        #expect(lines[0] == "The file `\(scratch("parallel/qaa-qab.tsv"))` is missing.")
        #expect(lines[1].hasPrefix("\(scratch("r.yaml")), line "))
        #expect(lines[1].hasSuffix(", `parallel.pairs`"))
      }
      // Without it the rows of the task are what is missing.
      #expect(throws: CorpusError.self) { try study(mixing: []) }
    }

    @Test func `a laboratory is asked only for the pairs it writes`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try bench.rewrite(try recipe(Self.section.replacing("parallel/qaa-qab", with: "qab-qaa")))
      #expect {
        try bench.study()
      } throws: {
        guard case StudyError.notInLab("qab-qaa.tsv", let known) = $0 else { return false }
        return known.contains("parallel/qaa-qab.tsv")
      }
    }

    // MARK: What is done anew

    private func keys(_ bench: StudyTests.Bench) throws -> [String: StepKey] {
      Dictionary(uniqueKeysWithValues: try bench.plan().entries.map { ($0.step.name, $0.key) })
    }

    /// As they were before there were any. Only a raised version of a step's kind may change one.
    @Test func `the keys of a recipe without parallel texts are what they were`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      let found = try bench.plan().entries.map { "\($0.step.name) \($0.key.short)" }
      #expect(Set(found) == Set(Self.keysWithout) && found.count == Self.keysWithout.count)
    }

    private static let keysWithout: [String] = [
      "lab b1b8f70425be",
      "text-qaa 1a7998019c4b",
      "text-qab 85c030d4993b",
      "tokenizer 7ec8b7a94bbe",
      "tokens-qaa 23152654d316",
      "tokens-qab e7fadae740ae",
      "base 4fd9d6902c81",
      "ct c7087f50ff01",
      "sft 9ee2cf81cd2b",
      "ct-sft 3ecc46cca8b3",
      "joint 164b880666b8",
      "diagnose 9903012c78e9",
      "selection af913a51d1c8",
      "merge-linear bdeca28f2304",
      "merge-ties_sv 7aeabeb999d1",
      "floors 1bda20ec93ba",
      "evaluate-base a32e3deb02a2",
      "evaluate-sft d32897818820",
      "evaluate-ct 927a514ae7d8",
      "evaluate-ct-sft 79cd917c8b98",
      "evaluate-joint 601f8bbe0abb",
      "evaluate-merge-linear 2becde3621bd",
      "evaluate-merge-ties_sv c5ce69a21dd3",
    ]

    @Test func `parallel texts redo the trainings that draw from them and what reads these`() throws
    {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      let plain = StudyTests.recipe.replacing("parallel_pairs: 10", with: "parallel_pairs: 200")
      try bench.rewrite(plain)
      let before = try keys(bench)
      // Not drawn from: nothing is done for it.
      try bench.rewrite(try recipe(mixing: []))
      #expect(try keys(bench) == before)
      try bench.rewrite(try recipe())
      let after = try keys(bench)
      #expect(
        Set(after.keys).subtracting(before.keys) == [
          "text-pairs", "text-words", "tokens-pairs", "tokens-words",
        ])
      let same = before.filter { after[$0.key] == $0.value }.keys
      #expect(
        Set(same) == [
          "lab", "text-qaa", "text-qab", "tokenizer", "tokens-qaa", "tokens-qab", "base", "sft",
          "floors", "evaluate-base", "evaluate-sft",
        ])
      // The form, the lexicon's share and the seed are part of the text.
      for (old, new, step) in [
        ("interlinear", "bilingual", "text-pairs"), ("share: 0.3", "share: 0.2", "text-words"),
        ("files: [parallel", "seed: 5\n    files: [parallel", "text-pairs"),
      ] {
        try bench.rewrite(try recipe(Self.section.replacing(old, with: new)))
        let changed = try keys(bench).filter { after[$0.key] != $0.value }.keys
        #expect(changed.contains(step) && changed.contains("ct") && !changed.contains("base"))
      }
    }

    @Test func `a base may learn from parallel text, its tokenizer too`() throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try bench.rewrite(
        try recipe(mixing: []).replacing("{qaa: 0.9, qab: 0.1}", with: "{qaa: 0.9, pairs: 0.1}"))
      let plan = try bench.plan()
      let tokenizer = try #require(plan["tokenizer"]?.step)
      #expect(tokenizer.inputs.contains(.output("pairs", of: "text-pairs")))
      #expect(plan["base"]?.step.inputs.contains { $0.label == "tokens-pairs" } == true)
    }

    // MARK: What is learnt

    @Test func `a study draws from pairs and code-switched text, and reports them`() async throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try bench.rewrite(try recipe())
      let record = try await bench.run()
      let plan = try bench.plan()
      let sources = try #require(plan["ct"]?.manifest?.facts["sources"]?.array)
      let drawn = sources.filter { ($0["tokens"]?.int ?? 0) > 0 }.compactMap { $0["name"]?.string }
      #expect(Set(drawn) == ["qaa", "qab", "pairs", "words"])
      let content = try bench.study().report(plan, record)
      #expect(content.data.map(\.language) == ["qaa", "qab", "pairs", "words"])
      for data in content.data.dropFirst(2) {
        #expect(data.use == "CT, joint" && data.heldOutDocumentCount == 0)
        #expect(data.trainDocumentCount > 0 && data.trainByteCount > 0)
        #expect(try #require(data.trainTokenCount) > 0)
      }
      let words = try #require(plan["text-words"]?.manifest?.facts["sizes"])
      let share =
        Double(try #require(words["replaced"]?.int)) / Double(try #require(words["words"]?.int))
      #expect(abs(share - 0.3) < 0.02)
    }
  }
#endif
