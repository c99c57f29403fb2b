// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Many checkpoints in one line.
@Suite struct FolderPatternTests {
  /// A folder with checkpoints and what else training leaves, removed with this object.
  final class Run {
    let root = FileManager.default.temporaryDirectory
      .appending(path: "koine-run-\(UUID().uuidString)").path

    init() throws {
      for step in [1000, 90, 200, 9] {
        let model = try Checkpoint.inMemory(
          config: [:], tensors: [("w", [2], [Float(step), 1])], origin: "\(step)")
        try CheckpointWriter.write(model, to: "\(root)/run/checkpoint-\(step)")
      }
      try FileManager.default.createDirectory(
        atPath: root + "/run/.checkpoint-7", withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: root + "/run/checkpoint-notes"))
    }
    deinit { try? FileManager.default.removeItem(atPath: root) }
  }

  @Test func `numbers in names count as numbers`() {
    let sorted = [
      "x-1000", "x-9", "x-009", "x-90", "w-2000", "x-9-b", "x", "x-9-a", "y2x10", "y2x9",
    ]
    .sorted(by: FolderPattern.isBefore)
    #expect(
      sorted == [
        "w-2000", "x", "x-009", "x-9", "x-9-a", "x-9-b", "x-90", "x-1000", "y2x9", "y2x10",
      ])
    // Longer than any machine's integers.
    let (small, large) = (
      "c" + String(repeating: "9", count: 40), "c1" + String(repeating: "0", count: 40)
    )
    #expect(FolderPattern.isBefore(small, large) && !FolderPattern.isBefore(large, small))
  }

  @Test(arguments: [
    ("checkpoint-9", "checkpoint-*", true), ("checkpoint-", "checkpoint-*", true),
    ("checkpoint", "checkpoint-*", false), ("a-b-c", "*-*", true), ("abc", "*b", false),
    ("aXbXb", "a*Xb", true), ("ab", "a?b", false), ("aéb", "a?b", true), ("", "*", true),
    ("a", "", false), ("aaaaaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*c", false),
  ])
  func `stars stand for any characters, question marks for one`(
    name: String, pattern: String, isMatch: Bool
  ) {
    #expect(FolderPattern.matches(Array(name), Array(pattern)) == isMatch)
  }

  @Test func `folders are found in natural order, files and hidden ones are not`() throws {
    let run = try Run()
    let all = [9, 90, 200, 1000].map { "\(run.root)/run/checkpoint-\($0)" }
    #expect(try FolderPattern.folders("\(run.root)/run/checkpoint-*") == all)
    #expect(try FolderPattern.folders("\(run.root)/r?n/*-?0") == [all[1]])
    #expect(try FolderPattern.folders("\(run.root)/*/checkpoint-9/") == [all[0]])
    #expect(try FolderPattern.folders("no/sign") == ["no/sign"])
    let odd = "\(run.root)/run[*]"
    try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: true)
    #expect(try FolderPattern.folders(odd) == [odd])
  }

  private func parse(_ run: Run, _ entry: String, _ rest: String = "") throws -> MergeRecipe {
    try MergeRecipe.parse(
      "merge_method: linear\nmodels:\n  - {model: \"\(run.root)/run/checkpoint-*\"\(entry)}\n"
        + rest, origin: "merge.yaml")
  }

  private func mean(_ recipe: MergeRecipe) throws -> [Float] {
    try Merge.plan(recipe).floats("w")
  }

  @Test func `checkpoints of a run are averaged, alike or the late ones more`() throws {
    let run = try Run()
    #expect(try mean(parse(run, "")) == [324.75, 1])
    #expect(try mean(parse(run, ", last: 2")) == [600, 1])
    // Weights ¼, ½, 1.
    let late: Float = 1122.5 / 1.75
    #expect(try mean(parse(run, ", last: 3, decay: 0.5")) == [late, 1])
    #expect(
      try mean(parse(run, ", parameters: {weight: 2}", "parameters: {normalize: false}\n"))[1] == 8)
    let scaled = try parse(
      run, ", decay: 0.5, parameters: {weight: [{filter: w, value: [4, 4]}, {value: 0}]}"
    ).expandingPatterns()
    for (model, first) in zip(scaled.models, [0.5, 1, 2, 4]) {
      let conditions = model.parameters["weight"]?.array
      #expect(conditions?.first?["value"]?.array?.map(\.double) == [first, first])
      #expect(conditions?.first?["filter"]?.string == "w")
      #expect(conditions?.last?["value"]?.double == 0)
    }
  }

  @Test func `what was found is noted, and folders are those found`() throws {
    let run = try Run()
    let recipe = try parse(run, ", last: 2, decay: 0.5")
    let plan = try MergePlan.make(recipe, from: .folders())
    let names = ["200", "1000"].map { "\(run.root)/run/checkpoint-\($0)" }
    #expect(
      plan.notes.contains(
        "`\(run.root)/run/checkpoint-*` stands for 2 models: \(names.joined(separator: ", ")), with "
          + "the weights 0.5, 1.0."))
    let expanded = try recipe.expandingPatterns()
    #expect(expanded.folders == names)
    #expect(try expanded.expandingPatterns() == expanded)
  }

  @Test func `patterns may stand in nested merges, modules and adapters`() throws {
    let text = """
      merge_method: linear
      models:
        - model: {merge_method: linear, models: [{model: "a-*"}]}
          parameters: {weight: 2}
        - model: base+run-*
          parameters: {weight: 3}
      """
    let recipe = try MergeRecipe.parse(text, origin: "m").expandingPatterns { pattern in
      ["\(pattern.dropLast())1", "\(pattern.dropLast())2"]
    }
    #expect(recipe.models[0].model.recipe?.models.map(\.reference) == ["a-1", "a-2"])
    #expect(recipe.models.dropFirst().map(\.reference) == ["base+run-1", "base+run-2"])
    #expect(recipe.models.map { $0.parameters["weight"]?.double } == [2, 3, 3])
    var modules = MergeRecipe(method: "linear", models: [])
    modules.modules = [.init("m", models: [.init("x?")], parameters: ["weight": 5])]
    let found = try modules.expandingPatterns { [$0] }
    #expect(found.modules[0].models[0].parameters == [:])
  }

  // MARK: Errors

  @Test func `patterns that cannot be`() throws {
    let run = try Run()
    func lines(_ body: () throws -> Void) -> [String] { MergeModels.lines(body) }
    #expect(
      lines { _ = try FolderPattern.folders("\(run.root)/run/step-*") } == [
        "No folder matches `\(run.root)/run/step-*`.", "\(run.root)/run",
        "Correct the pattern; `*` stands for any characters between two slashes.",
      ])
    #expect(
      lines { _ = try FolderPattern.folders("\(run.root)/runs/step-*/model") }.dropFirst() == [
        "\(run.root)/runs", "There is no such folder; correct the path.",
      ])
    #expect(
      lines { _ = try mean(try parse(run, ", last: 5")) }[0]
        == "The last 5 folders of `\(run.root)/run/checkpoint-*` are asked for, and it stands for 4."
    )
    #expect(
      lines { _ = try parse(run, ", last: 0") }[0].hasPrefix("`models[0].last` should be"))
    for decay in ["0", "1.5", "-1"] {
      #expect(
        lines { _ = try parse(run, ", decay: \(decay)") }[0].hasPrefix(
          "`models[0].decay` should be a number above 0 and at most 1, found"))
    }
    let head = "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}"
    for (key, value) in [("last", "2"), ("decay", "0.5")] {
      #expect(
        lines { _ = try MergeRecipe.parse(head + ", \(key): \(value)}]", origin: "m") }[0]
          == "`models[0].\(key)` should be beside a `model` with `*` or `?`, which stands for several "
          + "folders, found it beside `a`.")
    }
    let sphere = MergeRecipe(
      method: "karcher", models: [.init(ModelReference(path: "a*"), decay: 0.5)])
    #expect(
      lines { _ = try sphere.expandingPatterns { [$0] } }[0]
        == "`decay` sets weights, and the method `karcher` has none.")
    // Where no folders can be listed, nothing is left out in silence.
    let average = try parse(run, ", last: 2")
    #expect(
      lines {
        _ = try Merge.plan(average) { _ in try Checkpoint.inMemory(config: [:], tensors: []) }
      }[
        0
      ].hasPrefix("`last` and `decay` choose among folders, and"))
    let both = MergeRecipe(
      method: "linear",
      models: [.init(ModelReference(.stored(.init(path: "a*")), adapter: .init(path: "b*")))])
    #expect(
      lines { _ = try both.expandingPatterns { [$0] } }[0]
        == "Both the model and its adapter are patterns.")
  }
}
