// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Models
  import Training

  /// A training that several processes share (docs/distributed.md). Rank 0 does all that `run` does;
  /// the others wait until the folder is prepared, and then take their share: of encoding the texts,
  /// of the steps, of the evaluations.
  extension TrainJob {
    /// What rank 0 tells the others once the folder is prepared.
    enum Word: Double {
      case prepare = 1
      case done = 2
    }

    /// How long ranks wait for each other before the first step, where one downloads a model, trains
    /// a tokenizer or encodes more than the others. A rank that dies is the launcher's to notice.
    static let preparationPatience = Duration.seconds(7 * 24 * 3600)

    func tell(_ word: Word) throws {
      _ = try group.gather([word.rawValue], patience: Self.preparationPatience)
    }

    /// The part of a rank other than 0: tells nothing, and writes only its share of the encoded texts.
    ///
    /// - Throws: as `run` does; `TrainInterrupted` where any rank was asked to stop; `RankFailure`
    ///   where another rank failed.
    public func follow(cancellation: Cancellation = Cancellation()) throws {
      try Engine.requireFastBLAS()
      let word = try group.gather([0.0], patience: Self.preparationPatience)[0][0]
      guard word == Word.prepare.rawValue else { return }
      do {
        try share(cancellation)
      } catch is CancellationError {
        throw TrainInterrupted(step: 0, folder: out, signal: cancellation.signal)
      } catch TrainingError.stopped(let step, _) {
        throw TrainInterrupted(step: step, folder: out, signal: cancellation.signal)
      }
      // Rank 0 may have more to write than the launcher has patience for ranks that are done.
      try group.barrier()
    }

    private func share(_ cancellation: Cancellation) throws {
      let start = try prepareStart(FileHashes(storePath: nil)) { _ in }
      let data = try TrainData(
        recipe, start.tokenizer, tokenizerHash: start.tokenizerHash, cache: out + "/data",
        templates: start.templates, folder: dataFolder, sharedBy: group,
        shouldStop: { cancellation.isRequested },
        progress: { _ in if cancellation.isRequested { throw CancellationError() } })
      let settings = try settings(for: data)
      let evaluation = try evaluation(data)
      var sampler = try data.sampler(recipe, windowCount: windowCount(settings))
      try group.barrier(patience: Self.preparationPatience)
      var hooks = TrainingHooks()
      hooks.shouldStop = { cancellation.isRequested }
      hooks.probe = { _, _ in }
      if !evaluation.isEmpty {
        hooks.evaluate = { snapshot in
          let scores = try evaluation.scores(
            of: snapshot.model(), start.tokenizer, step: snapshot.step, sharedBy: group
          ) { _, _ in
            if try group.any(cancellation.isRequested) { throw TrainingPause() }
          }
          return snapshot.isAverage ? nil : scores.score
        }
      }
      _ = try trainer(start, settings).run(&sampler, hooks: hooks)
    }
  }
#endif
