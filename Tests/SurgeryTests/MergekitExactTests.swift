// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tensors
import Testing

@testable import Surgery

/// Against mergekit itself; see Golden/mergekit-exact/make.py and the versions.json it writes.
@Suite struct MergekitExactTests {
  /// Methods that go through sines and arc cosines, where PyTorch's float32 functions are off by an
  /// ulp for one number in twenty, or through a dot product whose order a library chooses.
  static let rounded: Set<String> = ["slerp", "nuslerp", "multislerp", "karcher", "model_stock"]

  /// Bit for bit but where `rounded` says otherwise: there within 4e-7 of the tensor's largest
  /// magnitude in float32 (3.2e-7 measured: an ulp of an angle between near vectors), one unit in
  /// the last place and one element in the 16-bit types.
  static func check(_ item: ExactGolden.Case, in group: ExactGolden.Group) throws -> Bool {
    let comparison = try ExactGolden.compare(item, in: group)
    #expect(comparison.typeAgrees, "\(item) in \(group.type)")
    if comparison.differing == 0 { return true }
    let found = "\(item) in \(group.type): \(comparison)"
    switch (item.method, group.type) {
    case ("arcee_fusion", "float32"):
      // The element whose importance is the threshold, or next to it.
      #expect(comparison.differing <= 1, "\(found)")
    case ("sce", "float16") where item.shape == [19]:
      // Two variances are equal at the cut; which stays is up to a sort, and moves the weights.
      #expect(item.variation == "selected" && comparison.differing <= 7, "\(found)")
    case (let method, "float32") where rounded.contains(method):
      #expect(comparison.worst <= 4e-7, "\(found)")
    case ("slerp", "bfloat16"), ("slerp", "float16"):
      #expect(comparison.differing <= 1 && comparison.worstUlps <= 1, "\(found)")
    default: Issue.record("\(found)")
    }
    return false
  }

  @Test(arguments: ["float32", "bfloat16", "float16", "float64"])
  func `every method gives mergekit's numbers`(type: String) throws {
    let group = try ExactGolden.read("cases-\(type)", ExactGolden.Group.self)
    var equal = 0
    for item in group.cases where try Self.check(item, in: group) { equal += 1 }
    // 226 of 237 for float32, 235 or more for the 16-bit types, all 28 for float64 where measured.
    #expect(equal * 100 >= group.cases.count * 90, "\(equal) of \(group.cases.count) are bit-equal")
    if type != "float64" {
      let merged = Set(group.cases.map(\.method))
      #expect(merged.union(["consensus_ta", "consensus_ties"]) == MergekitExact.methods)
    }
  }

  @Test func `older releases give other numbers, and so do we`() throws {
    let groups = try ExactGolden.read("cases-older", [ExactGolden.Group].self)
    #expect(groups.count == 6)
    for group in groups { for item in group.cases { _ = try Self.check(item, in: group) } }
  }

  @Test func `sums of many elements add in PyTorch's order`() throws {
    let group = try ExactGolden.read("large", ExactGolden.Group.self)
    for item in group.cases { _ = try Self.check(item, in: group) }
  }

  @Test func `of equal magnitudes as many stay as in mergekit, of the same sizes`() throws {
    let group = try ExactGolden.read("tied", ExactGolden.Group.self)
    let inputs = try (group.inputs?["97"] ?? []).map {
      try ExactGolden.doubles($0, group.type).map { Float($0) }
    }
    for item in group.cases {
      var random = MersenneTwister(seed: 0)
      let ours = try MergekitExact.merge(
        method: item.method, base: inputs[0], sources: [inputs[1]], shape: [97], work: .bfloat16,
        parameters: item.parameters(), random: &random
      ).values
      let theirs = try ExactGolden.doubles(item.result, item.type).map { Float($0) }
      #expect(ours.map(\.magnitude).sorted() == theirs.map(\.magnitude).sorted(), "\(item)")
      #expect(ours != inputs[0] && ours != inputs[1])
    }
  }

  // MARK: - Awkward tensors

  static func merge(
    _ method: String, base: [Float]?, _ sources: [[Float]], shape: Shape? = nil,
    work: WorkType = .float32, _ change: (inout MergekitParameters) -> Void = { _ in }
  ) throws -> (values: [Float], type: ElementType) {
    var parameters = MergekitParameters()
    parameters.weights = sources.map { _ in 0.5 }
    parameters.t = 0.5
    change(&parameters)
    var random = MersenneTwister(seed: 1)
    return try MergekitExact.merge(
      method: method, base: MergekitExact.methodsWithoutBase.contains(method) ? nil : base,
      sources: sources, shape: shape ?? Shape([sources.first?.count ?? 0]), work: work,
      parameters: parameters, random: &random)
  }

  /// As many sources as the method takes.
  static func sourceCount(_ method: String) -> Int {
    switch method {
    case "passthrough", "slerp", "nearswap", "arcee_fusion": 1
    default: 2
    }
  }

  @Test(arguments: MergekitExact.methods.sorted())
  func `an empty tensor stays empty`(method: String) throws {
    for shape: Shape in [[0], [3, 0]] {
      let sources = [[Float]](repeating: [], count: Self.sourceCount(method))
      let result = try Self.merge(method, base: [], sources, shape: shape, work: .bfloat16)
      #expect(result.values.isEmpty && result.type == .bfloat16)
    }
  }

  @Test(arguments: MergekitExact.methods.sorted(), WorkType.allCases.filter { $0 != .float64 })
  func `sources equal to the base leave it as it is`(method: String, work: WorkType) throws {
    // In float16 the `eps` of `multislerp` is 0, and mergekit divides by it: see below.
    if method == "multislerp", work == .float16 { return }
    let base = (0..<12).map { work.rounded(Float($0) * 0.37 - 1.9) }
    let sources = [[Float]](repeating: base, count: Self.sourceCount(method))
    let result = try Self.merge(method, base: base, sources, shape: [3, 4], work: work) {
      $0.densities = sources.map { _ in 0.5 }
    }
    // Spheres round on the way; everything else is exact.
    let tolerance: Float = Self.rounded.contains(method) ? (work == .float32 ? 1e-6 : 0.04) : 0
    for (found, expected) in zip(result.values, base) {
      #expect((found - expected).magnitude <= tolerance, "\(found) instead of \(expected)")
    }
  }

  @Test func `of equal magnitudes the lowest index comes first`() throws {
    let source: [Float] = [1, -1, 2, 1, -1, 1]
    let zero = [Float](repeating: 0, count: 6)
    let largest = try Self.merge("ties", base: zero, [source]) {
      ($0.weights, $0.densities, $0.normalize) = ([1], [0.5], false)
    }
    #expect(largest.values == [1, -1, 2, 0, 0, 0])
    // Ascending: five ones by index, then the two. One is dropped above, and two below.
    let middle = try Self.merge("breadcrumbs", base: zero, [source]) {
      ($0.weights, $0.densities, $0.gammas) = ([1], [0.5], [0.17])
    }
    #expect(middle.values == [0, 0, 0, 1, -1, 1])
  }

  @Test func `NaN and infinity outlive a mask`() throws {
    let result = try Self.merge(
      "ties", base: [0, 0, 0, 0], [[.nan, .infinity, 3, 1], [1, -2, 1, 1]])
    #expect(result.values[0].isNaN && !result.values[1].isFinite)
    #expect(result.values[2...] == [2, 1])
  }

  @Test func `multislerp without changes is NaN in float16, as in mergekit`() throws {
    let base: [Float] = [1, 2, -3]
    let result = try Self.merge("multislerp", base: base, [base, base], work: .float16)
    #expect(result.values.allSatisfy { $0.isNaN })
  }

  @Test func `opposite changes keep the base since 0.1.5, and made NaN before`() throws {
    let (base, up, down): ([Float], [Float], [Float]) = ([1, 2], [2, 2], [0, 2])
    #expect(try Self.merge("model_stock", base: base, [up, down]).values == base)
    let before = try Self.merge("model_stock", base: base, [up, down]) { $0.generation = .v01 }
    #expect(before.values.contains { $0.isNaN })
  }
}
