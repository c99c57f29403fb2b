// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Surgery

/// What mergekit accepts as a number or a flag has the same value here, and anchors may stand where
/// they may there.
@Suite struct MergeScalarTests {
  private static let rows: [JSON] = {
    let file = golden("mergekit-yaml").appendingPathComponent("scalars.json")
    return (try? JSON.parse(Data(contentsOf: file), origin: "scalars.json").array) ?? []
  }()

  private func parse(_ text: String) throws -> MergeRecipe {
    try MergeRecipe.parse(text, origin: "merge.yaml")
  }

  private func parameter(_ name: String, _ text: String, of method: String) throws -> JSON? {
    try parse(
      "merge_method: \(method)\nmodels: [{model: a}]\nparameters:\n  \(name): \(text)\n"
    ).parameters[name]
  }

  private func texts() throws -> [(row: JSON, text: String)] {
    try #require(Self.rows.count > 150)
    return try Self.rows.map { ($0, try #require($0["yaml"]?.string)) }
  }

  @Test func `numbers are mergekit's`() throws {
    var count = 0
    for (row, text) in try texts() {
      guard let wanted = row["number"]?.double else { continue }
      guard Float(wanted).isFinite else {
        // mergekit would merge with infinities.
        #expect(throws: MergeError.self, "\(text)") {
          try parameter("weight", text, of: "linear")
        }
        continue
      }
      count += 1
      #expect(try parameter("weight", text, of: "linear")?.double == wanted, "\(text)")
      let gradient = try parse(
        "merge_method: linear\nmodels: [{model: a}]\nparameters:\n  weight:\n  - \(text)\n  - 1\n")
      #expect(gradient.parameters["weight"]?.array?.first?.double == wanted, "\(text)")
    }
    #expect(count > 90)
  }

  @Test func `whole numbers are mergekit's, also as ends of layers and as padding`() throws {
    var count = 0
    for (row, text) in try texts() {
      if let wanted = row["whole"]?.int, wanted >= 0 {
        count += 1
        #expect(try parameter("max_iter", text, of: "karcher")?.int == wanted, "\(text)")
      }
      if let wanted = row["layer"]?.int, wanted >= 0 {
        let recipe = try parse(
          """
          merge_method: passthrough
          slices:
            - sources:
                - model: a
                  layer_range:
                    - \(text)
                    - 2000000
          """)
        #expect(recipe.slices[0].sources[0].start == wanted, "\(text)")
      }
      if let wanted = row["pad"]?.int, wanted > 0 {
        let recipe = try parse(
          """
          merge_method: passthrough
          models: [{model: a}]
          tokenizer:
            source: base
            pad_to_multiple_of: \(text)
          """)
        #expect(recipe.tokenizer?.padToMultipleOf == wanted, "\(text)")
      }
    }
    #expect(count > 40)
  }

  @Test func `flags are mergekit's`() throws {
    var count = 0
    for (row, text) in try texts() {
      guard let wanted = row["flag"]?.bool else { continue }
      count += 1
      #expect(try parameter("normalize", text, of: "linear") == .bool(wanted), "\(text)")
    }
    #expect(count > 50)
  }

  @Test func `what is no number to mergekit is none here, but for plain ways to write one`() throws
  {
    let ours: Set<String> = ["\"0x10\"", "0o17", "\"0o17\""]
    for (row, text) in try texts() where row["number"] == .null && !ours.contains(text) {
      // A null is an absent key, which a required parameter reports.
      if ["~", "null", "Null"].contains(text) { continue }
      #expect(throws: MergeError.self, "\(text)") { try parameter("weight", text, of: "linear") }
    }
  }

  @Test func `a number that no float32 holds is named with its key and line`() {
    for (text, found) in [("1e300", "1e300"), ("'-1e39'", "-1e39"), ("[1, 3.5e38]", "3.5e38")] {
      let lines = MergeModels.lines {
        _ = try parse(
          "merge_method: linear\nmodels:\n  - model: a\n    parameters:\n      weight: \(text)\n")
      }
      #expect(
        lines[0].hasPrefix("`models[0].parameters.weight")
          && lines[0].hasSuffix(
            "should be a number that float32 can hold, from -3.4e38 to 3.4e38, found `\(found)`.")
      )
      #expect(lines[1] == "merge.yaml, line 5")
    }
  }

  @Test func `a value outside of a method's range is named with its lines`() throws {
    let models = ["a": try MergeModels.llama("a", MergeModels.layered(layers: 1))]
    func lines(_ text: String) -> [String] {
      MergeModels.lines {
        let graph = try MergeGraph.parse(text, origin: "merge.yaml")
        _ = try MergePlan.make(
          graph.result, from: ModelResolver { try #require(models[$0.description]) })
      }
    }
    let one = lines(
      "merge_method: ties\nbase_model: a\nmodels:\n  - model: b\n    parameters:\n      weight: 1\n"
        + "      density: 5\n")
    #expect(one[1] == "merge.yaml, line 7, `density`", "\(one)")
    let two = lines(
      "name: n\nmerge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\n---\n"
        + "merge_method: ties\nbase_model: a\nmodels:\n"
        + "  - {model: n, parameters: {weight: 1, density: 0.5}}\n"
        + "  - {model: b, parameters: {weight: 1, density: -1}}\n")
    #expect(two[1] == "merge.yaml, lines 9 and 10, `density`", "\(two)")
  }

  // MARK: Anchors

  @Test func `a key that is there for its anchors is read past, and others are errors`() throws {
    let rest = """
      merge_method: ties
      base_model: a
      models:
        - {model: b, parameters: *c}
        - model: c
          parameters: {<<: *c, weight: 1}
      """
    for holder in ["common: &c {weight: 0.5, density: 0.8}", "shared:\n  one: &c\n    weight: 0.5"]
    {
      let recipe = try parse("\(holder)\n\(rest)")
      #expect(recipe.models.map { $0.parameters["weight"] } == [0.5, 1.0])
      let key = holder.prefix { $0 != ":" }
      #expect(recipe.notes == ["merge.yaml, line 1: `\(key)` is read for its anchors alone."])
    }
    // Without an anchor, or near to a known key, it is a mistake.
    let plain = "merge_method: ties\nbase_model: a\nmodels: [{model: b, parameters: {weight: 1}}]\n"
    for text in [
      "common: {weight: 1} # &c\n\(plain)", "\(plain)parameter: &c {density: 1}\n",
      "\(plain)other: 'R&D'\n",
    ] {
      #expect(MergeModels.lines { _ = try parse(text) }[0].hasPrefix("Unknown key `"), "\(text)")
    }
  }

  // MARK: Places

  @Test func `a parameter beside parameters is an error that says where it belongs`() {
    for (text, path, line) in [
      ("models:\n  - model: a\n    weight: 1\n", "models[0].weight", 4),
      ("models: [{model: a}]\ndensity: 0.5\n", "density", 3),
      (
        "slices:\n  - sources: [{model: a, layer_range: [0, 1]}]\n    t: 1\n", "slices[0].t", 4
      ),
      (
        "slices: [{sources: [{model: a, layer_range: [0, 1], scale: 1}]}]\n",
        "slices[0].sources[0].scale", 2
      ),
    ] {
      let lines = MergeModels.lines { _ = try parse("merge_method: linear\n\(text)") }
      let key = path.split(separator: ".").last ?? ""
      #expect(
        lines.prefix(2) == [
          "`\(path)` should be below `parameters` there: `parameters: {\(key): …}`, found it beside them.",
          "merge.yaml, line \(line)",
        ], "\(lines)")
    }
  }
}
