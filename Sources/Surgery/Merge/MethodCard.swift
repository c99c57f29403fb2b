// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// What there is to know about a method without running it: all that recipes are checked against,
/// and all that docs/methods.md says.
public struct MethodCard: Sendable {
  /// What a method needs the base for.
  public enum BaseRole: Sendable {
    /// Sources are seen as changes of the base.
    case required
    /// Sources are seen as changes of the base where the recipe names one, as they are where not.
    case optional
    /// A base, if named, is a source like the others.
    case isSource
  }

  /// What becomes of a tensor that some of the models lack, as a bias or an untied head.
  public enum Incomplete: Sendable, Hashable {
    /// Those that have it are merged; a base that the method requires must be among them.
    case mergesRest
    /// A single one left is passed through; several without their fellows are an error.
    case passesSingle
    /// The base passes through where it alone has the tensor; anything else is an error.
    case passesBase
    /// With fewer models than `minimum`, the base counted, the base passes through; where it is
    /// absent too, the tensor is left out with a note.
    case passesBaseBelow(minimum: Int)
    /// An error: what the models compute differs in kind there.
    case refuses
  }

  /// A law that holds for every input; the tests check each method against the laws it claims.
  public enum Law: Sendable, Hashable {
    /// Sources equal to the base (or to each other, where there is none) come out unchanged.
    case fixedPoint
    /// As ``fixedPoint``, up to the rounding of a sum in `Float`.
    case nearFixedPoint
    /// The order of the sources changes the result by rounding only.
    case anyOrder
    /// Doubling every input doubles the result, to the bit.
    case scales
    /// A source of weight 0 may as well be left out.
    case zeroWeight
    /// With `lambda` 0 the base comes out.
    case zeroLambda
    /// With all densities 1 and flags off, the result is `task_arithmetic`'s.
    case denseIsTaskArithmetic
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

  /// What the documentation says of a parameter; kind and default it takes from the schema.
  public struct ParameterNote: Sendable {
    public let name: String
    /// The values that are accepted, such as "0 to 1"; empty for a flag.
    public let range: String
    /// What the parameter does, in a few words.
    public let meaning: String

    public init(_ name: String, range: String = "", _ meaning: String) {
      self.name = name
      self.range = range
      self.meaning = meaning
    }
  }

  /// The name in recipes: mergekit's, where mergekit has the method.
  public let id: String
  /// A line for lists: what the method does.
  public let title: String
  /// The formula, a few lines of plain text; xₖ are the sources in recipe order, wₖ their weights,
  /// b is the base, δₖ = xₖ − b.
  public let formula: String
  /// Paper, year, equation.
  public let source: String
  /// Every difference from the source, or "nothing".
  public let departs: String
  /// Passes over the sources, and memory where it is more than a few chunks.
  public let cost: String
  public let base: BaseRole
  /// How many sources there may be, the base not counted unless it is one of them.
  public let sourceCount: ClosedRange<Int>
  /// Whether every source must be a difference of two models; see ``ModelReference/Difference``.
  public let takesDifferences: Bool
  public let perSource: [SourceParameter]
  /// Shared parameters the recipe must give: they have no sensible default.
  public let requiredShared: [String]
  /// Parameters that are whole numbers of at least 0; JSON does not tell 1.0 from 1.
  public let wholeNumbers: Set<String>
  /// One for each parameter, in the order of the documentation.
  public let notes: [ParameterNote]
  /// Parameters of mergekit's that change nothing here and are accepted.
  public let ignored: [String]
  public let laws: Set<Law>
  /// What becomes of a tensor that some of the models lack.
  public let incomplete: Incomplete
  /// How many copies of a tensor in `Float` the method holds at once, for each source and besides;
  /// `nil` for methods that see chunks only. The plan's estimate of memory comes from it.
  public let wholeTensors: (perSource: Double, besides: Double)?
  /// The statistics that the method wants of each source; `nil` for none.
  public let statistics: ModelStatistics.Kind?
  /// True where the method is our reading of a paper whose exact formula is not public.
  public let isReconstruction: Bool

  public init(
    id: String, title: String, formula: String, source: String, departs: String, cost: String,
    base: BaseRole, sourceCount: ClosedRange<Int> = 1...1000, takesDifferences: Bool = false,
    perSource: [SourceParameter] = [SourceParameter("weight")], requiredShared: [String] = [],
    wholeNumbers: Set<String> = [], notes: [ParameterNote], ignored: [String] = [],
    laws: Set<Law>, incomplete: Incomplete = .mergesRest,
    wholeTensors: (perSource: Double, besides: Double)? = nil,
    statistics: ModelStatistics.Kind? = nil, isReconstruction: Bool = false
  ) {
    self.id = id
    self.title = title
    self.formula = formula
    self.source = source
    self.departs = departs
    self.cost = cost
    self.base = base
    self.sourceCount = sourceCount
    self.takesDifferences = takesDifferences
    self.perSource = perSource
    self.requiredShared = requiredShared
    self.wholeNumbers = wholeNumbers
    self.notes = notes
    self.ignored = ignored
    self.laws = laws
    self.incomplete = incomplete
    self.wholeTensors = wholeTensors
    self.statistics = statistics
    self.isReconstruction = isReconstruction
  }
}

extension MethodCard.ParameterNote {
  static let weight = Self("weight", range: "finite, any sign", "wₖ")
  static let share = Self("weight", range: "0 or more, not all 0", "wₖ")
  static let lambda = Self("lambda", range: "finite", "λ, the factor of the merged change")
  static let density = Self("density", range: "0 to 1", "share of each source's entries kept")
  static let seed = Self("seed", range: "whole, from 0", "chooses the random masks")
  static let normalizeSum = Self(
    "normalize", "divides the sum by Σ wₖ, unless that is below 1e-8")
  static let normalizeAgreeing = Self(
    "normalize", "divides the sum by the weights that agree, unless they sum to 0")
  static let rescale = Self(
    "rescale", "multiplies kept entries so that Σ|δₖ| of the tensor is what it was")
  static let rescaleByDensity = Self(
    "rescale_by_density",
    "with `rescale`: divides kept entries by their chance of being kept, as in the paper, instead")
}
