// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Scripts by their ISO 15924 codes, as the Unicode property Script has them, and which scalars are
/// written in them.
///
/// - Source: UAX #24, the property Script (not Script_Extensions); Unicode 17.
public struct ScriptSet: Equatable, Sendable {
  /// The codes, sorted: `Latn`, `Cyrl`, … Without `Zyyy`, `Zinh` and `Zzzz`.
  public let codes: [String]
  /// Ranges of scalar values, sorted, not overlapping; those of every script included.
  private let ranges: [ClosedRange<UInt32>]

  /// Every code that has scalars of its own.
  public static let knownCodes: [String] = table.keys.filter { !neutral.contains($0) }.sorted()

  /// Common and Inherited: digits, punctuation, symbols, emoji, marks of any script.
  private static let neutral = ["Zyyy", "Zinh"]

  /// ISO 15924 codes for what languages mix.
  private static let compound = [
    "Jpan": ["Hani", "Hira", "Kana"], "Hrkt": ["Hira", "Kana"], "Kore": ["Hang", "Hani"],
    "Hans": ["Hani"], "Hant": ["Hani"], "Hanb": ["Hani", "Bopo"],
  ]

  private static let table: [String: [ClosedRange<UInt32>]] = {
    var table: [String: [ClosedRange<UInt32>]] = [:]
    for line in ScriptTable.text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      table[String(fields[0])] = fields.dropFirst().map { field in
        let bounds = field.split(separator: "-").compactMap { UInt32($0, radix: 16) }
        return bounds[0]...bounds[bounds.count - 1]
      }
    }
    return table
  }()

  /// What is written in some scripts, and what belongs to no script in particular: digits,
  /// punctuation, symbols, white space.
  ///
  /// `Jpan`, `Kore`, `Hans`, `Hant`, `Hrkt` and `Hanb` stand for the scripts they mix.
  /// - Throws: `TokenizationError.unknownScript` for a code that Unicode has no scalars for.
  public init(_ codes: some Sequence<String>) throws(TokenizationError) {
    var wanted: Set<String> = []
    for code in codes {
      let name = code.prefix(1).uppercased() + code.dropFirst().lowercased()
      let parts = Self.compound[name] ?? [name]
      for part in parts {
        guard Self.table[part] != nil, !Self.neutral.contains(part) else {
          throw .unknownScript(code, known: Self.knownCodes)
        }
      }
      wanted.formUnion(parts)
    }
    self.codes = wanted.sorted()
    let all = (self.codes + Self.neutral).flatMap { Self.table[$0] ?? [] }
    ranges = all.sorted { $0.lowerBound < $1.lowerBound }
  }

  /// Whether a scalar is in one of the scripts or in none in particular. Unassigned scalars and
  /// those for private use are not.
  public func contains(_ scalar: Unicode.Scalar) -> Bool {
    intersects(scalar.value...scalar.value)
  }

  /// Whether any scalar of a range is.
  func intersects(_ range: ClosedRange<UInt32>) -> Bool {
    // The first range that does not end before this one.
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= range.upperBound
  }
}
