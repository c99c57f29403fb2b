// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// How two models changed one base, and what a TIES election does to the two changes: sums over the
/// elements of one tensor, or of several.
///
/// τ_A and τ_B are the changes, τ̂ the trimmed ones. Changes are differences in f32, as merging takes
/// them; sums are in f64.
///
/// - Source: Tao et al. 2024, arXiv:2407.03994 (the effect: which part of a task model's change is
///   lost); the definitions are ours.
public struct ChangeMeasures: TensorMeasures {
  /// What becomes of one model's change.
  public struct Side: Sendable, Equatable {
    /// Entries of τ that are not zero.
    public internal(set) var changedCount = 0
    /// Of those, entries that are trimmed or lose the election.
    public internal(set) var discardedCount = 0
    /// Of the others, entries that lose the election and stay by their slack.
    public internal(set) var rescuedCount = 0
    /// Entries among the largest tenth of |τ| in their tensor.
    public internal(set) var importantCount = 0
    /// Of those, entries that are trimmed or lose the election.
    public internal(set) var importantDiscardedCount = 0
    /// Σ |τ|, all and kept.
    public internal(set) var mass = 0.0
    public internal(set) var keptMass = 0.0
    /// Σ τ²
    public internal(set) var squares = 0.0

    public init() {}

    /// ‖τ‖
    public var norm: Double { squares.squareRoot() }
    /// The share of Σ |τ| that does not reach the merged model; 0 where nothing changed.
    public var discardedMassShare: Double { mass > 0 ? 1 - keptMass / mass : 0 }
    /// The share of changed entries that do not reach the merged model.
    public var discardedShare: Double { shareOf(discardedCount, changedCount) }
    /// The same among the largest tenth of |τ|.
    public var importantDiscardedShare: Double { shareOf(importantDiscardedCount, importantCount) }

    static func + (left: Side, right: Side) -> Side {
      var sum = left
      sum.changedCount += right.changedCount
      sum.discardedCount += right.discardedCount
      sum.rescuedCount += right.rescuedCount
      sum.importantCount += right.importantCount
      sum.importantDiscardedCount += right.importantDiscardedCount
      sum.mass += right.mass
      sum.keptMass += right.keptMass
      sum.squares += right.squares
      return sum
    }

    @inline(__always)
    fileprivate mutating func add(
      _ change: Float, _ fate: SignConsensus.Fate, isImportant: Bool
    ) {
      squares += Double(change) * Double(change)
      if change == 0 { return }
      changedCount += 1
      mass += Double(change.magnitude)
      let survives = fate != .drops
      if fate == .staysThoughLost { rescuedCount += 1 }
      if survives { keptMass += Double(change.magnitude) } else { discardedCount += 1 }
      if isImportant {
        importantCount += 1
        if !survives { importantDiscardedCount += 1 }
      }
    }
  }

  public internal(set) var elementCount = 0
  public internal(set) var first = Side()
  public internal(set) var second = Side()
  /// Entries where both τ̂ are not zero.
  public internal(set) var bothChanged = 0
  /// Of those, entries where their signs differ.
  public internal(set) var conflicts = 0
  /// Σ τ_A·τ_B
  public internal(set) var product = 0.0
  /// Σ c², of the base.
  public internal(set) var squaresOfBase = 0.0

  public init() {}

  /// The share of entries changed by both, after trimming, whose signs differ; 0 for none.
  public var conflictRate: Double { shareOf(conflicts, bothChanged) }
  /// τ_A·τ_B / (‖τ_A‖ ‖τ_B‖), −1 to 1; `nil` where either is zero.
  public var cosine: Double? { cosineOf(product, first.squares, second.squares) }
  /// ‖τ_A‖ / ‖τ_B‖; `nil` where B changed nothing.
  public var normRatio: Double? {
    second.squares > 0 ? (first.squares / second.squares).squareRoot() : nil
  }
  /// ‖τ_A‖ / ‖C‖ and ‖τ_B‖ / ‖C‖; `nil` where the base is zero and the change is not.
  public var relativeChanges: (first: Double?, second: Double?) {
    func relative(_ side: Side) -> Double? {
      if side.squares == 0 { return 0 }
      return squaresOfBase > 0 ? (side.squares / squaresOfBase).squareRoot() : nil
    }
    return (relative(first), relative(second))
  }

  public static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.elementCount += right.elementCount
    sum.first = left.first + right.first
    sum.second = left.second + right.second
    sum.bothChanged += right.bothChanged
    sum.conflicts += right.conflicts
    sum.product += right.product
    sum.squaresOfBase += right.squaresOfBase
    return sum
  }
}

extension ChangeMeasures {
  /// An election between two changes that is decided but for its votes.
  struct Election: Sendable {
    let thresholds: [MagnitudeThreshold]
    let consensus: SignConsensus
    /// The largest tenth of each change.
    let important: [MagnitudeThreshold]

    /// Cost: the passes of the trim, of `protect`, and three for the largest tenths.
    init(
      _ group: borrowing TensorGroup, _ method: TiesSlack, importantShares: [Double]
    ) throws(CheckpointError) {
      (thresholds, consensus) = try method.election(group)
      important = try group.largestChanges(densities: importantShares)
    }
  }

  /// One block of base and two sources.
  init(_ chunk: MergeChunk, _ election: Election) {
    self = SignConsensus.withTrimmedChanges(chunk, election.thresholds) { trimmed in
      var sum = ChangeMeasures()
      sum.elementCount = chunk.count
      let (base, first, second) = (chunk.base, chunk.source(0), chunk.source(1))
      let count = chunk.count
      let consensus = election.consensus
      for i in chunk.indices {
        let changes = (first[i] - base[i], second[i] - base[i])
        if changes == (0, 0) { continue }
        let (one, other) = (trimmed[i], trimmed[count + i])
        if one != 0, other != 0 {
          sum.bothChanged += 1
          if (one > 0) != (other > 0) { sum.conflicts += 1 }
        }
        sum.product += Double(changes.0) * Double(changes.1)
        let balance = consensus.balance(at: i, trimmed, count: count)
        sum.first.add(
          changes.0, consensus.fate(one, position: 0, balance: balance),
          isImportant: election.important[0].keeps(changes.0, at: chunk.start + i))
        sum.second.add(
          changes.1, consensus.fate(other, position: 1, balance: balance),
          isImportant: election.important[1].keeps(changes.1, at: chunk.start + i))
      }
      sum.squaresOfBase = Summation.squares(base)
      return sum
    }
  }
}
