// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Where the text of a recipe gives its parameters, for messages: a method finds out that a value is
/// out of its range, and knows nothing of lines.
///
/// What a recipe asks for does not depend on it, so all are equal.
struct ParameterPlaces: Sendable, Equatable {
  private var lines: [String: [Int]] = [:]
  private var origin = ""

  mutating func add(_ name: String, line: Int, origin: String) {
    lines[name, default: []].append(line)
    self.origin = origin
  }

  /// `merge.yaml, lines 3 and 7`; `nil` for a recipe that code has built.
  func text(of name: String) -> String? {
    guard let found = lines[name]?.sorted(), let last = found.last else { return nil }
    guard found.count > 1 else { return "\(origin), line \(last)" }
    let others = found.dropLast().map(String.init).joined(separator: ", ")
    return "\(origin), lines \(others) and \(last)"
  }

  static func == (left: Self, right: Self) -> Bool { true }
}

extension MergeError {
  /// The error with the lines of the recipe that give the parameter it is about.
  func placed(in recipe: MergeRecipe) -> MergeError {
    guard case .parameter(let name, _, _) = self, let place = recipe.places.text(of: name) else {
      return self
    }
    let own = diagnosis
    return .operation(
      Diagnosis(what: own.what, where: "\(place), `\(name)`", next: own.next, kind: own.kind))
  }
}
