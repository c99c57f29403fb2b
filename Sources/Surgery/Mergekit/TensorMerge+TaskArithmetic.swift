// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What distinguishes the methods that add weighted changes to a base.
struct TaskArithmeticRecipe {
  enum Sparsifier { case none, magnitude, magnitudeOutliers, random, rankedRandom }

  let sparsifier: Sparsifier
  /// Whether an election decides the sign of each element.
  let electsSigns: Bool
  let normalizes: Bool
  let rescales: Bool
  /// Whether an element must be claimed by a source's mask, as in 0.0.6's consensus methods.
  var needsClaims = false

  init?(_ method: String) {
    switch method {
    case "task_arithmetic": self.init(.none)
    case "ties": self.init(.magnitude, electsSigns: true, normalizes: true)
    case "dare_linear": self.init(.random, rescales: true)
    case "dare_ties": self.init(.random, electsSigns: true, rescales: true)
    case "breadcrumbs": self.init(.magnitudeOutliers)
    case "breadcrumbs_ties": self.init(.magnitudeOutliers, electsSigns: true)
    case "della": self.init(.rankedRandom, electsSigns: true, normalizes: true, rescales: true)
    case "della_linear": self.init(.rankedRandom, rescales: true)
    case "consensus_ta": self.init(.none, needsClaims: true)
    case "consensus_ties":
      self.init(.magnitude, electsSigns: true, normalizes: true, needsClaims: true)
    default: return nil
    }
  }

  private init(
    _ sparsifier: Sparsifier, electsSigns: Bool = false, normalizes: Bool = false,
    rescales: Bool = false, needsClaims: Bool = false
  ) {
    self.sparsifier = sparsifier
    self.electsSigns = electsSigns
    self.normalizes = normalizes
    self.rescales = rescales
    self.needsClaims = needsClaims
  }
}

extension TensorMerge {
  /// Base plus the combined changes: sparsified, weighted, elected, divided, times `lambda`.
  func taskArithmetic(
    _ recipe: TaskArithmeticRecipe, _ random: inout MersenneTwister
  ) throws(MergeError) -> [Number] {
    let base = try requiredBase()
    if sources.isEmpty { return base }
    let weights = try requiredWeights()
    let densities = try perSource(parameters.densities, "density", default: 1)
    let gammas = try perSource(parameters.gammas, "gamma", default: 0.01)
    let epsilons = try perSource(parameters.epsilons, "epsilon", default: 0.15)
    let rescales = parameters.rescale ?? recipe.rescales
    var originals = changes(of: base)
    var changes = originals
    var isWide = false
    for k in changes.indices {
      switch recipe.sparsifier {
      case .none: break
      case .magnitude:
        guard densities[k] < 1 else { continue }
        let keep = try keepsLargest(changes[k], density: densities[k])
        changes[k] = masked(&originals[k], keep, rescales: rescales)
      case .magnitudeOutliers:
        guard densities[k] < 1 else { continue }
        let keep = keepsMiddle(changes[k], density: densities[k], gamma: gammas[k])
        changes[k] = masked(&originals[k], keep, rescales: rescales)
      case .random:
        guard densities[k] < 1 else { continue }
        changes[k] = try dropped(
          changes[k], density: densities[k], rescales: rescales, &random)
      case .rankedRandom:
        guard densities[k] < 1 else { continue }
        changes[k] = try dropped(
          changes[k], density: densities[k], epsilon: epsilons[k], rescales: rescales, &random)
        isWide = isWide || (generation == .v00 && W.type == .float16)
      }
    }
    // 0.0.x forgot to cast DELLA's float32 back: for float16 all that follows runs in float32.
    return isWide
      ? combined(Wide.self, recipe, changes, originals, weights)
      : combined(W.self, recipe, changes, originals, weights)
  }

  private func combined<V: WorkArithmetic>(
    _ work: V.Type, _ recipe: TaskArithmeticRecipe, _ changes: [[Number]],
    _ originals: [[Number]], _ weights: [Double]
  ) -> [Number] where V.Number == Number {
    guard let base else { return [] }
    let weights = weights.map { V.constant($0) }
    var weighted = zip(changes, weights).map { change, weight in V.map(change) { $0 * weight } }
    var divisor: [Number]
    if recipe.electsSigns {
      let signs = V.sumOverRows(weighted).map { V.round($0) >= 0 ? Number(1) : -1 }
      var shares = weighted
      for k in weighted.indices {
        for i in signs.indices {
          let value = weighted[k][i]
          let sign: Number = value > 0 ? 1 : value < 0 ? -1 : 0
          let mask: Number = sign == signs[i] ? 1 : 0
          // Products, not a choice: NaN and infinity outlive a mask.
          weighted[k][i] = value * mask
          shares[k][i] = weights[k] * mask
        }
      }
      divisor = V.sumOverRows(shares).map { V.round($0) }
      for i in divisor.indices where divisor[i] == 0 { divisor[i] = 1 }
    } else {
      let total = V.round(V.sum(weights))
      divisor = [total.magnitude < V.constant(1e-8) ? 1 : total]
    }
    var mixed = V.sumOverRows(weighted).map { V.round($0) }
    if parameters.normalize ?? recipe.normalizes {
      for i in mixed.indices {
        mixed[i] = V.round(mixed[i] / (recipe.electsSigns ? divisor[i] : divisor[0]))
      }
    }
    if parameters.lambda != 1 {
      let lambda = V.factor(parameters.lambda)
      mixed = V.map(mixed) { $0 * lambda }
    }
    if recipe.needsClaims { mixed = claimed(mixed, originals) }
    return base.indices.map { W.round(V.round(base[$0] + mixed[$0])) }
  }

  /// Keeps the elements that at least `k` sources claim: those whose own change is larger than
  /// λ times its distance from the combined one.
  ///
  /// **Source** Wang et al. 2024, arXiv:2405.07813, as in mergekit 0.0.6; **Departs** nothing.
  private func claimed(_ mixed: [Number], _ changes: [[Number]]) -> [Number] {
    var claims = [Int](repeating: 0, count: count)
    for (k, change) in changes.enumerated() {
      let lambda = W.factor(
        k < parameters.consensusLambdas.count ? parameters.consensusLambdas[k] : 1)
      for i in claims.indices {
        let distance = W.round(W.round(mixed[i] - change[i]).magnitude * lambda)
        if change[i].magnitude > distance { claims[i] += 1 }
      }
    }
    return mixed.indices.map { i in
      mixed[i] * (Double(claims[i]) >= parameters.consensusCount ? 1 : 0)
    }
  }
}
