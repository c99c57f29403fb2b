// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Which entries of its task vector each source keeps; one value per source.
enum Sparsifier: Sendable {
  case none
  /// The ⌊density·n⌋ largest magnitudes of the tensor, at least one.
  case magnitude(densities: [Double])
  /// ⌊density·n⌋ of the largest magnitudes after the ⌊gamma·n⌋ very largest; where too few are
  /// left below those, the smallest ⌊density·n⌋.
  case outliers(densities: [Double], gammas: [Double])
  /// Each entry with the chance `density`.
  case random(densities: [Double], seed: UInt64)
  /// Each entry with a chance from density − epsilon (the smallest magnitude of its row) to
  /// density + epsilon (the largest).
  case ranked(densities: [Double], epsilons: [Double], seed: UInt64)
}

/// What happens to kept entries so that the merged change stays as large as it was.
enum Rescaling: Sendable {
  case none
  /// One factor per tensor and source, Σ|δ| / Σ|kept δ|; none where a sum is below 1e-7.
  case sumOfMagnitudes
  /// Each entry is divided by its chance of having been kept.
  case chance
}

/// The sparse task vectors of one tensor: what must be known of the whole tensor is known, entries
/// are computed as they are asked for.
struct SparseChanges: Sendable {
  private enum Filter: Sendable {
    case everything
    case nothing
    case top(MagnitudeThreshold)
    /// The elements that `outer` keeps and `inner` does not.
    case band(outer: MagnitudeThreshold, inner: MagnitudeThreshold)
    /// `divisor` is the chance where what is kept is divided by it, else 1.
    case random(RandomMask, divisor: Float)
    case ranked(lowest: Float, width: Float, CounterRandom)
  }

  /// A sum below this is too small to be divided by; mergekit's constant.
  private static let smallestSum = 1e-7

  /// What all draws of a tensor may take, 64 MiB; beyond it elements are drawn whenever they are asked
  /// for.
  private static let mostDrawn = 1 << 29

  private let filters: [Filter]
  /// For sources with random masks that are summed first, the masks; empty for none.
  private var drawn: [DrawnElements?] = []
  private var factors: [Float]
  private let dividesByChance: Bool
  private let rowLength: Int

  /// Whether chunks must be whole rows.
  let needsWholeRows: Bool

  /// Cost: for magnitudes one to five passes over base and sources; for the sums of
  /// `.sumOfMagnitudes` one; nothing where every density is 0 or 1.
  init(
    _ group: borrowing TensorGroup, _ sparsifier: Sparsifier, _ rescaling: Rescaling
  ) throws(CheckpointError) {
    let dividesByChance = if case .chance = rescaling { true } else { false }
    let filters = try Self.filters(group, sparsifier, dividesByChance: dividesByChance)
    self.filters = filters
    self.dividesByChance = dividesByChance
    factors = filters.map { _ in 1 }
    rowLength = group.rowLength
    needsWholeRows = filters.contains { if case .ranked = $0 { true } else { false } }
    if case .sumOfMagnitudes = rescaling {
      drawn = roomToDraw(group)
      factors = try sumsRestored(group)
    }
  }

  private static func filters(
    _ group: borrowing TensorGroup, _ sparsifier: Sparsifier, dividesByChance: Bool
  ) throws(CheckpointError) -> [Filter] {
    let name = group.name
    func limited(_ density: Double, _ filter: @autoclosure () -> Filter) -> Filter {
      density >= 1 ? .everything : density <= 0 ? .nothing : filter()
    }
    switch sparsifier {
    case .none:
      return [Filter](repeating: .everything, count: group.sourceCount)
    case .magnitude(let densities):
      let thresholds = try group.largestChanges(densities: densities)
      return thresholds.map { $0 == .everything ? .everything : .top($0) }
    case .outliers(let densities, let gammas):
      let count = group.elementCount
      var searches: [MagnitudeSearch] = []
      for (row, density) in densities.enumerated() {
        let kept = density >= 1 ? count : Int(density * Double(count))
        let largest = density >= 1 ? 0 : Int(gammas[row] * Double(count))
        let below = max(0, count - kept - largest)
        searches.append(MagnitudeSearch(row: row, count: count - below))
        searches.append(MagnitudeSearch(row: row, count: count - below - kept))
      }
      let found = try group.largestChanges(searches)
      return densities.enumerated().map { row, density in
        limited(density, .band(outer: found[2 * row], inner: found[2 * row + 1]))
      }
    case .random(let densities, let seed):
      return densities.enumerated().map { k, density in
        limited(
          density,
          .random(
            RandomMask(
              chance: density, CounterRandom(seed: seed, stream: "dare/\(name)/\(k)")),
            divisor: dividesByChance ? Float(density) : 1))
      }
    case .ranked(let densities, let epsilons, let seed):
      return densities.enumerated().map { k, density in
        limited(
          density,
          .ranked(
            lowest: Float(density - epsilons[k]), width: Float(2 * epsilons[k]),
            CounterRandom(seed: seed, stream: "della/\(name)/\(k)")))
      }
    }
  }

  /// Room for the masks of sources that are thinned by chance.
  private func roomToDraw(_ group: borrowing TensorGroup) -> [DrawnElements?] {
    let count = group.elementCount
    let isRandom = filters.map { if case .random = $0 { true } else { false } }
    let hasRoom = isRandom.count { $0 } * count <= Self.mostDrawn
    guard hasRoom, isRandom.contains(true) else { return [] }
    return filters.map { filter in
      guard case .random(let mask, _) = filter else { return nil }
      return DrawnElements(count: count, mask)
    }
  }

  /// The masks of the source at `k`, where they are kept.
  private func drawn(_ k: Int) -> DrawnElements? { k < drawn.count ? drawn[k] : nil }

  /// The factors that give each kept change the Σ|δ| of the whole one.
  private func sumsRestored(
    _ group: borrowing TensorGroup
  ) throws(CheckpointError) -> [Float] {
    let thinned = filters.indices.filter { k in
      switch filters[k] {
      case .everything, .nothing: false
      default: true
      }
    }
    if thinned.isEmpty { return factors }
    let sums: @Sendable (MergeChunk) -> [Double] = { chunk in
      withWorkspace(count: chunk.count) { row in
        thinned.flatMap { k in
          chunk.change(k, into: row)
          if let drawn = drawn(k) {
            // A block begins with a group of the mask; nobody else sums this one.
            drawn.draw(from: chunk.start, count: chunk.count)
            let sums = drawn.magnitudes(row.reading, startingAt: chunk.start)
            return [sums.whole, sums.kept]
          }
          let whole = Summation.magnitudes(row.reading)
          fill(row, chunk, k)
          return [whole, Summation.magnitudes(row.reading)]
        }
      }
    }
    let add = { (left: [Double], right: [Double]) in zip(left, right).map { $0 + $1 } }
    let total =
      needsWholeRows
      ? try group.reduceWholeRows(sums, combine: add)
      : try group.reduce(.changes, sums, combine: add)
    guard let total else { return factors }
    var factors = factors
    for (number, k) in thinned.enumerated() {
      let (whole, kept) = (total[2 * number], total[2 * number + 1])
      if whole >= Self.smallestSum, kept >= Self.smallestSum { factors[k] = Float(whole / kept) }
    }
    return factors
  }

  /// Fills `row` with what the source at `k` keeps of its change.
  func fill(_ row: MutableFloatChunk, _ chunk: MergeChunk, _ k: Int) {
    switch filters[k] {
    case .everything:
      chunk.change(k, into: row)
    case .nothing:
      row.fill(0)
    case .top(let threshold):
      chunk.change(k, into: row)
      threshold.trim(row, startingAt: chunk.start)
    case .band(let outer, let inner):
      chunk.change(k, into: row)
      for i in row.indices {
        let index = chunk.start + i
        if !outer.keeps(row[i], at: index) || inner.keeps(row[i], at: index) { row[i] = 0 }
      }
    case .random(let mask, let divisor):
      chunk.change(k, into: row)
      let (start, factor) = (chunk.start, factors[k])
      if let drawn = drawn(k) {
        drawn.thin(row, startingAt: start, dividingBy: divisor, times: factor)
      } else {
        mask.thin(row, startingAt: start, dividingBy: divisor, times: factor)
      }
      return
    case .ranked(let lowest, let width, let random):
      withWorkspace(count: 2 * row.count) { memory in
        let (places, draws) = (memory[0..<row.count], memory[row.count..<(2 * row.count)])
        var ranks = MagnitudeRanks()
        chunk.change(k, into: row)
        chunk.forEachRow(length: rowLength) { _, part in
          ranks.places(row.reading[part], into: places[part])
        }
        random.fillUniform(draws, startingAt: chunk.start)
        for i in row.indices {
          let chance = lowest + places[i] * width
          row[i] = draws[i] < chance ? row[i] / (dividesByChance ? chance : 1) : 0
        }
      }
    }
    let factor = factors[k]
    if factor != 1 { for i in row.indices { row[i] *= factor } }
  }
}
