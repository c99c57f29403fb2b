// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Laws over every listed method.
@Suite struct MergeLawTests {
  static let ids = MergeMethods.all.map { $0.card.id }
  static let types = ElementType.allCases.filter(\.isFloatingPoint)

  struct Family {
    let models: [String: Checkpoint]
    init(elementType: ElementType = .float32, shapes: [Shape] = MergeModels.awkwardShapes) throws {
      let base = try MergeModels.checkpoint(seed: 1, shapes: shapes, elementType: elementType)
      var models = ["base": base]
      for (seed, name) in [(2, "one"), (3, "two"), (4, "three")] {
        models[name] = try MergeModels.checkpoint(
          seed: UInt64(seed), shapes: shapes, around: base, scale: 0.25, elementType: elementType)
      }
      self.models = models
    }

    func merge(_ recipe: MergeRecipe) throws -> Checkpoint {
      try Merge.plan(recipe) { try #require(models[$0]) }
    }
  }

  @Test(arguments: ids, types)
  func `equal sources leave the base unchanged`(id: String, type: ElementType) throws {
    let method = try MergeMethods.named(id)
    guard method.card.laws.contains(.fixedPoint) else { return }
    let base = try MergeModels.checkpoint(seed: 7, elementType: type)
    let merged = try Merge.plan(MergeModels.recipe(method)) { _ in base }
    for name in base.names {
      #expect(merged.info(name) == base.info(name))
      #expect(try merged.floats(name) == base.floats(name), "\(name)")
    }
  }

  @Test(arguments: ids, types)
  func `shape and type are kept and finite sources give finite results`(
    id: String, type: ElementType
  ) throws {
    let method = try MergeMethods.named(id)
    let family = try Family(elementType: type)
    let merged = try family.merge(MergeModels.recipe(method))
    #expect(merged.names == family.models["base"]?.names)
    for name in merged.names {
      #expect(merged.info(name) == family.models["base"]?.info(name))
      let values = try merged.floats(name)
      #expect(values.count == merged.info(name)?.shape.elementCount)
      #expect(values.allSatisfy { $0.isFinite })
    }
    try merged.checkFinite()
  }

  @Test(arguments: ids)
  func `the order of the sources changes rounding only`(id: String) throws {
    let method = try MergeMethods.named(id)
    guard method.card.laws.contains(.anyOrder) else { return }
    let family = try Family()
    var recipe = MergeModels.recipe(method)
    let forward = try MergeModels.values(family.merge(recipe))
    recipe.models.reverse()
    let backward = try MergeModels.values(family.merge(recipe))
    for (name, values) in forward {
      for (a, b) in zip(values, try #require(backward[name])) {
        #expect((a - b).magnitude <= 4 * Float(2).ulp)
      }
    }
  }

  /// Long enough for several chunks of the shortest length and an incomplete one.
  @Test(arguments: ids)
  func `results depend neither on threads nor on the chunk length`(id: String) throws {
    let method = try MergeMethods.named(id)
    let recipe = MergeModels.recipe(method)
    let family = try Family(shapes: [[5, 3271]])
    let values = try ParameterSchema(method).resolve(
      shared: recipe.parameters, sources: recipe.models, base: nil)
    let merger = try ParameterSchema.make(method, values)
    var results: [[Float]] = []
    for (threads, length) in [(1, 65_536), (1, 4096), (4, 4096), (3, 8192)] {
      func reader(_ model: String) throws -> any TensorReader {
        try #require(family.models[model]).source("t0").prepare()
      }
      let group = TensorGroup(
        name: "t0", shape: [5, 3271], base: recipe.baseModel == nil ? nil : try reader("base"),
        sources: try recipe.models.map { try reader($0.reference) }, chunkLength: length,
        threads: threads)
      let merged = try Merge.reader(merger, group, as: .float32)
      var output = [Float](repeating: .nan, count: group.elementCount)
      try output.withMutableChunk { target in
        for range in chunkRanges(count: group.elementCount, length: length) {
          try merged.read(from: range.lowerBound, into: target[range])
        }
      }
      results.append(output)
    }
    for result in results.dropFirst() { #expect(result == results[0]) }
    #expect(results[0].allSatisfy { $0.isFinite })
  }

  @Test(arguments: ids)
  func `the same recipe gives the same numbers again`(id: String) throws {
    let recipe = MergeModels.recipe(try MergeMethods.named(id))
    let first = try MergeModels.values(try Family().merge(recipe), threads: 1)
    let second = try MergeModels.values(try Family().merge(recipe), threads: 3)
    #expect(first == second)
  }

  @Test(arguments: ids)
  func `what is written is what was computed`(id: String) throws {
    let method = try MergeMethods.named(id)
    let merged = try Family().merge(MergeModels.recipe(method, elementType: .bfloat16))
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    try CheckpointWriter.write(merged, to: folder.path)
    let read = try Checkpoint.open(directory: folder.path)
    #expect(try MergeModels.values(read) == MergeModels.values(merged))
    #expect(read.config["dtype"]?.string == "bfloat16")
  }

  @Test func `the list and the folder agree`() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/Surgery/Merge")
    var found: [String] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
      guard text.contains(": MergeMethod {") else { continue }
      let id = try #require(text.firstMatch(of: /id: "([a-z0-9_]+)"/)).1
      found.append(String(id))
    }
    #expect(found.sorted() == Self.ids.sorted())
    #expect(Set(Self.ids).count == Self.ids.count)
  }

  @Test func `cards say where a method comes from`() {
    for method in MergeMethods.all {
      #expect(!method.card.source.isEmpty && !method.card.departs.isEmpty)
      let isReconstruction = method.card.departs.contains("reconstruction")
      #expect(method.card.isReconstruction == isReconstruction, "\(method.card.id)")
    }
  }
}
