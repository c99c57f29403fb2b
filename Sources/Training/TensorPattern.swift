// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Which tensors a setting is about: a glob over names, a regular expression, or a word for a kind.
///
/// - `model.layers.*.mlp.*`: `*` is any text, `?` one character. The whole name must match, with or
///   without its `.weight` or `.bias`.
/// - `/layers\.(0|1)\./`: a regular expression between slashes, which must occur in the name.
/// - `embeddings` (the embedding and a head of its own), `norms`, `biases`, `matrices`.
struct TensorPattern: Equatable, Sendable {
  let text: String

  static let words = ["embeddings", "norms", "biases", "matrices"]

  init(_ text: String) { self.text = text }

  /// A test of names and roles.
  /// - Throws: `TrainingError.pattern` for a regular expression that cannot be read.
  func matcher() throws(TrainingError) -> @Sendable (_ name: String, _ role: TensorRole) -> Bool {
    switch text {
    case "embeddings": return { _, role in role == .embedding || role == .head }
    case "norms": return { _, role in role == .norm }
    case "biases": return { _, role in role == .bias }
    case "matrices": return { _, role in role == .matrix }
    default: break
    }
    if text.hasPrefix("/"), text.hasSuffix("/"), text.count > 2 {
      let body = String(text.dropFirst().dropLast())
      guard (try? Regex(body)) != nil else { throw .pattern(text, problem: "it cannot be read") }
      // A `Regex` is not sendable; names are few.
      return { name, _ in (try? Regex(body)).map { name.firstMatch(of: $0) != nil } ?? false }
    }
    let glob = Array(text.utf8)
    return { name, _ in
      if Self.matches(glob, name) { return true }
      guard let dot = name.lastIndex(of: "."), [".weight", ".bias"].contains(name[dot...]) else {
        return false
      }
      return Self.matches(glob, String(name[..<dot]))
    }
  }

  /// Whether a glob matches all of a name; at most |glob| · |name| steps.
  static func matches(_ glob: [UInt8], _ name: String) -> Bool {
    let text = Array(name.utf8)
    var (i, j) = (0, 0)
    // Where the last `*` stands, and how much it has swallowed.
    var star: (glob: Int, text: Int)?
    while j < text.count {
      if i < glob.count, glob[i] == UInt8(ascii: "*") {
        star = (i, j)
        i += 1
      } else if i < glob.count, glob[i] == text[j] || glob[i] == UInt8(ascii: "?") {
        i += 1
        j += 1
      } else if let last = star {
        i = last.glob + 1
        j = last.text + 1
        star = (last.glob, j)
      } else {
        return false
      }
    }
    return glob[i...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

/// The tensors of a model that settings choose from.
struct TensorChoices {
  let tensors: [TensorOutline]

  /// The names that any of `patterns` matches.
  ///
  /// - Parameter key: the setting, for errors.
  /// - Throws: `TrainingError.noMatch` for a pattern that matches nothing.
  func matching(_ patterns: [String], key: String) throws(TrainingError) -> Set<String> {
    var names: Set<String> = []
    for pattern in patterns {
      let matches = try TensorPattern(pattern).matcher()
      let found = tensors.filter { matches($0.name, $0.role) }
      guard !found.isEmpty else { throw noMatch(pattern, key: key) }
      names.formUnion(found.map(\.name))
    }
    return names
  }

  private func noMatch(_ pattern: String, key: String) -> TrainingError {
    // Layers are alike: one of each kind is enough to guess from.
    var kinds: [String] = []
    for tensor in tensors {
      let general = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
        .map { $0.allSatisfy(\.isNumber) ? "*" : String($0) }.joined(separator: ".")
      if !kinds.contains(general) { kinds.append(general) }
    }
    let modules = kinds.map { kind in
      kind.lastIndex(of: ".").map { String(kind[..<$0]) } ?? kind
    }
    let starred = pattern.split(separator: ".", omittingEmptySubsequences: false)
      .map { !$0.isEmpty && $0.allSatisfy(\.isNumber) ? "*" : String($0) }.joined(separator: ".")
    let guess =
      nearestName(to: pattern, in: TensorPattern.words)
      ?? nearestName(to: starred, in: kinds) ?? nearestName(to: starred, in: modules)
      ?? kinds.first { kind in
        kind.split(separator: ".").contains { part in
          part.count > 1 && pattern.contains(part) && part != "model" && part != "layers"
            && part != "weight"
        }
      }
    return .noMatch(pattern: pattern, key: key, nearest: guess, known: kinds)
  }
}
