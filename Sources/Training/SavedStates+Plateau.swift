// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Foundation

  /// The state that a training can be extended from: the last one whose rates so far say nothing of
  /// how many steps are planned.
  extension SavedStates {
    private var extendableSteps: Int {
      trainer.keepsPlateau ? LearningRateSchedule(trainer.settings).extendableSteps : 0
    }

    /// Which of `states` stays when that of `step` is written.
    func plateau(of states: [(step: Int, path: String)], after step: Int) -> Int? {
      let last = extendableSteps
      return step > last ? states.last { $0.step <= last }?.step : nil
    }

    /// Deletes the states after `step`, newest first: whatever ends this process meanwhile, the
    /// newest that is left is one that was saved.
    func discard(after step: Int) throws {
      for state in saved.reversed() where state.step > step {
        try FileManager.default.removeItem(atPath: state.path)
      }
    }

    /// Deletes what a finished training has no more use for.
    func finish() throws {
      try discard(after: extendableSteps)
      if saved.isEmpty, FileManager.default.fileExists(atPath: directory) {
        try FileManager.default.removeItem(atPath: directory)
      }
    }
  }

  /// A state from which a training goes on that was planned for other steps.
  public struct TrainingContinuation: Equatable, Sendable {
    /// Steps done.
    public var step: Int
    /// The step of the best evaluation until then.
    public var bestStep: Int?
  }

  extension Trainer {
    /// Where this training can go on from one of the same settings but for its length and decay: the
    /// newest saved state before which every rate would have been the same.
    ///
    /// - Parameter sampler: this training's; its mixture must not depend on the length either.
    /// - Returns: `nil` where there is no state at all.
    /// - Throws: where none of the states will do, the reason of the oldest: `TrainingError` or what
    ///   the sampler throws.
    public func continuation(
      _ sampler: some WindowSampler
    ) throws -> TrainingContinuation? {
      guard let stateDirectory else { return nil }
      let states = SavedStates(directory: stateDirectory, trainer: self)
      var obstacle: (any Error)?
      for state in states.saved.reversed() {
        do {
          let position = try states.position(of: state.path)
          guard state.step <= settings.steps else {
            throw TrainingError.setting(
              "steps", expected: "at least \(state.step), which are done",
              found: "\(settings.steps)")
          }
          var probe = sampler
          try probe.restore(position.sampler)
          return TrainingContinuation(
            step: state.step, bestStep: position.loop["best"]?["step"]?.int)
        } catch { obstacle = error }
      }
      if let obstacle { throw obstacle }
      return nil
    }

    /// Deletes the states after `step`, so that `run` goes on from there.
    public func goBack(to step: Int) throws {
      guard let stateDirectory else { return }
      try SavedStates(directory: stateDirectory, trainer: self).discard(after: step)
    }

    /// Deletes all states but, where it is kept, the one that more steps would go on from.
    public func discardStates() throws {
      guard let stateDirectory else { return }
      try SavedStates(directory: stateDirectory, trainer: self).finish()
    }
  }
#endif
