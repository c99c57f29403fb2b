// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// What an election does to two children of one base: how often they conflict, and what of the task
/// model is lost. These are the numbers with which Tao et al. explain why gains flatten as
/// continued pre-training grows.
///
/// - Source: Tao et al. 2024, arXiv:2407.03994 (the effect); the definitions are ours.
public struct MergeDiagnostics: Sendable, Equatable {
  /// The counts and sums of one tensor, or of several together. τ_C and τ_S are the changes of the
  /// base by the continually pre-trained (CT) and the task model (SFT), τ̂ the trimmed ones.
  public struct Counts: Sendable, Equatable {
    /// Entries where both τ̂ are non-zero.
    public var bothChanged = 0
    /// Of those, entries where their signs differ.
    public var conflicts = 0
    /// Entries where τ_S is non-zero.
    public var changedByTask = 0
    /// Of those, entries that are trimmed, or lose the election and do not stay.
    public var discarded = 0
    /// Of those that are not discarded, entries that lost the election and stay by their slack.
    public var rescued = 0
    /// Entries among the largest tenth of |τ_S| in their tensor.
    public var important = 0
    /// Of those, entries that are discarded.
    public var importantDiscarded = 0
    /// Σ |τ_S|, all and kept.
    public var taskMass = 0.0
    public var keptMass = 0.0
    /// Σ τ_C² and Σ τ_S².
    public var squaresOfContinued = 0.0
    public var squaresOfTask = 0.0

    public init() {}

    /// The share of entries changed by both (after trimming) where the signs differ; 0 for none.
    public var conflictRate: Double { Self.share(conflicts, bothChanged) }
    /// The share of τ_S entries that do not reach the merged model.
    public var discardedShare: Double { Self.share(discarded, changedByTask) }
    /// The same among the largest tenth of |τ_S|.
    public var importantDiscardedShare: Double { Self.share(importantDiscarded, important) }
    /// The share of Σ|τ_S| that reaches the merged model; 1 where there is no change at all.
    public var keptMassShare: Double { taskMass > 0 ? keptMass / taskMass : 1 }
    /// ‖τ_C‖ / ‖τ_S‖; infinite where the task model changed nothing.
    public var normRatio: Double {
      squaresOfTask > 0 ? (squaresOfContinued / squaresOfTask).squareRoot() : .infinity
    }

    private static func share(_ part: Int, _ whole: Int) -> Double {
      whole > 0 ? Double(part) / Double(whole) : 0
    }

    static func + (left: Counts, right: Counts) -> Counts {
      var sum = left
      sum.bothChanged += right.bothChanged
      sum.conflicts += right.conflicts
      sum.changedByTask += right.changedByTask
      sum.discarded += right.discarded
      sum.rescued += right.rescued
      sum.important += right.important
      sum.importantDiscarded += right.importantDiscarded
      sum.taskMass += right.taskMass
      sum.keptMass += right.keptMass
      sum.squaresOfContinued += right.squaresOfContinued
      sum.squaresOfTask += right.squaresOfTask
      return sum
    }
  }

  /// One entry per float tensor of the base, in order of name.
  public let tensors: [(name: String, counts: Counts)]
  /// All tensors together.
  public let total: Counts

  public static func == (left: MergeDiagnostics, right: MergeDiagnostics) -> Bool {
    left.total == right.total && left.tensors.map(\.name) == right.tensors.map(\.name)
      && left.tensors.map(\.counts) == right.tensors.map(\.counts)
  }

  /// Follows the election of `ties_sv` with these parameters, without making a model.
  ///
  /// - Parameters:
  ///   - base: what both children were trained from; all three hold the same tensors.
  ///   - ct: the continually pre-trained child.
  ///   - sft: the task model, which `slack`, `protect` or `survivalSlack` protects.
  ///   - weights: of `ct` and `sft` in a weighted election; `nil` for an unweighted one.
  ///   - density: the share of each child's entries kept by the trim.
  /// - Cost: one to ten passes over the three models.
  public static func compute(
    base: Checkpoint, ct: Checkpoint, sft: Checkpoint, density: Double = 1, slack: Float = 0,
    protect: Double? = nil, survivalSlack: Double = 0, weights: (ct: Float, sft: Float)? = nil,
    threads: Int? = nil
  ) throws(MergeError) -> MergeDiagnostics {
    var parameters = TiesSlack.Parameters()
    parameters.weights = [weights?.ct ?? 1, weights?.sft ?? 1]
    parameters.densities = [density, density]
    parameters.slacks = [0, slack]
    parameters.protect = [nil, protect]
    parameters.survivalSlacks = [0, survivalSlack]
    parameters.weightedElection = weights != nil
    let method = try TiesSlack(parameters)
    do throws(CheckpointError) {
      var tensors: [(name: String, counts: Counts)] = []
      for name in base.names {
        guard let info = base.info(name), info.elementType.isFloatingPoint else { continue }
        let sources = [try base.source(name), try ct.source(name), try sft.source(name)]
        for (source, model) in zip(sources, [base, ct, sft]) where source.info.shape != info.shape {
          throw .wrongShape(
            tensor: name, expected: info.shape, found: source.info.shape, origin: model.origin)
        }
        let group = TensorGroup(
          name: name, shape: info.shape, base: try sources[0].prepare(),
          sources: [try sources[1].prepare(), try sources[2].prepare()], threads: threads)
        tensors.append((name, try count(group, method)))
      }
      return MergeDiagnostics(
        tensors: tensors, total: tensors.reduce(Counts()) { $0 + $1.counts })
    } catch {
      throw .checkpoint(error)
    }
  }

  private static func count(
    _ group: TensorGroup, _ method: TiesSlack
  ) throws(CheckpointError) -> Counts {
    let election = try ChangeMeasures.Election(group, method, importantShares: [1, 0.1])
    let found = try group.reduce({ ChangeMeasures($0, election) }, combine: +)
    return Counts(found ?? ChangeMeasures())
  }
}

extension MergeDiagnostics.Counts {
  /// Of CT as the first model and SFT as the second.
  fileprivate init(_ measures: ChangeMeasures) {
    bothChanged = measures.bothChanged
    conflicts = measures.conflicts
    changedByTask = measures.second.changedCount
    discarded = measures.second.discardedCount
    rescued = measures.second.rescuedCount
    important = measures.second.importantCount
    importantDiscarded = measures.second.importantDiscardedCount
    taskMass = measures.second.mass
    keptMass = measures.second.keptMass
    squaresOfContinued = measures.first.squares
    squaresOfTask = measures.second.squares
  }
}
