// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What stands in the way of `koine train`.
public enum TrainError: Diagnosed, Equatable {
  /// The folder is not empty and holds no training.
  case occupied(String)
  /// The folder holds a training of another recipe or other data; what differs, by key.
  case otherTraining(String, differences: [JSONDifference])
  /// The folder holds the same training of another length, and cannot go on to the one asked for.
  case otherLength(String, obstacle: LengthObstacle)
  /// Another process is at it.
  case busy(String)
  /// The machine has too little memory; all in bytes.
  case memory(needed: Int, available: Int, isMeasured: Bool)
  /// A text has a token that the model has no row for.
  case vocabulary(token: String, id: Int, source: String, vocabularySize: Int, folder: String)
  /// Nothing of a text is left to train on.
  case tooLittle(name: String, tokens: Int, windowLength: Int)

  /// Why a training cannot be given another length.
  public enum LengthObstacle: Equatable, Sendable {
    /// Every rate of this schedule depends on how many steps are planned.
    case schedule(String)
    /// No state from before the end is there.
    case noState
    /// Steps that are done would have been others; the setting, and its value now and then.
    case setting(String, now: String, before: String)
    /// Fewer steps than are done: what is possible, and what is asked for.
    case shorter(possible: String, asked: String)
    /// What is drawn from the texts depends on the length.
    case mixture
  }

  public var diagnosis: Diagnosis {
    switch self {
    case .occupied(let folder):
      Diagnosis(
        what: "The folder is not empty, and holds no training.", where: folder,
        next: "Name another folder.", kind: .failed)
    case .otherTraining(let folder, let differences):
      Diagnosis(
        what: "The folder holds a training that differs: "
          + differences.prefix(4).map { "\($0.path) was \($0.before), is \($0.now)" }
          .joined(separator: "; ")
          + (differences.count > 4 ? "; and \(differences.count - 4) more" : "") + ".",
        where: folder,
        next: "Name another folder, or give --restart to throw that training away.")
    case .otherLength(let folder, let obstacle):
      Diagnosis(
        what: "The training in the folder cannot go on to another length: \(obstacle.reason).",
        where: folder, next: obstacle.remedy)
    case .busy(let folder):
      Diagnosis(
        what: "Another process is training there.", where: folder,
        next: "Wait for it, or name another folder.", kind: .failed)
    case .memory(let needed, let available, let isMeasured):
      Diagnosis(
        what: "Training \(isMeasured ? "takes" : "would take about") \(Self.gigabytes(needed)) of "
          + "memory, and \(Self.gigabytes(available)) are free.",
        where: isMeasured ? "the longest batch, tried before the first step" : "an estimate",
        next: "Lower `batch_size` and raise `micro_batches` by as much (the result is the same), "
          + "set `gradient_checkpointing: true`, or shorten `window_length`.", kind: .failed)
    case .vocabulary(let token, let id, let source, let size, let folder):
      Diagnosis(
        what:
          "The tokenizer gives `\(token)`, which is in `\(source)`, the id \(id), and the "
          + "model has \(size) tokens.", where: folder,
        next: "Put the tokenizer of this very model into its folder, or give the model the new "
          + "tokens first.")
    case .tooLittle(let name, let tokens, let windowLength):
      Diagnosis(
        what: "`\(name)` has \(tokens) tokens, less than one window of \(windowLength).",
        where: "the training's text", next: "Give more text, or a shorter `window_length`.")
    }
  }

  private static func gigabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 50_000_000) / 100_000_000
    return "\(tenths / 10).\(tenths % 10) GB"
  }
}

extension TrainError.LengthObstacle {
  var reason: String {
    switch self {
    case .schedule(let name):
      "with `schedule: \(name)` every rate depends on how many steps are planned"
    case .noState: "the state from which it could is not there"
    case .setting(let key, let now, let before):
      "its first steps would have been others, for `\(key)` was \(before), is \(now)"
    case .shorter(let possible, let asked): "`steps` may be \(possible), is \(asked)"
    case .mixture: "`mix` reckons with the length of the whole training"
    }
  }

  var remedy: String {
    let anew = "name another folder, with `model:` this one to train its weights on"
    return switch self {
    case .schedule:
      "Put the length back, or \(anew); plan with `schedule: wsd` what may be extended."
    case .shorter: "Ask for as many steps as are done, or more, or \(anew)."
    case .noState, .mixture: "Put the length back, or \(anew)."
    case .setting:
      "Give `warmup_steps` and `decay_steps` in place of shares, so that the steps done stay as "
        + "they were, or \(anew)."
    }
  }
}
