// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// The settings of a merge method, with the defaults as property values.
///
/// Coding keys are mergekit's parameter names. A property that is a list named in
/// ``MethodCard/perSource`` gets one value per source; every other is shared.
public protocol MergeParameters: Codable, Sendable {
  init()
}

/// A way to make one tensor out of several: one file in `Methods`, and one line in
/// ``MergeMethods/all``.
///
/// A method is synchronous and pure: no files, threads or logs. It asks the group for statistics
/// (``TensorGroup/reduce(_:combine:)``) and says how each element comes about
/// (``TensorGroup/map(into:_:)``); the pipeline reads, cuts, runs, rounds and writes.
public protocol MergeMethod: Sendable {
  associatedtype Parameters: MergeParameters

  static var card: MethodCard { get }

  /// Checks the parameters; throws ``MergeError/parameter(_:value:expected:)``.
  init(_ parameters: Parameters) throws(MergeError)

  /// Checks the parameters against the place of a tensor they are for, before anything is read;
  /// by default there is nothing to check.
  func checkPlace(_ place: TensorPlace) throws(MergeError)

  /// Merges one tensor. Errors are those of reading the sources.
  func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) throws(CheckpointError)
}

extension MergeMethod {
  public func checkPlace(_ place: TensorPlace) throws(MergeError) {}
}

/// The methods there are.
public enum MergeMethods {
  /// One line per method, in the order of the documentation.
  public static let all: [any MergeMethod.Type] = [
    Linear.self,
    Slerp.self,
    NuSlerp.self,
    MultiSlerp.self,
    Karcher.self,
    TaskArithmetic.self,
    Ties.self,
    DareLinear.self,
    DareTies.self,
    Della.self,
    DellaLinear.self,
    Breadcrumbs.self,
    BreadcrumbsTies.self,
    ConsensusTaskArithmetic.self,
    ConsensusTies.self,
    TiesSlack.self,
    SelectCalculateErase.self,
    ReinforcedAgentMerging.self,
    ReinforcedAgentMergingPlus.self,
    ModelStock.self,
    NearSwap.self,
    ArceeFusion.self,
    TaskSingularVectors.self,
    IsotropicCommon.self,
    IsotropicTaskSpecific.self,
    InterferenceMinimum.self,
    Fisher.self,
    RegressionMean.self,
    Passthrough.self,
    LayerSwap.self,
    Transfer.self,
  ]

  /// The method of a name, or an error with the nearest.
  public static func named(
    _ id: String, origin: String = "`merge_method`"
  ) throws(MergeError) -> any MergeMethod.Type {
    guard let method = all.first(where: { $0.card.id == id }) else {
      let known = all.map { $0.card.id }
      throw .unknownMethod(
        id, origin: origin, nearest: nearestName(to: id, in: known), known: known)
    }
    return method
  }
}

/// Weights are finite numbers.
func checkFinite(_ weights: [Float]) throws(MergeError) {
  guard weights.allSatisfy(\.isFinite) else {
    throw .parameter("weight", value: "\(weights)", expected: "finite numbers")
  }
}

/// Weights of a mean whose other factors are not negative.
func checkedShares(ofSources weights: [Double]) throws(MergeError) -> [Double] {
  for weight in weights { try check("weight", weight, "a finite number of at least 0") { $0 >= 0 } }
  // A look at a recipe before there are sources has no weights.
  guard weights.isEmpty || weights.contains(where: { $0 > 0 }) else {
    throw .parameter("weight", value: "\(weights)", expected: "weights that are not all 0")
  }
  return weights
}

/// Checks one number.
func check(
  _ name: String, _ value: Double, _ expected: String, _ isRight: (Double) -> Bool
) throws(MergeError) {
  guard value.isFinite, isRight(value) else {
    throw .parameter(name, value: "\(value)", expected: expected)
  }
}

/// Densities and other shares lie from 0 to 1.
func checkedShares(_ name: String, _ shares: [Double]) throws(MergeError) -> [Double] {
  for share in shares { try check(name, share, "a number from 0 to 1") { $0 >= 0 && $0 <= 1 } }
  return shares
}
