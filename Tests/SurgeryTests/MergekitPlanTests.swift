// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// `--mergekit-exact` from a YAML to the bytes of the result, against mergekit's commands; see
/// Golden/mergekit-plan/make.py.
@Suite struct MergekitPlanTests {
  /// Methods whose angles or sums PyTorch rounds otherwise for some numbers.
  static let rounded: Set<String> = [
    "slerp", "nuslerp", "multislerp", "karcher", "model_stock", "arcee_fusion", "sce",
  ]

  /// Bit for bit, but where angles are computed: there within 4e-7 of the tensor's largest
  /// magnitude in float32, one unit of the last place in the 16-bit types. Where magnitudes are
  /// equal, as they often are in 16 bits, another choice may be made of them.
  static func check(
    _ item: PlanGolden.Case, in group: PlanGolden, type: String, ties: Set<String> = []
  ) throws -> Bool {
    let plan = try group.plan(item)
    let comparison = try PlanGolden.compare(plan, item)
    if comparison.differing.isEmpty { return true }
    let found = "\(item.name) in \(type): \(comparison)"
    if ties.contains(item.name) {
      // Few tensors have two equal magnitudes at the very cut.
      #expect(comparison.differing.count * 4 <= comparison.tensorCount, "\(found)")
      return false
    }
    let tolerance: Double = ["float32": 4e-7, "bfloat16": 0x1p-7, "float16": 0x1p-10][type] ?? 0
    #expect(item.samples != nil && comparison.worst <= tolerance, "\(found)")
    return false
  }

  @Test(arguments: ["float32", "bfloat16", "float16"])
  func `every method merges a model as mergekit's command does`(type: String) throws {
    let ties = type == "float32" ? [] : Self.tied
    // As measured: six with angles in float32, five and four with equal magnitudes in the others.
    let atLeast = ["float32": 31, "bfloat16": 32, "float16": 33][type] ?? 37
    let group = try PlanGolden.read("kernels-\(type)")
    var equal = 0
    for item in group.cases where try Self.check(item, in: group, type: type, ties: ties) {
      equal += 1
    }
    #expect(equal >= atLeast, "\(equal) of \(group.cases.count) in \(type) are bit-equal")
    let methods = Set(try group.cases.map { try MergeRecipe.parse($0.yaml, origin: "").method })
    #expect(methods.union(["consensus_ta", "consensus_ties"]) == MergekitExact.methods)
  }

  /// In 16 bits two changes are often equal, and which of them stays is up to a sort.
  static let tied: Set<String> = [
    "ties", "ties_sum", "ties_rescaled", "breadcrumbs", "breadcrumbs_ties",
  ]

  @Test(arguments: ["float32", "bfloat16"])
  func `masks of deep and stacked models are mergekit's, layer 10 before layer 2`(
    type: String
  ) throws {
    let group = try PlanGolden.read("deep-\(type)")
    for item in group.cases {
      let plan = try group.plan(item)
      let comparison = try PlanGolden.compare(plan, item)
      // There mergekit forgets the last slice's third model behind the layers.
      let forgets = item.name == "della_offset"
      #expect(
        Set(comparison.differing) == (forgets ? ["lm_head.weight", "model.norm.weight"] : []),
        "\(item.name) in \(type): \(comparison)")
      #expect(forgets == plan.notes.contains { $0.contains("where mergekit takes as many") })
    }
  }

  @Test(arguments: ["gpt2", "tied", "types", "multi", "tokens-float32", "tokens-bfloat16"])
  func `heads, types, stages and vocabularies keep the numbers mergekit's`(name: String) throws {
    let group = try PlanGolden.read(name)
    for item in group.cases where item.name != "stored_head" {
      let comparison = try PlanGolden.compare(group.plan(item), item)
      #expect(comparison.differing.isEmpty, "\(name), \(item.name): \(comparison)")
    }
  }

  @Test func `a head stored beside a tie is left out, and the masks of the rest stay`() throws {
    let group = try PlanGolden.read("tied")
    let item = try #require(group.cases.first { $0.name == "stored_head" })
    let plan = try group.plan(item)
    let theirs = (plan.checkpoint.names + ["lm_head.weight"]).sorted()
    #expect(PlanGolden.crc32(Array(theirs.joined(separator: "\n").utf8)) == item.names)
    #expect(plan.notes.contains { $0.contains("mergekit draws for it") })
    for (position, name) in theirs.enumerated() where name != "lm_head.weight" {
      let source = try plan.checkpoint.source(name)
      let bytes = try source.prepare().bytes(
        0..<source.info.shape.elementCount, as: source.info.elementType)
      #expect(PlanGolden.hex(PlanGolden.crc32(bytes)) == item.sum(position), "\(name)")
    }
  }

  @Test func `shards have mergekit's names and tensors`() throws {
    let group = try PlanGolden.read("files")
    for (item, limit) in zip(group.cases, [1000, 3000]) {
      let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("koine-exact-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      try CheckpointWriter.write(
        group.plan(item).checkpoint, to: folder.path, options: .init(shardByteLimit: limit))
      let index = try JSONDecoder().decode(
        PlanGolden.Index.self,
        from: Data(contentsOf: folder.appendingPathComponent("model.safetensors.index.json")))
      let theirs = try #require(item.index)
      #expect(index.weightMap == theirs.weightMap, "\(item.name)")
      #expect(index.metadata.totalSize == theirs.metadata.totalSize, "\(item.name)")
      let stored = try Checkpoint.open(directory: folder.path)
      for (position, name) in stored.names.enumerated() {
        let source = try stored.source(name)
        let bytes = try source.prepare().bytes(
          0..<source.info.shape.elementCount, as: source.info.elementType)
        #expect(PlanGolden.hex(PlanGolden.crc32(bytes)) == item.sum(position), "\(name)")
      }
    }
  }

  struct Stack: Decodable {
    let layers: Int
    /// First layer, end, and how far the layers of `a` are from these.
    let slices: [[Int]]
    let count: Int
    let order: UInt32
    let first: [String]
    let movedFromPlan: Int
  }

  @Test func `layers used twice are merged in the order of mergekit's graph`() throws {
    let file = golden("mergekit-plan").appendingPathComponent("schedule.json")
    let parts = try #require(MergekitLayers.tensors(modelType: "llama"))
    for stack in try JSONDecoder().decode([Stack].self, from: Data(contentsOf: file)) {
      var names = ["model.embed_tokens.weight"]
      var inputs = [[names[0], names[0], names[0]]]
      for slice in stack.slices {
        for layer in slice[0]..<slice[1] {
          let number = names.count / parts.count
          for part in parts {
            names.append("model.layers.\(number).\(part)")
            inputs.append([0, slice[2], 0].map { "model.layers.\(layer + $0).\(part)" })
          }
        }
      }
      for name in ["model.norm.weight", "lm_head.weight"] {
        names.append(name)
        inputs.append([name, name, name])
      }
      #expect(names.count == stack.count)
      let order = MergekitSchedule.order(
        inputs.map { inputs in
          MergekitSchedule.Item(
            inputs: zip(["base", "a", "b"], inputs).map { .init(model: $0, tensor: $1, label: $1) },
            isAligned: false)
        }
      ).map { names[$0] }
      #expect(Array(order.prefix(stack.first.count)) == stack.first)
      #expect(
        PlanGolden.crc32(Array(order.joined(separator: "\n").utf8)) == stack.order,
        "\(stack.layers) layers")
      // The order of planning would not do.
      #expect(stack.movedFromPlan > 0)
    }
  }

  @Test func `the bytes do not depend on threads`() throws {
    let group = try PlanGolden.read("deep-bfloat16")
    let item = try #require(group.cases.first { $0.name == "dare_stacked" })
    let (plan, other) = (try group.plan(item).checkpoint, try group.plan(item).checkpoint)
    let all = try Parallel.map(count: plan.names.count, threads: 4) { index in
      try plan.floats(plan.names[index], threads: 1)
    }
    for (name, values) in zip(plan.names, all).reversed() {
      #expect(try other.floats(name) == values, "\(name)")
    }
  }
}
