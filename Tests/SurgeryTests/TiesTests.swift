// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// The TIES family against its definitions, on numbers that can be followed by hand.
@Suite struct TiesTests {
  /// Merges children of a zero base.
  private func merge(
    _ method: String, _ children: [[Float]], own: [[String: JSON]], shared: [String: JSON] = [:]
  ) throws -> [Float] {
    let count = children[0].count
    let recipe = MergeRecipe(
      method: method,
      models: own.indices.map { .init("\($0)", parameters: own[$0]) }, baseModel: "base",
      parameters: shared)
    let merged = try Merge.plan(recipe) { reference in
      let values = Int(reference).map { children[$0] } ?? [Float](repeating: 0, count: count)
      return try Checkpoint.inMemory(config: [:], tensors: [("w", Shape([count]), values)])
    }
    return try merged.floats("w")
  }

  private let one: [String: JSON] = ["weight": 1]

  @Test func `the larger sign wins and winners are averaged`() throws {
    //                 agree  ct wins  sft wins  tie counts as positive  one silent
    let ct: [Float] = [1, 3, -1, 2, 0]
    let sft: [Float] = [3, -1, 2, -2, -4]
    #expect(try merge("ties", [ct, sft], own: [one, one]) == [2, 3, 2, 2, -4])
    #expect(
      try merge("ties", [ct, sft], own: [one, one], shared: ["normalize": false])
        == [4, 3, 2, 2, -4])
    #expect(
      try merge("ties", [ct, sft], own: [one, one], shared: ["lambda": 0.5])
        == [1, 1.5, 1, 1, -2])
  }

  @Test func `weights vote in mergekit's election and not in the other`() throws {
    let own: [[String: JSON]] = [["weight": 0.25], ["weight": 1]]
    #expect(try merge("ties", [[3], [-1]], own: own) == [-1])
    #expect(
      try merge("ties", [[3], [-1]], own: own, shared: ["weighted_election": false]) == [3])
  }

  @Test func `trimming keeps exactly the largest, of equals those at the lowest index`() throws {
    let child: [Float] = [1, -5, 2, 2, -2, 4, 2, 0.5, 2, 2]
    for (density, kept) in [
      (0.3, [1, 2, 5]), (0.4, [1, 2, 3, 5]), (0.59, [1, 2, 3, 4, 5]), (0.01, [1]), (0, []),
      (0.9, [0, 1, 2, 3, 4, 5, 6, 8, 9]),
    ] {
      let expected = child.indices.map { kept.contains($0) ? child[$0] : 0 }
      let own: [[String: JSON]] = [["weight": 1, "density": JSON(density)]]
      #expect(try merge("ties", [child], own: own) == expected, "density \(density)")
    }
  }

  @Test func `ties between equal magnitudes are broken across chunks too`() throws {
    let count = 20_000
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [("w", [20_000], [Float](repeating: 0, count: count))])
    // All magnitudes are equal: the lowest indices must be kept.
    let child = try Checkpoint.inMemory(
      config: [:],
      tensors: [("w", [20_000], (0..<count).map { $0.isMultiple(of: 2) ? 1 : -1 })])
    for (length, density) in [(4096, 0.61), (4096, 0.2048), (65_536, 0.61)] {
      let group = TensorGroup(
        name: "w", shape: [20_000], base: try base.source("w").prepare(),
        sources: [try child.source("w").prepare()], chunkLength: length, threads: 2)
      let threshold = try group.largestChanges(densities: [density])[0]
      #expect(threshold.tieEnd == Int(density * Double(count)))
      #expect(threshold.pattern == Float(1).bitPattern)
    }
  }

  /// What is kept, by sorting.
  private func sorted(_ values: [Float], keeping count: Int) -> Set<Int> {
    let order = values.indices.sorted {
      (values[$0].magnitude, $1) > (values[$1].magnitude, $0)
    }
    return Set(order.prefix(count))
  }

  /// The first pass looks among all numbers and takes 0 for the cut; the cut is found in the second,
  /// many zeros or none. (Once the zeros were taken for the numbers at the cut.)
  @Test(arguments: [0, 1, 600, 6000])
  func `ties are broken where the search for the cut took several passes`(zeroCount: Int) throws {
    let random = CounterRandom(seed: 9, stream: "ties \(zeroCount)")
    let count = 8000
    let distinct: [Float] = [1, 1.01, 1.02, 1.03, 1.1, 3, 1e-20, 2e-20, 7e8]
    var values = (0..<count).map { index in
      distinct[Int(random.bits(at: index) % 9)] * (random.bits(at: count + index) % 2 == 0 ? 1 : -1)
    }
    for index in 0..<zeroCount { values[(index * 7) % count] = 0 }
    let shape: Shape = [8000]
    let base = try Checkpoint.inMemory(
      config: [:], tensors: [("w", shape, [Float](repeating: 0, count: count))])
    let child = try Checkpoint.inMemory(config: [:], tensors: [("w", shape, values)])
    for kept in [1, 17, 800, 1999, 3400, 4600, 6200, 7999] {
      let group = TensorGroup(
        name: "w", shape: shape, base: try base.source("w").prepare(),
        sources: [try child.source("w").prepare()], chunkLength: 4096, threads: 2)
      let threshold = try group.largestChanges([MagnitudeSearch(row: 0, count: kept)])[0]
      let found = values.indices.filter {
        let pattern = values[$0].magnitude.bitPattern
        return pattern > threshold.pattern
          || pattern == threshold.pattern && $0 < threshold.tieEnd
      }
      #expect(Set(found) == sorted(values, keeping: kept), "\(kept) of \(zeroCount)")
    }
  }

  // MARK: Slack

  private func random(_ stream: String, scale: Float, count: Int = 5003) -> [Float] {
    let random = CounterRandom(seed: 42, stream: stream)
    return (0..<count).map { Float(random.normal(at: $0)) * scale }
  }

  @Test(arguments: [true, false], [(1.0, 1.0), (0.3, 0.9), (-0.2, 0.7)])
  func `slack 0 is ties, to the bit`(weighted: Bool, weights: (Double, Double)) throws {
    let children = [random("ct", scale: 3), random("sft", scale: 1)]
    for density in [1.0, 0.6] {
      let own: [[String: JSON]] = [
        ["weight": JSON(weights.0), "density": JSON(density)],
        ["weight": JSON(weights.1), "density": JSON(density)],
      ]
      var slacked = own
      slacked[1]["slack"] = 0
      let shared: [String: JSON] = ["weighted_election": JSON(weighted)]
      let ties = try merge("ties", children, own: own, shared: shared)
      let slack = try merge("ties_sv", children, own: slacked, shared: shared)
      #expect(ties.map(\.bitPattern) == slack.map(\.bitPattern))
    }
  }

  @Test func `slack decides conflicts as the formula says`() throws {
    let ct: [Float] = [3, 3, -3, 1]
    let sft: [Float] = [-1, -2, 1.4, 1]
    func merged(_ slack: Double) throws -> [Float] {
      try merge("ties_sv", [ct, sft], own: [one, ["weight": 1, "slack": JSON(slack)]])
    }
    #expect(try merged(0) == [3, 3, -3, 1])
    #expect(try merged(1) == [3, -2, -3, 1])
    #expect(try merged(1.2) == [3, -2, 1.4, 1])
    #expect(try merged(2.5) == [-1, -2, 1.4, 1])
  }

  private func keptShare(_ merged: [Float], _ sft: [Float]) -> Double {
    let all = sft.reduce(0.0) { $0 + Double($1.magnitude) }
    let kept = zip(merged, sft).reduce(0.0) { sum, pair in
      pair.1 != 0 && (pair.0 > 0) == (pair.1 > 0) && pair.0 != 0
        ? sum + Double(pair.1.magnitude) : sum
    }
    return kept / all
  }

  @Test(arguments: [0.0, 0.3, 0.7, 0.9, 0.99, 1.0])
  func `a protected share is reached by the smallest slack that does`(share: Double) throws {
    let (ct, sft) = (random("ct", scale: 4), random("sft", scale: 1))
    let merged = try merge(
      "ties_sv", [ct, sft], own: [one, ["weight": 1, "protect": JSON(share)]])
    let plain = keptShare(try merge("ties", [ct, sft], own: [one, one]), sft)
    let kept = keptShare(merged, sft)
    #expect(kept >= share - 1e-9)
    // Smallest: it overshoots by one entry at most.
    let largest = sft.reduce(0.0) { max($0, Double($1.magnitude)) }
    let all = sft.reduce(0.0) { $0 + Double($1.magnitude) }
    #expect(kept <= max(plain, share + largest / all))
  }

  @Test func `protection holds beside a trim and whatever the other model's size`() throws {
    let sft = random("sft", scale: 1)
    for scale: Float in [0.1, 1, 10, 1000] {
      let own: [[String: JSON]] = [
        ["weight": 1, "density": 0.8], ["weight": 1, "density": 0.5, "protect": 0.9],
      ]
      let merged = try merge("ties_sv", [random("ct", scale: scale), sft], own: own)
      let threshold = sft.withChunk { RadixSelection.threshold(keeping: 2501, of: $0) }
      let trimmed = sft.indices.map { threshold.keeps(sft[$0], at: $0) ? sft[$0] : 0 }
      #expect(keptShare(merged, trimmed) >= 0.9 - 1e-9, "scale \(scale)")
    }
  }

  @Test func `protecting nothing, or a model that changed nothing, is ties`() throws {
    let (ct, zero) = (random("ct", scale: 1), [Float](repeating: 0, count: 5003))
    let own: [[String: JSON]] = [one, ["weight": 1, "protect": 0.9]]
    #expect(try merge("ties_sv", [ct, zero], own: own) == ct)
    let sft = random("sft", scale: 1)
    let unprotected: [[String: JSON]] = [one, ["weight": 1, "protect": 0]]
    #expect(
      try merge("ties_sv", [ct, sft], own: unprotected)
        == merge("ties", [ct, sft], own: [one, one]))
  }
}

/// Slack in survival: who stays though it lost.
@Suite struct SurvivalSlackTests {
  private let ct: [Float] = [5, -1, 4, 0, -9, 6]
  private let sft: [Float] = [-3, 2, -3.5, 4, 8, -2]

  /// The merge of both over a base of zeros; SFT has the slack.
  private func merge(
    slack: Double = 0, protect: JSON = .null, shared: [String: JSON] = [:]
  ) throws -> [Float] {
    let inputs = MethodInputs([6], base: [Float](repeating: 0, count: 6), sources: [ct, sft])
    return try inputs.merge(
      MethodVariant(id: "ties_sv"),
      own: [
        "weight": [1, 1], "density": [1, 1], "slack": [0, 0], "protect": [.null, protect],
        "survival_slack": [0, JSON(slack)],
      ], shared: shared)
  }

  @Test func `losers stay where the vote was close, and their elements get the sum`() throws {
    // |SFT| in order: 2, 2, 3, 3.5, 4, 8. A fifth of six, rounded up, is the second: ξ = 2.
    #expect(try merge(slack: 0.2) == [2, 2, 0.5, 4, -1, 6])
    // ξ = 3 with half of them; the last vote was 6 − 2.
    #expect(try merge(slack: 0.5) == [2, 2, 0.5, 4, -1, 6])
    #expect(try merge(slack: 1) == [2, 2, 0.5, 4, -1, 4])
    #expect(try merge(slack: 0.2, shared: ["lambda": 0.5]) == [1, 1, 0.25, 2, -0.5, 3])
  }

  @Test func `no slack is ties to the bit, and the mean stays where nobody loses`() throws {
    let inputs = MethodInputs([4099], sources: 3)
    for type in [true, false] {
      let shared: [String: JSON] = ["normalize": JSON(type), "weighted_election": JSON(type)]
      let own: [String: [JSON]] = ["slack": [0, 0, 0], "survival_slack": [0, 0, 0]]
      #expect(
        try inputs.merge(MethodVariant(id: "ties_sv"), own: own, shared: shared)
          == inputs.merge(MethodVariant(id: "ties"), shared: shared))
    }
    // The same sign everywhere: means, whatever the slack.
    let agreeing = MethodInputs([2], base: [0, 0], sources: [[1, 2], [3, 6]])
    let own: [String: [JSON]] = [
      "weight": [1, 1], "density": [1, 1], "slack": [0, 0], "protect": [.null, .null],
      "survival_slack": [0, 1],
    ]
    #expect(try agreeing.merge(MethodVariant(id: "ties_sv"), own: own) == [2, 4])
  }

  @Test func `a share of 1 is protected always, the limit of ever more slack`() throws {
    #expect(try merge(protect: 1) == [-3, 2, -3.5, 4, 8, -2])
  }

  @Test func `entries that were not changed are no part of the quantile`() throws {
    let group = try MethodInputs(
      [6], base: [1, 1, 1, 1, 1, 1], sources: [[1, 1, 3, 1, 0, 6]]
    ).group(hasBase: true)
    #expect(try group.quantileOfChanges(bySource: 0, 0.01) == 1)
    #expect(try group.quantileOfChanges(bySource: 0, 0.34) == 2)
    #expect(try group.quantileOfChanges(bySource: 0, 1) == 5)
    let idle = try MethodInputs([2], base: [1, 1], sources: [[1, 1]]).group(hasBase: true)
    #expect(try idle.quantileOfChanges(bySource: 0, 0.5) == nil)
    let empty = try MethodInputs([0], base: [], sources: [[]]).group(hasBase: true)
    #expect(try empty.quantileOfChanges(bySource: 0, 0.5) == nil)
  }

  @Test func `diagnostics follow it`() throws {
    func model(_ values: [Float]) throws -> Checkpoint {
      try Checkpoint.inMemory(config: [:], tensors: [("w", [6], values)])
    }
    let base = try model([0, 0, 0, 0, 0, 0])
    let plain = try MergeDiagnostics.compute(base: base, ct: model(ct), sft: model(sft)).total
    #expect(plain.discarded == 4 && plain.rescued == 0)
    let total = try MergeDiagnostics.compute(
      base: base, ct: model(ct), sft: model(sft), survivalSlack: 0.2
    ).total
    #expect(total.discarded == 1 && total.rescued == 3 && total.keptMass == 20.5)
  }

  @Test func `slacks that cannot be`() {
    func lines(_ parameters: [String: JSON]) -> [String] {
      MergeModels.lines {
        try Merge.check(
          MergeRecipe(
            method: "ties_sv",
            models: [.init("a", parameters: parameters.merging(["weight": 1]) { $1 })],
            baseModel: "b"))
      }
    }
    for slack in [-0.1, 1.1] {
      #expect(
        lines(["survival_slack": JSON(slack)])[0]
          == "`survival_slack` should be a number from 0 to 1, found \(slack).")
    }
    #expect(
      lines(["survival_slack": 0.5, "protect": 0.5])[0]
        == "`protect` should be the only slack, since losers that stay would not count in its "
        + "share, found 0.5 beside survival_slack 0.5.")
  }
}

@Suite struct MergeDiagnosticsTests {
  private func model(_ values: [Float]) throws -> Checkpoint {
    try Checkpoint.inMemory(config: [:], tensors: [("w", Shape([values.count]), values)])
  }

  @Test func `conflicts and losses are counted as defined`() throws {
    let base = try model([Float](repeating: 1, count: 10))
    //                    conflict lost, conflict won, agree, ct silent, sft silent, both silent …
    let ct: [Float] = [5, -1, 2, 0, 3, 0, 0, 0, 0, -9]
    let sft: [Float] = [-3, 2, 1, 4, 0, 0, 0, 0, 0, 8]
    let found = try MergeDiagnostics.compute(
      base: base, ct: try model(ct.map { $0 + 1 }), sft: try model(sft.map { $0 + 1 }))
    let total = found.total
    #expect(found.tensors.map(\.name) == ["w"] && found.tensors[0].counts == total)
    #expect(total.bothChanged == 4 && total.conflicts == 3)
    #expect(total.conflictRate == 0.75)
    #expect(total.changedByTask == 5 && total.discarded == 2)
    #expect(total.discardedShare == 0.4)
    // The largest tenth of ten entries is one: 8, which loses to −9.
    #expect(total.important == 1 && total.importantDiscardedShare == 1)
    #expect(total.taskMass == 18 && total.keptMass == 7)
    #expect(total.normRatio == (120.0 / 94.0).squareRoot())
    let slack = try MergeDiagnostics.compute(
      base: base, ct: try model(ct.map { $0 + 1 }), sft: try model(sft.map { $0 + 1 }), slack: 0.5)
    #expect(slack.total.keptMass == 15 && slack.total.importantDiscarded == 0)
    let protected = try MergeDiagnostics.compute(
      base: base, ct: try model(ct.map { $0 + 1 }), sft: try model(sft.map { $0 + 1 }), protect: 1)
    #expect(protected.total.keptMassShare == 1 && protected.total.discarded == 0)
    #expect(protected.total.conflicts == 3)
    let trimmed = try MergeDiagnostics.compute(
      base: base, ct: try model(ct.map { $0 + 1 }), sft: try model(sft.map { $0 + 1 }),
      density: 0.2)
    // Kept of CT: −9 and 5; of SFT: 8 and 4.
    #expect(trimmed.total.bothChanged == 1 && trimmed.total.keptMass == 4)
  }

  @Test func `models that do not match are an error`() throws {
    let (one, two) = (try model([1]), try model([1, 2]))
    #expect(throws: MergeError.self) {
      try MergeDiagnostics.compute(base: one, ct: one, sft: two)
    }
  }

  @Test func `empty models have empty counts`() throws {
    let empty = try model([])
    let found = try MergeDiagnostics.compute(base: empty, ct: empty, sft: empty)
    #expect(found.total == .init() && found.total.conflictRate == 0)
    #expect(found.total.keptMassShare == 1 && found.total.normRatio == .infinity)
  }
}
