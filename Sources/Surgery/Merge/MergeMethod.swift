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

/// A way to make one tensor out of several: one file, and one line in ``MergeMethods/all``.
///
/// A method is synchronous and pure: no files, threads or logs. It asks the group for statistics
/// (``TensorGroup/reduce(_:combine:)``) and says how each element comes about
/// (``TensorGroup/map(into:_:)``); the pipeline reads, cuts, runs, rounds and writes.
public protocol MergeMethod: Sendable {
  associatedtype Parameters: MergeParameters

  static var card: MethodCard { get }

  /// Checks the parameters; throws ``MergeError/parameter(_:value:expected:)``.
  init(_ parameters: Parameters) throws(MergeError)

  /// Merges one tensor. Errors are those of reading the sources.
  func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) throws(CheckpointError)
}

/// What there is to know about a method without running it.
public struct MethodCard: Sendable {
  /// What a method needs the base for.
  public enum BaseRole: Sendable {
    /// Sources are seen as changes of the base.
    case required
    /// A base, if named, is a source like the others.
    case isSource
  }

  /// A law that holds for every input; the tests check each method against the laws it claims.
  public enum Law: Sendable, Hashable {
    /// Sources equal to the base (or to each other, where there is none) come out unchanged.
    case fixedPoint
    /// The order of the sources changes the result by rounding only.
    case anyOrder
  }

  /// A parameter that each source has for itself.
  public struct SourceParameter: Sendable {
    public let name: String
    /// The value where the recipe gives none; `nil` when it must. `.null` stands for "none".
    public let defaultValue: JSON?

    public init(_ name: String, default value: JSON? = nil) {
      self.name = name
      defaultValue = value
    }
  }

  /// The name in recipes: mergekit's, where mergekit has the method.
  public let id: String
  /// Paper, year, equation.
  public let source: String
  /// Every difference from the source, or "nothing".
  public let departs: String
  public let base: BaseRole
  /// How many sources there may be, the base not counted where it is required.
  public let sourceCount: ClosedRange<Int>
  public let perSource: [SourceParameter]
  /// Shared parameters the recipe must give: they have no sensible default.
  public let requiredShared: [String]
  /// Parameters of mergekit's that change nothing here and are accepted.
  public let ignored: [String]
  public let laws: Set<Law>
  /// True where the method is our reading of a paper whose exact formula is not public.
  public let isReconstruction: Bool

  public init(
    id: String, source: String, departs: String, base: BaseRole,
    sourceCount: ClosedRange<Int> = 1...1000,
    perSource: [SourceParameter] = [SourceParameter("weight")], requiredShared: [String] = [],
    ignored: [String] = [], laws: Set<Law>, isReconstruction: Bool = false
  ) {
    self.id = id
    self.source = source
    self.departs = departs
    self.base = base
    self.sourceCount = sourceCount
    self.perSource = perSource
    self.requiredShared = requiredShared
    self.ignored = ignored
    self.laws = laws
    self.isReconstruction = isReconstruction
  }
}

/// The methods there are.
public enum MergeMethods {
  /// One line per method, in the order of the documentation.
  public static let all: [any MergeMethod.Type] = [
    Linear.self,
    Slerp.self,
    TaskArithmetic.self,
    Ties.self,
    DareTies.self,
    TiesSlack.self,
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
