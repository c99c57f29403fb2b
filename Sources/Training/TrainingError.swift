// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can go wrong while training.
public enum TrainingError: Diagnosed, Equatable {
  /// A loss or gradient that is NaN or infinite; names the first such tensor.
  case notFinite(step: Int, tensor: String, index: Int, part: String)
  /// Saved state that does not belong to this run.
  case foreignState(directory: String, key: String, expected: String, found: String)
  /// Saved state that cannot be read.
  case brokenState(directory: String, problem: String)
  /// A setting that this machine's device cannot do.
  case device(String, key: String, value: String)
  /// Batches without a single trained token.
  case nothingToTrain(step: Int)
  /// A setting outside its range.
  case setting(String, expected: String, found: String)
  /// Processes that should do the same do not.
  case ranksDiffer(rank: Int, what: String, first: String, other: String)
  /// A pattern of the setting `key` that matches no tensor; `known` are the kinds there are.
  case noMatch(pattern: String, key: String, nearest: String?, known: [String])
  /// A pattern that cannot be read.
  case pattern(String, problem: String)
  /// Settings that freeze everything.
  case nothingTrained
  /// The caller asked to stop; the state is saved.
  case stopped(step: Int, directory: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .notFinite(let step, let tensor, let index, let part):
      Diagnosis(
        what: "Training diverged: the \(part) of `\(tensor)` is not finite at element \(index).",
        where: "step \(step)",
        next: "Lower the learning rate or the clipping norm; a state saved before stays as it is.",
        kind: .failed)
    case .foreignState(let directory, let key, let expected, let found):
      Diagnosis(
        what: "The saved state is of another run: `\(key)` is \(found), expected \(expected).",
        where: directory, next: "Delete that folder to start this training from its beginning.")
    case .brokenState(let directory, let problem):
      Diagnosis(
        what: "The saved training state cannot be read: \(problem).", where: directory,
        next: "Delete that folder to start this training from its beginning.")
    case .device(let device, let key, let value):
      Diagnosis(
        what: "`\(key): \(value)` is for GPUs, and the device of this machine is \(device).",
        where: "the training settings",
        next: "Leave `\(key)` out: a CPU multiplies float32 numbers faster.")
    case .nothingToTrain(let step):
      Diagnosis(
        what: "A batch has no token to train on.", where: "step \(step)",
        next: "Check that the examples have answers and that the windows are long enough.")
    case .setting(let name, let expected, let found):
      Diagnosis(
        what: "`\(name)` should be \(expected), found \(found).", where: "the training settings",
        next: "Correct the value.")
    case .ranksDiffer(let rank, let what, let first, let other):
      Diagnosis(
        what: "Rank \(rank) differs from rank 0 in its \(what): \(other), not \(first).",
        where: "the processes of this job",
        next: "Give all ranks the same files and settings, and a state folder that all can read.")
    case .noMatch(let pattern, let key, let nearest, let known):
      Diagnosis(
        what: "`\(pattern)` matches no tensor of the model.", where: "`\(key)`",
        next: nearest.map { "Did you mean `\($0)`?" }
          ?? "There are \(known.prefix(12).joined(separator: ", ")).")
    case .pattern(let pattern, let problem):
      Diagnosis(
        what: "The pattern `\(pattern)` is no regular expression: \(problem).",
        where: "the training settings",
        next: "Correct it, or write a glob without the slashes: `model.layers.0.*`.")
    case .nothingTrained:
      Diagnosis(
        what: "Nothing is left to train.",
        where: "`freeze`, `train_only`, `groups` and `adapter`",
        next: "Freeze less, or give some tensors a `learning_rate_factor` above 0.")
    case .stopped(let step, ""):
      Diagnosis(
        what: "Training was stopped after step \(step); nothing is saved.",
        where: "a trainer without `stateDirectory`",
        next: "Give it one, so that a stopped training can go on.", kind: .failed)
    case .stopped(let step, let directory):
      Diagnosis(
        what: "Training was stopped after step \(step); its state is saved.", where: directory,
        next: "Run the same command again to go on.", kind: .failed)
    }
  }
}
