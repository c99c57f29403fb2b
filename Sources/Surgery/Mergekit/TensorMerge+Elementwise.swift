// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Methods without angles or masks of a share.
extension TensorMerge {
  /// `linear`: a fused multiply-add for each source in the wide type; older releases multiply and
  /// add in the work type.
  func linear() throws(MergeError) -> [Number] {
    try requireSources(1...1000)
    let weights = try requiredWeights()
    let normalize = parameters.normalize ?? true
    if generation != .v015 {
      let rounded = weights.map { W.constant($0) }
      let terms = zip(sources, rounded).map { source, weight in W.map(source) { weight * $0 } }
      let total = W.sumOverRows(terms).map(W.round)
      let divisor = W.round(W.sum(rounded))
      return normalize ? W.map(total) { $0 / divisor } : total
    }
    let factors = weights.map { Wide.factor($0) }
    let divisor = Wide.sum(factors)
    var result = [Number](repeating: 0, count: count)
    for (source, factor) in zip(sources, factors) {
      for i in result.indices { result[i] = result[i].addingProduct(source[i], factor) }
    }
    if normalize { for i in result.indices { result[i] /= divisor } }
    return result.map(W.round)
  }

  /// `passthrough`: the one source, or its product with `scale`.
  func passthrough() throws(MergeError) -> [Number] {
    try requireSources(1...1)
    guard let scale = parameters.scale.map({ W.factor($0) }) else { return sources[0] }
    return W.map(sources[0]) { $0 * scale }
  }

  /// `nearswap`: the base moves to the source where they are near.
  func nearswap() throws(MergeError) -> [Number] {
    let base = try requiredBase()
    try requireSources(1...1)
    let t = W.factor(try requiredT())
    let floor = W.constant(1e-6)
    let source = sources[0]
    return base.indices.map { i in
      let distance = W.round(base[i] - source[i]).magnitude
      // A Python number by a tensor is the tensor's reciprocal times the number.
      let reciprocal = W.round(1 / (distance < floor ? floor : distance))
      let weight = W.clamp(W.round(reciprocal * t), 0, 1)
      let near = W.round(weight * source[i])
      let far = W.round(W.round(1 - weight) * base[i])
      return W.round(near + far)
    }
  }

  /// Which sources move which elements, for the two `ram` methods.
  private func activity(
    _ changes: [[Number]]
  ) -> (active: [[Bool]], counts: [Int]) {
    let epsilon = W.constant(parameters.epsilon)
    let active = changes.map { change in change.map { $0.magnitude > epsilon } }
    var counts = [Int](repeating: 0, count: count)
    for row in active { for i in row.indices where row[i] { counts[i] += 1 } }
    return (active, counts)
  }

  /// `ram`: changes that only one source makes stay, shared ones are averaged.
  func ram() throws(MergeError) -> [Number] {
    let base = try requiredBase()
    if sources.isEmpty { return base }
    let changes = changes(of: base)
    let (active, counts) = activity(changes)
    let rows = zip(changes, active).map { change, active in
      change.indices.map { i in
        let own = change[i] * (active[i] ? 1 : 0)
        let unique = own * (counts[i] == 1 ? 1 : 0)
        let shared = own * (counts[i] > 1 ? 1 : 0)
        return W.round(unique + W.round(shared / W.round(Number(max(counts[i], 1)))))
      }
    }
    let total = W.sumOverRows(rows).map(W.round)
    return W.combine(base, total) { $0 + $1 }
  }

  /// `ramplus_tl`: as `ram`, with what only one source moves made larger; in the wide type.
  func ramPlus() throws(MergeError) -> [Number] {
    let base = try requiredBase()
    if sources.isEmpty { return base }
    let changes = changes(of: base)
    let (active, counts) = activity(changes)
    let factors = active.map { active in
      let shared = active.indices.count { active[$0] && counts[$0] > 1 }
      let unique = active.indices.count { active[$0] && counts[$0] == 1 }
      // Counts are whole numbers, which PyTorch divides in Float whatever the work type.
      let share = Float(shared) / max(Float(unique), Float(parameters.epsilon))
      let bounded = Float32Work.clamp(share, 0, Float(parameters.alpha))
      return Number(1 + Float(parameters.r) * bounded)
    }
    let rows = changes.indices.map { k in
      changes[k].indices.map { i in
        let own = changes[k][i] * (active[k][i] ? 1 : 0)
        let unique = own * (counts[i] == 1 ? 1 : 0)
        let shared = own * (counts[i] > 1 ? 1 : 0)
        let mean = W.round(shared / W.round(Number(max(counts[i], 1))))
        return Wide.round(Wide.round(unique * factors[k]) + mean)
      }
    }
    let total = Wide.sumOverRows(rows)
    return base.indices.map { base[$0] + total[$0] }
  }

  /// `model_stock`: toward the mean of the sources, as far as the angles between them say.
  func modelStock() throws(MergeError) -> [Number] {
    let base = try requiredBase()
    try requireSources(2...1000)
    let offsets = changes(of: base)
    let length = parameters.filterWise ? rowLength : count
    let starts = Array(stride(from: 0, to: count, by: length))
    let rows = starts.map { $0..<($0 + length) }
    let floor = W.constant(1e-6)
    let norms = offsets.map { offset in rows.map { W.norm(offset[$0]) } }
    var cosines: [[Number]] = []
    for first in offsets.indices {
      for second in offsets.indices where second > first {
        let product = W.combine(offsets[first], offsets[second]) { $0 * $1 }
        let dots = reducedRows(product, length: length)
        cosines.append(
          rows.indices.map { row in
            let scale = W.round(norms[first][row] * norms[second][row])
            return W.clamp(W.round(dots[row] / (scale < floor ? floor : scale)), -1, 1)
          })
      }
    }
    let pairs = Number(cosines.count)
    let cosine = W.sumOverRows(cosines).map { W.round($0 / pairs) }
    let number = Number(sources.count)
    let shares = cosine.map { cosine in
      let denominator = W.round(1 + W.round((number - 1) * cosine))
      if generation == .v015, denominator.magnitude < floor { return Number(0) }
      return W.round(W.round(number * cosine) / denominator)
    }
    var mean = sources[0]
    for source in sources.dropFirst() { mean = W.combine(mean, source) { $0 + $1 } }
    mean = W.map(mean) { $0 / number }
    return base.indices.map { i in
      let share = shares[i / length]
      let far = W.round(W.round(1 - share) * base[i])
      return W.round(W.round(share * mean[i]) + far)
    }
  }

  /// The sums of consecutive rows of `length` elements, rounded; a row of one is itself.
  func reducedRows(_ x: [Number], length: Int) -> [Number] {
    stride(from: 0, to: x.count, by: length).map { W.round(W.sum(x[$0..<($0 + length)])) }
  }
}
