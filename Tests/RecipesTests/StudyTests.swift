// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Evaluation
  import Foundation
  import Runs
  import Tensors
  import Testing

  @testable import Recipes

  /// The whole path on a very small laboratory study.
  @Suite(.serialized) struct StudyTests {
    static let recipe = """
      name: tiny
      seed: 3
      languages: {sources: [qaa], target: qab}
      lab:
        seed: 2
        train_rows: 60
        dev_rows: 20
        test_rows: 40
        parallel_pairs: 10
        entity_rows: 5
        languages:
          - {code: qaa, replaced_share: 0.05, sound_changes: 2, grammar_changes: 0, text_bytes: 60000}
          - {code: qab, replaced_share: 0.1, sound_changes: 3, grammar_changes: 0, text_bytes: 40000}
      text:
        qaa: {files: [text/qaa.txt]}
        qab: {files: [text/qab.txt]}
      held_out: {share: 0.1, max_bytes: 8000}
      tokenizer: {vocab_size: 320}
      window_length: 32
      model:
        hidden_size: 16
        intermediate_size: 32
        num_hidden_layers: 2
        num_attention_heads: 2
        max_position_embeddings: 128
      base: {mix: {qaa: 0.9, qab: 0.1}, steps: 12, batch_size: 4, save_every: 4, log_every: 4}
      ct: {mix: {qab: 0.8, qaa: 0.2}, steps: 8}
      sft: {epochs: 1}
      ct_sft: {}
      joint: {mix: {qab: 1.0}, steps: 8}
      merges:
        - {merge_method: linear, grid: {weight: [[0.5, 0.5], [0.3, 0.7]]}}
        - {merge_method: ties_sv, parameters: {weight: 1, density: 0.8}, grid: {slack: [[0, 1.0]]}}
      samples: {tokens: 4, prompts: [{language: qab, text: "a"}]}
      """

    struct Bench {
      let folder: String
      var run: String { folder + "/runs/tiny" }

      init() throws {
        folder =
          FileManager.default.temporaryDirectory
          .appending(path: "koine-study-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
        try StudyTests.recipe.write(
          toFile: folder + "/recipe.yaml", atomically: true, encoding: .utf8)
      }

      func remove() { try? FileManager.default.removeItem(atPath: folder) }

      func study() throws -> Study { try Study(path: folder + "/recipe.yaml", dataFolder: nil) }
      func plan() throws -> Plan { try Plan(study().recipe, places: RunPlaces(run: run)) }

      @discardableResult
      func run(
        cancellation: Cancellation = Cancellation(), observer: @escaping RunObserver = { _ in }
      ) async throws -> RunRecord {
        try await Runner(
          plan(), environment: Machine.environment(engine: "test", blas: "", device: "cpu"),
          cancellation: cancellation, observer: observer
        ).run()
      }

      /// The weights of every model of the study.
      func weights() throws -> [String: [UInt8]] { try files("model/model.safetensors") }

      /// The file of that name of every step that has one.
      func files(_ name: String) throws -> [String: [UInt8]] {
        var bytes: [String: [UInt8]] = [:]
        for entry in try plan().entries {
          let path = entry.folder + "/" + name
          if Disk.exists(path) { bytes[entry.step.name] = try Disk.read(path) }
        }
        return bytes
      }

      /// Puts another recipe in the place of the first.
      func rewrite(_ recipe: String) throws {
        try recipe.write(toFile: folder + "/recipe.yaml", atomically: true, encoding: .utf8)
      }
    }

    @Test func `a study runs, reports, is not run twice, and gives the same bytes again`()
      async throws
    {
      let (first, second) = (try Bench(), try Bench())
      defer {
        first.remove()
        second.remove()
      }
      let record = try await first.run()
      #expect(record.status == .done)
      let weights = try first.weights()
      #expect(
        Set(weights.keys) == [
          "base", "ct", "sft", "ct-sft", "joint", "merge-linear", "merge-ties_sv",
        ])
      // Again: nothing is done.
      let again = try await first.run()
      #expect(again.steps.allSatisfy { $0.state == .cached })
      // Elsewhere: the same weights.
      try await second.run()
      #expect(try second.weights() == weights)
      try report(first, record)
    }

    private func report(_ bench: Bench, _ record: RunRecord) throws {
      let content = try bench.study().report(bench.plan(), record)
      #expect(
        content.models.map(\.name) == [
          "majority class", "Naive Bayes", "base", "SFT only", "CT only", "CT→SFT", "joint",
          "linear", "ties_sv",
        ])
      for model in content.models {
        #expect(model.target?.accuracy?.count == 40)
        if model.kind != .floor {
          #expect(try #require(model.target?.bitsPerByte).value > 0)
          #expect(model.source?.bitsPerByte?.interval != nil)
        }
        if model.kind == .merge { #expect(model.againstReference?.against == "CT→SFT") }
      }
      #expect(content.selection.grids.map(\.points.count) == [2, 1])
      #expect(content.curves.map(\.step) == ["base", "ct", "sft", "ct-sft", "joint"])
      #expect(content.curves.allSatisfy { !$0.training.isEmpty })
      #expect(content.samples.first?.completions.count == 7)
      let diagnosis = try #require(content.notes.last)
      #expect(diagnosis.contains("TIES without trimming discards"))
      for (model, languages) in content.models.map({ ($0.name, $0.languages) }) {
        #expect(languages.allSatisfy { $0.normalizedAccuracy != nil }, "\(model)")
      }
      #expect(ReportPage.render(content).contains("ties_sv"))
    }

    @Test func `a run stopped at any moment and started again ends in the same bytes`() async throws
    {
      let whole = try Bench()
      defer { whole.remove() }
      try await whole.run()
      let expected = try whole.weights()
      let broken = try Bench()
      defer { broken.remove() }
      // Each attempt is stopped a little later than the one before.
      var interruptions = 0
      for limit in 1...500 {
        let cancellation = Cancellation()
        let counter = EventCounter()
        do {
          try await broken.run(cancellation: cancellation) { _ in
            if counter.next() == 3 * limit { cancellation.request() }
          }
          break
        } catch is RunInterrupted {
          interruptions += 1
        }
      }
      #expect(interruptions > 3)
      #expect(try broken.weights() == expected)
      #expect(try broken.files("result.json") == whole.files("result.json"))
    }

    @Test func `an evaluation that is stopped ends after the call and keeps its finished sets`()
      async throws
    {
      let bench = try Bench()
      defer { bench.remove() }
      let step = "evaluate-base"
      let (cancellation, first, second) = (Cancellation(), ProgressLog(), ProgressLog())
      await #expect(throws: RunInterrupted.self) {
        try await bench.run(cancellation: cancellation) { event in
          if first.note(event, of: step) { cancellation.request() }
        }
      }
      #expect(first.done == [40])
      try await bench.run { _ = second.note($0, of: step) }
      #expect(try #require(second.done.first) > 40)
      let path = try #require(try bench.plan()[step]?.folder)
      #expect(try Disk.names(in: path) == ["result.json", "samples.json", "step.json"])
    }

    @Test func `a changed merge grid redoes its merge and nothing that was trained`() async throws {
      let bench = try Bench()
      defer { bench.remove() }
      try checkEstimates(before: bench)
      try await bench.run()
      try checkEstimates(after: bench)
      try bench.rewrite(Self.recipe.replacing("[0.3, 0.7]", with: "[0.4, 0.6]"))
      let record = try await bench.run()
      let redone = record.steps.filter { $0.state == .done }.map(\.name)
      #expect(redone.allSatisfy { $0.hasPrefix("merge-linear") || $0 == "evaluate-merge-linear" })
      #expect(redone.contains("merge-linear"))
    }

    private func checkEstimates(before bench: Bench) throws {
      let plan = try bench.plan()
      // 320·16 + 2·(4·16·16 + 3·16·32 + 2·16) + 16
      let parameters = 10_320
      let width = 9 * 16 + 3 * 16 + 3 * 32
      let base = try #require(plan["base"]?.estimate)
      #expect(base.tokenCount == 12 * 4 * 32)
      #expect(base.outputByteCount == 4 * parameters)
      #expect(
        base.memoryByteCount == 100_000_000 + 4 * (4 * parameters + 4 * 32 * (3 * width + 320)))
      #expect(base.duration == nil)
      let merge = try #require(plan["merge-linear"]?.estimate)
      #expect(merge.outputByteCount == 4 * parameters)
      #expect(merge.memoryByteCount == 4 * (parameters + 4096 * (width + 320)))
      #expect(plan["lab"]?.estimate.outputByteCount == 100_000)
      let tokenizer = try #require(plan["tokenizer"]?.estimate)
      #expect(tokenizer.outputByteCount == 4500 + 68 * 62 && tokenizer.rough == [.bytes])
      let tokens = try #require(plan["tokens-qab"]?.estimate)
      #expect(tokens.outputByteCount == 40_000 / 3 * 2 && tokens.rough == [.bytes])
      #expect(plan.table(.init(width: 100)).contains("~8.72 kB"))
      #expect(plan["sft"]?.estimate.tokenCount == nil)
      #expect(plan.table(.init(width: 100)).contains("41.3 kB"))
    }

    private func checkEstimates(after bench: Bench) throws {
      let done = try bench.plan()
      #expect(try #require(done["base"]?.manifest).facts["parameters"]?.int == 10_320)
      let seen = try #require(done["sft"]?.manifest?.facts["seen_tokens"]?.int)
      try bench.rewrite(
        Self.recipe.replacing("sft: {epochs: 1}", with: "sft: {epochs: 1, learning_rate: 1e-4}"))
      let sft = try #require(try bench.plan()["sft"])
      #expect(sft.state == .run)
      #expect(sft.estimate.tokenCount == seen)
      let seconds = try #require(done["sft"]?.manifest?.seconds)
      let duration = try #require(sft.estimate.duration) / .seconds(1)
      #expect(abs(duration - seconds) < 1e-6)
      #expect(sft.estimate.rough == [])
      try checkEstimates(of: "other", after: bench)
    }

    /// Times of a run that is new to its folder, by those of another run of this machine.
    private func checkEstimates(of run: String, after bench: Bench) throws {
      try bench.rewrite(Self.recipe.replacing("hidden_size: 16", with: "hidden_size: 32"))
      let places = try RunPlaces(
        run: bench.folder + "/runs/" + run, cache: bench.folder + "/other-cache")
      let base = try #require(try Plan(bench.study().recipe, places: places)["base"]?.estimate)
      let record = try RunFolder(path: bench.run).readRun()
      let longest = try record.steps.filter { $0.kind == "train" }.map {
        try StepManifest(folder: bench.run + "/" + #require($0.outputPath))
      }.max { $0.seconds < $1.seconds }
      let done = try #require(longest)
      let tokens = try #require(done.facts["seen_tokens"]?.int)
      // 320·32 + 2·(4·32·32 + 3·32·32 + 2·32) + 32
      let growth = 24_736.0 / 10_320
      let expected = done.seconds * growth * Double(12 * 4 * 32) / Double(tokens)
      #expect(abs(try #require(base.duration) / .seconds(1) - expected) < 1e-6)
      #expect(base.rough == [.seconds])
      // Another machine's times tell nothing.
      var foreign = record
      foreign.environment.processor = "an abacus"
      try RunFolder(path: bench.run).write(foreign)
      #expect(try Plan(bench.study().recipe, places: places)["base"]?.estimate.duration == nil)
      try RunFolder(path: bench.run).write(record)
      try bench.rewrite(Self.recipe)
    }

    @Test func `a misspelt recipe key is an error with line and guess`() throws {
      for (wrong, right) in [("learning_rte", "learning_rate"), ("bse", "base")] {
        let text =
          wrong == "bse"
          ? Self.recipe.replacing("base: {mix", with: "bse: {mix")
          : Self.recipe.replacing("ct: {mix", with: "ct: {learning_rte: 1, mix")
        do {
          _ = try StudySettings(yaml: text, origin: "recipe.yaml")
          Issue.record("accepted \(wrong)")
        } catch let error as DocumentError {
          guard case .unknownKey(wrong, _, let line, "recipe.yaml", right) = error else {
            Issue.record("\(error)")
            continue
          }
          #expect(line != nil)
        } catch let error as StudyError where wrong == "bse" {
          // The section is missing then; that is said first.
          #expect(
            error == .section("base", needs: "a `mix`, or `model.path`", origin: "recipe.yaml"))
        }
      }
    }

    @Test func `a language without text and a missing data file are named`() throws {
      let noText = Self.recipe.replacing("ct: {mix: {qab:", with: "ct: {mix: {qax:")
      let line =
        try #require(
          noText.split(separator: "\n", omittingEmptySubsequences: false)
            .firstIndex { $0.contains("qax:") }) + 1
      #expect(
        throws: StudyError.unknownLanguage(
          "qax", place: "r.yaml, line \(line), `ct.mix`", known: ["qaa", "qab"])
      ) { try StudySettings(yaml: noText, origin: "r.yaml") }
      let start = try #require(Self.recipe.range(of: "lab:"))
      let end = try #require(Self.recipe.range(of: "text:\n"))
      var real = Self.recipe
      real.removeSubrange(start.lowerBound..<end.lowerBound)
      let bench = try Bench()
      defer { bench.remove() }
      try real.write(toFile: bench.folder + "/recipe.yaml", atomically: true, encoding: .utf8)
      #expect(
        throws: StudyError.missingFile("/no/such/folder/text/qaa.txt", language: "qaa")
      ) { try Study(path: bench.folder + "/recipe.yaml", dataFolder: "/no/such/folder") }
    }

    @Test func `a laboratory is not asked for what it does not write`() throws {
      let bench = try Bench()
      defer { bench.remove() }
      for (old, new, file) in [
        ("files: [text/qab.txt]", "files: [text/qax.txt]", "text/qax.txt"),
        ("text_bytes: 40000", "text_bytes: 0", "text/qab.txt"),
      ] {
        try Self.recipe.replacing(old, with: new)
          .write(toFile: bench.folder + "/recipe.yaml", atomically: true, encoding: .utf8)
        do {
          _ = try bench.study()
          Issue.record("accepted \(new)")
        } catch StudyError.notInLab(let found, _) {
          #expect(found == file)
        }
      }
    }

    @Test func `the example recipes can be read`() throws {
      let examples = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples")
      let languages = ExampleRecipesTests.languageRecipes.map { $0 + "/recipe" }
      for name in ["quickstart/recipe", "quickstart/smoke"] + languages {
        let path = examples.appending(path: name + ".yaml").path
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let settings = try StudySettings(yaml: text, origin: path)
        #expect(settings.merges.map(\.method).count >= 1)
        #expect(settings.merges.allSatisfy { !$0.candidates.isEmpty })
      }
    }
  }

  /// How far a step said it was, in order.
  private final class ProgressLog: @unchecked Sendable {
    private let lock = NSLock()
    private var counts: [Int] = []
    var done: [Int] { lock.withLock { counts } }

    /// Whether the event was progress of the step.
    func note(_ event: RunEvent, of step: String) -> Bool {
      guard case .progress(step, let progress) = event else { return false }
      lock.withLock { counts.append(progress.done) }
      return true
    }
  }

  private final class EventCounter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func next() -> Int {
      lock.withLock {
        count += 1
        return count
      }
    }
  }
#endif
