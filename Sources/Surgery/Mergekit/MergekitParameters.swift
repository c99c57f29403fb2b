// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which mergekit's numbers to give: three lines of releases differ.
public enum MergekitGeneration: String, Sendable, Hashable, CaseIterable {
  /// 0.0.4 to 0.0.6: DARE and DELLA divide by the probability, no `lambda` but DELLA's.
  case v00 = "0.0"
  /// 0.1.0 to 0.1.4: rescaling by the ratio of absolute sums, `lambda` everywhere.
  case v01 = "0.1"
  /// 0.1.5: the methods rewritten.
  case v015 = "0.1.5"
}

/// The parameters of one tensor's merge, resolved: gradients evaluated, filters and scopes applied.
///
/// Names, meanings and defaults are mergekit's. Lists have one value per source in order, or none
/// where the default applies to all.
public struct MergekitParameters: Sendable, Equatable {
  public var generation = MergekitGeneration.v015
  /// `weight`, one per source; `linear`, `nuslerp`, `multislerp` and task arithmetic require it.
  public var weights: [Double] = []
  /// `density`: the share of changes that stays; 1.
  public var densities: [Double] = []
  /// `gamma` of breadcrumbs: the share of largest changes dropped; 0.01.
  public var gammas: [Double] = []
  /// `epsilon` of DELLA: how far the probability departs from the density; 0.15.
  public var epsilons: [Double] = []
  /// `lambda` of the consensus methods of 0.0.6, which have one per source; 1.
  public var consensusLambdas: [Double] = []
  /// `k` of the consensus methods: how many sources must claim an element.
  public var consensusCount: Double = 1
  /// `scale` of `passthrough`; `nil` copies.
  public var scale: Double?
  /// `t` of `slerp` and `nearswap`, which require it.
  public var t: Double?
  /// `normalize`; `nil` is the method's own default.
  public var normalize: Bool?
  /// `rescale`; `nil` is the method's own default.
  public var rescale: Bool?
  /// `lambda` of task arithmetic and its kin.
  public var lambda: Double = 1
  public var nuslerpFlatten = true
  public var nuslerpRowWise = false
  /// `normalize_weights` of `multislerp`.
  public var normalizeWeights = true
  /// `eps` of `multislerp`.
  public var eps: Double = 1e-8
  /// `max_iter` of `karcher`.
  public var maxIterations = 10
  /// `tol` of `karcher`.
  public var tolerance: Double = 1e-5
  /// `filter_wise` of `model_stock`.
  public var filterWise = false
  /// `select_topk` of `sce`.
  public var selectTopK: Double = 1
  /// `r` of `ramplus_tl`.
  public var r: Double = 0.1
  /// `alpha` of `ramplus_tl`.
  public var alpha: Double = 0.2
  /// `epsilon` of `ram` and `ramplus_tl`, one for all.
  public var epsilon: Double = 1e-5

  public init() {}

  /// Sets a shared parameter by mergekit's name, flags as 0 or 1; false when there is none of the
  /// name. `int8_mask` is taken and changes nothing, as in mergekit.
  public mutating func set(_ name: String, to value: Double) -> Bool {
    switch name {
    case "scale": scale = value
    case "t": t = value
    case "normalize": normalize = value != 0
    case "rescale": rescale = value != 0
    case "lambda": lambda = value
    case "k": consensusCount = value
    case "nuslerp_flatten": nuslerpFlatten = value != 0
    case "nuslerp_row_wise": nuslerpRowWise = value != 0
    case "normalize_weights": normalizeWeights = value != 0
    case "eps": eps = value
    case "max_iter":
      guard let count = Int(exactly: value) else { return false }
      maxIterations = count
    case "tol": tolerance = value
    case "filter_wise": filterWise = value != 0
    case "select_topk": selectTopK = value
    case "r": r = value
    case "alpha": alpha = value
    case "epsilon": epsilon = value
    case "int8_mask": break
    default: return false
    }
    return true
  }

  /// Sets a parameter that each source has, by mergekit's name; false when there is none of the name.
  public mutating func set(_ name: String, perSource values: [Double]) -> Bool {
    switch name {
    case "weight": weights = values
    case "density": densities = values
    case "gamma": gammas = values
    case "epsilon": epsilons = values
    case "lambda": consensusLambdas = values
    case "scale": scale = values.first
    default: return false
    }
    return true
  }
}
