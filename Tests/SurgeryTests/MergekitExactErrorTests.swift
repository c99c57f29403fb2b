// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors
import Testing

@testable import Surgery

/// What mergekit stumbles over is an error that names the parameter.
@Suite struct MergekitExactErrorTests {
  private let base: [Float] = [1, 2, 3, 4]
  private let source: [Float] = [2, 1, 3, 5]

  private func error(
    _ method: String, sources: Int = 2, hasBase: Bool = true, shape: Shape = [4],
    _ change: (inout MergekitParameters) -> Void = { _ in }
  ) -> MergeError? {
    #expect(throws: MergeError.self) {
      try MergekitExactTests.merge(
        method, base: hasBase ? base : nil, Array(repeating: source, count: sources), shape: shape,
        change)
    }
  }

  private func parameter(_ error: MergeError?) -> String? {
    if case .parameter(let name, _, _) = error { name } else { nil }
  }

  @Test func `a method that does not exist`() {
    guard case .unknownMethod(_, _, let nearest, _) = error("tiess") else {
      Issue.record("no error for an unknown method")
      return
    }
    #expect(nearest == "ties")
  }

  @Test(arguments: ["slerp", "nearswap", "sce", "ram", "ties", "model_stock", "arcee_fusion"])
  func `a method without its base`(method: String) {
    #expect(error(method, hasBase: false) == .missingBase(method: method))
  }

  @Test func `numbers of sources that a method does not take`() {
    for (method, count) in [
      ("slerp", 2), ("nearswap", 0), ("nuslerp", 3), ("model_stock", 1), ("passthrough", 2),
      ("linear", 0), ("karcher", 0), ("multislerp", 0), ("arcee_fusion", 2),
    ] {
      guard case .sourceCount(_, let expected, let found, _) = error(method, sources: count) else {
        Issue.record("\(method) takes \(count) sources")
        continue
      }
      #expect(found == count && !expected.contains(count))
    }
  }

  @Test(arguments: ["linear", "nuslerp", "multislerp", "task_arithmetic"])
  func `weights that do not match the sources`(method: String) {
    let missing = MergeError.missingParameter("weight", method: method, model: nil)
    #expect(error(method) { $0.weights = [1] } == missing)
    #expect(error(method) { $0.weights = [] } == missing)
  }

  @Test(arguments: ["slerp", "nearswap"])
  func `a missing t`(method: String) {
    let missing = MergeError.missingParameter("t", method: method, model: nil)
    #expect(error(method, sources: 1) { $0.t = nil } == missing)
  }

  @Test func `lists of another length than the sources`() {
    #expect(parameter(error("ties") { $0.densities = [0.5] }) == "density")
    #expect(parameter(error("breadcrumbs") { $0.gammas = [0.1, 0.1, 0.1] }) == "gamma")
    #expect(parameter(error("della") { $0.epsilons = [0.1] }) == "epsilon")
  }

  @Test func `probabilities outside their range`() {
    #expect(parameter(error("dare_ties") { $0.densities = [0.5, -0.1] }) == "density")
    #expect(parameter(error("della") { $0.densities = [0.9, 0.9] }) == "epsilon")
    #expect(parameter(error("della") { $0.densities = [0.1, 0.1] }) == "epsilon")
  }

  @Test(arguments: [[4, 1], []] as [Shape])
  func `DELLA on rows of one element`(shape: Shape) {
    let count = shape.elementCount
    #expect(throws: MergeError.self) {
      try MergekitExactTests.merge(
        "della", base: Array(base.prefix(count)), [Array(source.prefix(count))], shape: shape
      ) { $0.densities = [0.5] }
    }
  }

  @Test func `what older releases refuse`() {
    let few = error("ties") { ($0.generation, $0.densities) = (.v01, [0.1, 0.1]) }
    #expect(parameter(few) == "density")
    let axes = error("della", shape: [1, 2, 2]) {
      ($0.generation, $0.densities) = (.v00, [0.5, 0.5])
    }
    #expect(parameter(axes) == "density")
  }

  @Test func `directions that cancel out`() {
    let opposed = error("multislerp", sources: 4, hasBase: false) {
      ($0.weights, $0.normalizeWeights) = ([1, -1, 1, -1], false)
    }
    #expect(parameter(opposed) == "weight")
  }

  @Test func `a tensor too large to rank`() {
    var random = MersenneTwister(seed: 0)
    let thrown = #expect(throws: MergeError.self) {
      try MergekitExact.merge(
        method: "ties", base: [], sources: [[Float]](), shape: [1 << 20, 1 << 20], work: .float32,
        parameters: MergekitParameters(), random: &random)
    }
    #expect(parameter(thrown) == "shape")
  }

  @Test func `names of parameters that mergekit does not have`() {
    var parameters = MergekitParameters()
    let taken = [
      parameters.set("weigth", to: 1), parameters.set("weigth", perSource: [1]),
      parameters.set("max_iter", to: 2.5),
    ]
    #expect(taken == [false, false, false])
    #expect(parameters == MergekitParameters())
    let names = [
      "t", "normalize", "rescale", "lambda", "nuslerp_flatten", "nuslerp_row_wise",
      "normalize_weights", "eps", "max_iter", "tol", "filter_wise", "select_topk", "r", "alpha",
      "epsilon", "k", "scale",
    ]
    for name in names {
      let before = parameters
      let isOn = name == "nuslerp_flatten" || name == "normalize_weights"
      let isTaken = parameters.set(name, to: isOn ? 0 : 3)
      #expect(isTaken)
      #expect(parameters != before, "\(name) has no effect")
    }
    let isTaken = parameters.set("int8_mask", to: 1)
    #expect(isTaken)
  }

  @Test func `types and how they promote`() {
    #expect(WorkType.promoted([.bfloat16, .bfloat16]) == .bfloat16)
    #expect(WorkType.promoted([.bfloat16, .float16]) == .float32)
    #expect(WorkType.promoted([.float16, .float32, .float64]) == .float64)
    #expect(WorkType.promoted([.float32, .int64]) == nil)
    #expect(WorkType.promoted([.float8E4M3, .float8E4M3]) == nil)
    #expect(WorkType.promoted([]) == nil)
    for work in WorkType.allCases { #expect(WorkType(work.elementType) == work) }
  }
}
