// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What becomes of the places where a pattern matches.
enum SplitBehavior: String, CaseIterable, Sendable {
  /// They are dropped.
  case removed = "Removed"
  /// Each is a word.
  case isolated = "Isolated"
  /// Each ends the word before it.
  case mergedWithPrevious = "MergedWithPrevious"
  /// Each begins the word after it.
  case mergedWithNext = "MergedWithNext"
  /// Neighbouring matches are one word.
  case contiguous = "Contiguous"

  init(
    _ reader: inout ComponentReader, default fallback: Self?
  ) throws(TokenizationError) {
    guard let name = try reader.string("behavior") else {
      guard let fallback else { throw reader.missing("behavior", "a string") }
      self = fallback
      return
    }
    guard let behavior = Self(rawValue: name) else {
      throw reader.unsupported(
        "behavior", found: "`\(name)`", supported: Self.allCases.map { "`\($0.rawValue)`" })
    }
    self = behavior
  }

  /// The words of a stretch that is given as parts without gaps, each a match or not.
  func words(_ parts: [(range: Range<Int>, isMatch: Bool)], _ keep: (Range<Int>) -> Void) {
    switch self {
    case .isolated: for part in parts { keep(part.range) }
    case .removed: for part in parts where !part.isMatch { keep(part.range) }
    case .contiguous: merge(parts, keep) { $0.isMatch == $1.isMatch }
    case .mergedWithPrevious: merge(parts, keep) { !$0.isMatch && $1.isMatch }
    // Seen from the end, as the reference does: of two matches only the second begins a word with
    // what follows.
    case .mergedWithNext: merge(parts, keep) { $0.isMatch && !$1.isMatch }
    }
  }

  /// Joins neighbours of which `joins` says so.
  private func merge(
    _ parts: [(range: Range<Int>, isMatch: Bool)], _ keep: (Range<Int>) -> Void,
    _ joins: ((range: Range<Int>, isMatch: Bool), (range: Range<Int>, isMatch: Bool)) -> Bool
  ) {
    guard var current = parts.first?.range else { return }
    for (previous, part) in zip(parts, parts.dropFirst()) {
      if joins(previous, part) {
        current = current.lowerBound..<part.range.upperBound
      } else {
        keep(current)
        current = part.range
      }
    }
    keep(current)
  }
}

extension PreTokenizedText {
  /// Cuts every word at the scalars that `matches` accepts, each a match of its own.
  mutating func split(_ behavior: SplitBehavior, where matches: (UInt32) -> Bool) {
    cut { bytes, word, keep in
      var parts: [(range: Range<Int>, isMatch: Bool)] = []
      var start = word.lowerBound
      var position = start
      while position < word.upperBound {
        let (value, length) = decodeScalar(bytes, at: position)
        if matches(value) {
          if start < position { parts.append((start..<position, false)) }
          parts.append((position..<position + length, true))
          start = position + length
        }
        position += length
      }
      if start < position { parts.append((start..<position, false)) }
      behavior.words(parts, keep)
    }
  }
}
