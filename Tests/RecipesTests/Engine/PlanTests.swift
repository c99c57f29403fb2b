// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Runs
import Testing

@testable import Recipes

@Suite struct PlanTests {
  private func steps(_ scratch: Scratch) -> [any RecipeStep] {
    [
      Echo(
        name: "text", word: "hello", inputs: [.file("raw", scratch("raw.txt"))],
        estimated: StepEstimate(tokenCount: 2_610_000, outputByteCount: 24_100_000)),
      CountUp(name: "base", count: 5, inputs: [.output("text", of: "text", named: "text")]),
      Echo(
        name: "merge", word: "m",
        inputs: [
          .output("base", of: "base", named: "numbers"), .output("t", of: "text", named: "text"),
        ],
        estimated: StepEstimate(
          outputByteCount: 512, memoryByteCount: 1_234_567_890, duration: .seconds(432),
          note: "6.3 M parameters")),
    ]
  }

  @Test func `the dry run shows what there is to do, and touches nothing`() throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    let recipe = try Recipe(name: "test", steps: steps(scratch))
    let plan = try Plan(recipe, places: RunPlaces(run: scratch("runs/test")))
    #expect(
      plan.table(TerminalStyle(width: 100)) == """
        step   kind      state  tokens   output   memory   time  key
        ─────────────────────────────────────────────────────────────────────
        text   echo      run     2.61M  24.1 MB                  28356251d859
        base   count-up  run                                     79f14a5ff23f
        merge  echo      run              512 B  1.23 GB  7m12s  90ddb42b44f6

        0 of 3 steps are done, the rest takes about 7m12s, writes about 24.1 MB, needs up to 1.23 GB \
        of memory.
        merge: 6.3 M parameters.

        """)
    #expect(!Disk.exists(scratch("runs/test")))
  }

  @Test func `the plan's JSON tells states, keys, inputs and estimates`() async throws {
    let scratch = try Scratch()
    try scratch.write("raw\n", to: "raw.txt")
    try await runSteps(Array(steps(scratch).prefix(2)), in: scratch)
    let recipe = try Recipe(name: "test", steps: steps(scratch))
    let plan = try Plan(recipe, places: RunPlaces(run: scratch("runs/test")))
    let entries = try #require(plan.json["steps"]?.array)
    #expect(entries.map { $0["state"]?.string } == ["done", "done", "run"])
    #expect(entries[1]["storage"]?.string == "cache")
    #expect(entries[1]["folder"]?.string?.hasPrefix(scratch("runs/cache/count-up/")) == true)
    #expect(entries[0]["inputs"]?["raw"]?["sha256"]?.string == Hashing.sha256("raw\n"))
    #expect(entries[2]["inputs"]?["base"]?["step"] == entries[1]["key"])
    #expect(entries[2]["estimate"]?["seconds"]?.double == 432)
    #expect(plan.table(TerminalStyle(width: 100)).contains("base   count-up  cached"))
    #expect(plan.table(TerminalStyle()).contains("2 of 3 steps are done"))
    let written = try JSON.parse(Disk.read(scratch("runs/test/plan.json")), origin: "plan.json")
    #expect(written["steps"]?.array?.count == 2)
  }

  @Test func `a missing data file is named with its step`() throws {
    let scratch = try Scratch()
    let recipe = try Recipe(name: "test", steps: steps(scratch))
    let error = #expect(throws: RecipeError.self) {
      try Plan(recipe, places: RunPlaces(run: scratch("runs/test")))
    }
    #expect(
      error?.description == """
        Input `raw` of step `text` does not exist.
        \(scratch("raw.txt"))
        Correct the path, or name the folder that holds the data with --data.
        """)
    #expect(error?.diagnosis.kind == .malformedInput)
    #expect(!Disk.exists(scratch("runs/test")))
  }

  @Test func `a folder with other things in it is no run folder`() throws {
    let scratch = try Scratch()
    try Disk.makeFolder(scratch("home"))
    try scratch.write("dear diary", to: "home/diary.txt")
    let error = #expect(throws: RecipeError.self) { try RunPlaces(run: scratch("home")) }
    #expect(
      error?.description == """
        The folder is not empty and holds no run.
        \(scratch("home"))
        Name another folder with --out, or empty this one.
        """)
    #expect(throws: RecipeError.self) { try RunPlaces(run: scratch("a"), cache: scratch("a")) }
  }

  @Test func `a text file that is missing or not UTF-8 is named`() throws {
    let scratch = try Scratch()
    let missing = #expect(throws: RecipeError.self) { try Disk.readText(scratch("recipe.yaml")) }
    #expect(
      missing?.description == """
        The file does not exist.
        \(scratch("recipe.yaml"))
        Check the name; a relative path starts from the working folder.
        """)
    #expect(missing?.diagnosis.kind == .malformedInput)
    try Data([0x61, 0xC3, 0xA9, 0xE9, 0x0A]).write(
      to: URL(fileURLWithPath: scratch("recipe.yaml")))
    let broken = #expect(throws: RecipeError.self) { try Disk.readText(scratch("recipe.yaml")) }
    #expect(
      broken?.description == """
        The text is not UTF-8.
        \(scratch("recipe.yaml")), byte 3
        Convert the file first, such as with `iconv -f latin1 -t utf-8`.
        """)
  }
}
