// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// What can go wrong with the files of a run and with the notebook.
public enum RunsError: Diagnosed, Equatable {
  /// The system refused to read or write; `code` is `errno`.
  case file(action: String, path: String, code: Int32)
  /// A record file does not hold what its schema says.
  case malformedRecord(path: String, line: Int?, problem: String)
  /// A record file was written with a schema this program does not know.
  case newerRecord(path: String, found: Int, known: Int)
  /// The notebook file is damaged or no SQLite file at all.
  case corruptNotebook(path: String, problem: String)
  /// The notebook file is a SQLite database of another program.
  case foreignNotebook(path: String, applicationID: Int)
  /// The notebook was written by a later Koine.
  case newerNotebook(path: String, found: Int, known: Int)
  /// The database said no: busy for too long, disk full, read-only.
  case notebook(path: String, problem: String)
  /// A run nobody recorded.
  case unknownRun(String, path: String, nearest: String?)

  public var diagnosis: Diagnosis {
    switch self {
    case .file(let action, let path, let code):
      Diagnosis(
        what: "Cannot \(action): \(Self.text(of: code)).", where: path,
        next: Self.remedy(for: code), kind: .failed)
    case .malformedRecord(let path, let line, let problem):
      Diagnosis(
        what: "The record cannot be read: \(problem).",
        where: line.map { "\(path), line \($0)" } ?? path,
        next: "Delete the file and run the recipe again; finished steps are not redone.")
    case .newerRecord(let path, let found, let known):
      Diagnosis(
        what: "The record has schema \(found); this Koine reads up to \(known).", where: path,
        next: "Update Koine.")
    case .corruptNotebook(let path, let problem):
      Diagnosis(
        what: "The notebook is damaged or not a SQLite file: \(problem).", where: path,
        next: "Move it away; the next run begins a new one, and the run folders keep their records."
      )
    case .foreignNotebook(let path, let applicationID):
      Diagnosis(
        what: "The file is a SQLite database of another program (application id \(applicationID)).",
        where: path, next: "Choose another folder for the runs; this file was not changed.")
    case .newerNotebook(let path, let found, let known):
      Diagnosis(
        what: "The notebook has schema \(found); this Koine knows up to \(known).", where: path,
        next: "Update Koine, or choose another folder for the runs.")
    case .notebook(let path, let problem):
      Diagnosis(
        what: "The notebook could not be used: \(problem).", where: path,
        next:
          "Check free space and permissions, and that no other program holds it; then run again.",
        kind: .failed)
    case .unknownRun(let name, let path, let nearest):
      Diagnosis(
        what: "There is no run named `\(name)`.", where: path,
        next: nearest.map { "Did you mean `\($0)`? `koine runs` lists them all." }
          ?? "`koine runs` lists the runs that are recorded.")
    }
  }

  private static func text(of code: Int32) -> String {
    switch code {
    case ENOSPC: "no space left on the disk"
    case EACCES, EPERM: "permission denied"
    case ENOENT: "no such file or folder"
    case EROFS: "the file system is read-only"
    default: String(cString: strerror(code)).lowercased()
    }
  }

  private static func remedy(for code: Int32) -> String {
    switch code {
    case ENOSPC, EDQUOT: "Free some space and run the same command again; it resumes."
    case EACCES, EPERM, EROFS: "Choose a folder you may write to with --out."
    case ENOENT: "Check the path; the folder it lies in must exist."
    default: "Check the disk and run the same command again; it resumes."
    }
  }
}
