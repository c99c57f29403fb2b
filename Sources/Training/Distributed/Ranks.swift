// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Models

  /// Data-parallel training: what the ranks of a group do together.
  ///
  /// The recipe's batch is the *global* batch. Every rank draws all windows of a step from the same
  /// sampler and computes its share; gradients and token counts are summed over the ranks and only
  /// then divided, so that the step is that of one process whatever the number of ranks and however
  /// unevenly the trained tokens fall. Weights and optimizer state are the same on every rank, which
  /// is why a run resumes with another number of them.
  struct Ranks {
    let group: DistributedGroup

    /// Rank 0 writes and talks.
    var isFirst: Bool { group.rank == 0 }

    /// - Throws: `TrainingError.setting` where a rank would have nothing to do.
    init(_ group: DistributedGroup, _ settings: TrainingSettings) throws {
      self.group = group
      try settings.check(ranks: group.size)
    }

    /// Which of a step's windows are this rank's.
    func own(of windowsPerStep: Int) -> Range<Int> { group.share(of: windowsPerStep) }

    /// This rank's part of a step's windows, in micro-batches of at most `batchSize`.
    func batches(_ windows: [Window], batchSize: Int) -> [[Window]] {
      let own = own(of: windows.count)
      return stride(from: own.lowerBound, to: own.upperBound, by: batchSize).map {
        Array(windows[$0..<min($0 + batchSize, own.upperBound)])
      }
    }

    /// The sizes of the micro-batches of the rank with most to do.
    func batchSizes(windowsPerStep: Int, batchSize: Int) -> [Int] {
      let share = (windowsPerStep + group.size - 1) / group.size
      return stride(from: 0, to: share, by: batchSize).map { min(batchSize, share - $0) }
    }

    /// Sums what the ranks found in one step.
    func reduce(
      _ gradients: [DeviceArray], _ outcome: inout StepOutcome
    ) throws -> [DeviceArray] {
      guard group.size > 1 else { return gradients }
      let rows = try group.gather([
        outcome.lossSum, outcome.weightSum, Double(outcome.trainedTokens),
        Double(outcome.seenTokens),
      ])
      func total(_ column: Int) -> Double { rows.reduce(0) { $0 + $1[column] } }
      outcome.lossSum = total(0)
      outcome.weightSum = total(1)
      outcome.trainedTokens = Int(total(2))
      outcome.seenTokens = Int(total(3))
      return try group.sum(gradients)
    }

    /// Whether any rank was asked to stop: all stop after the same step.
    func agree(toStop wish: Bool) throws -> Bool {
      try group.any(wish)
    }

    /// Throws `TrainingError.ranksDiffer` unless all ranks are at the same step with the same weights.
    func checkAlike(_ model: Parameterization, step: Int) throws {
      guard group.size > 1 else { return }
      let checksum = model.trained.reduce(0 as UInt64) { ($0 &* 31) ^ $1.weights.checksum }
      let rows = try group.gather([Double(step), Double(bitPattern: checksum)])
      for (rank, row) in rows.enumerated() where row[0] != rows[0][0] {
        throw TrainingError.ranksDiffer(
          rank: rank, what: "step", first: "\(Int(rows[0][0]))", other: "\(Int(row[0]))")
      }
      for (rank, row) in rows.enumerated() where row[1].bitPattern != rows[0][1].bitPattern {
        throw TrainingError.ranksDiffer(
          rank: rank, what: "weights", first: String(rows[0][1].bitPattern, radix: 16),
          other: String(row[1].bitPattern, radix: 16))
      }
    }

    /// Rank 0's score, on every rank, so that what it decides is decided alike even where machines
    /// of several kinds round differently.
    func agreed(on score: Double?) throws -> Double? {
      guard group.size > 1 else { return score }
      let found = try group.gather([score == nil ? 0 : 1, score ?? 0])[0]
      return found[0] == 1 ? found[1] : nil
    }

    /// Lets rank 0 do something alone; the others wait. An error of rank 0 ends all.
    func first(_ body: () throws -> Void) throws {
      guard group.size > 1 else { return try body() }
      if isFirst { try body() }
      try group.barrier()
    }
  }

  extension TrainingSettings {
    /// - Throws: `TrainingError.setting` where a rank would have nothing to do.
    package func check(ranks: Int) throws(TrainingError) {
      let windows = batchSize * microBatches
      guard ranks <= windows else {
        throw .setting(
          "batch_size × micro_batches", expected: "at least one window a rank (\(ranks))",
          found: "\(windows)")
      }
    }
  }
#endif
