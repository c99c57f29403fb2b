// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

/// A key of a document with its values in two models; `nil` where one lacks it.
public struct KeyDifference: Sendable, Equatable {
  /// The path, with dots for nesting; of a file beside config.json behind its name and a colon.
  public let key: String
  public let first: JSON?
  public let second: JSON?
}

/// How the tokens of two tokenizers differ.
public struct VocabularyDifference: Sendable, Equatable {
  /// Tokens with the same id in both.
  public internal(set) var sameCount = 0
  /// Tokens that both have, with different ids.
  public internal(set) var movedCount = 0
  /// Tokens of one, in order of their ids.
  public internal(set) var onlyInFirst: [String] = []
  public internal(set) var onlyInSecond: [String] = []
}

enum MetadataDifference {
  /// The keys whose values differ, in the first document's order, then those only the second has.
  ///
  /// Objects are compared key by key, whatever their order; numbers by value, so that 1 and 1.0 are
  /// equal; lists whole.
  static func keys(_ first: JSON, _ second: JSON, under path: String = "") -> [KeyDifference] {
    guard let left = first.object, let right = second.object else {
      return areEqual(first, second)
        ? [] : [KeyDifference(key: path, first: first, second: second)]
    }
    func full(_ key: String) -> String {
      path.isEmpty || path.hasSuffix(": ") ? path + key : "\(path).\(key)"
    }
    var found: [KeyDifference] = []
    for (key, value) in left.members {
      if let other = right[key] {
        found += keys(value, other, under: full(key))
      } else {
        found.append(KeyDifference(key: full(key), first: value, second: nil))
      }
    }
    for (key, value) in right.members where left[key] == nil {
      found.append(KeyDifference(key: full(key), first: nil, second: value))
    }
    return found
  }

  /// What differs in the files of the tokenizers and of generation. Vocabularies, merges and added
  /// tokens are told by their sizes only.
  static func files(
    _ first: Checkpoint, _ second: Checkpoint
  ) throws(MergeError) -> [KeyDifference] {
    let names = Set((first.tokenizerFiles + second.tokenizerFiles).map(\.name)).sorted()
    var found: [KeyDifference] = []
    do throws(CheckpointError) {
      for name in names {
        let left = first.tokenizerFiles.first { $0.name == name }
        let right = second.tokenizerFiles.first { $0.name == name }
        guard let left, let right else {
          let text: (Checkpoint.CompanionFile) -> JSON = { _ in "present" }
          found.append(
            KeyDifference(key: name, first: left.map(text), second: right.map(text)))
          continue
        }
        let bytes = (try left.bytes(), try right.bytes())
        if bytes.0 == bytes.1 { continue }
        guard name.hasSuffix(".json"), let one = parsed(bytes.0), let other = parsed(bytes.1)
        else {
          found.append(
            KeyDifference(
              key: name, first: JSON("\(bytes.0.count) bytes"),
              second: JSON("\(bytes.1.count) bytes")))
          continue
        }
        found += documents(one, other, name: name)
      }
    } catch {
      throw .checkpoint(error)
    }
    return found
  }

  /// `nil` for a file that is no JSON: it is then compared by its bytes.
  private static func parsed(_ bytes: [UInt8]) -> JSON? {
    do throws(DocumentError) { return try JSON.parse(bytes, origin: "") } catch { return nil }
  }

  private static func documents(_ first: JSON, _ second: JSON, name: String) -> [KeyDifference] {
    if name == "vocab.json" {
      return summary("\(name)", first, second, unit: "tokens")
    }
    guard name == "tokenizer.json" else { return keys(first, second, under: "\(name): ") }
    var (left, right) = (first, second)
    var found: [KeyDifference] = []
    for (key, unit) in [("vocab", "tokens"), ("merges", "merges")] {
      found += summary(
        "\(name): model.\(key)", first["model"]?[key] ?? .null, second["model"]?[key] ?? .null,
        unit: unit)
      left["model"]?[key] = .null
      right["model"]?[key] = .null
    }
    found += summary(
      "\(name): added_tokens", first["added_tokens"] ?? .null, second["added_tokens"] ?? .null,
      unit: "tokens")
    left["added_tokens"] = .null
    right["added_tokens"] = .null
    return keys(left, right, under: "\(name): ") + found
  }

  private static func summary(
    _ key: String, _ first: JSON, _ second: JSON, unit: String
  ) -> [KeyDifference] {
    if areEqual(first, second) { return [] }
    func size(_ value: JSON) -> JSON? {
      (value.array?.count ?? value.object?.count).map { JSON("\($0) \(unit)") }
    }
    return [KeyDifference(key: key, first: size(first), second: size(second))]
  }

  private static func areEqual(_ first: JSON, _ second: JSON) -> Bool {
    switch (first, second) {
    case (.number, .number):
      first == second || (first.double != nil && first.double == second.double)
    case (.array(let left), .array(let right)):
      left.count == right.count && zip(left, right).allSatisfy { areEqual($0, $1) }
    case (.object(let left), .object(let right)):
      left.count == right.count
        && left.members.allSatisfy { key, value in right[key].map { areEqual(value, $0) } ?? false }
    default: first == second
    }
  }
}
