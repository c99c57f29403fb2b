// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Foundation
  import Surgery
  import Testing
  import Tokenization

  @testable import Recipes

  /// What a study's recipe may not say, and what its task must have.
  struct StudySettingsTests {
    private func lines(_ old: String, _ new: String) -> [String] {
      let text = StudyTests.recipe.replacing(old, with: new)
      #expect(text != StudyTests.recipe)
      do {
        _ = try StudySettings(yaml: text, origin: "r.yaml")
        return []
      } catch {
        return ((error as? any Diagnosed)?.description ?? "\(error)")
          .split(separator: "\n").map(String.init)
      }
    }

    private func line(of text: String) throws -> Int {
      let lines = StudyTests.recipe.split(separator: "\n", omittingEmptySubsequences: false)
      return try #require(lines.firstIndex { $0.hasPrefix(text) }) + 1
    }

    @Test func `keys that would mean nothing where they stand are refused`() throws {
      #expect(
        lines("sft: {", "sft: {mix: {qaa: 1}, ") == [
          "`sft.mix` means nothing here: this training reads task rows only.",
          "r.yaml, line \(try line(of: "sft:"))",
          "Remove it; `joint` trains on text and task together.",
        ])
      #expect(
        lines("ct_sft: {}", "ct_sft: {mix: {qaa: 1}}").first?.hasPrefix("`ct_sft.mix`") == true)
      for section in ["base", "ct"] {
        #expect(
          lines("\n\(section): {", "\n\(section): {epochs: 2, ") == [
            "`\(section).epochs` means nothing here: text is drawn by `mix`, not gone through.",
            "r.yaml, line \(try line(of: "\(section):"))",
            "Remove it; `steps` or `tokens` say how long to train.",
          ])
      }
      for section in ["base", "ct", "sft"] {
        #expect(
          lines("\n\(section): {", "\n\(section): {examples_share: 0.5, ").first
            == "`\(section).examples_share` means nothing here: only `joint` mixes task rows with "
            + "text.")
      }
      #expect(lines("joint: {", "joint: {examples_share: 0.5, epochs: 2, ") == [])
    }

    @Test func `a pattern that matches no tensor is found before anything is trained`() throws {
      let text = StudyTests.recipe.replacing("ct_sft: {}", with: "ct_sft: {freeze: [embeding]}")
      let settings = try StudySettings(yaml: text, origin: "r.yaml")
      let error = #expect(throws: StudyError.self) {
        try Study(settings: settings, path: "r.yaml", text: text, dataFolder: nil)
      }
      #expect(
        error?.description == """
          `embeding` matches no tensor of the model.
          r.yaml, `ct_sft`: `freeze`
          Did you mean `embeddings`?
          """)
    }

    @Test(arguments: [
      ("warmup_steps: 8", "`warmup_steps` should be fewer than the training's steps (8), found 8."),
      (
        "schedule: wsd, warmup_steps: 2, decay_steps: 7",
        "`decay_steps` should be at most what the warm-up leaves of 8 steps (6), found 7."
      ),
    ])
    func `a schedule longer than its training is found before anything is trained`(
      keys: String, message: String
    ) throws {
      let text = StudyTests.recipe.replacing(
        "ct: {mix: {qab: 0.8, qaa: 0.2}, steps: 8}",
        with: "ct: {mix: {qab: 0.8, qaa: 0.2}, steps: 8, \(keys)}")
      let settings = try StudySettings(yaml: text, origin: "r.yaml")
      let error = #expect(throws: StudyError.self) {
        try Study(settings: settings, path: "r.yaml", text: text, dataFolder: nil)
      }
      #expect(error?.diagnosis.what == message)
    }

    @Test func `numbers of settings are short, and none is shown as 0 that is not`() throws {
      let shown = try JSON.parse("[3, 0.5, 0.12345, 3.00001, -0.25, 0.00001, -0.0004]", origin: "")
      #expect(shown.display == "3, 0.5, 0.1235, 3, -0.25, 1e-05, -0.0004")
    }

    @Test func `a misspelt file list, windows beyond the positions and a foreign prompt are named`()
      throws
    {
      #expect(
        lines("qab: {files:", "qab: {file:") == [
          "Unknown key `file` in `text.qab`.", "r.yaml, line \(try line(of: "  qab:"))",
          "Did you mean `files`?",
        ])
      #expect(
        lines("window_length: 32", "window_length: 129") == [
          "`window_length` should be at most max_position_embeddings (128), found 129.",
          "r.yaml, line \(try line(of: "window_length:"))", "Correct the value.",
        ])
      #expect(
        lines("{language: qab, text: \"a\"}", "{language: qzz, text: \"a\"}").first
          == "The language `qzz` has no text.")
    }

    @Test func `sizes and a tokenizer beside the path of a model are refused`() throws {
      #expect(
        lines("model:\n", "model:\n  path: m\n") == [
          "`model.hidden_size` means nothing here: the model of `path` has its own sizes.",
          "r.yaml, line \(try line(of: "model:") + 2)", "Remove it, or `path`.",
        ])
      let start = try #require(StudyTests.recipe.range(of: "model:\n"))
      let end = try #require(StudyTests.recipe.range(of: "base: {mix"))
      let sizes = String(StudyTests.recipe[start.lowerBound..<end.lowerBound])
      #expect(
        lines(sizes, "model: {path: m}\n").first
          == "`tokenizer.vocab_size` means nothing here: the model of `model.path` has its "
          + "tokenizer.")
    }

    @Test func `an unknown task, a foreign prompt and a laboratory without rows have their lines`()
      throws
    {
      #expect(
        lines("name: tiny\n", "name: tiny\ntask: sib20\n") == [
          "There is no task `sib20`.", "r.yaml, line 2", "Did you mean `sib200`?",
        ])
      #expect(
        lines("{language: qab, text: \"a\"}", "{language: qzz, text: \"a\"}").dropFirst().first?
          .hasPrefix("r.yaml, line ") == true)
      let rows = lines("train_rows: ", "train_rows: 0 # ")
      #expect(
        rows.first
          == "`lab.train_rows` should be at least 1 in a study, which trains, selects and tests, "
          + "found 0.")
      #expect(rows.dropFirst().first?.hasPrefix("r.yaml, line ") == true)
      #expect(
        lines("dev_rows: 20", "dev_rows: 0").first?.hasPrefix("`lab.dev_rows` should") == true)
    }

    @Test func `a tokenizer may be of any kind that can be trained`() throws {
      func tokenizer(_ section: String) throws -> TokenizerTrainer {
        let text = StudyTests.recipe.replacing(/tokenizer: \{.*\}/, with: "tokenizer: {\(section)}")
        return try StudySettings(yaml: text, origin: "r.yaml").tokenizer.trainer
      }
      #expect(try tokenizer("vocab_size: 300") == TokenizerTrainer(vocabularySize: 300))
      var wanted = TokenizerTrainer(.unigram, vocabularySize: 500)
      wanted.fallsBackToBytes = false
      wanted.specialTokens = ["<mask>"]
      wanted.minimumFrequency = 3
      wanted.maximumTokenLength = 8
      wanted.coverage = 0.99
      wanted.characterLimit = 200
      #expect(
        try tokenizer(
          "type: unigram, vocab_size: 500, byte_fallback: false, special_tokens: [<mask>], "
            + "min_frequency: 3, max_token_length: 8, character_coverage: 0.99, limit_alphabet: 200"
        ) == wanted)
      #expect(throws: DocumentError.self) { try tokenizer("type: wordpiece") }
      do {
        _ = try tokenizer("character_coverage: 0.9")
        Issue.record("accepted")
      } catch {
        #expect(
          "\(error)".hasPrefix(
            "`tokenizer.character_coverage` means nothing here: tokens of this type are made of "
              + "bytes."))
      }
    }

    @Test func `a study needs source languages, each once`() {
      #expect(
        lines("sources: [qaa]", "sources: []") == [
          "`languages.sources` should be at least one language, found none.",
          "r.yaml, line 3", "Correct the value.",
        ])
      #expect(
        lines("sources: [qaa]", "sources: [qaa, qaa]") == [
          "`languages.sources` should be each language once, found `qaa` twice.",
          "r.yaml, line 3", "Correct the value.",
        ])
    }

    @Test func `names, targets and merges that cannot be are told with file and line`() throws {
      #expect(
        lines("name: tiny", "name: ../evil") == [
          "`name` should be 1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit, "
            + "found `../evil`.", "r.yaml, line 1", "Correct the value.",
        ])
      #expect(
        lines("{sources: [qaa], target: qab}", "\n  sources: [qaa]\n  target: qaa") == [
          "The language `qaa` is the target and also a source.", "r.yaml, line 5",
          "Remove it from the sources: labels of the target may not touch selection.",
        ])
      let second = "\n  - {merge_method: linear, parameters: {weight: 1}}"
      #expect(
        lines("\nsamples:", second + "\nsamples:") == [
          "`merges[2].merge_method` should be each method once, found `linear` twice.",
          "r.yaml, line \(try line(of: "samples:"))", "Correct the value.",
        ])
    }

    @Test func `a merge that its method refuses is found in the recipe`() throws {
      #expect(
        lines("parameters: {weight: 1, density: 0.8}", "parameters: {density: 0.8}") == [
          "The method `ties_sv` needs the parameter `weight`.",
          #"r.yaml, line \#(try line(of: "  - {merge_method: ties_sv")), "#
            + #"ties_sv {"density":0.8,"slack":[0,1.0]}"#,
          "Add `weight` to `parameters` or to `grid`.",
        ])
    }

    @Test func `a task without acc is refused, one without acc_norm is not`() throws {
      #expect(
        lines("name: tiny\n", "name: tiny\ntask: held_out_text\n") == [
          "The task `held_out_text` cannot be used in a study: it asks for no choice among answers.",
          "built-in task held_out_text.yaml",
          "Choose a multiple-choice task with `acc` in its `metric_list`, or add it there.",
        ])
      let scratch = try Scratch()
      let text = try taskText(metrics: "[{metric: macro_f1}]")
      let path = try scratch.write(text, to: "task.yaml")
      #expect(
        lines("name: tiny\n", "name: tiny\ntask: \(path)\n").first
          == "The task `mine` cannot be used in a study: it does not measure `acc`.")
      #expect(lines("name: tiny\n", "name: tiny\ntask: sib_prompt_1\n") == [])
    }

    @Test func `a study on a task without acc_norm comes to its report`() async throws {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try taskText(metrics: "[{metric: acc}]").write(
        toFile: bench.folder + "/task.yaml", atomically: true, encoding: .utf8)
      try bench.rewrite("task: task.yaml\n" + StudyTests.recipe)
      let record = try await bench.run()
      let content = try bench.study().report(bench.plan(), record)
      for model in content.models {
        #expect(model.target?.accuracy != nil && model.target?.normalizedAccuracy == nil)
      }
    }

    @Test func `another prompt under the same name and version redoes all that reads the task`()
      throws
    {
      let bench = try StudyTests.Bench()
      defer { bench.remove() }
      try bench.rewrite("task: task.yaml\n" + StudyTests.recipe)
      func keys(_ prompt: String) throws -> [String: StepKey] {
        try taskText(metrics: "[{metric: acc}]", prompt: prompt).write(
          toFile: bench.folder + "/task.yaml", atomically: true, encoding: .utf8)
        return Dictionary(
          uniqueKeysWithValues: try bench.plan().entries.map { ($0.step.name, $0.key) })
      }
      let (one, other) = (try keys("is about"), try keys("tells of"))
      let changed = one.filter { other[$0.key] != $0.value }.keys.sorted()
      #expect(
        changed == [
          "ct-sft", "diagnose", "evaluate-base", "evaluate-ct", "evaluate-ct-sft",
          "evaluate-joint", "evaluate-merge-linear", "evaluate-merge-ties_sv", "evaluate-sft",
          "floors", "joint", "merge-linear", "merge-ties_sv", "selection", "sft",
        ])
      #expect(try keys("is about") == one)
    }

    private func taskText(metrics: String, prompt: String = "is about") throws -> String {
      """
      task: mine
      output_type: multiple_choice
      dataset_path: "tasks/{{dataset_name}}/{{split}}.tsv"
      training_split: train
      validation_split: dev
      test_split: test
      doc_to_text: "{{text}} \(prompt)"
      choices_from: training_split
      metric_list: \(metrics)

      """
    }
  }
#endif
