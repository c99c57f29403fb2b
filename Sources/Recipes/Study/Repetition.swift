// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// One pass through all that follows a study's base, with a seed of its own: CT, SFT, CT→SFT,
/// joint, the merges and their selection, and the scores of what came out.
///
/// Text, tokenizer, tokens, base, floors and the base's scores belong to no repetition: all start
/// from them. A recipe without `seeds` has one repetition, whose seed is the recipe's.
///
/// A step's key knows its seed but not its name. The names depend on nothing but the repetition's
/// own number and `seed`, and the repetition whose number is `seed` has the names of a recipe
/// without `seeds`: so no change of the list undoes what was done.
struct Repetition: Equatable, Sendable {
  /// Of everything random but the masks of merges.
  let seed: UInt64
  /// Of the masks of merges, where the recipe does not say it: the methods' own 0 where there is
  /// one repetition, so that masks are the same whatever a recipe's `seed`.
  let maskSeed: UInt64
  private let suffix: String

  /// The one repetition of a recipe without `seeds`.
  init(only seed: UInt64) {
    self.seed = seed
    maskSeed = 0
    suffix = ""
  }

  /// One of several.
  /// - Parameter baseSeed: the recipe's `seed`.
  init(_ seed: UInt64, besides baseSeed: UInt64) {
    self.seed = seed
    maskSeed = seed
    suffix = seed == baseSeed ? "" : "-seed-\(seed)"
  }

  /// What a step of this repetition is called: `ct`, `ct-seed-2`.
  func name(_ step: String) -> String { step + suffix }

  private static let counts = 2...16

  /// Reads `seeds`.
  ///
  /// - Parameter seed: the recipe's `seed`.
  /// - Throws: `DocumentError` with the line unless there are 2 to 16 different whole numbers from 0
  ///   to 2³¹ − 1.
  static func all(_ root: inout Settings, seed: UInt64) throws(DocumentError) -> [Repetition] {
    let key = "seeds"
    guard let seeds = try root.optionalInts(key, in: 0...Int(Int32.max)) else {
      return [Repetition(only: seed)]
    }
    guard counts.contains(seeds.count) else {
      throw root.wrong(
        key, expected: "\(counts.lowerBound) to \(counts.upperBound) different whole numbers",
        found: seeds.isEmpty ? "none" : seeds.count == 1 ? "one" : "\(seeds.count)")
    }
    var seen: Set<Int> = []
    if let twice = seeds.first(where: { !seen.insert($0).inserted }) {
      throw root.wrong(key, expected: "each number once", found: "`\(twice)` twice")
    }
    return seeds.map { Repetition(UInt64($0), besides: seed) }
  }
}
