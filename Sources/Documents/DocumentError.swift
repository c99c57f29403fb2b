// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What can be wrong with a JSON or YAML text.
public enum DocumentError: Diagnosed, Equatable {
  /// The text is not well formed; `position` is "byte 17" for JSON (from 0), "line 3" for YAML
  /// (from 1).
  case syntax(origin: String, position: String, problem: String)
  /// A key nobody asked for.
  case unknownKey(String, path: String, line: Int?, origin: String, nearest: String?)
  /// A required key is absent.
  case missingKey(String, path: String, line: Int?, origin: String)
  /// A value of another type or outside its range.
  case wrongValue(
    path: String, line: Int?, origin: String, expected: String, found: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .syntax(let origin, let position, let problem):
      Diagnosis(
        what: "The text is not well formed: \(problem).",
        where: "\(origin), \(position)",
        next: "Correct the file there; an editor that checks its syntax helps.")
    case .unknownKey(let key, let path, let line, let origin, let nearest):
      Diagnosis(
        what: "Unknown key `\(key.excerpt)`\(path.isEmpty ? "" : " in `\(path)`").",
        where: Self.place(origin, line),
        next: nearest.map { "Did you mean `\($0)`?" }
          ?? "Remove it; the documentation lists the known keys.")
    case .missingKey(let key, let path, let line, let origin):
      Diagnosis(
        what: "The key `\(key)` is missing\(path.isEmpty ? "" : " in `\(path)`").",
        where: Self.place(origin, line),
        next: "Add `\(key)`.")
    case .wrongValue(let path, let line, let origin, let expected, let found):
      Diagnosis(
        what: "`\(path)` should be \(expected), found \(found).",
        where: Self.place(origin, line),
        next: "Correct the value.")
    }
  }

  static func place(_ origin: String, _ line: Int?) -> String {
    line.map { "\(origin), line \($0)" } ?? origin
  }
}
