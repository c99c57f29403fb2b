// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension TensorMerge {
  /// `karcher`: the point of the sphere from which the sources' directions lie evenly around,
  /// times the mean of their norms.
  ///
  /// PyTorch leaves the order of its dot products to a library; here they are summed in Double.
  ///
  /// The flag says that the values are of the wide type, as mergekit's are for a scalar tensor.
  func karcher() throws(MergeError) -> (values: [Number], isWide: Bool) {
    try requireSources(1...1000)
    if sources.count == 1 { return (sources[0], false) }
    let tolerance = parameters.tolerance
    let norms = sources.map { Wide.wideNorm($0[...]) }
    let units = zip(sources, norms).map { source, norm in
      norm == 0 ? source.map { _ in Number(0) } : W.map(source) { $0 / norm }
    }
    let valid = norms.indices.filter { Double(norms[$0]) > tolerance }
    if valid.isEmpty { return ([Number](repeating: 0, count: count), false) }
    let alpha = 1 / Double(sources.count)
    let total = valid.reduce(0.0) { sum, _ in sum + alpha }
    let share = W.factor(alpha / total)
    let directions = valid.map { units[$0] }

    func mixed(_ value: Number) -> Number { shape.rank == 0 ? value : W.round(value) }

    var mean = [Number](repeating: 0, count: count)
    for direction in directions {
      mean = W.combine(mean, W.map(direction) { share * $0 }) { $0 + $1 }
    }
    let meanNorm = Wide.wideNorm(mean[...])
    mean = Double(meanNorm) < tolerance ? directions[0] : W.map(mean) { $0 / meanNorm }

    for _ in 0..<max(parameters.maxIterations, 0) {
      var tangent = [Number](repeating: 0, count: count)
      for direction in directions {
        let dot = W.clamp(Self.dot(mean, direction), -1, 1)
        let angle = W.acos(dot)
        if Double(angle) < tolerance { continue }
        let factor = W.round(share * W.round(angle / W.sin(angle)))
        let step = W.combine(direction, W.map(mean) { dot * $0 }) { $0 - $1 }
        tangent = W.combine(tangent, W.map(step) { factor * $0 }) { $0 + $1 }
      }
      let length = Wide.wideNorm(tangent[...])
      if Double(length) < tolerance { break }
      // A number of the wide type that comes first in a product is rounded to the work type; when
      // all factors are numbers, they widen instead.
      let (cosine, sine) = (mixed(Wide.cos(length)), mixed(Wide.sin(length)))
      mean = mean.indices.map { i in
        let along = mixed(sine * mixed(tangent[i] / length))
        return W.round(mixed(mixed(cosine * mean[i]) + along))
      }
      let norm = Wide.wideNorm(mean[...])
      if Double(norm) > tolerance { mean = W.map(mean) { $0 / norm } }
    }

    if generation == .v015 {
      let factor = Wide.factor(alpha)
      let scale = mixed(norms.reduce(Number(0)) { $0 + factor * $1 })
      return (mean.map { mixed(scale * $0) }, shape.rank == 0)
    }
    let scale = W.factor(norms.reduce(0.0) { $0 + alpha * Double($1) })
    return (W.map(mean) { scale * $0 }, false)
  }

  private static func dot(_ x: [Number], _ y: [Number]) -> Number {
    var total = 0.0
    for i in x.indices { total += Double(x[i]) * Double(y[i]) }
    return W.round(Number(total))
  }
}
