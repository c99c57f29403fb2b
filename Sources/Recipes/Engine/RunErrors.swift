// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A step that failed; earlier results and what it can go on from are kept.
public struct StepFailure: Diagnosed {
  /// The step's name.
  public let step: String
  /// The folder it was working in.
  public let folder: String
  /// Whether an unfinished folder is kept for the next run.
  public let canResume: Bool
  /// What it threw.
  public let cause: any Error

  /// The cause's own three lines with the step's name in front, or three lines about an error
  /// that brings none.
  public var diagnosis: Diagnosis {
    if RecipeError.meansDiskFull(cause), !(cause is RecipeError) {
      return named(RecipeError.diskFull(path: folder).diagnosis)
    }
    if let cause = cause as? any Diagnosed { return named(cause.diagnosis) }
    return named(
      Diagnosis(
        what: "\(cause)", where: folder,
        next: canResume
          ? "Run the same command again; it goes on from the last save."
          : "Run the same command again; finished steps are kept.",
        kind: .failed))
  }

  private func named(_ diagnosis: Diagnosis) -> Diagnosis {
    var result = diagnosis
    result.what = "Step `\(step)`: \(diagnosis.what)"
    return result
  }
}

/// A run that stopped because it was asked to; the tool ends with exit code 130.
public struct RunInterrupted: Diagnosed, Equatable {
  /// The step that was under way or would have come next.
  public let step: String
  /// The run folder.
  public let folder: String
  /// Whether the step goes on from a save instead of from its beginning.
  public let canResume: Bool

  public var diagnosis: Diagnosis {
    Diagnosis(
      what: "Interrupted at step `\(step)`; everything finished is saved.", where: folder,
      next: canResume
        ? "Run the same command again; it goes on from the last save."
        : "Run the same command again; it goes on with this step.",
      kind: .failed)
  }
}
