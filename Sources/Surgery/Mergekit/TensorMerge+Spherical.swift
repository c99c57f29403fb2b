// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Methods that go along great circles.
extension TensorMerge {
  /// `slerp`: base and source as one vector each, in the wide type, cut where mergekit cuts.
  func slerp() throws(MergeError) -> [Number] {
    let base = try requiredBase()
    try requireSources(1...1)
    let t = try requiredT()
    if generation != .v015 { return numpySlerp(base, sources[0], t) }
    let other = sources[0]
    let share = Wide.factor(t)
    let chunks = stride(from: 0, to: count, by: 1 << 20).map { $0..<min($0 + 1 << 20, count) }
    func norm(_ x: [Number]) -> Number {
      // The norm of the chunks' norms, which are few and apart in memory.
      let parts = chunks.map { Wide.wideNorm(x[$0]) }
      let norm = Wide.columnNorms(parts, rows: parts.count, columns: 1)[0]
      return norm > Wide.constant(1e-8) ? norm : 1
    }
    let (baseNorm, otherNorm) = (norm(base), norm(other))
    let dots = chunks.map { chunk in
      Wide.sum(chunk.map { (base[$0] / baseNorm) * (other[$0] / otherNorm) })
    }
    let cosine = Wide.clamp(Wide.sum(dots), -1, 1)
    var (near, far) = (1 - share, share)
    if !(cosine.magnitude > Wide.constant(0.9995)) {
      let angle = Wide.acos(cosine)
      let sine = Wide.sin(angle)
      (near, far) = (Wide.sin((1 - share) * angle) / sine, Wide.sin(share * angle) / sine)
    }
    return base.indices.map { W.round(near * base[$0] + far * other[$0]) }
  }

  /// `slerp` before 0.1.5: NumPy in float32, also for float64; the cosine is not clamped.
  private func numpySlerp(_ base: [Number], _ other: [Number], _ t: Double) -> [Number] {
    typealias F = Float32Work
    let (base, other) = (base.map { Float($0) }, other.map { Float($0) })
    func unit(_ x: [Float]) -> [Float] {
      let norm = Float(x.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot())
      return norm > 1e-8 ? x.map { $0 / norm } : x
    }
    let products = F.combine(unit(base), unit(other)) { $0 * $1 }
    let cosine = Float(products.reduce(0) { $0 + Double($1) })
    var (near, far) = (Float(1 - t), Float(t))
    if !(cosine.magnitude > 0.9995) {
      let angle = F.acos(cosine)
      let (sine, part) = (F.sin(angle), angle * Float(t))
      (near, far) = (F.sin(angle - part) / sine, F.sin(part) / sine)
    }
    return base.indices.map { W.round(Number(near * base[$0] + far * other[$0])) }
  }

  /// `nuslerp`: between two sources, whole or by rows or columns, or between their changes.
  func nuslerp() throws(MergeError) -> [Number] {
    try requireSources(2...2)
    let weights = try requiredWeights()
    let total = weights[0] + weights[1]
    let t = total.magnitude < 1e-6 ? 0.5 : weights[1] / total
    let vectors = base.map { changes(of: $0) } ?? sources
    let merged = interpolated(vectors[0], vectors[1], t)
    return base.map { W.combine($0, merged) { $0 + $1 } } ?? merged
  }

  private func interpolated(_ first: [Number], _ second: [Number], _ t: Double) -> [Number] {
    let isWhole = parameters.nuslerpFlatten
    let isAcross = !isWhole && parameters.nuslerpRowWise && shape.rank > 1
    // Vectors lie along the last axis; "row-wise" ones along the first, as columns of a matrix.
    let length = isWhole ? count : isAcross ? shape[0] : rowLength
    let vectorCount = count / length
    func vector(_ i: Int) -> Int { isAcross ? i % vectorCount : i / length }
    func norms(_ x: [Number]) -> [Number] {
      if isAcross { return W.columnNorms(x, rows: length, columns: vectorCount) }
      return stride(from: 0, to: count, by: length).map { W.norm(x[$0..<($0 + length)]) }
    }
    let least = W.constant(1e-7)
    func unit(_ x: [Number]) -> [Number] {
      let norms = norms(x).map { $0 < least ? least : $0 }
      return x.indices.map { W.round(x[$0] / norms[vector($0)]) }
    }
    let products = W.combine(unit(first), unit(second)) { $0 * $1 }
    let cosines: [Number]
    if isAcross {
      cosines = W.sumOverRows(
        stride(from: 0, to: count, by: vectorCount).map { Array(products[$0..<($0 + vectorCount)]) }
      ).map { W.round($0) }
    } else {
      cosines = reducedRows(products, length: length)
    }
    let (near, far) = (W.factor(1 - t), W.factor(t))
    let arcs = cosines.map { cosine in
      let cosine = W.clamp(cosine, -1, 1)
      var isColinear = W.round(1 - W.round(cosine * cosine)) <= W.constant(1e-16)
      let angle = W.acos(isColinear && generation == .v015 ? 0 : cosine)
      let sine = W.sin(angle)
      if generation != .v015 { isColinear = sine.magnitude < W.constant(1e-8) }
      return (
        isColinear: isColinear, sine: sine, near: W.sin(W.round(near * angle)),
        far: W.sin(W.round(far * angle))
      )
    }
    return first.indices.map { i in
      let arc = arcs[vector(i)]
      if arc.isColinear { return W.round(W.round(near * first[i]) + W.round(far * second[i])) }
      let sum = W.round(W.round(arc.near * first[i]) + W.round(arc.far * second[i]))
      return W.round(sum / arc.sine)
    }
  }

  /// `multislerp`: a step from the mean direction in its tangent plane, then back to the sphere.
  func multislerp() throws(MergeError) -> [Number] {
    try requireSources(1...1000)
    if sources.count == 1 { return sources[0] }
    let vectors = base.map { changes(of: $0) } ?? sources
    var weights = try requiredWeights().map { W.constant($0) }
    if parameters.normalizeWeights {
      let total = W.round(W.sum(weights))
      weights = W.map(weights) { $0 / total }
    }
    let eps = W.constant(parameters.eps)
    func weighted(_ rows: [[Number]]) -> [Number] {
      W.sumOverRows(zip(rows, weights).map { row, weight in W.map(row) { $0 * weight } })
        .map(W.round)
    }
    func based(_ x: [Number]) -> [Number] { base.map { W.combine(x, $0) { $0 + $1 } } ?? x }
    let norms = vectors.map { W.norm($0) }
    let units = zip(vectors, norms).map { vector, norm in
      let divisor = W.round(norm + eps)
      return W.map(vector) { $0 / divisor }
    }
    var mean = weighted(units)
    let meanNorm = W.norm(mean)
    if meanNorm < eps {
      guard vectors.count == 2 else {
        throw .parameter(
          "weight", value: "\(parameters.weights)",
          expected: "weights with which the directions of the models do not cancel out")
      }
      let terms = [
        W.map(vectors[0]) { $0 * weights[0] }, W.map(vectors[1]) { $0 * weights[1] },
      ]
      return based(W.combine(terms[0], terms[1]) { $0 + $1 })
    }
    mean = W.map(mean) { $0 / meanNorm }
    let tangents = units.map { unit in
      let dot = W.round(W.sum(W.combine(unit, mean) { $0 * $1 }))
      return W.combine(unit, W.map(mean) { dot * $0 }) { $0 - $1 }
    }
    let tangent = weighted(tangents)
    let angle = W.round(W.norm(tangent) + eps)
    let (cosine, slope) = (W.cos(angle), W.round(W.sin(angle) / angle))
    let length = W.round(W.sum(zip(norms, weights).map { W.round($0 * $1) }))
    let result = mean.indices.map { i in
      W.round(W.round(W.round(mean[i] * cosine) + W.round(tangent[i] * slope)) * length)
    }
    return based(result)
  }
}
