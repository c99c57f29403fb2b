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
        text   echo      run     2.61M  24.1 MB               ?  28356251d859
        base   count-up  run                  ?               ?  79f14a5ff23f
        merge  echo      run              512 B  1.23 GB  7m12s  90ddb42b44f6

        0 of 3 steps are done, the rest takes about 7m12s (2 steps of unknown time left out), writes about
        24.1 MB, needs up to 1.23 GB of memory.
        ? not known before it has run.
        merge: 6.3 M parameters.

        """)
    #expect(!Disk.exists(scratch("runs/test")))
  }

  @Test func `numbers by a rule of thumb are marked, unknown ones too`() throws {
    let scratch = try Scratch()
    var rough = StepEstimate(tokenCount: 5000, outputByteCount: 512, duration: .seconds(61))
    rough.rough = [.tokens, .bytes, .seconds]
    var blank = StepEstimate()
    blank.countsTokens = true
    let recipe = try Recipe(
      name: "test",
      steps: [
        Echo(name: "a", word: "a", estimated: rough), Echo(name: "b", word: "b", estimated: blank),
      ])
    let plan = try Plan(recipe, places: RunPlaces(run: scratch("runs/test")))
    let lines = plan.table(TerminalStyle(width: 60)).split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    #expect(lines[2] == "a echo run ~5.00k ~512 B ~1m01s")
    #expect(lines[3] == "b echo run ? ? ?")
    #expect(lines.last == "~ by a rule of thumb; ? not known before it has run.")
    let estimate = plan.json["steps"]?.array?.first?["estimate"]
    #expect(estimate?["rough"] == ["tokens", "bytes", "seconds"])
    #expect(lines.allSatisfy { $0.count <= 60 })
  }

  @Test func `a damaged result is told in one sentence`() async throws {
    let scratch = try Scratch()
    let step = Echo(name: "text", word: "hello")
    try await runSteps([step], in: scratch)
    let places = try RunPlaces(run: scratch("runs/test"))
    let recipe = try Recipe(name: "test", steps: [step])
    let folder = try Plan(recipe, places: places).entries[0].folder
    try "{".write(toFile: folder + "/step.json", atomically: false, encoding: .utf8)
    let table = try Plan(recipe, places: places).table(TerminalStyle(width: 100))
    #expect(
      table.replacing("\n", with: " ").hasSuffix(
        "text is done again: step.json is unreadable: The text is not well formed: expected a key "
          + "in quotes. "))
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

  @Test func `places that can be no folder are refused before anything is made`() throws {
    let scratch = try Scratch()
    try scratch.write("x", to: "file")
    for (run, cache) in [(scratch("file"), nil), (scratch("run"), scratch("file"))] {
      let error = #expect(throws: RecipeError.self) { try RunPlaces(run: run, cache: cache) }
      #expect(
        error?.description == """
          Expected a folder, found a file.
          \(scratch("file"))
          Name another folder, or move the file away.
          """)
      #expect(error?.diagnosis.kind == .failed)
    }
    #expect(throws: RecipeError.emptyPlace(option: "--out")) { try RunPlaces(run: "") }
    #expect(throws: RecipeError.emptyPlace(option: "--cache")) {
      try RunPlaces(run: scratch("run"), cache: "")
    }
  }

  @Test func `reasons of the file system are told without Foundation's numbers`() throws {
    let scratch = try Scratch()
    try scratch.write("x", to: "file")
    let list = #expect(throws: RecipeError.self) { try Disk.names(in: scratch("file")) }
    #expect(list?.diagnosis.what == "Could not list: Not a directory.")
    let make = #expect(throws: RecipeError.self) { try Disk.makeFolder(scratch("file/a")) }
    #expect(make?.diagnosis.what == "Could not make the folder: Not a directory.")
  }

  @Test func `a folder given as a file is told, with a recipe in it`() throws {
    let scratch = try Scratch()
    let bare = #expect(throws: RecipeError.self) { try Disk.readText(scratch.path) }
    #expect(
      bare?.description == """
        Expected a file, found a folder.
        \(scratch.path)
        Name the file itself.
        """)
    #expect(bare?.diagnosis.kind == .malformedInput)
    try scratch.write("", to: "a.yaml")
    try scratch.write("", to: "recipe.yaml")
    let error = #expect(throws: RecipeError.self) { try Disk.readText(scratch.path) }
    #expect(error?.diagnosis.next == "Name a file in it, such as \(scratch("recipe.yaml")).")
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
