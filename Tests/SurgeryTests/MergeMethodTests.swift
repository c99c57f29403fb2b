// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors
import Testing

@testable import Surgery

/// Methods against their definitions, on numbers that can be followed by hand, and random masks
/// against their chances.
@Suite struct MergeMethodTests {
  /// Merges children of a zero base.
  private func merge(
    _ id: String, _ children: [[Float]], shape: Shape? = nil, own: [String: [JSON]] = [:],
    shared: [String: JSON] = [:], hasBase: Bool = true
  ) throws -> [Float] {
    let count = children[0].count
    var values: [String: [JSON]] = [:]
    for parameter in try MergeMethods.named(id).card.perSource {
      values[parameter.name] =
        own[parameter.name] ?? children.map { _ in parameter.defaultValue ?? 1 }
    }
    let inputs = MethodInputs(
      shape ?? Shape([count]), base: [Float](repeating: 0, count: count), sources: children)
    return try inputs.merge(
      MethodVariant(id: id, shared: shared, own: values, hasBase: hasBase))
  }

  private func random(_ stream: String, count: Int) -> [Float] {
    let random = CounterRandom(seed: 42, stream: stream)
    return (0..<count).map { Float(random.normal(at: $0)) }
  }

  // MARK: Random masks

  private static let draws = 20_000

  @Test(arguments: ["dare_linear", "dare_ties"])
  func `dare keeps about its share, enlarged to the old sum`(id: String) throws {
    let child = [Float](repeating: 2, count: Self.draws)
    let own: [String: [JSON]] = ["density": [0.25]]
    let merged = try merge(id, [child], own: own, shared: ["seed": 3])
    let kept = merged.count { $0 != 0 }
    // Five standard errors of a share of 0.25 in 20,000 draws.
    #expect((Double(kept) / Double(Self.draws) - 0.25).magnitude < 0.0154)
    // Equal entries: the factor is the count over the kept count.
    let enlarged = 2 * Float(Double(Self.draws) / Double(kept))
    #expect(Set(merged) == [0, enlarged])
    #expect(
      Set(try merge(id, [child], own: own, shared: ["seed": 3, "rescale": false])) == [0, 2])
    #expect(
      Set(try merge(id, [child], own: own, shared: ["seed": 3, "rescale_by_density": true]))
        == [0, 8])
    #expect(try merge(id, [child], own: own, shared: ["seed": 4]) != merged)
    #expect(try merge(id, [child], own: own, shared: ["seed": 3]) == merged)
  }

  @Test func `sources have masks of their own, and both dares the same`() throws {
    let children = [[Float]](repeating: [Float](repeating: 1, count: Self.draws), count: 2)
    let shared: [String: JSON] = ["rescale": false]
    let own: [String: [JSON]] = ["density": [0.5, 0.5], "weight": [1, 2]]
    let merged = try merge("dare_linear", children, own: own, shared: shared)
    for value: Float in [0, 1, 2, 3] {
      let share = Double(merged.count { $0 == value }) / Double(Self.draws)
      #expect((share - 0.25).magnitude < 0.0154, "\(value)")
    }
    #expect(try merge("dare_ties", children, own: own, shared: shared) == merged)
  }

  @Test func `without rescaling a random mask is unbiased when divided by its chance`() throws {
    let child = random("child", count: Self.draws)
    for (id, own) in [
      ("dare_linear", ["density": [0.3]]), ("della_linear", ["density": [0.5], "epsilon": [0.3]]),
    ] as [(String, [String: [JSON]])] {
      let merged = try merge(id, [child], own: own, shared: ["rescale_by_density": true])
      let sum = zip(merged, child).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      let whole = child.reduce(0.0) { $0 + Double($1) * Double($1) }
      // The variance of the sum is Σ x⁴·(1−p)/p, at most 3·n·2.4: five standard errors.
      #expect((sum - whole).magnitude < 5 * (3 * Double(Self.draws) * 2.4).squareRoot(), "\(id)")
    }
  }

  @Test(arguments: ["della", "della_linear"])
  func `della keeps large entries more often than small ones`(id: String) throws {
    // One row, magnitudes ascending, so that an element's place in the row is its rank.
    let child = (0..<Self.draws).map { Float($0 + 1) * ($0.isMultiple(of: 2) ? 1 : -1) }
    let merged = try merge(
      id, [child], own: ["density": [0.5], "epsilon": [0.4]], shared: ["rescale": false])
    for part in 0..<10 {
      let range = (part * Self.draws / 10)..<((part + 1) * Self.draws / 10)
      let kept = range.count { merged[$0] != 0 }
      let chance = 0.1 + 0.8 * (Double(part) + 0.5) / 10
      #expect((Double(kept) / Double(range.count) - chance).magnitude < 0.056, "tenth \(part)")
      #expect(range.allSatisfy { merged[$0] == 0 || merged[$0] == child[$0] })
    }
    let rescaled = try merge(id, [child], own: ["density": [0.5], "epsilon": [0.4]])
    let sum = rescaled.reduce(0.0) { $0 + Double($1.magnitude) }
    let whole = child.reduce(0.0) { $0 + Double($1.magnitude) }
    #expect((sum / whole - 1).magnitude < 1e-6)
  }

  @Test func `della ranks each row by itself, and equal magnitudes alike`() throws {
    // Rows of very different size: were ranks the tensor's, the small row would hardly be kept.
    let count = 4000
    let row = (0..<count).map { Float($0 + 1) }
    let merged = try merge(
      "della_linear", [row.map { $0 * 1e-6 } + row], shape: [2, count],
      own: ["density": [0.5], "epsilon": [0.45]], shared: ["rescale": false])
    for first in [0, count] {
      let share = Double((first..<(first + count)).count { merged[$0] != 0 }) / Double(count)
      #expect((share - 0.5).magnitude < 0.04)
    }
    let equal = try merge(
      "della_linear", [[Float](repeating: 1, count: 2 * count)],
      own: ["density": [0.3], "epsilon": [0.29]], shared: ["rescale": false])
    for half in [0, count] {
      let share = Double((half..<(half + count)).count { equal[$0] != 0 }) / Double(count)
      #expect((share - 0.3).magnitude < 0.037)
    }
  }

  @Test func `rows of one element are kept with chance density`() throws {
    let merged = try merge(
      "della_linear", [[Float](repeating: 1, count: Self.draws)], shape: [Self.draws, 1],
      own: ["density": [0.6], "epsilon": [0.3]], shared: ["rescale": false])
    let share = Double(merged.count { $0 == 1 }) / Double(Self.draws)
    #expect((share - 0.6).magnitude < 0.0174)
  }

  @Test(arguments: [3, 255, 256, 5000])
  func `ranks are places from 0 to 1, shared by equal magnitudes`(count: Int) {
    let few = CounterRandom(seed: 5, stream: "ranks")
    let values = (0..<count).map { (few.uniform(at: $0) * 50).rounded() - 25 }
    var ranks = MagnitudeRanks()
    var places = [Float](repeating: .nan, count: count)
    // The second row must not see the first.
    for _ in 0..<2 {
      places.withMutableChunk { out in values.withChunk { ranks.places($0, into: out) } }
    }
    let sorted = values.map(\.magnitude).sorted()
    for (value, place) in zip(values, places) {
      let below = sorted.count { $0 < value.magnitude }
      let equal = sorted.count { $0 == value.magnitude }
      let mean = (Double(below) + Double(equal - 1) / 2) / Double(count - 1)
      #expect((Double(place) - mean).magnitude < 1e-6)
    }
  }

  // MARK: Breadcrumbs

  @Test func `breadcrumbs drops the very largest and the small`() throws {
    let child: [Float] = [1, -10, 3, 8, -5, 7, 2, 9, -4, 6]
    for (density, gamma, kept) in [
      (0.5, 0.2, [3, 4, 5, 8, 9]), (0.5, 0.0, [1, 3, 5, 7, 9]), (0.5, 0.6, [0, 2, 4, 6, 8]),
      (0.9, 0.5, [0, 2, 3, 4, 5, 6, 7, 8, 9]), (0.05, 0.2, []), (0, 0.1, []),
      (1, 0.5, Array(0..<10)),
    ] {
      let expected = child.indices.map { kept.contains($0) ? child[$0] : 0 }
      for id in ["breadcrumbs", "breadcrumbs_ties"] {
        let merged = try merge(
          id, [child], own: ["density": [JSON(density)], "gamma": [JSON(gamma)]])
        #expect(merged == expected, "\(id), density \(density), gamma \(gamma)")
      }
    }
  }

  @Test func `rescaling restores the sum of magnitudes`() throws {
    let child: [Float] = [1, -10, 3, 8]
    #expect(
      try merge("ties", [child], own: ["density": [0.5]], shared: ["rescale": true])
        == [0, -10 * Float(22.0 / 18), 0, 8 * Float(22.0 / 18)])
    let tiny: [Float] = [1e-9, -2e-9, 1e-9, 4e-9]
    #expect(
      try merge("ties", [tiny], own: ["density": [0.5]], shared: ["rescale": true])
        == [0, -2e-9, 0, 4e-9])
  }

  // MARK: Consensus

  @Test func `consensus keeps the merged change where enough sources agree with it`() throws {
    //                    alike   opposed      one alone  one much larger
    let one: [Float] = [2, 2, 4, 5]
    let two: [Float] = [2, -2, 0, 1]
    //  D of consensus_ta: [4, 0, 4, 6]; |δ| > |D − δ| of one: 2>2 no, 2>2 no, 4>0, 5>1
    //  of two: 2>2 no, 2>2 no, 0>4 no, 1>5 no
    #expect(try merge("consensus_ta", [one, two]) == [0, 0, 4, 6])
    #expect(try merge("consensus_ta", [one, two], own: ["k": [2, 1]]) == [0, 0, 0, 0])
    #expect(
      try merge("consensus_ta", [one, two], own: ["lambda": [0.5, 0.5], "k": [2, 1]])
        == [4, 0, 0, 0])
    //  Divided by 2: [2, 0, 2, 3]; one: 2>0, 2>2 no, 4>2, 5>2; two: 2>0, 2>2 no, 0>2 no, 1>2 no
    #expect(
      try merge("consensus_ta", [one, two], own: ["k": [2, 1]], shared: ["normalize": true])
        == [2, 0, 0, 0])
    #expect(
      try merge("consensus_ta", [one, two], own: ["k": [0, 9]], shared: ["normalize": true])
        == [2, 0, 2, 3])
    //  D of consensus_ties: [2, 2, 4, 3]; one: yes, yes, yes, 5>2; two: 2>0, 2>4 no, 0>4 no, 1>2 no
    #expect(try merge("consensus_ties", [one, two]) == [2, 2, 4, 3])
    #expect(try merge("consensus_ties", [one, two], own: ["k": [2, 2]]) == [2, 0, 0, 0])
  }

  // MARK: The sphere

  @Test func `nuslerp walks along rows and columns`() throws {
    // Right angles everywhere: half way is the sum divided by √2.
    let half = Float(0.5.squareRoot())
    let (first, second): ([Float], [Float]) = ([1, 0, 0, 2], [0, 1, 2, 0])
    for shared in [
      ["nuslerp_flatten": false], ["nuslerp_flatten": false, "nuslerp_row_wise": true], [:],
    ] as [[String: JSON]] {
      let merged = try merge("nuslerp", [first, second], shape: [2, 2], shared: shared)
      for (value, expected) in zip(merged, [half, half, 2 * half, 2 * half]) {
        #expect((value - expected).magnitude < 1e-6)
      }
    }
    // Rows are colinear, columns are not: the straight line in one case only.
    let (left, right): ([Float], [Float]) = ([1, 1, 0, 2], [3, 3, 0, 1])
    #expect(
      try merge(
        "nuslerp", [left, right], shape: [2, 2], shared: ["nuslerp_flatten": false])
        == [2, 2, 0, 1.5])
    #expect(
      try merge(
        "nuslerp", [left, right], shape: [2, 2],
        shared: ["nuslerp_flatten": false, "nuslerp_row_wise": true]) != [2, 2, 0, 1.5])
  }

  @Test func `multislerp gives the mean direction the mean length`() throws {
    let merged = try merge("multislerp", [[3, 0], [0, 1]], hasBase: false)
    let half = Float(0.5.squareRoot())
    for value in merged { #expect((value - 2 * half).magnitude < 1e-6) }
    #expect(try merge("multislerp", [[3, 4]], hasBase: false) == [3, 4])
  }

  @Test func `directions that cancel are a line between two and an error of three`() throws {
    #expect(
      try merge(
        "multislerp", [[1, 2], [-2, -4]], own: ["weight": [1, 1]], hasBase: false) == [-0.5, -1])
    let error = #expect(throws: CheckpointError.self) {
      try merge("multislerp", [[1, 0], [-2, 0], [0, 0]], hasBase: false)
    }
    let lines = try #require(error).description.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].contains("`w` cancel under these weights"), "\(lines)")
  }

  @Test func `tensors that no source has changed stay`() throws {
    let zero: [Float] = [0, 0, 0]
    for id in ["multislerp", "nuslerp", "karcher", "model_stock", "sce"] {
      let card = try MergeMethods.named(id).card
      let children = [[Float]](repeating: zero, count: min(3, card.sourceCount.upperBound))
      #expect(try merge(id, children) == zero, "\(id)")
    }
  }

  @Test func `the karcher mean has equal angles to two and the mean length`() throws {
    let merged = try merge("karcher", [[1, 0], [0, 3]], hasBase: false)
    let half = Float(0.5.squareRoot())
    for value in merged { #expect((value - 2 * half).magnitude < 1e-6) }
    // Colinear: mergekit's own regression value.
    #expect(try merge("karcher", [[1, 0], [2, 0]], hasBase: false) == [1.5, 0])
    #expect(try merge("karcher", [[1e-6, 0], [0, 1e-6]], hasBase: false) == [0, 0])
    // One too short to have a direction counts with its length only.
    #expect(try merge("karcher", [[2, 0], [0, 1e-6]], hasBase: false)[0] == 1.0000005)
    // Opposite ones have no mean direction; the first's is taken, and no step from it.
    #expect(try merge("karcher", [[2, 0], [-4, 0]], hasBase: false) == [3, 0])
  }

  @Test func `three directions around a pole have the pole as their karcher mean`() throws {
    // Unequal in length, equal in angle to the z axis, 120° apart.
    let tilt = 0.3
    let children: [[Float]] = [1.0, 2.0, 3.0].enumerated().map { k, length in
      let turn = 2 * Double.pi / 3 * Double(k)
      return [
        Elementary.sin(tilt) * Elementary.cos(turn), Elementary.sin(tilt) * Elementary.sin(turn),
        Elementary.cos(tilt),
      ].map { Float($0 * length) }
    }
    let merged = try merge("karcher", children, hasBase: false)
    #expect((merged[2] - 2).magnitude < 1e-6)
    #expect(merged[0].magnitude < 1e-6 && merged[1].magnitude < 1e-6)
  }

  @Test func `model stock follows agreement`() throws {
    let same: [Float] = [2, 0, 0, 2]
    #expect(try merge("model_stock", [same, same], shape: [2, 2]) == same)
    #expect(try merge("model_stock", [[1, 0], [0, 1]]) == [0, 0])
    // c = −1 of two: the divisor is 0 and the base stays.
    #expect(try merge("model_stock", [[1, 0], [-1, 0]]) == [0, 0])
    // cos 60°: t = 2·½ / (1 + ½) = ⅔ of the mean.
    let merged = try merge("model_stock", [[1, 0], [0.5, 0.8660254]])
    #expect((merged[0] - 0.5).magnitude < 1e-6 && (merged[1] - 0.28867513).magnitude < 1e-6)
    // First row alike, second orthogonal: only rows tell.
    let (one, two): ([Float], [Float]) = ([1, 1, 1, 0], [1, 1, 0, 1])
    #expect(
      try merge("model_stock", [one, two], shape: [2, 2], shared: ["filter_wise": true])
        == [1, 1, 0, 0])
    #expect(try merge("model_stock", [one, two], shape: [2, 2])[2] > 0.3)
  }

  // MARK: Others

  @Test func `sce weighs by mean square and erases the minority`() throws {
    //  mean squares 5 and 1.25: weights 0.8 and 0.2
    let (one, two): ([Float], [Float]) = ([3, -1], [-1.5, -0.5])
    let merged = try merge("sce", [one, two])
    #expect((merged[0] - 3).magnitude < 1e-6 && (merged[1] + 0.9).magnitude < 1e-6)
    // One of two entries: the first, where they differ more.
    #expect(try merge("sce", [one, two], shared: ["select_topk": 0.5])[1] == 0)
    #expect(try merge("sce", [one, one], shared: ["select_topk": 0.5]) == [0, 0])
  }

  @Test func `ram takes own entries whole and averages shared ones`() throws {
    let (one, two): ([Float], [Float]) = ([4, 0, 1e-6, 2], [2, 3, 0, 0])
    #expect(try merge("ram", [one, two]) == [3, 3, 0, 2])
    //  Each has one shared entry and one of its own: ratio 1, cut to 0.2; 1 + 0.5·0.2.
    #expect(
      try merge("ramplus_tl", [one, two], shared: ["r": 0.5]) == [3, 3 * 1.1, 0, 2 * 1.1])
    #expect(
      try merge("ramplus_tl", [one, two], shared: ["r": 0.5, "alpha": 3]) == [3, 4.5, 0, 3])
  }

  @Test func `nearswap swaps the near and nudges the far`() throws {
    #expect(
      try merge("nearswap", [[0.5, -0.25, 4, 0]], shared: ["t": 0.5]) == [0.5, -0.25, 0.5, 0])
  }

  @Test func `fusion takes what stands out`() throws {
    var child = random("child", count: 64).map { $0 * 0.01 }
    child[17] = 1
    let merged = try merge("arcee_fusion", [child], shape: [4, 16])
    #expect(merged[17] == 1)
    #expect(merged.indices.allSatisfy { merged[$0] == 0 || merged[$0] == child[$0] })
    // The spike's row diverges a thousand times as much as the others.
    #expect((16..<32).count { merged[$0] != 0 } > 8)
    #expect(merged.count { $0 != 0 } <= 16)
    // Rows that do not diverge put the cut at zero, which all reach.
    let flat: [Float] = [1, 1, 1, 1, 2, 1, 1, 1]
    #expect(try merge("arcee_fusion", [flat + flat.map { _ in 1 }], shape: [4, 4])[15] == 1)
  }

  // MARK: Parameters

  @Test(arguments: [
    ("della", ["density": [0.9], "epsilon": [0.1]] as [String: [JSON]], [:] as [String: JSON]),
    ("della_linear", ["density": [0.1], "epsilon": [0.15]], [:]),
    ("della", ["epsilon": [-0.1]], [:]),
    ("breadcrumbs", ["gamma": [1.5]], [:]),
    ("breadcrumbs_ties", ["density": [-0.5]], [:]),
    ("dare_linear", ["density": [1.01]], [:]),
    ("sce", [:], ["select_topk": 2]),
    ("ram", [:], ["epsilon": -1]),
    ("ramplus_tl", [:], ["alpha": -1]),
    ("nearswap", [:], ["t": -1]),
    ("karcher", [:], ["tol": 0]),
    ("karcher", [:], ["max_iter": -1]),
    ("multislerp", ["weight": [0]], [:]),
    ("multislerp", [:], ["eps": -1]),
    ("consensus_ta", ["lambda": [-1]], [:]),
    ("consensus_ties", ["k": [1001]], [:]),
    ("linear", ["weight": [0]], [:]),
    ("iso_cts", [:], ["common_space_fraction": 1.5]),
  ])
  func `values out of range are refused`(
    id: String, own: [String: [JSON]], shared: [String: JSON]
  ) throws {
    let error = #expect(throws: MergeError.self) {
      try merge(id, [[1, 2]], own: own, shared: shared)
    }
    guard case .parameter(let name, _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(own[name] != nil || shared[name] != nil)
  }

  @Test func `whole numbers may be written as 10.0`() throws {
    let written = try MethodVariant(id: "karcher").make(shared: ["max_iter": JSON(10.0)])
    #expect(written is Karcher)
  }
}
