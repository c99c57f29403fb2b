// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// Against mergekit; see Golden/merge/make.py and the versions.json it writes.
@Suite struct MergeGoldenTests {
  /// Bit for bit where both work in float32 in the same order; a few ulps where we sum in Double:
  /// mergekit's `slerp` rounds norms, angle and sines to float32, which shifts both factors (16
  /// units measured where terms cancel, 1 ulp of the tensor's largest element).
  @Test(arguments: [
    ("linear", Float(0)), ("linear_sum", 0), ("slerp", 4), ("slerp_far", 16),
    ("task_arithmetic", 0), ("task_arithmetic_normalized", 0), ("ties", 0), ("ties_three", 0),
    ("ties_sparse", 0), ("dare_ties_full", 0),
  ])
  func `merges agree with mergekit`(name: String, tolerance: Float) throws {
    let folder = golden("merge")
    let text = try String(
      contentsOf: folder.appendingPathComponent("cases/\(name).yaml"), encoding: .utf8)
    let recipe = try MergeRecipe.parse(text, origin: "\(name).yaml")
    let merged = try Merge.plan(recipe) { reference in
      try Checkpoint.open(directory: folder.appendingPathComponent("models/\(reference)").path)
    }
    try merged.validate()
    let expected = try SafetensorsFile(
      folder.appendingPathComponent("results/\(name).safetensors").path)
    #expect(Set(merged.names) == Set(expected.entries.map(\.name)))
    let reference = try Checkpoint.reading(expected)
    for tensor in merged.names {
      let (ours, theirs) = (try merged.floats(tensor), try reference.floats(tensor))
      let largest = theirs.reduce(Float(0)) { max($0, $1.magnitude) }
      // In units of the last place of the larger element; where terms cancel, of the tensor.
      for i in theirs.indices where ours[i] != theirs[i] {
        let unit = max(theirs[i].magnitude, largest / 16).ulp
        #expect((ours[i] - theirs[i]).magnitude <= tolerance * unit, "\(tensor)[\(i)]")
      }
    }
  }

  @Test func `the goldens differ from their inputs`() throws {
    let folder = golden("merge")
    let base = try Checkpoint.open(directory: folder.appendingPathComponent("models/base").path)
    for name in ["linear", "ties", "ties_sparse", "task_arithmetic", "dare_ties_full"] {
      let result = try Checkpoint.reading(
        SafetensorsFile(folder.appendingPathComponent("results/\(name).safetensors").path))
      let tensor = "model.layers.1.mlp.up_proj.weight"
      #expect(try result.floats(tensor) != base.floats(tensor))
    }
  }
}

/// Every method against mergekit on tensors of awkward shapes, one by one.
@Suite struct MergeKernelGoldenTests {
  /// mergekit sums norms and products in float32 and rounds angles and factors to it, where we have
  /// Double: as far as that can be seen in the tensor's largest element. Where vectors of two or
  /// three elements are nearly opposite float32 leaves less, and mergekit's result may be off by
  /// what it differs from its own in float64.
  static let nearTolerance: Float = 3e-7

  /// Where no sum runs over a tensor and no mask is random, both do the same operations in float32.
  static let exactMethods: Set = [
    "linear", "nearswap", "ram", "ramplus_tl", "passthrough", "task_arithmetic", "ties",
    "dare_linear", "dare_ties", "della", "della_linear", "breadcrumbs", "breadcrumbs_ties",
  ]

  struct Golden {
    let cases: JSONObject
    let inputs: Checkpoint
    let results: [Checkpoint]
    /// Of methods with sums over tensors, what mergekit makes of the same numbers in float64.
    let doubles: Checkpoint

    init() throws {
      let folder = golden("merge").appendingPathComponent("kernels")
      cases = try #require(
        JSON.parse(Data(contentsOf: folder.appendingPathComponent("cases.json")), origin: "cases")
          .object)
      func open(_ name: String) throws -> Checkpoint {
        try .reading(SafetensorsFile(folder.appendingPathComponent("\(name).safetensors").path))
      }
      inputs = try open("inputs")
      results = [try open("family"), try open("others")]
      doubles = try open("doubles")
    }
  }

  private static let shapes = [
    "scalar", "one", "vector", "matrix", "column", "cube", "wide", "empty",
  ]

  @Test func `every method agrees with mergekit on every shape`() throws {
    let golden = try Golden()
    var compared: Set<String> = []
    for (name, value) in golden.cases.members {
      let id = try #require(value["method"]?.string)
      let sources = try #require(value["sources"]?.array).compactMap(\.string)
      let own = try #require(value["own"]?.object)
      let variant = MethodVariant(
        id: id, shared: try shared(value, id),
        own: defaults(try MergeMethods.named(id), own, sources),
        hasBase: value["base"]?.bool == true)
      let rescales = value["shared"]?["rescale"]?.bool == true
      for shape in Self.shapes {
        let tensor = "\(name)/\(shape)"
        guard let result = golden.results.first(where: { $0.info(tensor) != nil }) else { continue }
        let extents = try #require(golden.inputs.info("base/\(shape)")).shape
        let inputs = MethodInputs(
          extents, base: try golden.inputs.floats("base/\(shape)"),
          sources: try sources.map { try golden.inputs.floats("\($0)/\(shape)") })
        let ours = try inputs.merge(variant)
        let theirs = try result.floats(tensor)
        try #require(ours.count == theirs.count, "\(tensor)")
        compared.insert(id)
        if id == "arcee_fusion" {
          expectFused(ours, theirs, inputs, tensor)
          continue
        }
        let largest = theirs.reduce(Float(0)) { max($0, $1.magnitude) }
        let isExact = Self.exactMethods.contains(id) && !rescales
        if isExact {
          #expect(ours == theirs, "\(tensor): off by \(Self.distance(ours, theirs))")
          continue
        }
        let doubles = try golden.doubles.floats(tensor)
        let error = Self.distance(ours, doubles)
        #expect(error <= Self.nearTolerance * largest, "\(tensor) in float64: off by \(error)")
        let worst = Self.distance(ours, theirs)
        let tolerance = max(
          Self.nearTolerance * largest, 1.01 * Self.distance(theirs, doubles) + error)
        #expect(worst <= tolerance, "\(tensor): off by \(worst), allowed \(tolerance)")
      }
    }
    let ofMergekit = Set(MergeMethods.all.filter { $0.card.statistics == nil }.map { $0.card.id })
      .subtracting(
        ["consensus_ta", "consensus_ties", "ties_sv", "layer_swap", "transfer"]
          + MatrixMergeTests.ids)
    #expect(compared == ofMergekit)
  }

  private static func distance(_ left: [Float], _ right: [Float]) -> Float {
    zip(left, right).reduce(Float(0)) { max($0, ($1.0 - $1.1).magnitude) }
  }

  /// An entry is the base's or the source's; those at the cut may fall on the other side, for
  /// mergekit's divergence carries the noise of float32.
  private func expectFused(
    _ ours: [Float], _ theirs: [Float], _ inputs: MethodInputs, _ tensor: String
  ) {
    var flipped = 0
    for i in ours.indices {
      let (base, source) = (inputs.base[i], inputs.sources[0][i])
      #expect(ours[i] == base || ours[i] == base + (source - base), "\(tensor)[\(i)]")
      if ours[i] != theirs[i] { flipped += 1 }
    }
    #expect(flipped * 100 <= ours.count, "\(tensor): \(flipped) of \(ours.count) flipped")
  }

  private func shared(_ value: JSON, _ id: String) throws -> [String: JSON] {
    var shared: [String: JSON] = [:]
    for (name, setting) in try #require(value["shared"]?.object).members
    where name != "int8_mask" { shared[name] = setting }
    return shared
  }

  /// One value per source for every parameter that sources have.
  private func defaults(
    _ method: any MergeMethod.Type, _ own: JSONObject, _ sources: [String]
  ) -> [String: [JSON]] {
    var values: [String: [JSON]] = [:]
    for parameter in method.card.perSource {
      values[parameter.name] =
        own[parameter.name]?.array ?? sources.map { _ in parameter.defaultValue ?? .null }
    }
    return values
  }
}

extension Checkpoint {
  /// The tensors of a single file, without a config.
  static func reading(_ file: SafetensorsFile) throws -> Checkpoint {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: file.path), to: folder.appendingPathComponent("model.safetensors"))
    try Data("{}".utf8).write(to: folder.appendingPathComponent("config.json"))
    // The mapping outlives the folder's removal.
    return try Checkpoint.open(directory: folder.path)
  }
}
