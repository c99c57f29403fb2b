// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Models
  import Training

  /// A training that several processes share (docs/distributed.md). Rank 0 does all that `run` does;
  /// the others wait until the folder is prepared, and then take their share of the steps.
  extension TrainJob {
    /// What rank 0 tells the others once the folder is prepared.
    enum Word: Double {
      case train = 1
      case done = 2
    }

    func tell(_ word: Word) throws { _ = try group.gather([word.rawValue]) }

    /// The part of a rank other than 0: writes and tells nothing.
    ///
    /// An error of rank 0 before its word ends this process too, by the launcher's hand.
    /// - Throws: as `run` does; `TrainInterrupted` where any rank was asked to stop.
    public func follow(cancellation: Cancellation = Cancellation()) throws {
      try Engine.requireFastBLAS()
      guard try group.gather([0.0])[0][0] == Word.train.rawValue else { return }
      let start = try prepareStart(FileHashes(storePath: nil)) { _ in }
      let data = try TrainData(
        recipe, start.tokenizer, tokenizerHash: start.tokenizerHash, cache: out + "/data",
        templates: start.templates, folder: dataFolder
      ) { _ in }
      let settings = try settings(for: data)
      var sampler = try data.sampler(recipe, windowCount: windowCount(settings))
      var hooks = TrainingHooks()
      hooks.shouldStop = { cancellation.isRequested }
      hooks.probe = { _, _ in }
      // Rank 0 evaluates; that there is something to evaluate says when to wait for it.
      if try !evaluation(data).isEmpty { hooks.evaluate = { _ in nil } }
      do {
        _ = try trainer(start, settings).run(&sampler, hooks: hooks)
      } catch TrainingError.stopped(let step, _) {
        throw TrainInterrupted(step: step, folder: out, signal: cancellation.signal)
      }
      // Rank 0 may have more to write than the launcher has patience for ranks that are done.
      try group.barrier()
    }
  }
#endif
