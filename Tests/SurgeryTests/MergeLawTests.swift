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
  /// Extents that trip up loops: a scalar, empty, one element, primes, columns, three axes, more
  /// than one summation block.
  static let shapes: [Shape] = [
    [], [0], [0, 3], [3, 0], [1], [7], [1, 6], [5, 1], [13, 11], [2, 3, 5], [4099],
  ]

  @Test(arguments: MethodVariant.claiming(.fixedPoint), types)
  func `equal sources leave the base unchanged`(variant: MethodVariant, type: ElementType) throws {
    for shape in Self.shapes {
      var inputs = MethodInputs(shape, type: type, sources: variant.sourceCount)
      inputs.sources = inputs.sources.map { _ in inputs.base }
      #expect(try inputs.merge(variant) == inputs.stored(inputs.base), "\(shape)")
    }
  }

  /// A sum of three products and a quotient in float32: two units in the last place of the largest
  /// of three terms; narrower types do not see it.
  @Test(arguments: MethodVariant.claiming(.nearFixedPoint), types)
  func `equal sources come out but for rounding`(variant: MethodVariant, type: ElementType) throws {
    for shape in Self.shapes {
      var inputs = MethodInputs(shape, type: type, sources: variant.sourceCount)
      inputs.sources = inputs.sources.map { _ in inputs.base }
      let base = try inputs.stored(inputs.base)
      for (merged, value) in zip(try inputs.merge(variant), base) {
        let isWide = type == .float32 || type == .float64
        #expect((merged - value).magnitude <= (isWide ? 2 * value.ulp : 0), "\(shape)")
      }
    }
  }

  @Test(arguments: MethodVariant.all, types)
  func `shapes are kept and finite sources give finite results of the type`(
    variant: MethodVariant, type: ElementType
  ) throws {
    for shape in Self.shapes {
      let inputs = MethodInputs(shape, type: type, sources: variant.sourceCount)
      let merged = try inputs.merge(variant)
      #expect(merged.count == shape.elementCount)
      #expect(merged.allSatisfy { $0.isFinite }, "\(shape)")
      #expect(try inputs.stored(merged) == merged, "\(shape)")
    }
  }

  @Test(arguments: MethodVariant.all)
  func `every method does something`(variant: MethodVariant) throws {
    let inputs = MethodInputs([13, 11], sources: variant.sourceCount)
    let merged = try inputs.merge(variant)
    #expect(merged != inputs.base)
    if variant.id != "passthrough" { for source in inputs.sources { #expect(merged != source) } }
  }

  @Test(arguments: MethodVariant.claiming(.anyOrder))
  func `the order of the sources changes rounding only`(variant: MethodVariant) throws {
    for shape in Self.shapes {
      var inputs = MethodInputs(shape, sources: variant.sourceCount)
      let forward = try inputs.merge(variant)
      inputs.sources.reverse()
      let own = try variant.ownValues().mapValues { Array($0.reversed()) }
      let backward = try inputs.merge(variant, own: own)
      for (a, b) in zip(forward, backward) {
        #expect((a - b).magnitude <= 4 * Float(2).ulp, "\(shape)")
      }
    }
  }

  /// Several chunks of the shortest length and an incomplete one; rows shorter and longer than a
  /// chunk; runs that begin and end within rows.
  @Test(arguments: MethodVariant.all, [[5, 3271], [2, 9001], [16_411], [3001, 5], [7, 3, 811]])
  func `results depend neither on threads nor on how the tensor is cut`(
    variant: MethodVariant, extents: [Int]
  ) throws {
    let inputs = MethodInputs(Shape(extents), sources: variant.sourceCount)
    let expected = try inputs.merge(variant, threads: 1)
    #expect(expected.allSatisfy { $0.isFinite })
    for (threads, length, piece) in [(1, 4096, 4096), (4, 4096, 4096), (3, 8192, 997)] {
      let merged = try inputs.merge(
        variant, chunkLength: length, threads: threads, pieceLength: piece)
      #expect(merged == expected, "\(threads) threads, chunks of \(length), runs of \(piece)")
    }
  }

  @Test(arguments: MethodVariant.claiming(.scales))
  func `doubling every input doubles the result`(variant: MethodVariant) throws {
    for shape in Self.shapes {
      let inputs = MethodInputs(shape, sources: variant.sourceCount)
      let doubled = MethodInputs(
        shape, base: inputs.base.map { 2 * $0 },
        sources: inputs.sources.map { source in source.map { 2 * $0 } })
      #expect(try doubled.merge(variant) == inputs.merge(variant).map { 2 * $0 }, "\(shape)")
    }
  }

  @Test(arguments: MethodVariant.claiming(.zeroWeight))
  func `a source of weight 0 may be left out`(variant: MethodVariant) throws {
    for shape in Self.shapes {
      let inputs = MethodInputs(shape)
      var own = try variant.ownValues()
      own["weight"]?[2] = 0
      let fewer = MethodInputs(
        shape, base: inputs.base, sources: Array(inputs.sources.prefix(2)))
      let short = own.mapValues { Array($0.prefix(2)) }
      #expect(
        try inputs.merge(variant, own: own) == fewer.merge(variant, own: short), "\(shape)")
    }
  }

  @Test(arguments: MethodVariant.claiming(.zeroLambda))
  func `lambda 0 gives the base`(variant: MethodVariant) throws {
    for shape in Self.shapes {
      let inputs = MethodInputs(shape, sources: variant.sourceCount)
      #expect(try inputs.merge(variant, shared: ["lambda": 0]) == inputs.base, "\(shape)")
    }
  }

  @Test(arguments: MethodVariant.claiming(.denseIsTaskArithmetic))
  func `density 1 is task arithmetic`(variant: MethodVariant) throws {
    let plain = MethodVariant(id: "task_arithmetic")
    let method = try variant.method
    for shape in Self.shapes {
      let inputs = MethodInputs(shape)
      var own = try variant.ownValues()
      if method.card.perSource.contains(where: { $0.name == "density" }) {
        own["density"] = [1, 1, 1]
      }
      let shared = ["normalize": variant.shared["normalize"] ?? false]
      let lambda = ["lambda": variant.shared["lambda"] ?? 1]
      #expect(
        try inputs.merge(variant, own: own)
          == inputs.merge(plain, shared: shared.merging(lambda) { $1 }), "\(shape)")
    }
  }

  @Test(arguments: MethodVariant.all.filter { (try? $0.method.card.base) == .required })
  func `the base alone is the result where no source has the tensor`(
    variant: MethodVariant
  ) throws {
    let card = try variant.method.card
    // The others are never asked: the planner passes the base through.
    guard card.incomplete == .mergesRest || card.id == "model_stock" else { return }
    for shape in Self.shapes {
      let inputs = MethodInputs(shape, sources: 0)
      let own = try variant.ownValues().mapValues { _ in [JSON]() }
      #expect(try inputs.merge(variant, own: own) == inputs.base, "\(shape)")
    }
  }

  @Test(arguments: MethodVariant.all)
  func `not a number in a source is an error that names it`(variant: MethodVariant) throws {
    var inputs = MethodInputs([13, 11], sources: variant.sourceCount)
    inputs.sources[0][5] = .nan
    #expect(throws: CheckpointError.self) { try inputs.merge(variant) }
  }

  @Test(arguments: ids)
  func `what is written is what was computed`(id: String) throws {
    let method = try MergeMethods.named(id)
    let base = try MergeModels.checkpoint(seed: 1)
    let resolver = ModelResolver(
      statistics: { path in
        let kind = try #require(method.card.statistics)
        return try MergeModels.statistics(kind, of: String(path.split(separator: " ")[2]), base)
      },
      resolve: { reference in
        let name = reference.description
        return name == "base"
          ? base
          : try MergeModels.checkpoint(seed: UInt64(name.utf8.count), around: base, scale: 0.25)
      })
    let merged = try MergePlan.make(
      MergeModels.recipe(method, elementType: .bfloat16), from: resolver
    ).checkpoint
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    try CheckpointWriter.write(merged, to: folder.path)
    let read = try Checkpoint.open(directory: folder.path)
    #expect(try MergeModels.values(read) == MergeModels.values(merged))
    #expect(read.config["dtype"]?.string == "bfloat16")
  }

  // MARK: The list

  @Test func `the list and the folder agree`() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/Surgery/Merge/Methods")
    var found: [String] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
      #expect(text.contains(": MergeMethod {"), "\(file) declares no method")
      let id = try #require(text.firstMatch(of: /id: "([a-z0-9_]+)"/)).1
      found.append(String(id))
    }
    #expect(found.sorted() == Self.ids.sorted())
    #expect(Set(Self.ids).count == Self.ids.count)
    #expect(Set(MethodVariant.all.map(\.id)) == Set(Self.ids), "a method without laws tested")
  }

  @Test func `cards say where a method comes from and what its parameters do`() throws {
    for method in MergeMethods.all {
      let card = method.card
      for text in [card.title, card.formula, card.source, card.departs, card.cost] {
        #expect(!text.isEmpty && !text.hasSuffix("."), "\(card.id): \(text)")
      }
      let isReconstruction = card.departs.contains("reconstruction")
      #expect(card.isReconstruction == isReconstruction, "\(card.id)")
      let names = ParameterSchema(method).entries.map(\.name)
      #expect(card.notes.map(\.name).sorted() == names.sorted(), "\(card.id)")
      #expect(card.wholeNumbers.isSubset(of: names), "\(card.id)")
      #expect(Set(card.requiredShared).isSubset(of: names), "\(card.id)")
      #expect(Set(card.ignored).isDisjoint(with: names), "\(card.id)")
      for line in card.formula.split(separator: "\n") {
        #expect(line.count <= 100, "\(card.id): \(line)")
      }
    }
  }

  @Test func `the documentation is made from the cards`() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/methods.md")
    let made = MethodDocumentation.markdown()
    if (try? String(contentsOf: file, encoding: .utf8)) == made { return }
    let fresh = FileManager.default.temporaryDirectory.appendingPathComponent("methods.md")
    try Data(made.utf8).write(to: fresh)
    Issue.record("docs/methods.md is out of date; what it should be is in \(fresh.path)")
  }
}
