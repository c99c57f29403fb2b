// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// What can be wrong with a recipe's graph, its files or the disk it runs on.
public enum RecipeError: Diagnosed, Equatable {
  /// Steps that wait for one another; the first is repeated at the end.
  case cycle([String])
  /// Two steps of one name.
  case duplicateStep(String)
  /// A step's name that cannot be a folder's name on every system.
  case unusableName(String)
  /// Two inputs of one label in a step.
  case duplicateInput(step: String, label: String)
  /// An input from a step that does not exist.
  case unknownStep(step: String, label: String, wanted: String, nearest: String?)
  /// An input from an output that its step does not have.
  case unknownOutput(step: String, label: String, of: String, wanted: String, known: [String])
  /// A step asked for an input that it did not declare.
  case unknownInput(step: String, label: String, known: [String])
  /// A file or folder named by the recipe is not there.
  case missingFile(step: String, label: String, path: String)
  /// A file that the user names is not there.
  case noSuchFile(String)
  /// A folder stands where a file is expected; `holding` names a YAML file in it.
  case isFolder(String, holding: String?)
  /// A file stands where the run folder or the cache should.
  case notAFolder(String)
  /// The run folder or the cache was given as an empty text.
  case emptyPlace(option: String)
  /// A text file has bytes that are no UTF-8; `offset` counts bytes from 0.
  case notUTF8(String, offset: Int)
  /// A step ended without writing an output that it declares.
  case missingOutput(step: String, output: String, path: String)
  /// The run folder holds something else.
  case notARunFolder(String)
  /// No space left on the device.
  case diskFull(path: String)
  /// Any other failure of the file system, with its reason.
  case io(operation: String, path: String, reason: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .cycle(let names):
      Diagnosis(
        what: "Steps wait for one another: \(names.map { "`\($0)`" }.joined(separator: " → ")).",
        where: "step `\(names.first ?? "")`",
        next: "Take one of these inputs away.")
    case .duplicateStep(let name):
      Diagnosis(
        what: "Two steps are named `\(name)`.", where: "step `\(name)`", next: "Rename one of them."
      )
    case .unusableName(let name):
      Diagnosis(
        what: "`\(name)` cannot name a step.", where: "step `\(name)`",
        next: "Use 1 to 100 letters, digits, `-`, `_` or `.`, and begin with a letter or digit.")
    case .duplicateInput(let step, let label):
      Diagnosis(
        what: "Two inputs are labelled `\(label)`.", where: "step `\(step)`",
        next: "Rename one of them.")
    case .unknownStep(let step, let label, let wanted, let nearest):
      Diagnosis(
        what: "Input `\(label)` comes from step `\(wanted)`, which does not exist.",
        where: "step `\(step)`",
        next: nearest.map { "Did you mean `\($0)`?" } ?? "Add that step or name another.")
    case .unknownOutput(let step, let label, let of, let wanted, let known):
      Diagnosis(
        what: "Input `\(label)` is output `\(wanted)` of step `\(of)`, which has no such output.",
        where: "step `\(step)`",
        next: "It has \(Self.list(known)).")
    case .unknownInput(let step, let label, let known):
      Diagnosis(
        what: "The step reads an input `\(label)` that it did not declare.",
        where: "step `\(step)`",
        next: "This is a mistake in the step's code; it declares \(Self.list(known)).",
        kind: .failed)
    case .missingFile(let step, let label, let path):
      Diagnosis(
        what: "Input `\(label)` of step `\(step)` does not exist.", where: path,
        next: "Correct the path, or name the folder that holds the data with --data.")
    case .noSuchFile(let path):
      Diagnosis(
        what: "The file does not exist.", where: path,
        next: "Check the name; a relative path starts from the working folder.")
    case .isFolder(let path, let holding):
      Diagnosis(
        what: "Expected a file, found a folder.", where: path,
        next: holding.map { "Name a file in it, such as \(path)/\($0)." }
          ?? "Name the file itself.")
    case .notAFolder(let path):
      Diagnosis(
        what: "Expected a folder, found a file.", where: path,
        next: "Name another folder, or move the file away.", kind: .failed)
    case .emptyPlace(let option):
      Diagnosis(
        what: "Expected the name of a folder, found an empty text.", where: "`\(option)`",
        next: "Name a folder, or leave the option out.")
    case .notUTF8(let path, let offset):
      Diagnosis(
        what: "The text is not UTF-8.", where: "\(path), byte \(offset)",
        next: "Convert the file first, such as with `iconv -f latin1 -t utf-8`.")
    case .missingOutput(let step, let output, let path):
      Diagnosis(
        what: "Step `\(step)` ended without its output `\(output)`.", where: path,
        next: "This is a mistake in the step's code; please report it.", kind: .failed)
    case .notARunFolder(let path):
      Diagnosis(
        what: "The folder is not empty and holds no run.", where: path,
        next: "Name another folder with --out, or empty this one.", kind: .failed)
    case .diskFull(let path):
      Diagnosis(
        what: "The disk is full.", where: path,
        next: "Free some space and run the same command again; finished steps are kept.",
        kind: .failed)
    case .io(let operation, let path, let reason):
      Diagnosis(
        what: "Could not \(operation): \(reason).", where: path,
        next: "Check that the path exists and that you may write there.", kind: .failed)
    }
  }

  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.map { "`\($0)`" }.joined(separator: ", ")
  }
}

extension RecipeError {
  /// The error of a failed system call; `ENOSPC` and `EDQUOT` become `diskFull`.
  init(errno code: Int32, while operation: String, path: String) {
    if code == ENOSPC || code == EDQUOT {
      self = .diskFull(path: path)
    } else {
      self = .io(operation: operation, path: path, reason: String(cString: strerror(code)))
    }
  }

  /// Foundation's error in our words.
  init(_ error: any Error, while operation: String, path: String) {
    if let own = error as? RecipeError {
      self = own
    } else if Self.meansDiskFull(error) {
      self = .diskFull(path: path)
    } else if let code = SystemReason.code(of: error) {
      self.init(errno: code, while: operation, path: path)
    } else {
      self = .io(operation: operation, path: path, reason: SystemReason.text(of: error))
    }
  }

  /// Whether an error of Foundation says that no space is left.
  static func meansDiskFull(_ error: any Error) -> Bool {
    if let own = error as? RecipeError, case .diskFull = own { return true }
    if (error as? CocoaError)?.code == .fileWriteOutOfSpace { return true }
    let code = SystemReason.code(of: error)
    return code == ENOSPC || code == EDQUOT
  }
}
