// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Merges of merges: groups of languages, and what is lost where stages are written.
@Suite struct NestedMergeTests {
  private static let shapes = MergeModels.layered(layers: 2)

  private func model(_ name: String, type: ElementType) throws -> Checkpoint {
    try MergeModels.llama(name, Self.shapes, elementType: type)
  }

  private let groups = """
    name: germanic
    merge_method: linear
    models: [{model: fo}, {model: is}, {model: nn}]
    parameters: {weight: 1}
    ---
    name: bantu
    merge_method: ties
    base_model: base
    models: [{model: rw}, {model: sw}]
    parameters: {weight: 1, density: 0.7}
    ---
    merge_method: task_arithmetic
    base_model: base
    models: [{model: germanic}, {model: bantu}]
    parameters: {weight: 0.5}
    dtype: TYPE
    """

  /// The merge in one go, and that of stages which are written as `stage`.
  private func results(
    inputs: ElementType, stage: ElementType, result: ElementType
  ) throws -> (nested: [String: [Float]], staged: [String: [Float]]) {
    let text = groups.replacing("TYPE", with: result.torchName)
    let graph = try MergeGraph.parse(text, origin: "groups.yaml")
    let nested = try Merge.plan(graph.result) { try model($0, type: inputs) }
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-stages-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var last = try MergeRecipe.parse(
      String(text.split(separator: "---\n").last ?? ""), origin: "last.yaml")
    for recipe in graph.named {
      var recipe = recipe
      recipe.outDtype = stage
      let merged = try Merge.plan(recipe) { try model($0, type: inputs) }
      let path = "\(folder)/\(recipe.name ?? "")"
      try CheckpointWriter.write(merged, to: path)
      for i in last.models.indices where last.models[i].reference == recipe.name {
        last.models[i].model = ModelReference(path: path)
      }
    }
    let staged = try Merge.plan(last) { name in
      name.hasPrefix(folder) ? try Checkpoint.open(directory: name) : try model(name, type: inputs)
    }
    return (try MergeModels.values(nested), try MergeModels.values(staged))
  }

  @Test func `a nested merge is that of stages written in float32, to the bit`() throws {
    for (inputs, result) in [
      (ElementType.float32, ElementType.float32), (.bfloat16, .bfloat16), (.bfloat16, .float32),
    ] {
      let (nested, staged) = try results(inputs: inputs, stage: .float32, result: result)
      #expect(nested == staged, "\(inputs) to \(result)")
    }
  }

  @Test func `stages written in bfloat16 are further from the exact merge`() throws {
    let exact = try results(inputs: .bfloat16, stage: .float32, result: .float32).nested
    let (nested, staged) = try results(inputs: .bfloat16, stage: .bfloat16, result: .bfloat16)
    func error(_ values: [String: [Float]]) -> Double {
      var sum = 0.0
      for (name, row) in exact {
        for (a, b) in zip(row, values[name] ?? []) { sum += Double((a - b) * (a - b)) }
      }
      return sum.squareRoot()
    }
    #expect(error(nested) < 0.9 * error(staged))
    #expect(error(nested) > 0)
  }

  @Test func `an inner merge with a type of its own is rounded to it`() throws {
    let text = groups.replacing("name: germanic", with: "name: germanic\ndtype: bfloat16")
      .replacing("name: bantu", with: "name: bantu\ndtype: bfloat16")
      .replacing("TYPE", with: "bfloat16")
    let graph = try MergeGraph.parse(text, origin: "groups.yaml")
    let nested = try Merge.plan(graph.result) { try model($0, type: .bfloat16) }
    let (_, staged) = try results(inputs: .bfloat16, stage: .bfloat16, result: .bfloat16)
    #expect(try MergeModels.values(nested) == staged)
  }

  @Test func `the type of a result without one is that of the models, however deep they are`()
    throws
  {
    let text = groups.replacing("dtype: TYPE\n", with: "").replacing("\ndtype: TYPE", with: "")
    let nested = try Merge.plan(MergeGraph.parse(text, origin: "groups.yaml").result) {
      try model($0, type: .bfloat16)
    }
    let name = "model.layers.1.mlp.up_proj.weight"
    #expect(nested.info(name)?.elementType == .bfloat16)
    let values = try nested.floats(name)
    #expect(values.allSatisfy { $0 == Rounding.float(bfloat16: Rounding.bfloat16($0)) })
  }

  // MARK: Examples

  private static var examples: [String] {
    get throws {
      let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Examples/merging").path
      return try FileManager.default.contentsOfDirectory(atPath: folder)
        .filter { $0.hasSuffix(".yaml") }.sorted().map { "\(folder)/\($0)" }
    }
  }

  @Test func `every example merges`() throws {
    let examples = try Self.examples
    #expect(examples.count >= 6)
    let shapes = MergeModels.layered(layers: 8)
    let grown = MergeModels.layered(layers: 9)
    for path in examples {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let recipe = try MergeGraph.parse(text, origin: path).result
      let resolver = ModelResolver(
        folders: { pattern in (1...4).map { pattern.replacing("*", with: "\($0)") } },
        resolve: {
          let name = $0.description
          return try MergeModels.llama(
            name, name.contains("grown") ? grown : shapes, elementType: .bfloat16)
        })
      let merged = try MergePlan.make(recipe, from: resolver).checkpoint
      let isGrown = path.hasSuffix("grown.yaml")
      #expect(merged.names.count == (isGrown ? grown : shapes).count, "\(path)")
      // What the copies add is zero, so that only the trained block's part is there.
      if isGrown {
        let name = "model.layers.4.mlp.down_proj.weight"
        let language = try MergeModels.llama("models/grown-language", grown, elementType: .bfloat16)
        let expected = try language.floats(name).map {
          Rounding.float(bfloat16: Rounding.bfloat16(0.7 * $0))
        }
        #expect(try merged.floats(name) == expected)
      }
      for name in merged.names {
        #expect(try merged.floats(name).allSatisfy(\.isFinite), "\(path): \(name)")
      }
    }
  }
}
