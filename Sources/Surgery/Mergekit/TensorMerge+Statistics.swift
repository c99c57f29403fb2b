// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The sample of a tensor from which `arcee_fusion` takes its quantiles.
struct FusionSample {
  static let size = 1_000_000

  let elementCount: Int
  let generation: MergekitGeneration

  /// 32-bit numbers drawn: none up to a million elements; in 0.1.5 one for each of a million
  /// elements, or two; before, two whole shuffles.
  var drawCount: Int {
    if elementCount <= Self.size { return 0 }
    if generation != .v015 { return 2 * (elementCount - 1) }
    return Self.size * (elementCount < 1 << 28 ? 1 : 2)
  }

  /// The values at the ⌊q·(n − 1)⌋-th places of the sorted sample, for each q.
  func quantiles<Number: BinaryFloatingPoint>(
    _ values: [Number], _ shares: [Float], _ random: inout MersenneTwister
  ) -> [Number] {
    var sample = values
    if values.count > Self.size {
      if generation == .v015 {
        for i in 0..<Self.size { sample[i] = values[random.integer(below: values.count)] }
      } else {
        // The first million of a shuffle, which draws for every element.
        for i in 0..<(sample.count - 1) {
          sample.swapAt(i, i + Int(random.next()) % (sample.count - i))
        }
      }
      sample.removeSubrange(Self.size...)
    }
    sample.sort { left, right in left < right || (right.isNaN && !left.isNaN) }
    return shares.map { sample[Int($0 * Float(sample.count - 1))] }
  }
}

/// Methods that weigh by statistics of the whole tensor.
extension TensorMerge {
  /// `sce`: select by variance, weigh by energy, erase the minority signs.
  func sce() throws(MergeError) -> [Number] {
    let base = try requiredBase()
    if sources.isEmpty { return base }
    var changes = changes(of: base)
    if parameters.selectTopK < 1 {
      let keep = mostVaried(changes)
      changes = changes.map { Self.masked(W.self, $0, keep, rescales: false) }
    }
    let signs = W.sumOverRows(changes).map { W.round($0) >= 0 ? Number(1) : -1 }
    let weights = energyShares(changes)
    var shares = changes
    for k in changes.indices {
      for i in signs.indices {
        let value = changes[k][i]
        let sign: Number = value > 0 ? 1 : value < 0 ? -1 : 0
        shares[k][i] = weights[k] * (sign == signs[i] ? 1 : 0)
      }
    }
    let terms = zip(changes, shares).map { change, share in W.combine(change, share) { $0 * $1 } }
    let sum = W.sumOverRows(terms).map(W.round)
    let divisor = W.sumOverRows(shares).map(W.round)
    let floor = W.constant(1e-6)
    return base.indices.map { i in
      let least: Number =
        generation == .v00
        ? (divisor[i] == 0 ? 1 : divisor[i])
        : (divisor[i] < floor ? floor : divisor[i])
      return W.round(base[i] + W.round(sum[i] / least))
    }
  }

  /// Each source's share of the mean squares, equal ones where there is nothing to share.
  private func energyShares(_ changes: [[Number]]) -> [Number] {
    let squares = changes.map { change in W.sum(W.map(change) { $0 * $0 }) }
    if generation == .v00 {
      let energies = squares.map { Double(W.round($0)) / Double(count) }
      let total = energies.reduce(0, +)
      return energies.map { W.constant(total == 0 ? 1 / Double(energies.count) : $0 / total) }
    }
    let energies = squares.map { W.round($0 / Number(count)) }
    let total = W.round(W.sum(energies))
    if Double(total).magnitude < 1e-6 {
      return energies.map { _ in W.round(1 / Number(energies.count)) }
    }
    return W.map(energies) { $0 / total }
  }

  /// The share `select_topk` of those elements that differ between sources, by variance.
  private func mostVaried(_ changes: [[Number]]) -> [Bool] {
    let nothing = [Bool](repeating: false, count: count)
    if parameters.selectTopK <= 0 { return nothing }
    let variances = (0..<count).map { i in
      // Welford's recurrence in Double, as in PyTorch.
      var (mean, squares) = (0.0, 0.0)
      for (k, change) in changes.enumerated() {
        let delta = Double(change[i]) - mean
        mean += delta / Double(k + 1)
        squares += delta * (Double(change[i]) - mean)
      }
      return W.round(Number(squares / Double(changes.count)))
    }
    let varied = variances.count { $0 != 0 }
    // A count, which is a tensor, times a Python number: in Float.
    let kept = Int(Float(varied) * Float(parameters.selectTopK))
    return kept == 0 ? nothing : Self.top(variances, kept, isLowestFirst: true)
  }

  /// `arcee_fusion`: takes over the changes whose importance is an outlier; not rounded.
  func arceeFusion(_ random: inout MersenneTwister) throws(MergeError) -> [Number] {
    let base = try requiredBase()
    try requireSources(1...1)
    let source = sources[0]
    let change = W.difference(source, base)
    let eps = W.constant(1e-8)
    let p = W.map(softmax(source)) { $0 + eps }
    let q = W.map(softmax(base)) { $0 + eps }
    let terms = p.indices.map { i in W.round(p[i] * W.log(W.round(p[i] / q[i]))) }
    let divergences = reducedRows(terms, length: rowLength)
    let importance = change.indices.map { i in
      W.round(change[i].magnitude * divergences[i / rowLength])
    }
    let sample = FusionSample(elementCount: count, generation: generation)
    let shares: [[Float]] = generation == .v015 ? [[0.25, 0.5, 0.75]] : [[0.5], [0.25, 0.75]]
    var quantiles = shares.flatMap { sample.quantiles(importance, $0, &random) }
    if generation != .v015 { quantiles.swapAt(0, 1) }
    let range = W.round(quantiles[2] - quantiles[0])
    let threshold = W.round(quantiles[1] + W.round(1.5 * range))
    return base.indices.map { base[$0] + change[$0] * (importance[$0] >= threshold ? 1 : 0) }
  }

  /// exp(x − max) / Σ exp(x − max) along the last axis.
  private func softmax(_ x: [Number]) -> [Number] {
    var result = x
    for start in stride(from: 0, to: count, by: rowLength) {
      let row = start..<(start + rowLength)
      let largest = x[row].reduce(-Number.infinity) { $0 > $1 ? $0 : $1 }
      for i in row { result[i] = W.exp(x[i] - largest) }
      let total = Number(result[row].reduce(0.0) { $0 + Double($1) })
      for i in row { result[i] = W.round(result[i] / total) }
    }
    return result
  }
}
