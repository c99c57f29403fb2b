// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Isotropic merging in common and task-specific subspaces (Iso-CTS): the strong directions of the
/// sum of the changes, in place of its weak ones the strongest that each source has besides, and all
/// of one size.
///
/// - Shapes: base, sources and output alike. Matrices are decomposed, with their rows as outputs (as
///   PyTorch's `Linear` stores them); other tensors, and embeddings and heads unless `vocabulary`,
///   get the mean of the changes.
/// - Precision: changes in `Float`, decompositions and sums in `Double`; directions of at most 10⁻⁶
///   of a matrix's largest are rounding, and left out. Rounded once to the output type.
public struct IsotropicTaskSpecific: MergeMethod {
  public static let card = MethodCard(
    id: "iso_cts", title: "common and task-specific singular directions of equal size",
    formula: """
      τₖ  = wₖ·δₖ, for the n sources with wₖ ≠ 0; a matrix with s the smaller of rows and columns
      p   = (s − ⌊common_space_fraction·s⌋)/n, rounded to the nearest (a half to the even one)
      Uᶜ, Vᶜ, Sᶜ                                  the s − n·p largest singular directions of Σ τₖ
      Uₖ, Vₖ, Sₖ                                  the p largest of τₖ − Uᶜ·Uᶜᵀ·τₖ
      U   = [Uᶜ U₁ … Uₙ], likewise V;  U⊥ = U·(UᵀU)^−½, likewise V⊥        (the nearest orthonormal)
      out = b + λ · s̄·U⊥·V⊥ᵀ                      s̄: the mean of all these singular values
            b + λ · Σ τₖ/n                        tensors that are no matrices; embeddings and heads
      """,
    source: "Marczak et al. 2025, arXiv:2502.04959",
    departs:
      "weights, the paper has none; directions without size (σ ≤ 1e-6·σ₁) are left out of all of it "
      + "and the root is of the pseudo-inverse, where the published code takes what its SVD happens "
      + "to give; p is rounded down where n·p would exceed s; embeddings and heads are averaged "
      + "unless `vocabulary` says otherwise",
    cost:
      "two readings of each source, 2n + 1 of the base; for a matrix of m × s some "
      + "(4n + 5)·m·s² + (9n + 36)·s³ operations: for three sources 5.4 processor seconds at "
      + "1024 × 1024, eight times that for twice the sides; memory up to 14 times the tensor in F32",
    base: .required, perSource: [.init("weight", default: 1.0)],
    notes: [
      .weight,
      .init(
        "common_space_fraction", range: "0 to 1", "share of the directions that the sum provides"),
      .lambda, .vocabulary,
    ],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda],
    wholeTensors: (perSource: 0, besides: 14))

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign; 0 leaves the source out.
    public var weights: [Float] = []
    /// The share of the directions that the sum of all changes provides, 0 to 1.
    public var commonSpaceFraction = 0.8
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    /// Whether embeddings and heads are decomposed as well.
    public var vocabulary = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case commonSpaceFraction = "common_space_fraction"
      case lambda, vocabulary
    }
  }

  private let family: MatrixMerge
  private let fraction: Double

  public init(_ parameters: Parameters) throws(MergeError) {
    family = try MatrixMerge(
      weights: parameters.weights, lambda: parameters.lambda, vocabulary: parameters.vocabulary)
    fraction = try checkedShares("common_space_fraction", [parameters.commonSpaceFraction])[0]
  }

  /// p, the directions of each of `count` sources, for matrices of this smaller side.
  static func ownDirections(side: Int, count: Int, fraction: Double) -> Int {
    let rest = side - Int(Double(side) * fraction)
    let nearest = Int((Double(rest) / Double(count)).rounded(.toNearestOrEven))
    return min(nearest, side / count)
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let fraction = fraction
    try family.merge(group, into: &output, method: Self.card.id) { changes in
      let side = min(changes.rows, changes.columns)
      let own = Self.ownDirections(side: side, count: changes.count, fraction: fraction)
      let sum = try changes.sum()
      let common = try GramFactors(sum, threads: changes.threads)
        .directions(of: sum, count: side - changes.count * own, threads: changes.threads)
      var all = SingularDirections(rows: changes.rows, columns: changes.columns)
      for k in 0..<(own > 0 ? changes.count : 0) {
        let change = try changes.change(k)
        let rest = common.removingLeft(from: change, threads: changes.threads)
        // What is left of a change that lies in the common space is rounding.
        let floor = change.squaredNorm(threads: changes.threads).squareRoot() * GramFactors.noise
        let factors = try GramFactors(rest, floor: floor, threads: changes.threads)
        all.append(factors.directions(of: rest, count: own, threads: changes.threads))
      }
      all.append(common)
      let mean = all.values.reduce(0, +) / Double(max(1, all.count))
      return try all.orthogonalized(
        values: Array(repeating: mean, count: all.count), threads: changes.threads)
    }
  }
}
