// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The parameters that two methods share: of the task-arithmetic family those with an election of signs
// and without, and two that decompose matrices. A method's file says the rest.

/// A flag's value where the recipe gives none.
public protocol FlagDefault: Sendable {
  static var value: Bool { get }
}

/// True by default.
public enum OnByDefault: FlagDefault {
  public static let value = true
}

/// False by default.
public enum OffByDefault: FlagDefault {
  public static let value = false
}

/// The parameters of `dare_linear` and `dare_ties`.
public struct DareParameters: MergeParameters {
  /// wₖ, one per source in recipe order; finite, any sign.
  public var weights: [Float] = []
  /// The share of each source's entries that is kept, 0 to 1.
  public var densities: [Double] = []
  /// Whether the sum is divided by the weights in it.
  public var normalize = false
  /// Whether kept entries are enlarged so that Σ|δ| of the tensor stays.
  public var rescale = true
  /// Whether `rescale` divides by the chance of being kept instead.
  public var rescaleByDensity = false
  /// λ, the factor of the merged change.
  public var lambda: Float = 1
  /// Chooses the masks.
  public var seed: UInt64 = 0
  public init() {}

  enum CodingKeys: String, CodingKey {
    case weights = "weight"
    case densities = "density"
    case rescaleByDensity = "rescale_by_density"
    case normalize, rescale, lambda, seed
  }

  /// What computes the method; checks the parameters.
  func family(_ election: TaskVectorMerge.Election) throws(MergeError) -> TaskVectorMerge {
    try TaskVectorMerge(
      .random(densities: try checkedShares("density", densities), seed: seed),
      rescaling: rescaling(rescale, byDensity: rescaleByDensity), election: election,
      weights: weights, normalize: normalize, lambda: lambda)
  }
}

/// The parameters of `della` and `della_linear`, which differ in the default of `normalize`.
public struct DellaParameters<Normalize: FlagDefault>: MergeParameters {
  /// wₖ, one per source in recipe order; finite, any sign.
  public var weights: [Float] = []
  /// The share of each source's entries that is kept, 0 to 1.
  public var densities: [Double] = []
  /// Half the spread of each source's chances; density ± epsilon lie strictly between 0 and 1.
  public var epsilons: [Double] = []
  /// Whether the sum is divided by the weights in it.
  public var normalize = Normalize.value
  /// Whether kept entries are enlarged so that Σ|δ| of the tensor stays.
  public var rescale = true
  /// Whether `rescale` divides by the chance of being kept instead.
  public var rescaleByDensity = false
  /// λ, the factor of the merged change.
  public var lambda: Float = 1
  /// Chooses the masks.
  public var seed: UInt64 = 0
  public init() {}

  enum CodingKeys: String, CodingKey {
    case weights = "weight"
    case densities = "density"
    case epsilons = "epsilon"
    case rescaleByDensity = "rescale_by_density"
    case normalize, rescale, lambda, seed
  }

  /// What computes the method; checks the parameters.
  func family(_ election: TaskVectorMerge.Election) throws(MergeError) -> TaskVectorMerge {
    let densities = try checkedShares("density", densities)
    return try TaskVectorMerge(
      .ranked(
        densities: densities, epsilons: try checkedEpsilons(epsilons, densities: densities),
        seed: seed),
      rescaling: rescaling(rescale, byDensity: rescaleByDensity), election: election,
      weights: weights, normalize: normalize, lambda: lambda)
  }
}

/// The parameters of `breadcrumbs` and `breadcrumbs_ties`.
public struct BreadcrumbsParameters: MergeParameters {
  /// wₖ, one per source in recipe order; finite, any sign.
  public var weights: [Float] = []
  /// The share of each source's entries that is kept, 0 to 1.
  public var densities: [Double] = []
  /// The share of each source's largest entries that is dropped, 0 to 1; without effect at
  /// density 1.
  public var gammas: [Double] = []
  /// Whether the sum is divided by the weights in it.
  public var normalize = false
  /// Whether kept entries are enlarged so that Σ|δ| of the tensor stays.
  public var rescale = false
  /// λ, the factor of the merged change.
  public var lambda: Float = 1
  public init() {}

  enum CodingKeys: String, CodingKey {
    case weights = "weight"
    case densities = "density"
    case gammas = "gamma"
    case normalize, rescale, lambda
  }

  /// What computes the method; checks the parameters.
  func family(_ election: TaskVectorMerge.Election) throws(MergeError) -> TaskVectorMerge {
    try TaskVectorMerge(
      .outliers(
        densities: try checkedShares("density", densities),
        gammas: try checkedShares("gamma", gammas)),
      rescaling: rescaling(rescale, byDensity: false), election: election, weights: weights,
      normalize: normalize, lambda: lambda)
  }
}

/// The parameters of `iso_c` and `tsv_m`.
public struct MatrixParameters: MergeParameters {
  /// wₖ, one per source in recipe order; finite, any sign; 0 leaves the source out.
  public var weights: [Float] = []
  /// λ, the factor of the merged change.
  public var lambda: Float = 1
  /// Whether embeddings and heads are decomposed as well.
  public var vocabulary = false
  public init() {}

  enum CodingKeys: String, CodingKey {
    case weights = "weight"
    case lambda, vocabulary
  }

  /// What computes the method; checks the parameters.
  func family() throws(MergeError) -> MatrixMerge {
    try MatrixMerge(weights: weights, lambda: lambda, vocabulary: vocabulary)
  }
}
