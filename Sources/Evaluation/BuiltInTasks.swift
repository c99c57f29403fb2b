// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The tasks that come with Koine, compiled in: no file is needed at run time.
///
/// A new task is one file in `Tasks/` and one line here; a test compares the list with the folder.
public enum BuiltInTasks {
  private static let files: [(name: String, bytes: [UInt8])] = [
    ("held_out_text", PackageResources.held_out_text_yaml),
    ("lab_topics", PackageResources.lab_topics_yaml),
    ("sib200", PackageResources.sib200_yaml),
    ("sib_prompt_1", PackageResources.sib_prompt_1_yaml),
  ]

  /// Their names, sorted.
  public static let names: [String] = files.map(\.name)

  /// A built-in task.
  ///
  /// - Throws: `EvaluationError.unknownTask` with the nearest name.
  public static func task(_ name: String) throws -> EvaluationTask {
    guard let file = files.first(where: { $0.name == name }) else {
      throw EvaluationError.unknownTask(name, nearest: nearestName(to: name, in: names))
    }
    return try EvaluationTask(
      yaml: String(decoding: file.bytes, as: UTF8.self), origin: "built-in task \(name).yaml")
  }
}

extension EvaluationTask {
  /// A task by its built-in name, or by the path of its file when the text ends in `.yaml` or
  /// `.yml`.
  ///
  /// - Throws: `EvaluationError.unknownTask`, `.missingTaskFile`, and what reading the file throws.
  public static func named(_ nameOrPath: String) throws -> EvaluationTask {
    guard nameOrPath.hasSuffix(".yaml") || nameOrPath.hasSuffix(".yml") else {
      return try BuiltInTasks.task(nameOrPath)
    }
    guard let bytes = FileManager.default.contents(atPath: nameOrPath) else {
      throw EvaluationError.missingTaskFile(nameOrPath)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw DocumentError.syntax(
        origin: nameOrPath, position: "somewhere", problem: "the text is not UTF-8")
    }
    return try EvaluationTask(yaml: text, origin: nameOrPath)
  }
}
