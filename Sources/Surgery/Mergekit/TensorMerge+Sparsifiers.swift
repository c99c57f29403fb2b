// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Which changes stay.
extension TensorMerge {
  // MARK: - By magnitude

  /// The ⌊density·n⌋ largest magnitudes, at least one in 0.1.5; equal ones lowest index first.
  func keepsLargest(_ change: [Number], density: Double) throws(MergeError) -> [Bool] {
    if generation == .v015, density <= 0 { return change.map { _ in false } }
    let share = Int(density * Double(count))
    guard generation == .v015 || share > 0 else {
      throw .parameter(
        "density", value: "\(density)",
        expected: "a share of at least one of \(count) elements, on which mergekit before 0.1.5 "
          + "insists")
    }
    return Self.top(change, max(1, share), isLowestFirst: true)
  }

  /// Of the magnitudes in ascending order, those after the smallest and before the ⌊gamma·n⌋
  /// largest, ⌊density·n⌋ in all; equal ones lowest index first.
  func keepsMiddle(_ change: [Number], density: Double, gamma: Double) -> [Bool] {
    let kept = Int(density * Double(count))
    var above = Int(gamma * Double(count))
    let below = max(0, count - kept - above)
    var end = below + kept
    if generation != .v015 {
      // Older releases slice up to "minus the number above", which is nothing at all when that is 0.
      above = min(above, count - kept)
      end = above == 0 ? below : count - above
    }
    // Ascending ranks below m are all but the n − m largest.
    let fromBelow = Self.top(change, count - below, isLowestFirst: false)
    let fromEnd = Self.top(change, count - max(below, end), isLowestFirst: false)
    return change.indices.map { fromBelow[$0] && !fromEnd[$0] }
  }

  /// The `k` largest magnitudes, compared as `Float`.
  static func top(_ x: [Number], _ k: Int, isLowestFirst: Bool) -> [Bool] {
    let threshold = withScratch(count: x.count) { memory in
      for i in memory.indices { memory[i] = Float(x[isLowestFirst ? i : x.count - 1 - i]) }
      return RadixSelection.threshold(keeping: k, of: memory.reading)
    }
    return x.indices.map { i in
      threshold.keeps(Float(x[i]), at: isLowestFirst ? i : x.count - 1 - i)
    }
  }

  /// The kept elements of `change`, rescaled on request to its absolute sum.
  ///
  /// 0.0.x rescales `change` itself, which its consensus methods look at later.
  func masked(_ change: inout [Number], _ keep: [Bool], rescales: Bool) -> [Number] {
    if generation != .v00 { return Self.masked(W.self, change, keep, rescales: rescales) }
    if rescales {
      let before = W.round(W.sum(change.map(\.magnitude)))
      let after = W.round(
        W.sum(Self.masked(W.self, change, keep, rescales: false).map(\.magnitude)))
      let least = W.constant(1e-8)
      if before >= least, after >= least {
        let factor = W.round(before / after)
        change = W.map(change) { $0 * factor }
      }
    }
    return Self.masked(W.self, change, keep, rescales: false)
  }

  static func masked<V: WorkArithmetic>(
    _ work: V.Type, _ x: [V.Number], _ keep: [Bool], rescales: Bool
  ) -> [V.Number] {
    let masked = x.indices.map { x[$0] * (keep[$0] ? 1 : 0) }
    if !rescales { return masked }
    let before = V.round(V.sum(x.map(\.magnitude)))
    let after = V.round(V.sum(masked.map(\.magnitude)))
    let least = V.constant(1e-7)
    if before < least || after < least { return masked }
    let factor = V.round(before / after)
    return V.map(masked) { $0 * factor }
  }

  // MARK: - By chance

  /// Each element stays with probability `density`.
  func dropped(
    _ change: [Number], density: Double, rescales: Bool, _ random: inout MersenneTwister
  ) throws(MergeError) -> [Number] {
    guard density >= 0 else {
      throw .parameter("density", value: "\(density)", expected: "a probability, 0 or above")
    }
    // bfloat16 is masked as it is, every other type in float32.
    let values = change.map { Float($0) }
    let result =
      W.type == .bfloat16
      ? dropped(BFloat16Work.self, values, density, rescales, &random)
      : dropped(Float32Work.self, values, density, rescales, &random)
    return result.map { W.round(Number($0)) }
  }

  private func dropped<V: WorkArithmetic>(
    _ work: V.Type, _ values: [Float], _ density: Double, _ rescales: Bool,
    _ random: inout MersenneTwister
  ) -> [Float] where V.Number == Float {
    let probability = V.constant(density)
    var keep = [Bool](repeating: false, count: values.count)
    for i in keep.indices { keep[i] = random.uniform() < probability }
    if generation == .v00, rescales {
      let divisor = V.factor(density)
      return V.map(Self.masked(V.self, values, keep, rescales: false)) { $0 / divisor }
    }
    return Self.masked(V.self, values, keep, rescales: rescales)
  }

  /// Each element stays with a probability within `density` ± `epsilon`, the higher the larger its
  /// magnitude is among its row's: along the second axis, or the only one.
  func dropped(
    _ change: [Number], density: Double, epsilon: Double, rescales: Bool,
    _ random: inout MersenneTwister
  ) throws(MergeError) -> [Number] {
    if density <= 0, generation != .v00 { return change.map { _ in 0 } }
    guard density + epsilon < 1, density - epsilon > 0 else {
      throw .parameter(
        "epsilon", value: "\(epsilon)", expected: "a number with density ± epsilon inside (0, 1)")
    }
    try MergekitExact.checkRanked(shape, density: density, generation: generation)
    let length = shape.rank < 2 ? count : shape[1]
    let ranks = ascendingRanks(change, length: length)
    let values = change.map { Float($0) }
    let (low, width) = (density - epsilon, epsilon)
    let result =
      W.type == .bfloat16
      ? dropped(BFloat16Work.self, values, ranks, length, low, width, rescales, &random)
      : dropped(Float32Work.self, values, ranks, length, low, width, rescales, &random)
    // 0.0.x does not cast back.
    return result.map { generation == .v00 ? Number($0) : W.round(Number($0)) }
  }

  private func dropped<V: WorkArithmetic>(
    _ work: V.Type, _ values: [Float], _ ranks: [Int], _ length: Int, _ low: Double,
    _ epsilon: Double, _ rescales: Bool, _ random: inout MersenneTwister
  ) -> [Float] where V.Number == Float {
    let isOld = generation == .v00
    func rank(_ index: Int) -> Float {
      // 0.0.x counts from 1; later releases round the place from 0 and add 1.
      isOld ? V.round(Float(index + 1)) : V.round(V.round(Float(index)) + 1)
    }
    let (first, range) = (rank(0), V.round(rank(length - 1) - rank(0)))
    let probabilities = ranks.map { index in
      let position = V.round(V.round(rank(index) - first) / range)
      if isOld { return V.round(V.constant(low) + V.round(position * Float(2 * epsilon))) }
      let doubled = V.round(V.clamp(position, 0, 1) * 2)
      return V.round(V.constant(low) + V.round(doubled * Float(epsilon)))
    }
    var keep = [Bool](repeating: false, count: values.count)
    for i in keep.indices { keep[i] = random.uniform() < probabilities[i] }
    if isOld, rescales {
      return V.combine(Self.masked(V.self, values, keep, rescales: false), probabilities) {
        $0 / $1
      }
    }
    return Self.masked(V.self, values, keep, rescales: rescales)
  }

  /// The place of each element in the ascending order of its row's magnitudes, from 0; equal ones
  /// lowest index first, NaN last.
  private func ascendingRanks(_ change: [Number], length: Int) -> [Int] {
    let stride = shape.rank < 2 ? 1 : shape.extents.dropFirst(2).reduce(1, *)
    var ranks = [Int](repeating: 0, count: count)
    for block in 0..<(count / (length * stride)) {
      for offset in 0..<stride {
        let start = block * length * stride + offset
        let keys = (0..<length).map { change[start + $0 * stride].magnitude }
        let order = keys.indices.sorted { left, right in
          let (a, b) = (keys[left], keys[right])
          if a == b || (a.isNaN && b.isNaN) { return left < right }
          return b.isNaN || a < b
        }
        for (rank, index) in order.enumerated() { ranks[start + index * stride] = rank }
      }
    }
    return ranks
  }
}
