// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents
  import Foundation
  import Training

  /// A training that is given another length than the one it was begun or finished with.
  extension TrainJob {
    /// Keys of `training` that may differ beside the length: where the rate rises and falls. Whether
    /// the steps done would have been the same is for the state to say.
    private static let lengthKeys = [
      "warmup", "warmup_steps", "decay", "decay_steps", "decay_shape", "final_rate",
    ].map { "training." + $0 }

    /// Whether `differences` are of nothing but the length.
    static func areOfLength(_ differences: [JSONDifference]) -> Bool {
      differences.contains { $0.path.hasPrefix("length.") }
        && differences.allSatisfy {
          $0.path.hasPrefix("length.") || lengthKeys.contains($0.path)
        }
    }

    /// Takes the folder back to the newest state from which this length can be reached, which for
    /// `wsd` is the one before the decay; a result that was finished stays until the new one is.
    ///
    /// Nothing is changed where that cannot be. Whatever ends the process meanwhile, the same call
    /// goes on.
    /// - Throws: `TrainError.otherLength`.
    func changeLength(
      _ start: TrainStart, _ data: TrainData, _ observer: TrainObserver
    ) throws {
      let settings = try settings(for: data)
      let trainer = try trainer(start, settings)
      let found: TrainingContinuation?
      do {
        found = try trainer.continuation(
          try data.sampler(recipe, windowCount: windowCount(settings)))
      } catch TrainingError.foreignState(_, let key, let expected, let found) {
        let name = key.replacing(/^settings\./, with: "")
        throw TrainError.otherLength(
          out, obstacle: .setting(name, now: expected, before: found))
      } catch TrainingError.setting(_, let expected, let found) {
        throw TrainError.otherLength(out, obstacle: .shorter(possible: expected, asked: found))
      } catch CorpusError.stateMismatch {
        throw TrainError.otherLength(out, obstacle: .mixture)
      }
      guard let found else {
        // Nothing is done yet, so nothing has to stay as it was.
        guard !Disk.exists(summaryPath) else {
          throw TrainError.otherLength(out, obstacle: .noState)
        }
        return
      }
      try trainer.goBack(to: found.step)
      try restoreBest(found)
      for name in try keptCheckpoints() where Self.step(ofKept: name) > found.step {
        try Disk.remove(out + "/checkpoints/" + name)
      }
      if Disk.exists(summaryPath) { try Disk.remove(summaryPath) }
      observer(
        .message(
          "Another length than before: goes back to step \(found.step), on to step "
            + "\(settings.steps)."))
    }

    // MARK: What lies beside a state

    /// The best weights from before the decay, once better ones have come in it.
    var plateauBest: String { stateFolder + "/best" }

    /// Sets the best weights aside before they are replaced for the first time after the last step
    /// from which the training can be extended, if there is such a step.
    func setAsideBest(before step: Int, extendableSteps: Int) throws {
      guard extendableSteps > 0, step > extendableSteps, Disk.exists(out + "/best"),
        !Disk.exists(plateauBest)
      else {
        return
      }
      try Disk.makeFolder(stateFolder)
      try Disk.move(out + "/best", to: plateauBest)
    }

    /// Puts `best/` back to what it was when the state was saved.
    private func restoreBest(_ state: TrainingContinuation) throws {
      if state.bestStep == nil {
        try? Disk.remove(out + "/best")
      } else if Disk.exists(plateauBest) {
        try? Disk.remove(out + "/best")
        try Disk.move(plateauBest, to: out + "/best")
      }
    }

    /// The step of `step-00000042`.
    static func step(ofKept name: String) -> Int { Int(name.dropFirst("step-".count)) ?? 0 }
  }
#endif
