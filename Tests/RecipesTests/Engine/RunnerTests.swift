// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Runs
import Testing

@testable import Recipes

@Suite struct RunnerTests {
  private func steps(_ scratch: Scratch, count: Int = 5, word: String = "m") -> [any RecipeStep] {
    [
      Echo(name: "text", word: "hello", inputs: [.file("raw", scratch("raw.txt"))]),
      CountUp(name: "base", count: count, inputs: [.output("text", of: "text", named: "text")]),
      Echo(name: "side", word: word, inputs: [.output("text", of: "text", named: "text")]),
      Echo(
        name: "merge", word: "all",
        inputs: [
          .output("base", of: "base", named: "numbers"), .output("side", of: "side", named: "text"),
        ]),
    ]
  }

  @Test func `results, manifests and records lie where the design says`() async throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    let recipe = try Recipe(name: "test", text: "name: test\n", steps: steps(scratch, count: 2))
    let plan = try Plan(recipe, places: RunPlaces(run: scratch("runs/test")))
    let record = try await Runner(plan, environment: testEnvironment).run()

    let run = scratch("runs/test")
    #expect(
      try Disk.names(in: run) == ["metrics.jsonl", "plan.json", "recipe.yaml", "run.json", "steps"])
    let merge = try #require(plan["merge"])
    #expect(merge.folder == "\(run)/steps/merge-\(merge.key.short)")
    #expect(
      try String(contentsOfFile: merge.folder + "/text.txt", encoding: .utf8)
        == "all\n0 0\n1 7\nm\nhello\nraw\n")
    let base = try #require(plan["base"])
    let link = "\(run)/steps/base-\(base.key.short)"
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: link)
        == "../../cache/count-up/\(base.key.hex)")
    #expect(try Disk.names(in: base.folder) == ["metrics.jsonl", "numbers.txt", "step.json"])
    #expect(try Disk.names(in: scratch("runs/cache/count-up")) == [base.key.hex])

    let manifest = try StepManifest(folder: base.folder)
    #expect(manifest.key == base.key && manifest.seed == 7)
    #expect(manifest.files.map(\.path) == ["metrics.jsonl", "numbers.txt"])
    #expect(manifest.files[1].hash == Hashing.sha256("0 0\n1 7\n"))
    #expect(
      try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8) == """
        {"iteration":0,"step":"base"}
        {"iteration":1,"step":"base"}

        """)
    let written = try RunFolder(path: run).readRun()
    #expect(written.status == .done && written.recipeText == "name: test\n")
    #expect(written.environment == testEnvironment)
    #expect(written.steps.map(\.state) == [.done, .done, .done, .done])
    #expect(written.steps == record.steps)
    #expect(written.steps[1].trainedTokens == 2)
    #expect(written.steps[1].outputPath == "steps/base-\(base.key.short)")
    #expect((written.steps[1].peakMemoryByteCount ?? 0) > 1 << 20)
    #expect(written.seeds[1] == RunRecord.Seed(name: "base", value: 7))
  }

  @Test func `a finished step is never redone`() async throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    let first = try await runSteps(steps(scratch), in: scratch)
    #expect(first.filter { $0.hasPrefix("start") }.count == 4)
    let second = try await runSteps(steps(scratch), in: scratch)
    #expect(second == ["done text", "cached base", "done side", "done merge"])
    let third = try await runSteps(steps(scratch), in: scratch, run: "runs/other")
    #expect(third.contains("cached base") && third.contains("start text 1/4"))
  }

  @Test func `a changed setting redoes the step and what depends on it, nothing else`() async throws
  {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    try await runSteps(steps(scratch), in: scratch)
    let events = try await runSteps(steps(scratch, word: "n"), in: scratch)
    #expect(
      events == [
        "done text", "cached base", "start side 3/4", "finish side", "start merge 4/4",
        "finish merge",
      ])
    // The earlier results are still there for the earlier settings.
    #expect(try await runSteps(steps(scratch), in: scratch).allSatisfy { !$0.hasPrefix("start") })
    try scratch.write("new\n", to: "raw.txt")
    let anew = try await runSteps(steps(scratch), in: scratch)
    #expect(anew.filter { $0.hasPrefix("start") }.count == 4)
  }

  @Test(arguments: ["truncated", "missing", "foreign", "unreadable"])
  func `a result that its manifest disagrees with is redone`(damage: String) async throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    try await runSteps(steps(scratch), in: scratch)
    let before = try results(of: scratch("runs/test"))
    let name = try #require(
      Disk.names(in: scratch("runs/test/steps")).first { $0.hasPrefix("side-") })
    let folder = scratch("runs/test/steps/\(name)")
    let reason: String
    switch damage {
    case "truncated":
      try "m".write(toFile: folder + "/text.txt", atomically: false, encoding: .utf8)
      reason = "text.txt has 1 bytes, 12 expected"
    case "missing":
      try Disk.remove(folder + "/text.txt")
      reason = "text.txt is missing"
    case "foreign":
      let path = folder + "/step.json"
      var manifest = try JSON.parse(Disk.read(path), origin: path)
      manifest["key"] = JSON(String(repeating: "0", count: 64))
      try Disk.write(manifest.serialized(), to: path)
      reason = "step.json belongs to another step"
    default:
      try "{".write(toFile: folder + "/step.json", atomically: false, encoding: .utf8)
      reason =
        "step.json is unreadable: The text is not well formed: expected a key in quotes"
    }
    let events = try await runSteps(steps(scratch), in: scratch)
    #expect(
      events == [
        "done text", "cached base",
        "side: Its result is damaged (\(reason)); it is done again.", "start side 3/4",
        "finish side", "done merge",
      ])
    #expect(try results(of: scratch("runs/test")) == before)
    #expect(try !Disk.names(in: scratch("runs/test/steps")).contains { $0.contains("damaged") })
  }

  @Test func `rotten bits are found when asked to verify`() async throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    try await runSteps(steps(scratch), in: scratch)
    let before = try results(of: scratch("runs/test"))
    let name = try #require(
      Disk.names(in: scratch("runs/test/steps")).first { $0.hasPrefix("side-") })
    try scratch.write("n\nhello\nraw\n", to: "runs/test/steps/\(name)/text.txt")
    #expect(try await runSteps(steps(scratch), in: scratch).contains("done side"))
    let events = try await runSteps(steps(scratch), in: scratch, verify: true)
    #expect(
      events.contains(
        "side: Its result is damaged (text.txt has another hash than when it was written); "
          + "it is done again."))
    #expect(events.contains("finish side"))
    #expect(try results(of: scratch("runs/test")) == before)
  }

  @Test func `a failing step keeps what came before and says its name`() async throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    var failing = steps(scratch)
    failing[2] = Echo(name: "side", word: "m", inputs: [.output("t", of: "text", named: "text")]) {
      context in
      try Disk.append(line: "half", to: context.folder + "/text.txt")
      throw DocumentError.missingKey("a", path: "b", line: 3, origin: "c.yaml")
    }
    let failure = await #expect(throws: StepFailure.self) {
      try await runSteps(failing, in: scratch)
    }
    #expect(
      failure?.description == """
        Step `side`: The key `a` is missing in `b`.
        c.yaml, line 3
        Add `a`.
        """)
    #expect(failure?.diagnosis.kind == .malformedInput)
    let names = try Disk.names(in: scratch("runs/test/steps"))
    #expect(names.count == 2 && !names.contains { $0.contains("partial") || $0.contains("lock") })
    let record = try RunFolder(path: scratch("runs/test")).readRun()
    #expect(record.status == .failed && record.failure == failure?.description)
    #expect(record.steps.map(\.state) == [.done, .done, .failed, .pending])
    let events = try await runSteps(steps(scratch), in: scratch)
    #expect(events.prefix(3) == ["done text", "cached base", "start side 3/4"])
    let again = try RunFolder(path: scratch("runs/test")).readRun()
    #expect(again.status == .done && again.startedAt == record.startedAt)
    #expect(again.steps.map(\.state) == [.cached, .cached, .done, .done])
  }

  @Test func `an interrupted step goes on from its save and ends in the same bytes`() async throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    try await runSteps(steps(scratch), in: scratch, run: "undisturbed/test")
    let cancellation = Cancellation()
    var stopping = steps(scratch)
    stopping[1] = CountUp(
      name: "base", count: 5, inputs: [.output("text", of: "text", named: "text")]
    ) { number in if number == 3 { cancellation.request() } }
    let error = await #expect(throws: RunInterrupted.self) {
      try await runSteps(stopping, in: scratch, cancellation: cancellation)
    }
    #expect(
      error?.description == """
        Interrupted at step `base`; everything finished is saved.
        \(scratch("runs/test"))
        Run the same command again; it goes on from the last save.
        """)
    let plan = try Plan(
      Recipe(name: "test", steps: steps(scratch)), places: RunPlaces(run: scratch("runs/test")))
    #expect(plan.entries.map(\.state) == [.done, .resume, .run, .run])
    let events = try await runSteps(steps(scratch), in: scratch)
    #expect(events.prefix(3) == ["done text", "resume base 2/4", "finish base"])
    #expect(try results(of: scratch("runs/test")) == results(of: scratch("undisturbed/test")))
    let metrics = try String(contentsOfFile: scratch("runs/test/metrics.jsonl"), encoding: .utf8)
    #expect(metrics.split(separator: "\n").count == 5)
  }

  @Test func `a step that does not look at the wish to stop is finished, then the run stops`()
    async throws
  {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    let cancellation = Cancellation()
    var stopping = steps(scratch)
    stopping[0] = Echo(name: "text", word: "hello", inputs: [.file("raw", scratch("raw.txt"))]) {
      _ in cancellation.request()
    }
    let error = await #expect(throws: RunInterrupted.self) {
      try await runSteps(stopping, in: scratch, cancellation: cancellation)
    }
    #expect(error == RunInterrupted(step: "base", folder: scratch("runs/test"), canResume: false))
    #expect(try await runSteps(steps(scratch), in: scratch).first == "done text")
  }

  @Test func `an output that was promised and not written fails the step`() async throws {
    struct Lazy: RecipeStep {
      static let kind = StepKind("lazy", version: 1)
      let name = "lazy"
      let outputs = [StepOutput("model", path: "model.safetensors")]
      func run(_ context: StepContext) {}
    }
    let scratch = try Scratch()
    let failure = await #expect(throws: StepFailure.self) {
      try await runSteps([Lazy()], in: scratch)
    }
    #expect(
      failure?.diagnosis.what == "Step `lazy`: Step `lazy` ended without its output `model`.")
    #expect(try Disk.names(in: scratch("runs/test/steps")).isEmpty)
  }

  #if os(Linux)
    @Test func `a full disk is said plainly and leaves the old state`() async throws {
      let scratch = try Scratch()
      try scratch.write("raw\n", to: "raw.txt")
      var filling = steps(scratch)
      filling[2] = Echo(name: "side", word: "m", inputs: [.output("t", of: "text", named: "text")])
      { _ in
        // The kernel's full disk: every write to it fails with ENOSPC.
        let file = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        try file.write(contentsOf: Data("m".utf8))
      }
      let failure = await #expect(throws: StepFailure.self) {
        try await runSteps(filling, in: scratch)
      }
      let folder = try #require(failure?.folder)
      #expect(
        failure?.description == """
          Step `side`: The disk is full.
          \(folder)
          Free some space and run the same command again; finished steps are kept.
          """)
      #expect(failure?.diagnosis.kind == .failed)
      #expect(!Disk.exists(folder))
      #expect(
        try await runSteps(steps(scratch), in: scratch).prefix(2) == ["done text", "cached base"])
    }
  #endif
}
