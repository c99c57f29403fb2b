// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The normalization forms of Unicode 9, the tables taken from Foundation one scalar at a time.
///
/// The reordering and composition are done here, because those of Foundation on Linux (Swift 6.3)
/// go wrong where a scalar of class 0 decomposes into marks (U+0F73), leave some Hangul syllables
/// apart (U+ACFC U+11AF), and take U+E01A0 for U+01A0.
///
/// **Source**: Unicode Standard Annex 15 and section 3.11 and 3.12 of the Unicode Standard.
/// **Departs**: nothing; scalars newer than Unicode 9 are treated as unassigned.
struct CanonicalComposition: Sendable {
  static let shared = CanonicalComposition()

  /// What a scalar does in normalization.
  private struct Role: Hashable {
    /// Canonical_Combining_Class.
    var combiningClass: UInt8 = 0
    /// May differ from itself in form C, or compose with a scalar before it.
    var mayChange = false
  }

  private let roles: ScalarTable<Role>
  /// Full canonical decompositions, without those of Hangul syllables.
  private let decompositions: [UInt32: [UInt32]]
  private let compositions: [UInt64: UInt32]

  private init() {
    var decompositions: [UInt32: [UInt32]] = [:]
    var compositions: [UInt64: UInt32] = [:]
    var changing: Set<UInt32> = []
    for value in Self.decomposable {
      guard let scalar = Unicode.Scalar(value), Self.isKnown(scalar) else { continue }
      let text = String(scalar)
      let parts = text.decomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
      guard parts != [value] else { continue }
      decompositions[value] = parts
      // A scalar that form C keeps is what its parts compose to, two at a time from the left.
      guard text.precomposedStringWithCanonicalMapping.unicodeScalars.map(\.value) == [value]
      else {
        changing.insert(value)
        continue
      }
      var head = String.UnicodeScalarView()
      for part in parts.dropLast() {
        head.append(contentsOf: Unicode.Scalar(part).map { [$0] } ?? [])
      }
      let composedHead = String(head).precomposedStringWithCanonicalMapping.unicodeScalars
      if let first = composedHead.first, composedHead.count == 1, let last = parts.last {
        compositions[Self.key(first.value, last)] = value
        changing.insert(last)
      }
    }
    self.decompositions = decompositions
    self.compositions = compositions
    roles = ScalarTable { value in
      guard let scalar = Unicode.Scalar(value), Self.isKnown(scalar) else { return Role() }
      let isTrailingJamo =
        (Hangul.firstVowel..<Hangul.firstVowel + Hangul.vowelCount).contains(value)
        || (Hangul.firstTrail + 1..<Hangul.firstTrail + Hangul.trailCount).contains(value)
      return Role(
        combiningClass: scalar.properties.canonicalCombiningClass.rawValue,
        mayChange: isTrailingJamo || changing.contains(value))
    }
  }

  /// Where canonical decompositions are, but for Hangul syllables: everything below the ideographs,
  /// the compatibility ideographs, and the supplementary planes' first scripts.
  private static let decomposable: [UInt32] =
    Array(0xC0..<0x3400) + Array(0xA000..<0xAC00) + Array(0xF900..<0x10000)
    + Array(0x10000..<0x12000) + Array(0x1D000..<0x1D200) + Array(0x2F800..<0x2FA20)

  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.age.map { $0.major <= 9 } ?? false
  }

  private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 {
    UInt64(first) << 32 | UInt64(second)
  }

  private enum Hangul {
    static let firstSyllable: UInt32 = 0xAC00
    static let firstLead: UInt32 = 0x1100
    static let firstVowel: UInt32 = 0x1161
    static let firstTrail: UInt32 = 0x11A7
    static let leadCount: UInt32 = 19
    static let vowelCount: UInt32 = 21
    static let trailCount: UInt32 = 28
    static let syllableCount = leadCount * vowelCount * trailCount
  }

  /// The text in form C.
  func normalize(_ text: String) -> String {
    isNormalized(text) ? text : compose(decompose(text, decompositions))
  }

  /// The text in form D, KC or KD.
  func normalize(_ text: String, compatibly: Bool, composes: Bool) -> String {
    let scalars = decompose(text, compatibly ? Self.compatible : decompositions)
    if composes { return compose(scalars) }
    var view = String.UnicodeScalarView()
    for scalar in scalars {
      if let scalar = Unicode.Scalar(scalar.value) { view.append(scalar) }
    }
    return String(view)
  }

  /// Full compatibility decompositions, without those of Hangul syllables.
  private static let compatible: [UInt32: [UInt32]] = {
    var result: [UInt32: [UInt32]] = [:]
    for value in compatiblyDecomposable {
      guard let scalar = Unicode.Scalar(value), isKnown(scalar) else { continue }
      let parts = String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars
        .map(\.value)
      if parts != [value] { result[value] = parts }
    }
    return result
  }()

  /// Those of ``decomposable``, and where the compatibility characters are.
  private static let compatiblyDecomposable: [UInt32] =
    Array(0xA0..<0xC0) + decomposable + Array(0x1D400..<0x1D800) + Array(0x1E000..<0x1F300)

  /// The quick check of Annex 15: marks in order, and nothing that may change.
  private func isNormalized(_ text: String) -> Bool {
    var lastClass: UInt8 = 0
    for scalar in text.unicodeScalars {
      if scalar.value < 0x300 {
        lastClass = 0
        continue
      }
      let role = roles[scalar.value]
      if role.mayChange || (role.combiningClass != 0 && lastClass > role.combiningClass) {
        return false
      }
      lastClass = role.combiningClass
    }
    return true
  }

  private func decompose(
    _ text: String, _ decompositions: [UInt32: [UInt32]]
  ) -> [(value: UInt32, combiningClass: UInt8)] {
    var result: [(value: UInt32, combiningClass: UInt8)] = []
    result.reserveCapacity(text.utf8.count)
    var firstMark = 0
    // Marks between two scalars of class 0 sort by class, stably.
    func sortMarks() {
      guard result.count - firstMark > 1 else { return }
      let sorted = result[firstMark...].enumerated().sorted {
        ($0.element.combiningClass, $0.offset) < ($1.element.combiningClass, $1.offset)
      }
      result.replaceSubrange(firstMark..., with: sorted.map(\.element))
    }
    func append(_ value: UInt32) {
      let combiningClass = roles[value].combiningClass
      if combiningClass == 0 { sortMarks() }
      result.append((value, combiningClass))
      if combiningClass == 0 { firstMark = result.count }
    }
    for scalar in text.unicodeScalars {
      if let parts = decompositions[scalar.value] {
        parts.forEach(append)
      } else if scalar.value >= Hangul.firstSyllable,
        scalar.value < Hangul.firstSyllable + Hangul.syllableCount
      {
        let index = scalar.value - Hangul.firstSyllable
        append(Hangul.firstLead + index / (Hangul.vowelCount * Hangul.trailCount))
        append(
          Hangul.firstVowel + index / Hangul.trailCount % Hangul.vowelCount)
        let trail = index % Hangul.trailCount
        if trail > 0 { append(Hangul.firstTrail + trail) }
      } else {
        append(scalar.value)
      }
    }
    sortMarks()
    return result
  }

  private func compose(_ scalars: [(value: UInt32, combiningClass: UInt8)]) -> String {
    var result: [UInt32] = []
    result.reserveCapacity(scalars.count)
    var starter: Int?
    // The class of the scalar before, if it stands between the starter and this one.
    var lastClass: UInt8 = 0
    for (value, combiningClass) in scalars {
      if let starter {
        let isAdjacent = starter == result.count - 1
        if isAdjacent || (lastClass != 0 && lastClass < combiningClass),
          let composed = pair(result[starter], value)
        {
          result[starter] = composed
          continue
        }
      }
      if combiningClass == 0 { starter = result.count }
      lastClass = combiningClass
      result.append(value)
    }
    var view = String.UnicodeScalarView()
    for value in result {
      if let scalar = Unicode.Scalar(value) { view.append(scalar) }
    }
    return String(view)
  }

  private func pair(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if first >= Hangul.firstLead, first < Hangul.firstLead + Hangul.leadCount,
      second >= Hangul.firstVowel, second < Hangul.firstVowel + Hangul.vowelCount
    {
      let lead = first - Hangul.firstLead
      return Hangul.firstSyllable
        + (lead * Hangul.vowelCount + second - Hangul.firstVowel) * Hangul.trailCount
    }
    if first >= Hangul.firstSyllable, first < Hangul.firstSyllable + Hangul.syllableCount,
      (first - Hangul.firstSyllable) % Hangul.trailCount == 0,
      second > Hangul.firstTrail, second < Hangul.firstTrail + Hangul.trailCount
    {
      return first + second - Hangul.firstTrail
    }
    return compositions[Self.key(first, second)]
  }
}
